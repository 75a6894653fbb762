// SPDX-License-Identifier: Apache-2.0
/// The statements of a template, and the scopes they open: loops, macros, blocks and `with` have their own,
/// `if` has none. What is set inside of a loop is gone at its next turn; only a namespace's members stay.
#include "chat/interpreter.h"

namespace rw::chat {

const Value* Scope::find(std::string_view name, Meter& meter) const {
  for (const Scope* scope = this; scope; scope = scope->parent) {
    meter.work(Meter::kLook);
    for (const auto& [known, value] : scope->names)
      if (meter.same(known, name)) return &value;
  }
  return nullptr;
}

void Scope::set(const std::string& name, Value value, Meter& meter) {
  for (auto& [known, old] : names)
    if (meter.same(known, name)) {
      old = std::move(value);
      return;
    }
  meter.work(static_cast<std::size_t>(Meter::kValue) + name.size());
  if (names.size() == names.capacity()) meter.memory((1 + names.size()) * sizeof(names[0]));
  names.emplace_back(name, std::move(value));
}

Value Interpreter::text(std::string s) {
  spend_memory(s.size() + Meter::kTextSize);
  meter_.work(static_cast<std::size_t>(Meter::kValue) + s.size());
  return Value::text(std::move(s));
}

Value Interpreter::list(List items, Sequence::Kind kind) {
  spend_memory((1 + items.size()) * sizeof(Value));
  meter_.work(1 + items.size(), Meter::kValue);
  return Value::list(std::move(items), kind);
}

Value Interpreter::iterator(List items) {
  spend_memory((1 + items.size()) * sizeof(Value));
  meter_.work(1 + items.size(), Meter::kValue);
  return Value::iterator(std::move(items));
}

std::string Interpreter::str(const Value& value) {
  spend(value.extent().weight);  // of a list within lists: as often as it is printed
  std::string s = to_text(value, memory_left());
  spend_memory(s.size());
  return s;
}

Scope& Interpreter::new_scope(Scope* parent) {
  spend_memory(sizeof(Scope) + 64);
  Scope& scope = scopes_.emplace_back();
  scope.parent = parent;
  return scope;
}

std::string Interpreter::render(const Body& body,
                                const std::vector<std::pair<std::string, Value>>& variables) {
  Scope& context = new_scope(nullptr);
  for (const char* name : {"range", "namespace", "dict", "raise_exception", "strftime_now"})
    context.set(name, Value::of(Function{name}), meter_);
  for (const auto& [name, value] : variables) context.set(name, value, meter_);
  std::string out;
  execute(body, new_scope(&context), out);
  return out;
}

void Interpreter::write(std::string& out, std::string_view text) {
  if (text.size() > budget_.output_bytes)
    fail("a prompt of bounded length", "one that is longer than what was put into it explains");
  budget_.output_bytes -= text.size();
  out += text;
}

void Interpreter::print(const Value& value, std::string& out) {
  if (const std::string* text = value.as_text())
    write(out, *text);
  else
    write(out, str(value));
}

std::string Interpreter::captured(const Body& body, Scope& scope) {
  std::string text;
  execute(body, scope, text);
  spend_memory(text.size() + Meter::kTextSize);
  return text;
}

Interpreter::Flow Interpreter::execute(const Body& body, Scope& scope, std::string& out) {
  for (const Statement& statement : body) {
    try {
      spend(1);
      if (const Flow flow = execute(statement, scope, out); flow != Flow::kNext) return flow;
    } catch (const Failure& failure) {
      fail_at(statement.line, failure);
    }
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, Scope& scope, std::string& out) {
  switch (statement.kind) {
    case Statement::Kind::kText:
      write(out, statement.text);
      break;
    case Statement::Kind::kPrint:
      print(evaluate(*statement.expressions[0], scope), out);
      break;
    case Statement::Kind::kIf:
      return run_if(statement, scope, out);
    case Statement::Kind::kFor:
      run_for(statement, scope, out);
      break;
    case Statement::Kind::kSet:
      assign(statement.targets[0], evaluate(*statement.expressions[0], scope), scope);
      break;
    case Statement::Kind::kSetBlock:
      run_set_block(statement, scope);
      break;
    case Statement::Kind::kMacro:
      scope.set(statement.macro->name, Value::of(Macro{statement.macro.get(), &scope}), meter_);
      break;
    case Statement::Kind::kCallBlock:
      run_call_block(statement, scope, out);
      break;
    case Statement::Kind::kFilterBlock: {
      const Value inside = Value::text(captured(statement.body, new_scope(&scope)));
      piped_.push_back(&inside);
      const Value result = evaluate(*statement.expressions[0], scope);
      piped_.pop_back();
      write(out, str(result));
      break;
    }
    case Statement::Kind::kWith:
      run_with(statement, scope, out);
      break;
    case Statement::Kind::kScope:
      execute(statement.body, new_scope(&scope), out);
      break;
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::run_if(const Statement& statement, Scope& scope, std::string& out) {
  for (const auto& [test, body] : statement.branches)
    if (!test || evaluate(*test, scope).truth()) return execute(body, scope, out);
  return Flow::kNext;
}

const Value* Interpreter::peek(LoopState& loop) {
  if (!loop.peeked.empty()) return &loop.peeked[0];
  while (loop.next < loop.items.size()) {
    spend(1);
    const Value& value = loop.items[loop.next++];
    if (loop.test) {
      // The test sees the item and what is around the loop, and it is asked when the item's turn comes.
      loop.test_scope->names.clear();
      assign(*loop.target, value, *loop.test_scope);
      if (!evaluate(*loop.test, *loop.test_scope).truth()) continue;
    }
    loop.peeked.push_back(value);
    return &loop.peeked[0];
  }
  return nullptr;
}

bool Interpreter::advance(LoopState& loop) {
  if (!peek(loop)) return false;
  loop.before = loop.current;
  loop.current = std::move(loop.peeked[0]);
  loop.peeked.clear();
  ++loop.index0;
  return true;
}

void Interpreter::run_for(const Statement& statement, Scope& scope, std::string& out) {
  const Level level(*this);
  const Value over = evaluate(*statement.expressions[0], scope);
  LoopState& loop = loops_.emplace_back();
  loop.items = items_of(over);
  loop.test = statement.expressions[1].get(), loop.target = &statement.targets[0];
  if (loop.test) loop.test_scope = &new_scope(&scope);
  Scope& inside = new_scope(&scope);
  bool ran = false;  // to the end of the body: jinja2 counts no turn that 'continue' or 'break' left
  while (advance(loop)) {
    inside.names.clear();
    inside.set("loop", Value::of(&loop), meter_);
    assign(statement.targets[0], loop.current, inside);
    const Flow flow = execute(statement.body, inside, out);
    if (flow == Flow::kBreak) break;
    ran = ran || flow == Flow::kNext;
  }
  if (!ran) execute(statement.otherwise, new_scope(&scope), out);
}

void Interpreter::run_set_block(const Statement& statement, Scope& scope) {
  Value value = Value::text(captured(statement.body, new_scope(&scope)));
  if (const Expression* filter = statement.expressions[0].get()) {
    const Value inside = value;
    piped_.push_back(&inside);
    value = evaluate(*filter, scope);
    piped_.pop_back();
  }
  assign(statement.targets[0], std::move(value), scope);
}

void Interpreter::run_call_block(const Statement& statement, Scope& scope, std::string& out) {
  const Expression& e = *statement.expressions[0];
  const Value callee = evaluate(*e.parts[0], scope);
  Arguments given = arguments(e, scope);
  given.keywords.emplace_back("caller", Value::of(Macro{statement.macro.get(), &scope}));
  write(out, str(call(callee, given)));
}

void Interpreter::run_with(const Statement& statement, Scope& scope, std::string& out) {
  Scope& inside = new_scope(&scope);
  List values;
  for (const ExpressionPtr& e : statement.expressions) values.push_back(evaluate(*e, scope));
  for (std::size_t i = 0; i < values.size(); ++i) assign(statement.targets[i], std::move(values[i]), inside);
  execute(statement.body, inside, out);
}

void Interpreter::assign(const Target& target, Value value, Scope& scope) {
  if (!target.parts.empty()) {
    List items = items_of(value);
    if (items.size() != target.parts.size())
      fail(fmt::format("{} values to unpack", target.parts.size()), std::to_string(items.size()));
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.parts[i], std::move(items[i]), scope);
  } else if (target.member.empty()) {
    scope.set(target.name, std::move(value), meter_);
  } else {
    const Value* of = scope.find(target.name, meter_);
    Namespace* space = of ? of->as_namespace() : nullptr;
    if (!space)
      fail("a namespace() to assign to",
           of ? std::string(of->type_name()) : fmt::format("'{}' is undefined", target.name));
    if (target.member.starts_with('_'))
      fail("a member that does not begin with _", fmt::format("'{}'", target.member));
    space->members.put(text(target.member), std::move(value), meter_);
  }
}

}  // namespace rw::chat
