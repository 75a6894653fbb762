// SPDX-License-Identifier: Apache-2.0
#include "chat/parser.h"

#include <algorithm>

#include "chat/expression_parser.h"
#include "chat/failure.h"

namespace rw::chat {
namespace {

using Kind = Lexeme::Kind;

class Parser : private ExpressionParser {
 public:
  explicit Parser(const std::vector<Lexeme>& lexemes) : ExpressionParser(lexemes) {}

  Body parse() { return body({}); }

 private:
  using Ends = std::vector<std::string_view>;

  /// Statements until one of the tags `ends`, whose name is then the current token.
  Body body(const Ends& ends) {
    const Nesting nesting(*this);
    Body statements;
    while (true) {
      const Lexeme& lexeme = current();
      if (lexeme.kind == Kind::kEnd) {
        if (ends.empty()) return statements;
        wrong(fmt::format("{{% {} %}}", fmt::join(ends, " %} or {% ")), "the end of the template");
      }
      if (lexeme.kind == Kind::kText) {
        statements.push_back(make(Statement::Kind::kText));
        statements.back().text = lexeme.text;
        next();
      } else if (lexeme.kind == Kind::kPrintBegin) {
        next();
        statements.push_back(make(Statement::Kind::kPrint));
        statements.back().expressions.push_back(tuple(true));
        expect(Kind::kPrintEnd, "}}");
      } else {
        next();  // the block's begin: nothing else stands outside of tags
        if (current().kind == Kind::kName &&
            std::find(ends.begin(), ends.end(), current().text) != ends.end())
          return statements;
        statements.push_back(statement());
        expect(Kind::kBlockEnd, "%}");
      }
    }
  }
  /// The rest of a tag and what follows it, up to one of the tags `ends`.
  Body body_behind_tag(const Ends& ends) {
    skip_operator(":");
    expect(Kind::kBlockEnd, "%}");
    return body(ends);
  }
  Body body_to(std::string_view end) {
    Body inside = body_behind_tag({end});
    next();
    return inside;
  }

  Statement make(Statement::Kind kind) const {
    Statement statement;
    statement.kind = kind, statement.line = current().line;
    return statement;
  }

  Statement statement() {
    if (current().kind != Kind::kName) wrong("the name of a tag", spelled(current()));
    const std::string name = current().text;
    if (name == "if") return if_statement();
    if (name == "for") return for_statement();
    if (name == "set") return set_statement();
    if (name == "macro") return macro_statement();
    if (name == "call") return call_block();
    if (name == "filter") return filter_block();
    if (name == "with") return with_statement();
    if (name == "print") return print_statement();
    if (name == "generation") return generation_block();
    if (name == "break" || name == "continue") {
      if (loops_ == 0) wrong(fmt::format("'{}' inside of a loop", name), "it outside");
      Statement jump = make(name == "break" ? Statement::Kind::kBreak : Statement::Kind::kContinue);
      next();
      return jump;
    }
    for (std::string_view known :
         {"block", "extends", "include", "import", "from", "autoescape", "do", "trans"})
      if (name == known)
        fail_at(current().line,
                Failure{"tags that chat templates use", fmt::format("{{% {} %}}", name), not_here()});
    wrong("a tag of Jinja", fmt::format("{{% {} %}}", name));
  }

