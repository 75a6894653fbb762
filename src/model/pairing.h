// SPDX-License-Identifier: Apache-2.0
/// In which order the engine has the rows of a tensor. The pairs of dims that rotate together are half-split,
/// (m, m + rotary_dim / 2), in the first dims of a head; some files hold pairs (2m, 2m + 1), files of latents
/// (model/latent.h) hold rotated dims behind the others and keys and values head by head, and files of gated
/// attention hold behind each head's queries its gate. Rows are put in order when they are loaded, and back
/// when they are written.
#pragma once
#include <string_view>

#include "model/config.h"

namespace rw {

/// The attention in whose heads the rows of a tensor are rotated ("blk.3.attn_q.weight", biases and norms
/// too); nullptr for other tensors, and for those of latents.
const AttentionSpec* rotated_attention(const ModelConfig& config, std::string_view name);

/// The file's row that is our row `r` where it holds pairs (2m, 2m + 1): of a matrix; of a bias or a norm its
/// element.
Index interleaved_row(Index r, const AttentionSpec& a);

/// The rows of one tensor: of a matrix; of a bias or a norm its elements.
class RowOrder {
 public:
  /// Of a tensor as a ModelFile calls it. LIFETIME: `config` outlives it.
  RowOrder(const ModelConfig& config, std::string_view name);
  /// Whether they stand in the file as the engine has them.
  bool as_stored() const { return kind_ == Kind::kAsStored; }
  /// The file's row that is our row `r`.
  Index stored(Index r) const;

 private:
  /// kQueries: of each head the rotated dims, then the others. kLatent: what keys and values are made of,
  /// then the shared key. kHeads: the keys of all heads, then the values of all. kGated: the queries of all
  /// heads, then the gates of all.
  enum class Kind { kAsStored, kInterleaved, kQueries, kLatent, kHeads, kGated };
  Index rotated(Index d) const;

  Kind kind_ = Kind::kAsStored;
  const AttentionSpec* attention_ = nullptr;
};

}  // namespace rw
