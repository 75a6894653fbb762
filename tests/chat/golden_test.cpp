// SPDX-License-Identifier: Apache-2.0
/// Byte for byte what jinja2 makes of templates of the published shapes, and of the language piece by piece.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "chat/template.h"
#include "core/error.h"

namespace rw::chat {
namespace {

const std::string kFolder = ROPEWALK_SOURCE_DIR "/tests/golden/chat/";
constexpr std::time_t kNow = 1751789350;  // 2025-07-06 08:09:10 UTC, as in tools/make_golden_chat.py

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

const Json& golden() {
  static const Json json = [] {
    setenv("TZ", "UTC", 1);
    return Json::parse(read(kFolder + "expected.json"));
  }();
  return json;
}

/// The text, or the message of the error.
std::pair<bool, std::string> rendered(const std::string& source, const Json& variables) {
  try {
    return {true, Template(source).render(variables, kNow)};
  } catch (const Error& e) {
    return {false, e.what()};
  }
}

void expect_case(const Json& expected, const std::string& source, const Json& variables,
                 const std::string& what) {
  const auto [fine, text] = rendered(source, variables);
  if (!expected.contains("text")) {
    EXPECT_FALSE(fine) << what << ": jinja2 ends with " << expected["error"] << ", we wrote " << text;
    EXPECT_TRUE(fine || text.starts_with("chat template, line ")) << text;
  } else {
    EXPECT_TRUE(fine) << what << ": " << text;
    EXPECT_EQ(text, expected["text"].get<std::string>()) << what;
  }
}

TEST(ChatGolden, TemplatesOfEveryFamilyRenderAsJinja) {
  std::map<std::string, std::string> sources;
  for (const Json& one : golden()["cases"]) {
    const std::string name = one["template"], conversation = one["conversation"], setting = one["setting"];
    if (!sources.contains(name)) sources[name] = read(kFolder + "templates/" + name + ".jinja");
    const Json& variables = golden()["variables"][conversation + "/" + setting];
    expect_case(one, sources[name], variables, name + ", " + conversation + ", " + setting);
  }
  EXPECT_GE(sources.size(), 40u);
}

TEST(ChatGolden, TheLanguagePieceByPieceIsJinjas) {
  for (const Json& one : golden()["snippets"]) {
    const std::string source = one["template"];
    expect_case(one, source, golden()["snippet_variables"], source);
  }
  EXPECT_GE(golden()["snippets"].size(), 100u);
}

}  // namespace
}  // namespace rw::chat
