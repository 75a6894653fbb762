// SPDX-License-Identifier: Apache-2.0
/// The half of the parser that reads what stands inside of tags: Jinja's expressions, by recursive descent.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "chat/lexer.h"
#include "chat/syntax.h"

namespace rw::chat {

class ExpressionParser {
 protected:
  /// The lexemes end with kEnd and must outlive the parser.
  explicit ExpressionParser(const std::vector<Lexeme>& lexemes) : lexemes_(lexemes) {}

  /// One more level for as long as it lives. Errors: Error beyond kMaxDepth.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser);
    ~Nesting() { --parser_.nested_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    ExpressionParser& parser_;
  };

  const Lexeme& current() const { return lexemes_[at_]; }
  void next() { at_ += at_ + 1 < lexemes_.size(); }
  [[noreturn]] void wrong(std::string expected, std::string found) const;
  /// As a message names it.
  static std::string spelled(const Lexeme& lexeme);

  bool at_operator(std::string_view spelling) const;
  bool at_name(std::string_view spelling) const;
  bool skip_operator(std::string_view spelling);
  bool skip_name(std::string_view spelling);
  void expect_operator(std::string_view spelling);
  void expect_name(std::string_view spelling);
  void expect(Lexeme::Kind kind, std::string_view spelling);
  std::string name(std::string_view what);

  /// One expression, or several with commas between. `conditional`: whether `a if b` may stand here. `end`: a
  /// name that ends it.
  ExpressionPtr tuple(bool conditional, std::string_view end = {}, bool in_brackets = false);
  ExpressionPtr expression(bool conditional = true);
  /// `| name(...)` as often as it comes; `begun`: the first without its bar.
  ExpressionPtr filters(ExpressionPtr value, bool begun = false);
  ExpressionPtr piped() const;

  MacroNode* macro_ = nullptr;  ///< whose body is being read

 private:
  ExpressionPtr make(Expression::Kind kind, int line, std::vector<ExpressionPtr> parts = {},
                     std::string name = {}) const;
  template <class... Parts>
  ExpressionPtr make_of(Expression::Kind kind, int line, std::string name, Parts... parts) const {
    std::vector<ExpressionPtr> list;
    (list.push_back(std::move(parts)), ...);
    return make(kind, line, std::move(list), std::move(name));
  }
  ExpressionPtr disjunction();
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr joined();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters = true);
  ExpressionPtr primary();
  ExpressionPtr named();
  ExpressionPtr list();
  ExpressionPtr dictionary();
  ExpressionPtr call(ExpressionPtr value);
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr filters_and_tests(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr value);
  ExpressionPtr item_or_slice(ExpressionPtr value);
  ExpressionPtr test(ExpressionPtr value);
  /// Appends the arguments between brackets.
  void arguments(Expression& call);
  bool tuple_ends(std::string_view end) const;

  const std::vector<Lexeme>& lexemes_;
  std::size_t at_ = 0;
  int nested_ = 0;
};

}  // namespace rw::chat
