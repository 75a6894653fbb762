// SPDX-License-Identifier: Apache-2.0
/// A template is a program from outside: whatever it does, it ends soon, in bounded memory, with text or with
/// one line that names the template's line.
#include <gtest/gtest.h>

#include <ctime>

#include "chat/interpreter.h"
#include "chat/lexer.h"
#include "chat/parser.h"
#include "chat/template.h"
#include "core/error.h"

namespace rw::chat {
namespace {

std::string error_of(const std::string& source, const Json& variables = Json::object()) {
  try {
    Template(source).render(variables, 0);
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

std::string repeated(std::string_view text, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

/// As error_of, with a tenth of the steps.
std::string error_with_few_steps(const std::string& source) {
  Budget budget;
  budget.steps /= 10;
  try {
    const std::vector<Lexeme> lexemes = cut_template(source);
    const Body body = parse_template(lexemes);
    Interpreter(budget, 0).render(body, {});
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

/// Of this thread, so that a busy machine does not matter.
double cpu_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds in which the plainest loop uses up all steps here, in this build: what a step is allowed to cost.
double seconds_of_all_steps() {
  static const double seconds = [] {
    const double start = cpu_seconds();
    const std::string loop = "{% for a in range(1000) %}{% for b in range(1000) %}{% set x = a + b %}";
    EXPECT_NE(error_with_few_steps(loop + "{% endfor %}{% endfor %}").find("a template that ends"),
              std::string::npos);
    return 10 * (cpu_seconds() - start);
  }();
  return seconds;
}
/// Seen: 24, with the sanitizers. Work that is not paid for takes a thousand times and more.
constexpr double kTimesPlain = 60;

/// It ends within what its steps may cost, with one line that has `part`.
void expect_refused(const std::string& source, std::string_view part) {
  const double start = cpu_seconds();
  const std::string error = error_of(source);
  const double took = cpu_seconds() - start;
  const std::string shown = source.substr(0, 80) + " ... " +
                            source.substr(source.size() - std::min<std::size_t>(source.size(), 80));
  EXPECT_TRUE(error.starts_with("chat template")) << shown << ": " << error;
  EXPECT_NE(error.find(part), std::string::npos) << shown << ": " << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_LT(took, kTimesPlain * seconds_of_all_steps()) << shown;
}

TEST(ChatHostile, EndlessWorkIsBounded) {
  expect_refused("{% for a in range(1000000000) %}x{% endfor %}", "range of at most 100000");
  expect_refused(repeated("{% for a in range(1000) %}", 5) + "x" + repeated("{% endfor %}", 5), "more steps");
  expect_refused("{% for a in range(90000) %}{{ 'x' * 9000 }}{% endfor %}", "bounded length");
  expect_refused("{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}", "in one another");
  expect_refused("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
                 "more");
}

/// `body` a million times, behind what `set` defines: the steps or the memory end it, and no step costs much
/// more than a plain one.
void expect_paid(const std::string& set, const std::string& body) {
  const std::string source =
      set + "{% for a in range(1000) %}{% for b in range(1000) %}" + body + "{% endfor %}{% endfor %}";
  const double start = cpu_seconds();
  const std::string error = error_with_few_steps(source);
  const double took = cpu_seconds() - start;
  EXPECT_TRUE(error.find("a template that ends") != error.npos || error.find("bounded memory") != error.npos)
      << body.substr(0, 80) << ": " << error;
  EXPECT_LT(took, kTimesPlain / 10 * seconds_of_all_steps()) << body.substr(0, 80);
}

TEST(ChatHostile, EveryOperationOnTextPaysForItsWork) {
  // Texts for which a search that begins anew at each place would take the product of their lengths, letters
  // of several bytes, nothing but separators.
  const std::string set =
      "{% set s = 'a' * 400000 %}{% set t = 'a' * 200000 + 'b' %}{% set r = 'b' + 'a' * 200000 %}"
      "{% set short = 'a' * 200 + 'b' %}{% set u = '\u00e9' * 200000 %}{% set digits = '1' * 300000 %}"
      "{% set spaces = ' x' * 200000 %}{% set lines = '\n' * 300000 %}{% set p = ('a' * 100000,) * 99 %}";
  // clang-format off
  for (const char* expression : {
      "t in s", "r in s", "short in s", "t not in s", "s is in t", "s.count(t)", "s.count(short)",
      "s.count('a')", "s.count('')", "u.count('\u00e9')", "s.find(t)", "s.rfind(r)", "s.rfind(t)",
      "s.index('a')", "s.replace(t, '')", "s.replace('a', '')", "s.replace('a', 'b', 1)",
      "s | replace(r, '')", "s.split(t)", "s.split('a')", "s.rsplit(r)", "s.rsplit('a')", "spaces.split()",
      "spaces.rsplit()", "lines.splitlines()", "s.partition(t)", "s.rpartition(r)", "s.strip(u)",
      "s.strip('ba')", "s | trim(t)", "lines.strip()", "u.isspace()", "s.startswith(p)", "s.endswith(p)",
      "s.isalpha()", "s.upper()", "s | lower", "s | title", "s.title()", "s | capitalize", "s is lower",
      "s | length", "u | length", "u[-1]", "u[150000]", "u[1:]", "u[::2]", "u[::-1]", "s[::-1]",
      "u | reverse | length", "u | first", "u | last", "u | list | length", "s | wordcount",
      "s | indent(0)", "lines | indent(1)", "s | tojson | length", "u | tojson(true) | length", "s ~ s",
      "s + t", "s * 2", "('a' * 400000) == s", "('a' * 400000) < s", "s % ()", "s.format()", "s | format",
      "s | int", "digits | int", "digits | float", "s | string", "s | safe", "s | join", "s.join([s, s])",
      "[s, s] | join(s)", "s.removeprefix(s)", "s | min", "s | unique | list", "s | sort",
      "s | map('upper') | list"})
    // clang-format on
    expect_paid(set, fmt::format("{{% set x = {} %}}", expression));
}

TEST(ChatHostile, EveryOperationOnListsPaysForItsWork) {
  const std::string set =
      "{% set l = range(20000) | list %}{% set m = [l] * 20 %}{% set t = ['a' * 9999 ~ 'b', 'a' * 9999 ~ "
      "'c'] * 40 %}"
      "{% set w = ('x ' * 20000).split() %}{% set ns = namespace(d=[]) %}"
      "{% for i in range(900) %}{% set ns.d = ns.d + [('k' ~ i, i)] %}{% endfor %}{% set d = dict(ns.d) %}"
      "{% set e = dict(ns.d | reverse) %}";
  // clang-format off
  for (const char* expression : {
      "-1 in l", "l in m", "'c' in t", "l == (l + [1])[:-1]", "l < l", "m == m + []", "d == e", "d != e",
      "l.count(1)", "l.index(19999)", "m.count(l)", "w.index('y') if 'y' in w", "l | length", "l | first",
      "l | last", "l[1:]", "l[::2]", "l | reverse | list", "l | sum", "l | max", "l | min", "l | sort",
      "t | sort", "t | unique | list", "w | unique | list", "l | batch(2) | list", "l | select | list",
      "l | reject('odd') | list", "l | map('string') | list", "[d] * 99 | map(attribute='a') | list",
      "l | join", "l | tojson | length", "l | string | length", "l + l", "l * 2", "l.copy()", "d.copy()",
      "d.get('none')", "d.nothing", "d['none']", "d[(1, 2)]", "'none' in d", "d | length", "d.items()",
      "d.keys() | list", "d.values() | list", "d | items | list", "d | dictsort",
      "d | dictsort(by='value')", "d | tojson(sort_keys=true) | length", "dict(d)", "dict(d.items())",
      "namespace(d).k1", "d | list", "'{}' * 20000 % ()", "loop.changed(l)", "range(99999) | length"})
    // clang-format on
    expect_paid(set, fmt::format("{{% set x = {} %}}", expression));
}

TEST(ChatHostile, NamesPayForTheirNumberAndLength) {
  std::string sets, members, keywords, parameters, entries;
  for (int i = 0; i < 15000; ++i) {
    sets += fmt::format("{{% set v{} = 1 %}}", i);
    members += fmt::format("{{% set ns.v{} = 1 %}}", i);
    keywords += fmt::format("{}v{}=1", i ? "," : "", i);
    parameters += fmt::format("{}v{}=1", i ? "," : "", i);
    entries += fmt::format("{}'v{}':1", i ? "," : "", i);
  }
  const std::string longest(900000, 'v');
  expect_paid(sets, "{{ unknown }}");
  expect_paid("{% set ns = namespace() %}" + members, "{{ ns.unknown }}");
  expect_paid("", "{% set x = dict(" + keywords + ") %}");
  expect_paid("", "{% set x = namespace(" + keywords + ") %}");
  expect_paid("", "{% set x = {" + entries + "} %}");
  expect_paid("{% macro f(" + parameters + ") %}{% endmacro %}", "{{ f() }}");
  expect_paid("{% macro f() %}{{ kwargs }}{% endmacro %}", "{{ f(" + keywords + ") }}");
  expect_paid("", "{{ ('{v14999}' * 2000).format(" + keywords + ") }}");
  expect_paid("", "{{ " + longest + " }}");
  expect_paid("{% set x = {} %}", "{{ x." + longest + " }}");
  expect_paid("{% set x = {} %}{% set k = 'a.' * 100000 %}", "{{ x[k] }}");
  expect_paid("{% set x = [{}] %}{% set k = ',' * 100000 %}", "{{ x | sort(attribute=k) }}");
  expect_paid("", "{% if dict(" + longest + "=1) %}{% endif %}");
}

TEST(ChatHostile, MemoryIsBounded) {
  expect_refused("{{ 'x' * 10000000000 }}", "bounded memory");
  expect_refused("{{ [1] * 10000000000 }}", "bounded memory");
  expect_refused("{{ 'x'.replace('', 'yyyyyyyy' * 100000).replace('', 'yyyyyyyy' * 100000) }}", "");
  expect_refused(
      "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      "more");
  expect_refused(
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
      "more");
  // Small in memory, endless when walked.
  const std::string twice =
      "{% set ns = namespace(x=[1]) %}{% for i in range(50) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}";
  expect_refused(twice + "{{ ns.x }}", "more");
  expect_refused(twice + "{{ ns.x | tojson }}", "more");
  expect_refused(twice + "{{ ns.x == ns.x }}", "more");
  expect_refused(twice + "{{ ns.x | sort }}", "more");
  expect_refused("{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x] %}{% endfor %}",
                 "deep");
  expect_refused("{{ 'x' | indent(10000000000) }}", "indention");
  expect_refused("{{ [1] | batch(1000000000, 'x') | list }}", "batches");
  expect_refused(repeated("{{ 1 }}\n", 200000), "at most 1048576 bytes");
}

TEST(ChatHostile, NestingIsBounded) {
  const int n = 100000;
  expect_refused("{{ " + repeated("(", n) + "1" + repeated(")", n) + " }}", "in one another");
  expect_refused("{{ " + repeated("[", n), "in one another");
  expect_refused("{{ " + repeated("not ", n) + "1 }}", "in one another");
  expect_refused("{{ " + repeated("-", n) + "1 }}", "in one another");
  expect_refused("{{ 1" + repeated("+1", n) + " }}", "deep");
  expect_refused("{{ x" + repeated(".x", n) + " }}", "deep");
  expect_refused("{{ x" + repeated("|trim", n) + " }}", "deep");
  expect_refused("{{ x" + repeated("[0]", n) + " }}", "deep");
  expect_refused("{{ " + repeated("1 if 1 else ", n / 2) + "1 }}", "in one another");
  expect_refused(repeated("{% if 1 %}", n / 2), "in one another");
  expect_refused(repeated("{% for x in y %}", n / 2), "in one another");
  expect_refused("{% set " + repeated("(", n) + "x", "in one another");
}

TEST(ChatHostile, WhatDoesNotEndIsNamedByLine) {
  expect_refused("\n\n{{ 'a", "line 3: expected a string");
  expect_refused("\n{# a", "line 2: expected '#}'");
  expect_refused("\n{% raw %}", "line 2: expected '{% endraw %}'");
  expect_refused("{% if a %}\n\n", "line 2: expected {% elif %} or {% else %} or {% endif %}");
  expect_refused("{% for a in b %}{% endif %}", "line 1: expected a tag of Jinja; found {% endif %}");
  expect_refused("{% endfor %}", "found {% endfor %}");
  expect_refused("{{ a", "expected '}}'");
  expect_refused("{{ (a }}", "expected ')'");
  expect_refused("{{ a }", "found '}'");
  expect_refused("{% break %}", "inside of a loop");
}

TEST(ChatHostile, WhatIsNotImplementedIsRefusedByName) {
  expect_refused("a\n{% include 'x' %}",
                 "line 2: expected tags that chat templates use; found {% include %}");
  expect_refused("{% extends 'x' %}", "{% extends %}");
  expect_refused("{% import 'x' as y %}", "{% import %}");
  expect_refused("{% block x %}{% endblock %}", "{% block %}");
  expect_refused("{% for a in b recursive %}{% endfor %}", "recursive");
  expect_refused("\n{{ 'a' | urlize }}",
                 "line 2: expected a filter that chat templates use; found '| urlize'");
  expect_refused("{{ 1 is nosuch }}", "'is nosuch'");
  expect_refused("{{ f(*a) }}", "'*'");
  expect_refused("{{ 'É' | lower }}", "ASCII");
  expect_refused("{{ strftime_now('%Ex %s') }}", "strftime");
  expect_refused("{{ 9223372036854775807 + 1 }}", "64 bits");
  for (const char* source : {"{{ 'a' | urlize }}", "{% include 'x' %}"})
    EXPECT_NE(error_of(source).find("sends the text without the template"), std::string::npos);
}

TEST(ChatHostile, EveryDivisionIsChecked) {
  for (const char* op : {"/", "//", "%"})
    for (const char* left : {"0", "1", "-1", "9223372036854775807", "(-9223372036854775807 - 1)", "1.5"})
      for (const char* right : {"0", "-1", "1", "9223372036854775807", "0.0"}) {
        const std::string source = fmt::format("{{{{ {} {} {} }}}}", left, op, right);
        const std::string error = error_of(source);
        const bool zero = std::string_view(right) == "0" || std::string_view(right) == "0.0";
        EXPECT_EQ(error.find("divisor") != std::string::npos, zero) << source << ": " << error;
      }
  expect_refused("{{ 4 is divisibleby(0) }}", "divisor");
  EXPECT_EQ(error_of("{{ (-9223372036854775807 - 1) is divisibleby(-1) }}"), "");
  expect_refused("{{ [1,2,3][::0] }}", "step");
  EXPECT_EQ(
      error_of(
          "{{ [1,2,3][::9223372036854775807] }}{{ 'abc'[9223372036854775807:-9223372036854775807:-9] }}"),
      "");
  expect_refused("{{ range(1, 2, 0) }}", "step");
}

TEST(ChatHostile, ATemplatesOwnRefusalIsPassedOn) {
  const std::string error = error_of("{% if true %}\n{{ raise_exception('Only\nuser turns') }}{% endif %}");
  EXPECT_NE(error.find("line 2"), std::string::npos) << error;
  EXPECT_NE(error.find("Only?user turns"), std::string::npos) << error;
}

TEST(ChatHostile, LongConversationsAreCheap) {
  Json variables;
  for (int i = 0; i < 2000; ++i)
    variables["messages"].push_back(
        {{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(200, 'x')}});
  const std::string text =
      Template(
          "{% for m in messages %}{{ m.role + ': ' + m.content | trim }}"
          "{% if loop.index0 == messages | length - 1 or m == messages[-1] %}.{% endif %}{% endfor %}")
          .render(variables, 0);
  EXPECT_GT(text.size(), 2000u * 200);
}

TEST(ChatHostile, LongTextsAreCheapWhereTemplatesAre) {
  // The budget grows with what is put in: 20 MB of text go through a template of the usual operations.
  Json variables;
  std::string content(20u << 20, 'x');
  content.append("</think> y ");
  variables["messages"] = Json::array({{{"role", "user"}, {"content", content}}});
  const std::string text =
      Template(
          "{% for m in messages %}{% if '</think>' in m.content %}{{ m.content.split('</think>')[0] | trim }}"
          "{% endif %}{{ '<|u|>' + m.content | trim + '<|e|>' }}{% endfor %}")
          .render(variables, 0);
  EXPECT_EQ(text.size(), 2 * (20u << 20) + 20);
}

}  // namespace
}  // namespace rw::chat
