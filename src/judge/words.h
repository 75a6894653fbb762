// SPDX-License-Identifier: Apache-2.0
/// Common English words, written down for this program; lower case, each once in both lists together.
#pragma once
#include <span>
#include <string_view>

namespace rw {

std::span<const std::string_view> adjectives();
std::span<const std::string_view> nouns();

}  // namespace rw
