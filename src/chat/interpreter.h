// SPDX-License-Identifier: Apache-2.0
/// Walks a template's tree. Inside of chat/ only: template.h is what others use.
#pragma once
#include <ctime>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/failure.h"
#include "chat/meter.h"
#include "chat/syntax.h"
#include "chat/value.h"

namespace rw::chat {

/// What one rendering may cost. A step is one expression or statement, or what meter.h counts as much.
struct Budget {
  std::int64_t steps = 1'000'000;
  std::size_t memory_bytes = 64u << 20;
  std::size_t output_bytes = 8u << 20;
  int depth = 400;  ///< of calls in one another, as the machine's stack sees them
};

struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string, Value>> names;
  const Value* find(std::string_view name, Meter& meter) const;  ///< here or in a parent
  void set(const std::string& name, Value value, Meter& meter);  ///< here
};

struct Namespace {
  Dictionary members;
};

/// A list that is walked, lazily where it has a test: what `loop` looks into.
struct LoopState {
  List items;
  std::size_t next = 0;  ///< item to look at next
  std::int64_t index0 = -1;
  std::int64_t passed = 0;  ///< items that are no longer in `items`
  Value before, current, changed;
  bool has_changed = false;
  std::vector<Value> peeked;  ///< none or one: the item that comes next
  const Expression* test = nullptr;
  const Target* target = nullptr;
  Scope* test_scope = nullptr;
};

/// Arguments of a call, by place and by name.
struct Arguments {
  List values;
  std::vector<std::pair<std::string, Value>> keywords;
  /// The parameter at `place` called `name`, or null.
  const Value* get(std::size_t place, std::string_view name) const;
  /// Errors: Failure where there is a value that none of the parameters takes.
  void allow(std::string_view what, std::initializer_list<std::string_view> parameters) const;
};

class Interpreter {
 public:
  /// `now`: what strftime_now reads.
  Interpreter(const Budget& budget, std::time_t now)
      : budget_(budget), meter_(budget.steps, budget.memory_bytes), now_(now) {}
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// The text of a template. Errors: Error with the line.
  std::string render(const Body& body, const std::vector<std::pair<std::string, Value>>& variables);

  // What filters, tests and methods need.
  Meter& meter() { return meter_; }
  void spend(std::int64_t steps) { meter_.work(steps * Meter::kStep); }
  void spend_memory(std::size_t bytes) { meter_.memory(bytes); }
  std::size_t memory_left() const { return meter_.memory_left(); }
  Value text(std::string s);
  Value text(std::string_view s) { return text(std::string(s)); }
  Value list(List items, Sequence::Kind kind = Sequence::Kind::kList);
  Value iterator(List items);
  Dictionary copy(const Dictionary& d);
  std::string str(const Value& value);
  /// What iteration gives; an iterator is used up. Errors: Failure for what has no items.
  List items_of(const Value& value);
  Value member(const Value& of, const std::string& name);
  Value item(const Value& of, const Value& index);
  /// "a.b.0" of filters' `attribute`.
  Value path(const Value& of, const Value& attribute);
  Value arithmetic(const std::string& op, const Value& a, const Value& b);
  bool contains(const Value& container, const Value& value);
  Value filter(const std::string& name, const Value& value, const Arguments& arguments);
  bool test(const std::string& name, const Value& value, const Arguments& arguments);
  std::time_t now() const { return now_; }
  Value make_namespace(const Arguments& arguments);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  /// One more call in one another for as long as it lives.
  class Level {
   public:
    explicit Level(Interpreter& in) : in_(in) {
      if (in_.level_ == in_.budget_.depth)
        fail("calls that end", "macros or expressions too deep in one another");
      ++in_.level_;
    }
    ~Level() { --in_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Interpreter& in_;
  };

  // statements.cpp
  Flow execute(const Body& body, Scope& scope, std::string& out);
  Flow execute(const Statement& statement, Scope& scope, std::string& out);
  Flow run_if(const Statement& statement, Scope& scope, std::string& out);
  void run_for(const Statement& statement, Scope& scope, std::string& out);
  void run_set_block(const Statement& statement, Scope& scope);
  void run_call_block(const Statement& statement, Scope& scope, std::string& out);
  void run_with(const Statement& statement, Scope& scope, std::string& out);
  void assign(const Target& target, Value value, Scope& scope);
  void write(std::string& out, std::string_view text);
  void print(const Value& value, std::string& out);
  std::string captured(const Body& body, Scope& scope);
  bool advance(LoopState& loop);
  const Value* peek(LoopState& loop);
  Scope& new_scope(Scope* parent);

  // expressions.cpp
  Value evaluate(const Expression& e, Scope& scope);
  Value evaluate_inside(const Expression& e, Scope& scope);
  Value literal(const Expression& e, Scope& scope);
  Value logic(const Expression& e, Scope& scope);
  Value name(const Expression& e, const Scope& scope);
  Value compare(const Expression& e, Scope& scope);
  Value slice(const Expression& e, Scope& scope);
  Value call(const Expression& e, Scope& scope);
  Arguments arguments(const Expression& e, Scope& scope);

  // calls.cpp
  Value call(const Value& callee, const Arguments& arguments);
  Value call_macro(const Macro& macro, const Arguments& arguments);
  Value call_function(const std::string& name, const Arguments& arguments);
  Value loop_member(LoopState& loop, const std::string& name);
  Value call_loop_method(LoopState& loop, const std::string& name, const Arguments& arguments);

  Budget budget_;
  Meter meter_;
  std::time_t now_;
  int level_ = 0;
  std::deque<Scope> scopes_;
  std::deque<Namespace> namespaces_;
  std::deque<LoopState> loops_;
  std::vector<const Value*> piped_;
};

/// text.strip(), dictionary.items() ...: methods.cpp. Errors: Failure for one that does not exist here.
Value call_method(Interpreter& in, const Value& of, const std::string& name, const Arguments& arguments);
/// Whether `of` has such a method: an attribute then is the method, not a key of that name.
bool has_method(const Value& of, std::string_view name);
/// append, update ...: jinja2's immutable sandbox hides them.
bool changes_its_object(const Value& of, std::string_view name);
/// strftime with the letters that mean the same everywhere.
std::string format_time(std::time_t time, const std::string& format);
/// A whole number, or `otherwise` where it is absent or none. Errors: Failure for all else.
std::int64_t required_integer(const Value* value, std::int64_t otherwise, std::string_view what);

}  // namespace rw::chat
