// SPDX-License-Identifier: Apache-2.0
/// Steps from gradients: AdamW and Muon, each over some of the parameters, and clipping before them.
///
/// Bits do not depend on the number of threads: what is elementwise is, and sums have a fixed order.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "kernels/training.h"
#include "train/parameters.h"

namespace rw {

/// One array that a step leaves for the next: what a checkpoint keeps, by name.
struct StateArray {
  std::string name;
  std::span<float> values;
};

/// One thread at a time.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Changes the parameters' part of `values` by their part of `gradient`, both as long as
  /// LearningModel::values. step: counted from 1, the same for all; rate: the learning rate.
  virtual void step(Index step, double rate, const float* gradient, float* values) = 0;
  /// All of its state: with these arrays, and the number of the step, it goes on to the same bits.
  virtual std::vector<StateArray> state() = 0;
};

/// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), in float32, by the formula of torch.optim.AdamW:
///
///     w *= 1 - rate decay;   m += (1 - beta1) (g - m);   v = beta2 v + (1 - beta2) g g
///     w -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
  double decay = 0.1;  ///< of matrices and embeddings; vectors have none
  bool decay_embeddings = true;
};
std::unique_ptr<Optimizer> make_adamw(std::vector<Parameter> parameters, const AdamWOptions& options,
                                      std::shared_ptr<Context> context);
/// What it holds beside values and gradients, before there is one.
std::size_t adamw_bytes(const std::vector<Parameter>& parameters);

/// Muon (Jordan et al. 2024; "match_rms_adamw": Liu et al. 2025, arXiv:2502.16982, eq. 4), as
/// torch.optim.Muon, for matrices alone:
///
///     m += (1 - momentum) (g - m);   u = g + momentum (m - g);   w *= 1 - rate decay
///     w -= 0.2 sqrt(max(n_rows, n_columns)) rate NewtonSchulz5(u)
///
/// NewtonSchulz5 starts from u / |u| and takes five times X = a X + (b A + c A A) X, A = X X^T, with a, b, c
/// = 3.4445, -4.775, 2.0315, on the side where A is smaller. PyTorch takes these products in bfloat16; here
/// they are in float32.
struct MuonOptions {
  double momentum = 0.95, decay = 0.1;
};
/// Its products are those of `operations` (Training::linear_weight). REQUIRES: no vectors.
std::unique_ptr<Optimizer> make_muon(std::vector<Parameter> parameters, const MuonOptions& options,
                                     std::shared_ptr<const Training<float>> operations);
/// What it holds beside values and gradients, before there is one.
std::size_t muon_bytes(const std::vector<Parameter>& parameters);

/// Square root of the sum of squares, added in double in a fixed order. NaN or infinite where a value is.
double global_norm(Context& context, std::span<const float> gradient);
/// Times most / (norm + 1e-6) where norm is above `most` (torch.nn.utils.clip_grad_norm_). most 0: as it is.
void clip(Context& context, double norm, double most, std::span<float> gradient);
/// The first parameter with a value that is none or infinite; null where all are finite.
const Parameter* first_not_finite(const std::vector<Parameter>& parameters, std::span<const float> values);

}  // namespace rw
