// SPDX-License-Identifier: Apache-2.0
/// Unicode NFC (canonical decomposition, ordering, composition): Qwen2's tokenizer.json asks for it.
/// Tables: Unicode 14, written by tools/make_nfc_tables.py.
#pragma once
#include <string>
#include <string_view>

namespace ropewalk {

/// `text` (valid UTF-8) in NFC.
std::string compose_nfc(std::string_view text);

}  // namespace ropewalk
