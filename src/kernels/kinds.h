// SPDX-License-Identifier: Apache-2.0
/// The kinds of operations that a model's layers choose among. Names only: this is included by what is
/// compiled for one instruction set.
#pragma once

namespace ropewalk {

/// kRms: x / sqrt(mean(x^2) + eps). kLayer: (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps).
enum class NormKind { kRms, kLayer };

}  // namespace ropewalk
