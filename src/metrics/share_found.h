// SPDX-License-Identifier: Apache-2.0
/// RULER's score, apart from what asks the questions: the readers of files need no model.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// Share of the references that occur in `written`, upper and lower case alike as Python's str.lower makes
/// them (RULER's string_match_all). 0 where there is no reference.
double share_found(std::string_view written, const std::vector<std::string>& references);

/// What a model that thinks aloud gives as its answer: what stands behind the last "</think>", without the
/// space before it. `thinking`: the prompt itself ended inside of "<think>", as some chat templates do. Where
/// thinking began and did not end there is no answer: empty. A text without thoughts is itself.
std::string_view behind_thoughts(std::string_view written, bool thinking = false);

}  // namespace rw
