// SPDX-License-Identifier: Apache-2.0
/// Fused projections as views of their parts, so that nothing above knows which families fuse what. No weight
/// is copied: a part is a run of rows, or one run a key head.
#include <algorithm>

#include "formats/fused_parts.h"

namespace rw {
namespace {

struct HeadShape {
  Index n_heads = 0, n_kv_heads = 0, head_dim = 0;
};

std::optional<HeadShape> heads_of(const LayerNumbers& numbers, Index layer) {
  const auto n_heads = numbers.at("attention.head_count", layer);
  if (!n_heads) return {};
  const Index n_kv_heads = numbers.at("attention.head_count_kv", layer).value_or(*n_heads);
  const auto d_model = numbers.at("embedding_length", layer);
  const auto head_dim = numbers.at("attention.key_length", layer);
  if (!head_dim && !d_model) return {};
  const HeadShape shape{*n_heads, n_kv_heads, head_dim ? *head_dim : *d_model / *n_heads};
  if (shape.head_dim < 1 || shape.n_heads % shape.n_kv_heads != 0) return {};
  return shape;
}

/// The parts of q, k and v; empty where this is no such tensor.
std::vector<TensorInfo> split_qkv(const TensorInfo& fused, const LayerNumbers& numbers, bool by_group) {
  const auto place = layer_of(fused.name, "attn_qkv");
  if (!place || !rows_are_apart(fused)) return {};
  if (numbers.file.find_tensor(fmt::format("blk.{}.ssm_conv1d.weight", place->first)) != nullptr)
    return {};  // of a recurrence, whose parts are of other sizes
  const auto heads = heads_of(numbers, place->first);
  if (!heads) return {};
  const Index per_group = heads->n_heads / heads->n_kv_heads;
  // Each of the three is at most 2^22.
  if (fused.shape[0] != (heads->n_heads + 2 * heads->n_kv_heads) * heads->head_dim) return {};
  const Index n_groups = by_group ? heads->n_kv_heads : 1;
  const Index q = (by_group ? per_group : heads->n_heads) * heads->head_dim;
  const Index kv = (by_group ? 1 : heads->n_kv_heads) * heads->head_dim;
  const auto name = [&](const char* part) {
    return fmt::format("blk.{}.{}{}", place->first, part, place->second);
  };
  return {part_of(fused, name("attn_q"), n_groups, 0, q), part_of(fused, name("attn_k"), n_groups, q, kv),
          part_of(fused, name("attn_v"), n_groups, q + kv, kv)};
}

/// The parts of gate and up, of a dense layer or of what rows share beside experts (`kind` "_shexp"); empty
/// where this is no such tensor.
std::vector<TensorInfo> split_gate_up(const TensorInfo& fused, const LayerNumbers& numbers,
                                      const ModelFile& file, const std::string& kind, const char* length) {
  const auto place = layer_of(fused.name, "ffn_up" + kind);
  if (!place || !rows_are_apart(fused)) return {};
  const auto d_ff = numbers.at(length, place->first);
  const std::string gate = fmt::format("blk.{}.ffn_gate{}{}", place->first, kind, place->second);
  if (!d_ff || fused.shape[0] != 2 * *d_ff || file.find_tensor(gate)) return {};
  return {part_of(fused, gate, 1, 0, *d_ff), part_of(fused, fused.name, 1, *d_ff, *d_ff)};
}

/// In each matrix of a stack, the first half of its rows and the second; empty where this is no such tensor.
/// Errors: Error for matrices that stand the other way round.
std::vector<TensorInfo> split_stack(const TensorInfo& fused, const LayerNumbers& numbers) {
  const auto place = layer_of(fused.name, "ffn_gate_up_exps");
  if (!place || fused.shape.size() != 3 || fused.shape[1] % 2 != 0 || !fused.pieces.empty() ||
      fused.bytes.empty())
    return {};
  const auto d_model = numbers.at("embedding_length", place->first);
  auto d_ff = numbers.at("expert_feed_forward_length", place->first);
  if (!d_ff) d_ff = numbers.at("feed_forward_length", place->first);
  if (d_model && d_ff && fused.shape[1] == *d_model && fused.shape[2] == 2 * *d_ff && *d_model != 2 * *d_ff)
    throw Error(
        fmt::format("{}: tensor {}", numbers.file.path(), fused.name),
        fmt::format("matrices ({}, {})", 2 * *d_ff, *d_model), "transposed ones",
        "their rows do not lie together; take a GGUF of the model, or save the folder with transformers 5");
  std::vector<TensorInfo> parts;
  const std::size_t half = fused.bytes.size() / static_cast<std::size_t>(2 * fused.shape[0]);
  for (const std::size_t which : {0, 1}) {
    TensorInfo part = fused;
    part.name = fmt::format("blk.{}.ffn_{}_exps{}", place->first, which == 0 ? "gate" : "up", place->second);
    part.shape[1] /= 2;
    part.bytes = {};
    for (std::size_t e = 0; e < static_cast<std::size_t>(fused.shape[0]); ++e)
      part.pieces.push_back(fused.bytes.subspan((2 * e + which) * half, half));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

void ModelFile::split_fused(bool by_group) {
  const LayerNumbers numbers{*this, string("general.architecture").value_or("")};
  take_recurrent();
  std::vector<TensorInfo> whole;
  whole.reserve(tensors_.size());
  for (const TensorInfo& tensor : tensors_) {
    std::vector<TensorInfo> parts = split_qkv(tensor, numbers, by_group);
    if (parts.empty()) parts = split_gate_up(tensor, numbers, *this, "", "feed_forward_length");
    if (parts.empty())
      parts = split_gate_up(tensor, numbers, *this, "_shexp", "expert_shared_feed_forward_length");
    if (parts.empty()) parts = split_stack(tensor, numbers);
    if (parts.empty()) parts = split_recurrent(tensor, numbers);
    if (parts.empty()) whole.push_back(tensor);
    for (TensorInfo& part : parts) whole.push_back(std::move(part));
  }
  if (whole.size() == tensors_.size()) return;
  if (fused_.empty()) fused_ = tensors_;
  tensors_ = std::move(whole);
  index_tensors();
}

}  // namespace rw
