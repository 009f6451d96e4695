#include "actors/core/schema.hpp"

#include "actors/core/schema_check.hpp"

#include <snakepit/json.hpp>

#include <algorithm>

namespace snakepit::core {

namespace {

tl::unexpected<error> refuse_non_object() {
  return tl::unexpected<error>{
    json_fault{"the arguments must be an object"}.to_error(reason::invalid_argument)};
}

/// Names of the parameters in the order of the text: a value has its keys sorted.
std::vector<std::string> declared_order(std::string_view text) {
  std::vector<std::string> names;
  json_reader reader{text};
  if (reader.peek() == '{')
    reader.members([&](std::string_view keyword) {
      if (keyword != "properties" || reader.peek() != '{')
        return reader.skip();
      return reader.members([&](std::string_view name) {
        names.emplace_back(name);
        return reader.skip();
      });
    });
  return names;
}

std::string signature_of(std::string_view tool, const schema_node& root) {
  std::string out{tool};
  out += '(';
  for (auto& p : root.properties) {
    out += (out.ends_with('(') ? "" : ", ") + shortened(p.name);
    if (!p.default_text.empty())
      out += "=" + p.default_text;
  }
  if (root.others_allowed)
    out += out.ends_with('(') ? "..." : ", ...";
  return out + ")";
}

/// Whether the text is an object that is valid and fits. False: this pass cannot tell.
bool one_pass_fits(std::string_view text, const schema_node& root) {
  json_reader reader{text};
  return reader.peek() == '{' && text_fits(reader, root) && reader.read_end() && !reader.dollar();
}

} // namespace

argument_schema::argument_schema()
  : root_{std::make_shared<schema_node>()}, signature_{signature_of({}, *root_)} {}

result<argument_schema> argument_schema::compile(std::string_view text, std::string_view tool) {
  auto schema = decode(text);
  if (!schema)
    return tl::unexpected<error>{std::move(schema.error())};
  auto root = compile_schema(*schema);
  if (!root)
    return tl::unexpected<error>{std::move(root.error())};
  auto order = declared_order(text);
  auto rank = [&](const schema_node::property& p) {
    return std::find(order.begin(), order.end(), p.name);
  };
  std::stable_sort(root->properties.begin(), root->properties.end(),
                   [&](auto& x, auto& y) { return rank(x) < rank(y); });
  argument_schema result;
  result.signature_ = signature_of(tool, *root);
  result.root_ = std::make_shared<schema_node>(std::move(*root));
  return result;
}

result<void> argument_schema::check(const value& x) const {
  if (!x.is<value::map>())
    return refuse_non_object();
  if (auto found = find_misfit(*root_, x))
    return tl::unexpected<error>{misfit(*found)};
  return {};
}

result<void> argument_schema::check(std::string_view text, size_t attachments) const {
  if (attachments == 0 && one_pass_fits(text, *root_))
    return {};
  // What the attachments hold does not matter here.
  return decode(text, std::vector<std::string>(attachments)).and_then([this](const value& x) {
    return check(x);
  });
}

result<std::unique_ptr<value>> argument_schema::check_for_people(std::string_view text) const {
  if (one_pass_fits(text, *root_))
    return nullptr;
  auto x = parse_json(text);
  if (!x)
    return tl::unexpected<error>{std::move(x.error())};
  if (auto fits = check(*x); !fits)
    return tl::unexpected<error>{std::move(fits.error())};
  return std::make_unique<value>(std::move(*x));
}

error argument_schema::misfit(const schema_misfit& x) const {
  auto result = x.fault.to_error(reason::schema_mismatch);
  auto& name = x.missing.empty() ? x.unexpected : x.missing;
  if (name.empty())
    return result;
  result.details.emplace("parameter", shortened(name));
  if (x.fault.steps() == (x.missing.empty() ? 1u : 0u)) // a parameter, not a member deeper down
    result.message =
      x.fault.message() + (x.fault.message().ends_with('?') ? " " : ": ") + signature_;
  return result;
}

result<encoded> encode_arguments(value x, const argument_schema* schema) {
  static const argument_schema any;
  if (auto fits = (schema == nullptr ? any : *schema).check(x); !fits)
    return tl::unexpected<error>{std::move(fits.error())};
  return encode(std::move(x));
}

result<encoded> encode_arguments(std::string text, const argument_schema* schema) {
  static const argument_schema any;
  auto checked = (schema == nullptr ? any : *schema).check_for_people(text);
  if (!checked)
    return tl::unexpected<error>{std::move(checked.error())};
  if (*checked)
    return encode(std::move(**checked));
  return encoded{std::move(text), {}};
}

} // namespace snakepit::core
