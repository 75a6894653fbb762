// SPDX-License-Identifier: Apache-2.0
/// The operations of a layer with a state, with its numbers and weights: for who computes it forward
/// (model/recurrent.h) and who trains it.
#pragma once
#include "model/weights.h"

namespace rw {

/// The recurrence of such a layer; not of a short convolution.
Recurrence recurrence_of(const RecurrenceSpec& spec, const RecurrentWeights& w);
/// Of a head of q or k, with the delta rule: its weights are `unit`, RecurrentWeights::unit_q or unit_k.
Norm unit_norm(const RecurrenceSpec& spec, const Vector& unit);
/// Of what the recurrence gives: of heads, or of parts of a row.
Norm norm_behind(const LayerSpec& layer, const RecurrentWeights& w);

}  // namespace rw
