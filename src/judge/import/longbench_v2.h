// SPDX-License-Identifier: Apache-2.0
/// Samples of LongBench v2 (Bai et al. 2024, arXiv:2412.15204): multiple choice over contexts of 8,000 to
/// 2,000,000 words. Lines or one array of objects with _id, domain, sub_domain, difficulty, length ("short",
/// "medium", "long"), question, choice_A to choice_D, answer (a letter) and context. Prompt, 128 new tokens
/// and the rule of the answer are as its pred.py has them without --cot. Different: it samples at temperature
/// 0.1, here the likeliest token is taken; what is put into the prompt is not looked at again for "$Q$".
#pragma once
#include "judge/import/import.h"

namespace rw {

/// `prompt`: a template with $DOC$, $Q$ and $C_A$ to $C_D$, such as its prompts/0shot.txt; empty: that one.
/// A question counts in its difficulty and its length as well (FileQuestion::also), where the file says them.
/// Errors: Error naming the line or element and the field.
std::vector<FileQuestion> read_longbench_v2(std::string_view text, const std::string& path,
                                            const std::string& prompt);

/// The letter that an answer names: of "The correct answer is (B)" or else "The correct answer is B",
/// asterisks left out, the first; empty where there is none.
std::string chosen_letter(std::string_view answer);

}  // namespace rw
