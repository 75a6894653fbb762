// SPDX-License-Identifier: Apache-2.0
/// Numbers of a model file by the name of its family.
#pragma once
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "formats/model_file.h"

namespace rw {

/// Look-ups of "{arch}.key" in one file, for all layers or for one of them.
struct Keys {
  const ModelFile& file;
  std::string arch;
  Index layer = -1;                  ///< whose entry of a list counts; -1: all layers alike
  Index n_layers = 0, n_blocks = 0;  ///< entries that a list must and may have, where `layer` counts

  Keys of_layer(Index l) const { return {file, arch, l, n_layers, n_blocks}; }

  std::string key(std::string_view name) const { return fmt::format("{}.{}", arch, name); }
  /// Whether the layer has this tensor ("attn_q.weight").
  bool has_tensor(std::string_view name) const {
    return file.find_tensor(fmt::format("blk.{}.{}", layer, name)) != nullptr;
  }
  /// A number, or a list's entry of the layer; without a layer, all entries alike. Errors: Error for a list
  /// of another length, or where its entries differ.
  std::optional<std::int64_t> here(std::string_view name) const {
    const auto found = file.metadata().find(key(name));
    if (found == file.metadata().end() || !std::holds_alternative<std::vector<std::int64_t>>(found->second))
      return file.integer(key(name));
    const auto& list = std::get<std::vector<std::int64_t>>(found->second);
    const auto n = static_cast<Index>(list.size());
    if (layer >= 0 && (n < n_layers || n > n_blocks))
      throw Error(file.path(), fmt::format("{} of {} layers", key(name), n_layers), fmt::format("{}", n));
    if (layer >= 0) return list[static_cast<std::size_t>(layer)];
    if (list.empty()) return {};
    for (const std::int64_t value : list)
      if (value != list.front())
        throw Error(file.path(), fmt::format("the same {} in every layer", key(name)),
                    fmt::format("{} and {}", list.front(), value), "this number is one for all layers");
    return list.front();
  }
  /// Errors: Error unless low <= value <= high.
  Index integer(std::string_view name, Index low, Index high, std::optional<Index> fallback = {}) const {
    const auto value = here(name);
    if (!value && fallback) return *fallback;
    if (!value) throw Error(file.path(), "the key " + key(name), "none", "the file is incomplete");
    if (*value < low || *value > high)
      throw Error(file.path(), fmt::format("{} from {} to {}", key(name), low, high),
                  fmt::format("{}", *value));
    return *value;
  }
  /// Errors: Error unless from 1e-15 to 1e15: what is made of it stays a finite float above 0.
  double positive(std::string_view name, std::optional<double> fallback = {}) const {
    const auto value = file.number(key(name));
    if (!value && fallback) return *fallback;
    if (!value) throw Error(file.path(), "the key " + key(name), "none", "the file is incomplete");
    if (!(*value >= 1e-15 && *value <= 1e15))
      throw Error(file.path(), key(name) + " from 1e-15 to 1e15", fmt::format("{}", *value));
    return *value;
  }
  /// A cap of logits; absent or 0: none, 0. Errors: Error unless finite and >= 0.
  double soft_cap(std::string_view name) const {
    return file.number(key(name)).value_or(0) == 0 ? 0 : positive(name);
  }
  /// Errors: Error unless absent or |value| <= 1e15.
  std::optional<double> number(std::string_view name) const {
    const auto value = file.number(key(name));
    if (value && !(std::abs(*value) <= 1e15))
      throw Error(file.path(), key(name) + " a number up to 1e15", fmt::format("{}", *value));
    return value;
  }
};

}  // namespace rw
