#include "actors/core/tool_table.hpp"

#include "actors/core/spelling.hpp"

namespace snakepit::core {

namespace {

bool same(const tool_description& a, const tool_description& b) {
  return a.name == b.name && a.schema == b.schema && a.raw == b.raw
         && a.description == b.description && a.idempotent == b.idempotent
         && a.batch_size == b.batch_size && a.batch_delay == b.batch_delay;
}

error unknown(const std::string& name, const std::map<std::string, uint32_t, std::less<>>& known) {
  auto names = std::vector<std::string>{};
  for (auto& [x, index] : known)
    names.push_back(x);
  auto text = "there is no tool `" + name + "`";
  auto near = nearest(name, names);
  if (near)
    text += "; did you mean `" + *near + "`?";
  auto result = error{reason::unknown_tool, std::move(text), {{"tool", name}}};
  if (near)
    result.details.emplace("nearest", *near);
  return result;
}

} // namespace

std::optional<error> check_size(uint64_t bytes, uint64_t limit) {
  if (bytes <= limit)
    return std::nullopt;
  return error{reason::too_large,
               "the arguments have " + std::to_string(bytes) + " bytes, the pool's limit is "
                 + std::to_string(limit),
               {{"bytes", std::to_string(bytes)}, {"limit", std::to_string(limit)}}};
}

result<std::shared_ptr<const tool_table>>
tool_table::with(const std::vector<tool_entry>& declared) const {
  auto next = std::make_shared<tool_table>(*this);
  next->known_ = true;
  next->serving_.clear();
  next->any_batches_ = false;
  for (auto& x : declared) {
    auto& name = x.description.name;
    auto schema = argument_schema::compile(x.description.schema, name);
    if (!schema) {
      schema.error().details.emplace("tool", name);
      return tl::unexpected{std::move(schema.error())};
    }
    auto index = next->indexes_.emplace(name, next->tools_.size()).first->second;
    auto entry = std::make_shared<const tool>(tool{x.description, std::move(*schema)});
    if (index == next->tools_.size())
      next->tools_.push_back(std::move(entry));
    else
      next->tools_[index] = std::move(entry);
    next->serving_.emplace(name, index);
    next->any_batches_ |= x.description.batch_size > 0;
  }
  return next;
}

bool tool_table::is_made_of(const std::vector<tool_entry>& declared) const {
  if (!known_ || declared.size() != serving_.size())
    return false;
  for (auto& x : declared) {
    auto i = serving_.find(x.description.name);
    if (i == serving_.end() || !same(tools_[i->second]->description, x.description))
      return false;
  }
  return true;
}

result<void> tool_table::check(call& x) const {
  if (x.checked)
    return {};
  auto& name = x.group->tool;
  auto i = serving_.find(name);
  if (i == serving_.end())
    return tl::unexpected{unknown(name, serving_)};
  auto& found = *tools_[i->second];
  if (x.kind == payload_kind::raw) {
    if (!found.description.raw)
      return fail(reason::schema_mismatch, "tool `" + name + "` takes arguments, not raw bytes",
                  {{"tool", name}});
  } else if (auto ok = found.schema.check(x.data, x.attachments.size()); !ok) {
    ok.error().details.emplace("tool", name);
    return tl::unexpected{std::move(ok.error())};
  }
  x.tool = i->second;
  x.checked = true;
  return {};
}

bool tool_table::is_idempotent(const call& x) const noexcept {
  if (auto said = x.group->options.idempotent)
    return *said;
  return x.tool < tools_.size() && tools_[x.tool]->description.idempotent;
}

std::vector<tool_description> tool_table::list() const {
  auto result = std::vector<tool_description>{};
  for (auto& [name, index] : serving_)
    result.push_back(tools_[index]->description);
  return result;
}

} // namespace snakepit::core
