// SPDX-License-Identifier: Apache-2.0
/// Texts that are copies of one another but for a line: six of them say what one says.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "core/types.h"

namespace rw {

/// Tokens of a window: about a line, so that texts of one language share none by chance, letter by letter
/// too.
inline constexpr std::size_t kCopyWindow = 32;
/// From this share of equal windows on two texts are one.
inline constexpr double kCopyShare = 0.5;

/// A text, or the part of it that counts; those of one owner are not compared.
struct Passage {
  std::span<const Token> tokens;
  std::size_t owner = 0;
};
struct NearCopy {
  std::size_t first = 0, second = 0;  ///< owners
  double share = 0;                   ///< of the windows of the one that has fewer
};
/// The pair of different owners that shares most, where that is kCopyShare or more. Different windows of
/// kCopyWindow tokens are compared as sets, so that a line more or less moves nothing; a passage shorter than
/// a window is none's copy. `unknown`, ascending: tokens that stand for words the vocabulary lacks, which may
/// be any; a window of which they are more than half says nothing. Of many tokens every k-th window by its
/// hash counts, the same in all. Passages that hold a window are compared with the first 16 that hold it, so
/// that work and memory grow with the tokens. Source: Broder, On the resemblance and containment of documents
/// (1997).
std::optional<NearCopy> near_copy(const std::vector<Passage>& passages, std::span<const Token> unknown = {});

}  // namespace rw
