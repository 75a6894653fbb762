// SPDX-License-Identifier: Apache-2.0
/// What a request's fields may be, and that the error names the one that is wrong.
#include "server/fields.h"

#include <gtest/gtest.h>

namespace rw::server {
namespace {

/// The field that is named, "none" where nothing is wrong.
template <class F>
std::string refused(const std::string& json, const F& read) {
  const JsonInput body = JsonInput::parse(json);
  try {
    Fields fields(body);
    read(fields);
    fields.end();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status, 400);
    return error.param;
  }
  return "none";
}

TEST(FieldsTest, a_field_that_nobody_reads_is_refused_by_name) {
  const auto nothing = [](Fields&) {};
  EXPECT_EQ(refused(R"({"tools": []})", nothing), "tools");
  EXPECT_EQ(refused(R"({"tools": null})", nothing), "none");
  EXPECT_EQ(refused("{}", nothing), "none");
  EXPECT_EQ(refused("[]", nothing), "");
  EXPECT_EQ(refused(R"({"n": 1, "m": 2})", [](Fields& f) { (void)f.whole("n", 0, 9); }), "m");
}

TEST(FieldsTest, whole_numbers) {
  const auto read = [](Fields& f) { (void)f.whole("n", 0, 100); };
  for (const char* good : {"0", "100", "16.0", "null", "1e1"})
    EXPECT_EQ(refused(fmt::format("{{\"n\": {}}}", good), read), "none") << good;
  for (const char* bad : {"-1", "101", "1.5", "true", "\"1\"", "[]", "{}", "9223372036854775808",
                          "18446744073709551615", "1e308", "-1e308", "-9223372036854775808"})
    EXPECT_EQ(refused(fmt::format("{{\"n\": {}}}", bad), read), "n") << bad;
}

TEST(FieldsTest, numbers_texts_and_flags) {
  const auto number = [](Fields& f) { (void)f.number("x", 0, 2); };
  for (const char* good : {"0", "2", "0.5", "null"})
    EXPECT_EQ(refused(fmt::format("{{\"x\": {}}}", good), number), "none") << good;
  for (const char* bad : {"-0.1", "2.1", "1e308", "true", "\"1\"", "[1]"})
    EXPECT_EQ(refused(fmt::format("{{\"x\": {}}}", bad), number), "x") << bad;
  const auto text = [](Fields& f) { (void)f.text("t", 4); };
  EXPECT_EQ(refused(R"({"t": "four"})", text), "none");
  EXPECT_EQ(refused(R"({"t": "fives"})", text), "t");
  EXPECT_EQ(refused(R"({"t": 1})", text), "t");
  const auto flag = [](Fields& f) { (void)f.flag("b"); };
  EXPECT_EQ(refused(R"({"b": false})", flag), "none");
  EXPECT_EQ(refused(R"({"b": 0})", flag), "b");
  const auto one = [](Fields& f) { f.only_one("a", "b"); };
  EXPECT_EQ(refused(R"({"a": 1})", one), "none");
  EXPECT_EQ(refused(R"({"a": 1, "b": 1})", one), "b");
}

TEST(FieldsTest, places_stand_before_names) {
  const JsonInput body = JsonInput::parse(R"({"role": 5})");
  Fields fields(body, "messages[3].");
  try {
    (void)fields.text("role");
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.param, "messages[3].role");
  }
}

}  // namespace
}  // namespace rw::server
