// SPDX-License-Identifier: Apache-2.0
#include "chat/template.h"

#include <algorithm>

#include "chat/interpreter.h"
#include "chat/lexer.h"
#include "chat/parser.h"
#include "core/option.h"

namespace rw::chat {

struct Template::Tree {
  std::vector<Lexeme> lexemes;
  Body body;
};

namespace {

constexpr std::size_t kMaxTemplateBytes = std::size_t{1} << 20;

std::vector<Lexeme> checked_lexemes(std::string_view source) {
  if (source.size() > kMaxTemplateBytes)
    throw Error("chat template", fmt::format("at most {} bytes", kMaxTemplateBytes),
                std::to_string(source.size()),
                option("a prompt of your own", "--raw") + " sends the text without the template");
  return cut_template(source);
}

std::size_t bytes_of(const Json& json) {
  if (json.is_string()) return json.get_ref<const std::string&>().size();
  std::size_t bytes = 16;
  if (json.is_structured())
    for (const Json& item : json) bytes += bytes_of(item);
  return bytes;
}

}  // namespace

Template::Template(std::string_view source) {
  auto tree = std::make_unique<Tree>();
  tree->lexemes = checked_lexemes(source);
  tree->body = parse_template(tree->lexemes);
  tree_ = std::move(tree);
}
Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

std::string Template::render(const Json& variables, std::time_t now) const {
  RW_CHECK(variables.is_object());
  const std::size_t bytes = bytes_of(variables);
  Budget budget;
  budget.steps += static_cast<std::int64_t>(bytes / 2);
  budget.memory_bytes += 64 * bytes;
  budget.output_bytes += 8 * bytes;
  std::vector<std::pair<std::string, Value>> names;
  for (const auto& [name, value] : variables.items()) names.emplace_back(name, Value::from_json(value));
  Interpreter interpreter(budget, now);
  return interpreter.render(tree_->body, names);
}

bool Template::uses(std::string_view name) const {
  return std::any_of(tree_->lexemes.begin(), tree_->lexemes.end(), [&](const Lexeme& lexeme) {
    return lexeme.kind == Lexeme::Kind::kName && lexeme.text == name;
  });
}

}  // namespace rw::chat
