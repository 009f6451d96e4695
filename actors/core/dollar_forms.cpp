#include "actors/core/dollar_forms.hpp"

#include "actors/core/base64.hpp"

namespace snakepit::core {

bool dollar_forms::resolve(value& x, size_t depth) {
  if (x.is<value::list>()) {
    if (depth == max_depth_)
      return fail("nested more than " + std::to_string(max_depth_) + " deep");
    auto& list = x.as<value::list>();
    for (size_t i = 0; i < list.size(); ++i) {
      if (!resolve(list[i], depth + 1)) {
        fault_.in_element(i);
        return false;
      }
    }
    return true;
  }
  if (!x.is<value::map>())
    return true;
  auto& map = x.as<value::map>();
  if (map.size() == 1 && map.begin()->first == "$")
    return resolve_form(x, depth);
  return resolve_members(map, depth);
}

bool dollar_forms::resolve_members(value::map& x, size_t depth) {
  if (depth == max_depth_)
    return fail("nested more than " + std::to_string(max_depth_) + " deep");
  for (auto& [key, member] : x) {
    if (!resolve(member, depth + 1)) {
      fault_.in_member(key);
      return false;
    }
  }
  return true;
}

bool dollar_forms::resolve_form(value& x, size_t depth) {
  auto& form = x.as<value::map>().begin()->second;
  if (!form.is<value::list>())
    return fail("a \"$\" object must hold a list");
  auto parts = std::move(form.as<value::list>()); // `x` becomes what they stand for
  auto name = parts.empty() ? nullptr : parts.front().get_if<std::string>();
  if (name == nullptr)
    return fail("the list in a \"$\" object must begin with a word");
  if (*name == "map")
    return resolve_map(x, parts, depth);
  if (*name == "marker")
    return resolve_marker(x, parts);
  if (*name == "bytes" && how_ == dialect::wire)
    return resolve_bytes(x, parts);
  if (*name == "base64" && how_ == dialect::people)
    return resolve_base64(x, parts);
  if (*name == "buffer")
    return fail("buffers are not supported");
  if (*name == "bytes")
    return fail(R"(["bytes", k] has a meaning between host and worker only: use ["base64", text])");
  return fail("unknown \"$\" object `" + excerpt(*name) + "`");
}

bool dollar_forms::resolve_map(value& x, value::list& form, size_t depth) {
  if (form.size() != 2 || !form[1].is<value::map>())
    return fail(R"(must be {"$": ["map", {...}]})");
  auto inner = std::move(form[1]);
  if (!resolve_members(inner.as<value::map>(), depth)) {
    if (depth != max_depth_) {
      fault_.in_element(1);
      fault_.in_member("$");
    }
    return false;
  }
  x = std::move(inner);
  return true;
}

bool dollar_forms::resolve_bytes(value& x, const value::list& form) {
  auto index = form.size() == 2 ? form[1].get_if<int64_t>() : nullptr;
  if (index == nullptr)
    return fail(R"(must be {"$": ["bytes", k]})");
  if (*index != static_cast<int64_t>(used_))
    return fail("refers to attachment " + std::to_string(*index) + ", the next one is "
                + std::to_string(used_));
  if (used_ == attachments_.size())
    return fail("there is no attachment " + std::to_string(*index));
  x = bytes{std::move(attachments_[used_++])};
  return true;
}

bool dollar_forms::resolve_base64(value& x, const value::list& form) {
  auto text = form.size() == 2 ? form[1].get_if<std::string>() : nullptr;
  if (text == nullptr)
    return fail(R"(must be {"$": ["base64", text]})");
  auto data = read_base64(*text);
  if (!data)
    return fail("the text is not base64");
  x = bytes{std::move(*data)};
  return true;
}

bool dollar_forms::resolve_marker(value& x, value::list& form) {
  if (form.size() != 3 || !form[1].is<std::string>() || !form[2].is<std::string>())
    return fail(R"(must be {"$": ["marker", type, text]})");
  x = marker{std::move(form[1].as<std::string>()), std::move(form[2].as<std::string>())};
  return true;
}

bool dollar_forms::all_used() {
  return used_ == attachments_.size()
         || fail("nothing refers to attachment " + std::to_string(used_));
}

bool dollar_forms::fail(std::string message) {
  fault_ = json_fault{std::move(message)};
  return false;
}

} // namespace snakepit::core
