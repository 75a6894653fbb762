// SPDX-License-Identifier: Apache-2.0
/// What the library shows: all else is hidden, in the static library too.
#pragma once
#include <cstdint>

#if __cplusplus < 202002L
#error "ropewalk's headers are C++20: compile with -std=c++20"
#endif

#define ROPEWALK_API __attribute__((visibility("default")))

namespace ropewalk {

using Index = std::int64_t;  ///< positions, lengths, counts: signed, since differences are the subject
using Token = std::int32_t;  ///< id of a vocabulary entry

/// "0.1.0": semantic versions. Before 1.0 a new minor version may change this folder's headers.
ROPEWALK_API const char* version();

}  // namespace ropewalk
