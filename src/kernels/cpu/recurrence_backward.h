// SPDX-License-Identifier: Apache-2.0
/// Convolutions and recurrences of training, in float32 (kernels/training.h). A channel is one thread's work,
/// and so is a head of a text: its rows go in their order forward, and backward from the last one. Heads that
/// read one key head leave the gradients by its rows apart, a wave of heads at a time; they are added in the
/// order of heads.
#pragma once
#include <span>
#include <vector>

#include "core/buffer.h"
#include "core/context.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/training.h"

namespace rw::cpu {

/// Buffers of calls, grown by the first ones.
struct TrainingRecurrenceSpace {
  struct Thread {
    Buffer<float> rows;     // of a chunk of one head: q, k and their gradients
    Buffer<float> states;   // of one column, before each row of a chunk and behind the last
    Buffer<float> d_state;  // of one head
    Buffer<float> state;    // of some columns, forward
    Buffer<float> before;   // what a convolution remembers
  };
  std::vector<Thread> threads;
  Buffer<float> decay, weight;  // (n_rows, n_heads)
  Buffer<float> d_q, d_k;       // (n_rows, heads of a wave, key_dim)
};

/// As the operations of Training.
void convolve(const float* x, std::span<const Index> borders, const Convolution& c, float* y,
              Context& context, const Isa& isa, TrainingRecurrenceSpace& space);
void convolve_backward(const float* x, const float* dy, std::span<const Index> borders, const Convolution& c,
                       float* dx, float* d_taps, float* d_bias, Context& context, const Isa& isa);
void recur(const TrainingRecurrence<float>& rows, const Recurrence& r, Context& context, const Isa& isa,
           TrainingRecurrenceSpace& space);
void recur_backward(const TrainingRecurrence<float>& rows, const Recurrence& r, Context& context,
                    const Isa& isa, TrainingRecurrenceSpace& space);

/// Bytes of a space at most.
std::size_t recurrence_bytes(const TrainingSizes& sizes, Index threads);

}  // namespace rw::cpu
