// SPDX-License-Identifier: Apache-2.0
/// A text to train on is plain: what is learnt is what stands in the file, letter by letter.
#pragma once
#include <string>

namespace ropewalk {

/// Of a file, called `place`, whose lines are JSON objects (JSONL), or that is one JSON object or array as a
/// whole: its braces and keys would be learnt too. Errors: Error that says so, and how to take the texts out.
void require_plain(const std::string& text, const std::string& place);

}  // namespace ropewalk
