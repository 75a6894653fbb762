// SPDX-License-Identifier: Apache-2.0
/// What a model thinks, apart from what it answers, where its template marks it: <think> ... </think>.
#pragma once
#include <string>
#include <string_view>

namespace rw::server {

/// Splits an answer as it comes. Used by one thread.
class Reasoning {
 public:
  /// `prompt`: as the template wrote it; thoughts may have been begun there. `marked`: whether the template
  /// knows thoughts: else everything is the answer.
  Reasoning(std::string_view prompt, bool marked);

  struct Part {
    std::string thought, answer;
  };
  /// What is certain of the text so far, and has not been given before.
  Part add(std::string_view text);
  Part end();

 private:
  enum class State { kBegin, kThinks, kAnswers };
  Part split(bool all);
  State state_;
  bool first_ = true;  // nothing of the answer was given: its white space behind thoughts is left out
  std::string held_;
};

/// Whether a chat template marks thoughts.
bool marks_thoughts(std::string_view chat_template);

}  // namespace rw::server