  Statement if_statement() {
    Statement result = make(Statement::Kind::kIf);
    next();
    while (true) {
      ExpressionPtr test = tuple(false);
      Body then = body_behind_tag({"elif", "else", "endif"});
      result.branches.emplace_back(std::move(test), std::move(then));
      const std::string tag = current().text;
      next();
      if (tag == "elif") continue;
      if (tag == "else") result.branches.emplace_back(nullptr, body_to("endif"));
      return result;
    }
  }
  Statement for_statement() {
    Statement result = make(Statement::Kind::kFor);
    next();
    result.targets.push_back(target(true, false));
    expect_name("in");
    result.expressions.push_back(tuple(false, "recursive"));
    result.expressions.push_back(skip_name("if") ? expression() : nullptr);
    if (at_name("recursive"))
      fail_at(current().line, Failure{"loops without 'recursive'", "{% for ... recursive %}", not_here()});
    ++loops_;
    result.body = body_behind_tag({"endfor", "else"});
    --loops_;
    const bool otherwise = at_name("else");
    next();
    if (otherwise) result.otherwise = body_to("endfor");
    return result;
  }
  Statement set_statement() {
    Statement result = make(Statement::Kind::kSet);
    next();
    result.targets.push_back(target(true, true));
    if (skip_operator("=")) {
      result.expressions.push_back(tuple(true));
      return result;
    }
    result.kind = Statement::Kind::kSetBlock;
    result.expressions.push_back(at_operator("|") ? filters(piped()) : nullptr);
    result.body = body_to("endset");
    return result;
  }
  Statement macro_statement() {
    Statement result = make(Statement::Kind::kMacro);
    next();
    result.macro = std::make_unique<MacroNode>();
    result.macro->name = name("the name of a macro");
    macro_body(*result.macro, "endmacro", true);
    return result;
  }
  Statement call_block() {
    Statement result = make(Statement::Kind::kCallBlock);
    next();
    result.macro = std::make_unique<MacroNode>();
    result.macro->name = "caller";
    const bool signature = at_operator("(");
    if (signature) parameters(*result.macro);
    result.expressions.push_back(expression());
    if (result.expressions[0]->kind != Expression::Kind::kCall)
      wrong("a call behind {% call %}", "another expression");
    macro_body(*result.macro, "endcall", false);
    return result;
  }
  void macro_body(MacroNode& macro, std::string_view end, bool signature) {
    MacroNode* outer = std::exchange(macro_, &macro);
    const int loops = std::exchange(loops_, 0);
    if (signature) parameters(macro);
    macro.body = body_to(end);
    loops_ = loops;
    macro_ = outer;
  }
  void parameters(MacroNode& macro) {
    expect_operator("(");
    while (!at_operator(")")) {
      if (!macro.parameters.empty()) expect_operator(",");
      macro.parameters.push_back(name("the name of a parameter"));
      if (skip_operator("="))
        macro.defaults.push_back(expression());
      else if (!macro.defaults.empty())
        wrong("a parameter with a default, as those before it", "one without");
    }
    next();
  }
  Statement filter_block() {
    Statement result = make(Statement::Kind::kFilterBlock);
    next();
    result.expressions.push_back(filters(piped(), true));
    result.body = body_to("endfilter");
    return result;
  }
  Statement with_statement() {
    Statement result = make(Statement::Kind::kWith);
    next();
    while (current().kind != Kind::kBlockEnd) {
      if (!result.targets.empty()) expect_operator(",");
      result.targets.push_back(target(false, false));
      expect_operator("=");
      result.expressions.push_back(expression());
    }
    result.body = body_to("endwith");
    return result;
  }
  Statement print_statement() {
    Statement result = make(Statement::Kind::kPrint);
    next();
    result.expressions.push_back(expression());
    return result;
  }
  /// transformers' mark around what a model is trained to write: only its body matters here.
  Statement generation_block() {
    Statement result = make(Statement::Kind::kScope);
    next();
    result.body = body_to("endgeneration");
    return result;
  }

  Target target(bool tuple_allowed, bool member_allowed) {
    const Nesting nesting(*this);
    const auto one = [&] {
      Target result;
      if (skip_operator("(")) {
        result = target(true, false);
        expect_operator(")");
        return result;
      }
      result.name = name("a name to assign to");
      if (member_allowed && skip_operator(".")) result.member = name("the name of a member");
      return result;
    };
    Target first = one();
    if (!tuple_allowed || !at_operator(",")) return first;
    Target all;
    all.parts.push_back(std::move(first));
    while (skip_operator(",")) {
      if (current().kind != Kind::kName && !at_operator("(")) break;
      if (at_name("in")) break;
      all.parts.push_back(one());
    }
    return all;
  }

  int loops_ = 0;
};

}  // namespace

Body parse_template(const std::vector<Lexeme>& lexemes) { return Parser(lexemes).parse(); }

}  // namespace rw::chat
