// SPDX-License-Identifier: Apache-2.0
/// A template is a program from outside: whatever it does, it ends soon, in bounded memory, with text or with
/// one line that names the template's line.
#include <gtest/gtest.h>

#include <chrono>

#include "chat/template.h"
#include "core/error.h"

namespace ropewalk::chat {
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

/// It ends within seconds, with one line that has `part`.
void expect_refused(const std::string& source, std::string_view part) {
  const auto start = std::chrono::steady_clock::now();
  const std::string error = error_of(source);
  const auto took = std::chrono::steady_clock::now() - start;
  const std::string shown = source.substr(0, 80);
  EXPECT_TRUE(error.starts_with("chat template")) << shown << ": " << error;
  EXPECT_NE(error.find(part), std::string::npos) << shown << ": " << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_LT(std::chrono::duration<double>(took).count(), 20) << shown;
}

TEST(ChatHostile, EndlessWorkIsBounded) {
  expect_refused("{% for a in range(1000000000) %}x{% endfor %}", "range of at most 100000");
  expect_refused(repeated("{% for a in range(1000) %}", 5) + "x" + repeated("{% endfor %}", 5), "more steps");
  expect_refused("{% for a in range(90000) %}{{ 'x' * 9000 }}{% endfor %}", "bounded length");
  expect_refused("{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}", "in one another");
  expect_refused("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
                 "more");
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
    EXPECT_NE(error_of(source).find("--raw"), std::string::npos);
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
}  // namespace ropewalk::chat
