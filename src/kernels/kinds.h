// SPDX-License-Identifier: Apache-2.0
/// The kinds of operations that a model's layers choose among. Names only: this is included by what is
/// compiled for one instruction set.
#pragma once

namespace rw {

/// kRms: x / sqrt(mean(x^2) + eps). kLayer: (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps).
enum class NormKind { kRms, kLayer };

/// kSilu: x / (1 + e^-x). kGelu: x Phi(x), Phi the normal distribution's (erf). kGeluTanh: x (1 + tanh(sqrt(2
/// / pi) (x + 0.044715 x^3))) / 2. kRelu2: max(x, 0)^2. kRelu:
/// max(x, 0). kSigmoid: 1 / (1 + e^-x). kIdentity: x. kSwigluClamped: g / (1 + e^(-1.702 g)) of g = min(x,
/// 7), and where gated times (min(max(up, -7), 7) + 1) in place of up (gpt-oss, whose swiglu_alpha and
/// swiglu_limit these are). It has no gradient here.
enum class Activation { kSilu, kGelu, kGeluTanh, kRelu2, kRelu, kSigmoid, kIdentity, kSwigluClamped };
constexpr int kActivations = 8, kTrainedActivations = 7;

}  // namespace rw
