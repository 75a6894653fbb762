// SPDX-License-Identifier: Apache-2.0
/// What the files that split fused tensors have in common.
#pragma once
#include <utility>

#include "formats/model_file.h"
#include "formats/tensor_name.h"

namespace rw {

/// Numbers of one model, which may be lists by layer.
struct LayerNumbers {
  const ModelFile& file;
  std::string arch;

  /// nullopt where it is absent, not a whole number from 1 to 2^22 or has no entry for the layer.
  std::optional<Index> at(std::string_view name, Index layer) const {
    const auto found = file.metadata().find(fmt::format("{}.{}", arch, name));
    if (found == file.metadata().end()) return {};
    std::int64_t value = 0;
    if (const auto* one = std::get_if<std::int64_t>(&found->second)) value = *one;
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&found->second);
        list && layer < static_cast<Index>(list->size()))
      value = (*list)[static_cast<std::size_t>(layer)];
    if (value < 1 || value > (1 << 22)) return {};
    return value;
  }
};

/// One part of a fused tensor: in each of `n_groups` equal groups of rows, `count` rows from `begin` on.
inline TensorInfo part_of(const TensorInfo& fused, const std::string& name, Index n_groups, Index begin,
                          Index count) {
  TensorInfo part = fused;
  part.name = name;
  part.shape[0] = n_groups * count;
  part.bytes = {};
  if (fused.bytes.empty()) return part;  // of a type of unknown size
  const std::size_t row = fused.bytes.size() / static_cast<std::size_t>(fused.shape[0]);
  for (Index g = 0; g < n_groups; ++g) {
    const Index first = fused.shape[0] / n_groups * g + begin;
    part.pieces.push_back(
        fused.bytes.subspan(static_cast<std::size_t>(first) * row, static_cast<std::size_t>(count) * row));
  }
  if (n_groups == 1) {
    part.bytes = part.pieces.front();
    part.pieces.clear();
  }
  return part;
}

/// "blk.12.attn_qkv.weight" with "attn_qkv" -> {12, ".weight"}; nullopt for other names.
inline std::optional<std::pair<Index, std::string>> layer_of(std::string_view name, std::string_view part) {
  const std::optional<NameInLayer> in = name_in_layer(name);
  if (!in || !in->part.starts_with(part)) return {};
  const std::string_view rest = in->part.substr(part.size());
  if (rest != ".weight" && rest != ".bias") return {};
  return std::pair(in->layer, std::string(rest));
}

/// Blocks of a vector may lie across its parts; those of a matrix end with the row.
inline bool rows_are_apart(const TensorInfo& tensor) {
  if (tensor.shape.empty() || !tensor.pieces.empty()) return false;
  return tensor.shape.size() > 1 || (tensor.format && tensor.format->block_size == 1);
}

/// The parts of a recurrent layer's fused projections (formats/recurrent.cpp); empty where this is no such
/// tensor.
std::vector<TensorInfo> split_recurrent(const TensorInfo& fused, const LayerNumbers& numbers);

}  // namespace rw
