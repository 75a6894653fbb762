// SPDX-License-Identifier: Apache-2.0
/// Unicode NFC (canonical decomposition, ordering, composition): Qwen2's tokenizer.json asks for it. And NFD,
/// the first half of it, for BERT's. Tables: Unicode 14, written by tools/make_nfc_tables.py.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// `text` (valid UTF-8) in NFC.
std::string compose_nfc(std::string_view text);

/// The characters of `text` (valid UTF-8) in NFD: decomposed, in canonical order.
std::vector<std::uint32_t> decompose_nfd(std::string_view text);

}  // namespace rw
