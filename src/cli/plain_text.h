// SPDX-License-Identifier: Apache-2.0
/// A text to train on is plain: what is learnt is what stands in the file, letter by letter.
#pragma once
#include <string>

namespace rw {

/// As read_text_file. Errors: those, and Error for a file whose lines are JSON objects (JSONL), or that is
/// one JSON object or array as a whole: its braces and keys would be learnt too. It says how to take the
/// texts out.
std::string read_plain_text(const std::string& path);

}  // namespace rw
