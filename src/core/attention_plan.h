// SPDX-License-Identifier: Apache-2.0
/// The narrow waist: all that a kernel ever sees of a method.
///
/// For query position i and key position j (j <= i; in an encoder every j), theta the angular frequencies of
/// the rotated pairs:
///
///     logit(i, j) = cap(c(i) * < R_theta(a_r(i)) q_i , R_theta(b_v(j)) k_j >)   if j is in a segment of
///                                                                                row i, else -inf
///
/// where r is the segment's region, a_r its query position, v the region's key variant, b_v(j) the
/// position at which variant v rotates key j; cap(x) = x, or soft_cap tanh(x / soft_cap) where the model
/// has it (Gemma 2). Methods know no kernel, kernels know no method; a mask is
/// only shorter segments. Pairs are half-split: dims (m, m + rotary_dim/2), m in [0, rotary_dim/2);
/// dims from rotary_dim on are not rotated; in a layer without positions theta is empty and none are.
#pragma once
#include <functional>
#include <limits>
#include <vector>

#include "core/rotation.h"
#include "core/types.h"

namespace rw {

inline constexpr Index kForever = std::numeric_limits<Index>::max() / 4;

/// Keys [begin, end) of one query row, seen through `region`.
struct Segment {
  Index begin = 0, end = 0;
  int region = 0;
  bool operator==(const Segment&) const = default;
};

/// Inside a region delta(i, j) = query_position(i) - key_position(j).
struct Region {
  std::vector<double> query_position;  // (n_rows), in tokens, may be fractional
  RotationTable rotation;              // of query_position: made once for all layers
  int variant = 0;                     // index into KeyPlan::variants
};

/// What attention does for the query rows [row_begin, row_begin + n_rows) of one sequence.
/// Invariants: the segments of a row are sorted, disjoint, not empty, and end at row + 1 at most, or where
/// each row sees both sides at the request's length: how many keys a row may see is told by its segments
/// alone.
struct AttentionPlan {
  Index row_begin = 0, n_rows = 0;
  std::vector<double> theta;         // (rotary_dim / 2), rad per token
  std::vector<Region> regions;       // 1 to 3 in most methods
  std::vector<Index> segment_begin;  // (n_rows + 1): row r's are segments[segment_begin[r] ..)
  std::vector<Segment> segments;     // keys as global indices
  std::vector<float> row_scale;      // (n_rows): 1/sqrt(head_dim) x log-n x temperature
  float rotary_gain = 1;             // multiplies the rotated dims of q only (YaRN's mscale^2)
  float soft_cap = 0;                // of logits; 0: none. The model's: no method changes it
};

/// How the keys [key_begin, key_begin + n_keys) are written when they are appended.
struct KeyPlan {
  struct Variant {
    std::vector<double> position;  // (n_keys)
    /// Row i reads key j in this variant only if j < sink or i - j < window (keys after the row are within
    /// it): others may be dropped.
    Index sink = 0, window = kForever;
    RotationTable rotation;  // of position: made once for all layers; empty in plans for rotate_into
  };
  Index key_begin = 0, n_keys = 0;
  std::vector<double> theta;  // (rotary_dim / 2)
  std::vector<Variant> variants;
};

/// The same method by its definition, in double: what kernels/reference computes and tests compare with.
struct Pointwise {
  std::vector<double> theta;                      // (rotary_dim / 2)
  std::function<double(Index i, Index j)> delta;  // effective distance, tokens
  std::function<bool(Index i, Index j)> visible;  // causality included
  std::function<double(Index i)> scale;           // whole factor, 1/sqrt(head_dim) included
  // Where row i sits for key j, which then sits at this - delta: of layers with weights behind the rotation,
  // whose logits are not of the distance alone.
  std::function<double(Index i, Index j)> query_position;
  double rotary_gain = 1;
  double soft_cap = 0;
};

}  // namespace rw
