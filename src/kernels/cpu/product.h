// SPDX-License-Identifier: Apache-2.0
/// Products of activations with weight matrices.
#pragma once
#include "kernels/kernels.h"

namespace ropewalk::cpu {

std::unique_ptr<Matrix> make_matrix(Precision precision, Index n_out, Index n_in,
                                    const std::function<void(Index, float*)>& row);
/// As Backend::matmul says.
void multiply(const float* x, Index n_rows, const Matrix& w, const float* bias, float* y);

}  // namespace ropewalk::cpu
