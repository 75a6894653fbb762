// SPDX-License-Identifier: Apache-2.0
/// Layers that keep a state where others have attention, as data.
#pragma once
#include "core/types.h"

namespace rw {

/// kDeltaRule: the gated delta net of Qwen3-Next and Qwen3.5. kStateSpace: Mamba-2. kShortConvolution:
/// LFM2's.
enum class RecurrenceKind { kNone, kDeltaRule, kStateSpace, kShortConvolution };

/// What stands where other layers have attention: a state in place of keys, as large after a million rows as
/// after one (kernels/recurrence.h; model/recurrent.h says how they are put together).
struct RecurrenceSpec {
  RecurrenceKind kind = RecurrenceKind::kNone;
  int n_taps = 0;  ///< of the convolution
  bool convolution_bias = false;
  Index n_heads = 0, n_key_heads = 0, key_dim = 0,
        value_dim = 0;       ///< of a short convolution: 1, 0, 0, d_model
  bool tiled = false;        ///< Recurrence::tiled
  bool rate_is_log = false;  ///< the file holds log(-rate)
  Index n_norm_groups = 1;   ///< of a state space: parts of its values that are normalised each by itself
  float least_step = 0, greatest_step = 3e38f;
  bool operator==(const RecurrenceSpec&) const = default;

  Index key_width() const { return n_key_heads * key_dim; }
  Index value_width() const { return n_heads * value_dim; }
  Index convolved_width() const { return 2 * key_width() + value_width(); }
  /// Floats of the state of one sequence: rows of the convolution, and a matrix of each head.
  Index state_size() const { return (n_taps - 1) * convolved_width() + n_heads * key_dim * value_dim; }
};

}  // namespace rw
