// SPDX-License-Identifier: Apache-2.0
/// Models that think aloud: what stands behind the end of their thoughts is the answer.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace ropewalk::chat {

/// Whether a prompt begins thoughts (<think>) that the model has to end.
bool leaves_thoughts_open(std::string_view prompt);

/// The answer in what a model wrote: the text behind the last end of thoughts (</think>, [/THINK], gpt-oss's
/// final channel ...); nothing where thoughts were begun, here or by the prompt (`open`), and not ended; all
/// of it where there are none. White space between thoughts and answer is left out.
std::string answer_of(const Tokenizer& tokenizer, const std::vector<Token>& written, bool open);

}  // namespace ropewalk::chat
