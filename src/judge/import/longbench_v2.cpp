// SPDX-License-Identifier: Apache-2.0
#include "judge/import/longbench_v2.h"

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"
#include "metrics/text.h"

namespace rw {
namespace {

constexpr Index kNewTokens = 128;
constexpr const char kLetters[] = "ABCD";

/// The benchmark's own wording, so that scores can be compared.
constexpr const char kPrompt[] =
    "Please read the following text and answer the question below.\n\n<text>\n$DOC$\n</text>\n\n"
    "What is the correct answer to this question: $Q$\nChoices:\n(A) $C_A$\n(B) $C_B$\n(C) $C_C$\n(D) "
    "$C_D$\n\n"
    "Format your response as follows: \"The correct answer is (insert answer here)\".";

/// str.strip().
std::string_view stripped(std::string_view text) {
  const auto space_at = [&](std::size_t at, std::size_t length) {
    return length > 0 && is_space(static_cast<char32_t>(utf8_decode(text, at, length)));
  };
  while (!text.empty()) {
    const std::size_t length = utf8_length(text, 0);
    if (!space_at(0, length)) break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0u) == 0x80u) --at;
    const std::size_t length = utf8_length(text, at);
    if (at + length != text.size() || !space_at(at, length)) break;
    text.remove_suffix(length);
  }
  return text;
}

using Parts = std::vector<std::pair<std::string, std::string>>;  // "$Q$" and what takes its place

std::string filled(std::string_view form, const Parts& parts) {
  std::string text;
  while (!form.empty()) {
    const auto part =
        std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return form.starts_with(p.first); });
    if (part == parts.end()) {
      text += form.front(), form.remove_prefix(1);
    } else {
      text += part->second, form.remove_prefix(part->first.size());
    }
  }
  return text;
}

FileQuestion question_of(const JsonInput& line, const std::string& place, std::size_t number,
                         const std::string& form) {
  const std::string right = text_field(line, "answer", place);
  if (right.size() != 1 || std::string_view(kLetters).find(right) == std::string_view::npos)
    throw Error(place, "A, B, C or D in 'answer'", "'" + right + "'", "is this the file's --format?");
  Parts parts;
  const auto put = [&](const std::string& name, const char* field) {
    parts.emplace_back(name, stripped(text_field(line, field, place)));
  };
  put("$DOC$", "context"), put("$Q$", "question");
  for (const char* c = kLetters; *c; ++c)
    put(std::string("$C_") + *c + "$", (std::string("choice_") + *c).c_str());
  FileQuestion question;
  question.id = name_field(line, "_id", std::to_string(number), place);
  question.group = "LongBench v2";
  for (const char* field : {"difficulty", "length"})
    if (const std::string value = name_field(line, field, "", place); !value.empty())
      question.also.push_back(value);
  for (const char* field : {"domain", "sub_domain", "difficulty", "length", "question"})
    question.fields.emplace_back(field, name_field(line, field, "", place));
  question.prompt = filled(form, parts);
  question.references = {right};
  question.file_id = file_id(line);
  question.n_predict = kNewTokens;
  question.score = [right](const std::string& written) {
    return chosen_letter(written) == right ? 1.0 : 0.0;
  };
  return question;
}

}  // namespace

std::string chosen_letter(std::string_view answer) {
  std::string text;
  std::copy_if(answer.begin(), answer.end(), std::back_inserter(text), [](char c) { return c != '*'; });
  for (const std::string_view words : {"The correct answer is (", "The correct answer is "})
    for (std::size_t at = 0; (at = text.find(words, at)) != std::string::npos; ++at) {
      const std::string_view rest = std::string_view(text).substr(at + words.size());
      if (rest.empty() || rest[0] < 'A' || rest[0] > 'D') continue;
      if (words.back() == '(' && (rest.size() < 2 || rest[1] != ')')) continue;
      return std::string(rest.substr(0, 1));
    }
  return {};
}

std::vector<FileQuestion> read_longbench_v2(std::string_view text, const std::string& path,
                                            const std::string& prompt) {
  std::vector<FileQuestion> questions;
  for_json_objects(text, path, [&](const JsonInput& line, const std::string& place) {
    questions.push_back(question_of(line, place, questions.size(), prompt.empty() ? kPrompt : prompt));
  });
  return questions;
}

}  // namespace rw
