// SPDX-License-Identifier: Apache-2.0
#include "chat/thinking.h"

#include <algorithm>

#include "chat/python_text.h"

namespace ropewalk::chat {
namespace {

struct Marks {
  std::string_view begin, end;
};
constexpr Marks kThoughts[] = {{"<think>", "</think>"},
                               {"[THINK]", "[/THINK]"},
                               {"<seed:think>", "</seed:think>"},
                               {"<|START_THINKING|>", "<|END_THINKING|>"},
                               {"<|channel|>analysis", "<|channel|>final<|message|>"}};

}  // namespace

bool leaves_thoughts_open(std::string_view prompt) {
  return std::any_of(std::begin(kThoughts), std::end(kThoughts), [&](const Marks& marks) {
    const std::size_t begin = prompt.rfind(marks.begin), end = prompt.rfind(marks.end);
    return begin != prompt.npos && (end == prompt.npos || end < begin);
  });
}

std::string answer_of(const Tokenizer& tokenizer, const std::vector<Token>& written, bool open) {
  std::string spelled;  // control tokens included: some models' marks are such
  std::vector<std::size_t> ends;
  for (const Token id : written) spelled += tokenizer.decode(id, true), ends.push_back(spelled.size());
  std::size_t behind = 0;
  for (const Marks& marks : kThoughts)
    if (const std::size_t at = spelled.rfind(marks.end); at != spelled.npos)
      behind = std::max(behind, at + marks.end.size());
  const bool begun = open || std::any_of(std::begin(kThoughts), std::end(kThoughts), [&](const Marks& marks) {
                       return spelled.find(marks.begin) != spelled.npos;
                     });
  if (behind == 0) return begun ? std::string() : tokenizer.decode(written);
  // The rest of the token that the mark ends in, then the tokens behind it.
  const auto token =
      static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), behind) - ends.begin());
  std::string answer = spelled.substr(behind, ends[token] - behind);
  for (std::size_t i = token + 1; i < written.size(); ++i) answer += tokenizer.decode(written[i]);
  return answer.substr(leading_space(answer));
}

}  // namespace ropewalk::chat
