// SPDX-License-Identifier: Apache-2.0
/// The products of a linear layer's backward pass, in float32.
#pragma once
#include "core/buffer.h"
#include "kernels/cpu/linear.h"

namespace rw::cpu {

/// Buffers of a call, grown once and reused: a slab of B in panels, and each thread's rows.
struct GemmSpace {
  struct Thread {
    Buffer<float> widened;  // rows of weights
    Buffer<float> packed;   // Gemm::packed
  };
  Buffer<float> panels;
  std::vector<Thread> threads;
};

/// As Training::linear_input and linear_weight say.
void linear_input(const float* dy, Index n_rows, const Matrix& w, float scale, float* dx, Context& context,
                  const Isa& isa, GemmSpace& space);
void linear_weight(const float* dy, const float* x, Index n_rows, Index n_out, Index n_in, float scale,
                   float* dw, Context& context, const Isa& isa, GemmSpace& space);

}  // namespace rw::cpu
