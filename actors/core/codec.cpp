#include "actors/core/codec.hpp"

#include "actors/core/dollar_forms.hpp"
#include "actors/core/json_reader.hpp"

namespace snakepit::core {

namespace {

tl::unexpected<error> refuse(const json_fault& why) {
  return tl::unexpected<error>{why.to_error(reason::invalid_argument)};
}

} // namespace

result<encoded> encode(value x, size_t depth) {
  encoded result;
  json_writer writer{result.text, dialect::wire, depth};
  if (!writer.write(x))
    return refuse(writer.fault());
  result.attachments.reserve(writer.attachments().size());
  for (auto part : writer.attachments()) // parts of x, which is ours
    result.attachments.push_back(std::move(const_cast<bytes*>(part)->data));
  return result;
}

result<std::string> encode_for_people(const value& x, size_t depth) {
  std::string text;
  json_writer writer{text, dialect::people, depth};
  if (!writer.write(x))
    return refuse(writer.fault());
  return text;
}

result<value> decode(std::string_view text, std::vector<std::string> attachments, dialect how,
                     size_t depth) {
  json_reader reader{text, depth};
  value x;
  if (!reader.build(x) || !reader.read_end())
    return refuse(reader.fault());
  if (!reader.dollar() && attachments.empty())
    return x;
  dollar_forms forms{how, std::move(attachments), depth};
  if (!forms.resolve(x) || !forms.all_used())
    return refuse(forms.fault());
  return x;
}

result<text_facts> check_text(std::string_view text, size_t depth) {
  json_reader reader{text, depth};
  if (!reader.skip() || !reader.read_end())
    return refuse(reader.fault());
  return text_facts{reader.dollar()};
}

} // namespace snakepit::core
