// SPDX-License-Identifier: Apache-2.0
/// A template as a tree. Depths are bounded when it is built (kMaxDepth), so that nobody who walks it, the
/// destructor included, can run out of stack.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/value.h"

namespace rw::chat {

inline constexpr int kMaxDepth = 128;

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  enum class Kind {
    kConstant,     ///< `constant`
    kName,         ///< `name`
    kList,         ///< parts
    kTuple,        ///< parts
    kDictionary,   ///< parts: key, value, key, value ...
    kConditional,  ///< parts: value, test, other (null: undefined)
    kOr,           ///< parts: two
    kAnd,          ///< parts: two
    kNot,          ///< parts: one
    kCompare,      ///< parts: first and one for each of `operators`
    kArithmetic,   ///< parts: two; `name`: + - * / // % **
    kNegate,       ///< parts: one
    kPositive,     ///< parts: one
    kJoin,         ///< parts with ~ between
    kMember,       ///< parts: one; `.name`
    kItem,         ///< parts: value, index
    kSlice,        ///< parts: value, start, stop, step (null where left out)
    kCall,         ///< parts: callee, arguments ...; `keywords`
    kFilter,       ///< parts: value, arguments ...; `name`, `keywords`
    kTest,         ///< parts: value, arguments ...; `name`, `keywords`
    kPiped,        ///< what the block around a filter gives it
  };
  Kind kind = Kind::kConstant;
  int line = 1, depth = 1;
  std::string name;
  Value constant;
  std::vector<ExpressionPtr> parts;
  std::vector<std::string> operators;
  std::vector<std::pair<std::string, ExpressionPtr>> keywords;
};

/// What a value is bound to: a name, a namespace's member, or several of them.
struct Target {
  std::string name, member;   ///< member: of the namespace `name`
  std::vector<Target> parts;  ///< of a tuple, where name is empty
};

struct Statement;
using Body = std::vector<Statement>;

/// A macro, or a call block's body.
struct MacroNode {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults;  ///< of the last parameters
  Body body;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
};

struct Statement {
  enum class Kind {
    kText,         ///< `text`
    kPrint,        ///< expressions: one
    kIf,           ///< branches
    kFor,          ///< target, expressions: list, test (may be null); body, otherwise
    kSet,          ///< target, expressions: one
    kSetBlock,     ///< target, expressions: a filter of kPiped (may be null); body
    kMacro,        ///< macro
    kCallBlock,    ///< macro (what stands inside), expressions: the call
    kFilterBlock,  ///< expressions: a filter of kPiped; body
    kWith,         ///< targets with expressions; body
    kScope,        ///< body: {% generation %}
    kBreak,
    kContinue,
  };
  Kind kind = Kind::kText;
  int line = 1;
  std::string text;
  std::vector<ExpressionPtr> expressions;
  std::vector<Target> targets;
  Body body, otherwise;
  std::unique_ptr<MacroNode> macro;
  std::vector<std::pair<ExpressionPtr, Body>> branches;  ///< of kIf; without a test: else
};

}  // namespace rw::chat
