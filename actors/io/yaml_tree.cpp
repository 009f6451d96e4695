#include "actors/io/yaml_tree.hpp"

#include "actors/core/spelling.hpp"
#include "actors/core/utf8.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <set>
#include <sstream>

namespace snakepit::io {

namespace {

using core::config_node;
using core::config_place;
using core::in_quotes;

/// Leaves the parser, which knows no other way to stop.
struct refused {
  config_place place;
  std::string message;
};

/// Builds the tree. Refuses as soon as a bound is met, so that what the parser does stays bounded.
class tree_builder : public YAML::EventHandler {
public:
  tree_builder(std::shared_ptr<const std::string> source, bool lines)
    : source_{std::move(source)}, lines_{lines} {}

  config_node take() {
    return std::move(root_);
  }

  config_place place(const YAML::Mark& mark) const {
    if (!lines_ || mark.is_null())
      return {source_};
    return {source_, static_cast<size_t>(mark.line) + 1, static_cast<size_t>(mark.column) + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      throw refused{place(mark), "a second document begins here; there may be only one"};
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, "", anchor, {});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse_anchor(mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    add(mark, tag, anchor, {.is = config_node::kind::scalar, .text = text, .plain = tag == "?"});
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, config_node::kind::list);
  }

  void OnSequenceEnd() override {
    close();
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, config_node::kind::map);
  }

  void OnMapEnd() override {
    close();
  }

private:
  /// A list or map that has begun and not ended. Being the last of its parent, it does not move
  /// until it ends.
  struct level {
    config_node* node;
    /// In a map, the key that waits for its value.
    std::optional<core::config_entry> key;
    /// Keys so far and their places.
    std::map<std::string, config_place> seen;
  };

  [[noreturn]] void refuse_anchor(const YAML::Mark& mark) const {
    throw refused{place(mark), "anchors and aliases are not taken; what pools share may stand in "
                               "`defaults`"};
  }

  config_node* add(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                   config_node node) {
    node.place = place(mark);
    if (anchor != 0)
      refuse_anchor(mark);
    if (!tag.empty() && tag != "?" && tag != "!")
      throw refused{node.place, "tags such as " + in_quotes(tag) + " are not taken"};
    if (++nodes_ > most_yaml_nodes)
      throw refused{node.place,
                    "too many values; " + std::to_string(most_yaml_nodes) + " are the most"};
    if (levels_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    auto& parent = levels_.back();
    if (parent.node->is == config_node::kind::list)
      return &parent.node->items.emplace_back(std::move(node));
    if (!parent.key) {
      take_key(parent, node);
      return nullptr;
    }
    parent.key->value = std::move(node);
    auto& entry = parent.node->entries.emplace_back(std::move(*parent.key));
    parent.key.reset();
    return &entry.value;
  }

  void take_key(level& parent, const config_node& node) {
    if (node.is != config_node::kind::scalar)
      throw refused{node.place,
                    "wanted a key, got " + core::describe(node) + "; is a bracket left open?"};
    auto [first, is_new] = parent.seen.emplace(node.text, node.place);
    if (!is_new)
      throw refused{node.place, "the key " + in_quotes(node.text) + " stands twice; first at "
                                  + core::line_of(first->second)};
    parent.key = core::config_entry{node.text, node.place, {}};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            config_node::kind kind) {
    if (levels_.size() >= deepest_yaml)
      throw refused{place(mark),
                    "nested too deeply; " + std::to_string(deepest_yaml) + " levels are the most"};
    auto node = add(mark, tag, anchor, {.is = kind});
    levels_.push_back({node, std::nullopt, {}});
  }

  void close() {
    levels_.pop_back();
  }

  std::shared_ptr<const std::string> source_;
  bool lines_;
  size_t documents_ = 0;
  size_t nodes_ = 0;
  config_node root_;
  std::vector<level> levels_;
};

/// The first byte that may not stand in YAML. yaml-cpp replaces what is not UTF-8, and takes 0x04
/// for the end of the file.
std::optional<refused> find_bad_byte(const std::string& text, const tree_builder& builder) {
  auto mark = YAML::Mark{};
  auto refuse = [&](const std::string& what) { return refused{builder.place(mark), what}; };
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    auto length = core::utf8_sequence(text, i);
    if (length == 0)
      return refuse("this is not UTF-8");
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f)
      return refuse("a control character (" + in_quotes(text.substr(i, 1)) + ") stands here");
    ++mark.column;
    if (byte == '\n') {
      ++mark.line;
      mark.column = 0;
    }
    i += length;
  }
  return std::nullopt;
}

tl::unexpected<error> fault(const config_place& place, const std::string& message) {
  return fail(reason::invalid_config, core::to_string(place) + ": " + message);
}

} // namespace

result<config_node> parse_yaml(const std::string& text, const std::string& source, bool lines) {
  auto builder = tree_builder{std::make_shared<const std::string>(source), lines};
  if (text.size() > largest_yaml)
    return fault(builder.place(YAML::Mark::null_mark()),
                 "is too large; " + std::to_string(largest_yaml) + " bytes are the most");
  if (auto bad = find_bad_byte(text, builder))
    return fault(bad->place, bad->message);
  try {
    // yaml-cpp takes the end of the file for a closing quote, but not the end of a document.
    auto stream = std::istringstream{text + "\n...\n"};
    auto parser = YAML::Parser{stream};
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const refused& x) {
    return fault(x.place, x.message);
  } catch (const YAML::Exception& x) {
    if (x.msg == YAML::ErrorMsg::DOC_IN_SCALAR)
      return fault(builder.place(x.mark), "broken YAML: the text ends within quotes");
    return fault(builder.place(x.mark), "broken YAML: " + x.msg);
  }
}

} // namespace snakepit::io
