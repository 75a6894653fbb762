// SPDX-License-Identifier: Apache-2.0
/// Products by oneDNN, where its sums do not depend on the number of rows or threads: bfloat16 with
/// AVX-512-BF16, float32 with AVX-512. AMX is switched off: its sums do depend on the number of rows.
#pragma once
#include "kernels/kernels.h"

namespace ropewalk::cpu {

/// Whether oneDNN makes products of this precision on the active instruction set.
bool dnnl_serves(Precision precision);
std::unique_ptr<Matrix> make_dnnl_matrix(Precision precision, Index n_out, Index n_in,
                                         const std::function<void(Index, float*)>& row);
/// REQUIRES: w was made by make_dnnl_matrix.
void multiply_dnnl(const float* x, Index n_rows, const Matrix& w, const float* bias, float* y);
bool is_dnnl_matrix(const Matrix& w);

}  // namespace ropewalk::cpu
