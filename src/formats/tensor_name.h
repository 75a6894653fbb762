// SPDX-License-Identifier: Apache-2.0
/// GGUF's names of the tensors of a layer.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>

#include "core/types.h"

namespace rw {

struct NameInLayer {
  Index layer = 0;
  std::string_view part;  ///< of the name that was given, and valid as long
};

/// "blk.12.attn_q.weight" is the part "attn_q.weight" of layer 12; nullopt for names of no layer. Of a file's
/// name: the number may be any that Index holds. Thread-safe.
inline std::optional<NameInLayer> name_in_layer(std::string_view name) {
  constexpr std::string_view kLayersBegin = "blk.";
  if (!name.starts_with(kLayersBegin)) return std::nullopt;
  NameInLayer found;
  const char* const end = name.data() + name.size();
  const auto [dot, error] = std::from_chars(name.data() + kLayersBegin.size(), end, found.layer);
  if (error != std::errc() || found.layer < 0 || dot == end || *dot != '.') return std::nullopt;
  found.part = name.substr(static_cast<std::size_t>(dot + 1 - name.data()));
  return found;
}

}  // namespace rw
