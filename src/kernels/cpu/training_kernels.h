// SPDX-License-Identifier: Apache-2.0
/// What training needs beside inference, written once like generic.h, which includes this.
// (no include guard: each instruction set compiles its own copy)
#include "kernels/cpu/gemm_block.h"
//
#include "kernels/cpu/rows_backward.h"
//
#include "kernels/cpu/attention_backward_tile.h"
//
#include "kernels/cpu/recurrence_backward_tile.h"

static constexpr TrainingKernels training_kernels{
    .gemm_rows = gemm_rows,
    .gemm = gemm,
    .norm_backward = norm_backward,
    .activate_backward = {activate_backward<Silu>, activate_backward<Gelu>, activate_backward<GeluTanh>,
                          activate_backward<Relu2>, activate_backward<Relu>, activate_backward<Sigmoid>,
                          activate_backward<Identity>},
    .soft_cap_backward = soft_cap_backward,
    .exp_scaled = exp_scaled,
    .add_rotated_back = add_rotated_back,
    .attention_backward = attention_backward,
    .convolve_backward = convolve_backward,
    .recur_backward = recur_backward};
