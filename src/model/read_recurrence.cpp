// SPDX-License-Identifier: Apache-2.0
/// Recurrent layers by the keys and tensors of a file, as llama.cpp's converter names them.
#include "model/read_common.h"

namespace rw {
namespace {

/// What a delta rule and a state space have in common.
RecurrenceSpec read_sizes(const Keys& keys, RecurrenceKind kind) {
  RecurrenceSpec r{.kind = kind};
  r.n_taps = static_cast<int>(keys.integer("ssm.conv_kernel", 2, kMostTaps));
  r.key_dim = keys.integer("ssm.state_size", 1, 1 << 12);
  r.n_heads = keys.integer("ssm.time_step_rank", 1, 1 << 14);
  r.n_key_heads = keys.integer("ssm.group_count", 1, r.n_heads);
  const Index inner = keys.integer("ssm.inner_size", r.n_heads, 1 << 20);
  r.value_dim = inner / r.n_heads;
  if (inner % r.n_heads != 0 || r.n_heads % r.n_key_heads != 0)
    throw Error(keys.file.path(),
                "ssm.inner_size a multiple of ssm.time_step_rank, and that of ssm.group_count",
                fmt::format("{}, {} and {}", inner, r.n_heads, r.n_key_heads));
  r.convolution_bias = keys.has_tensor("ssm_conv1d.bias");
  r.rate_is_log = keys.has_tensor("ssm_a_log");
  return r;
}

}  // namespace

RecurrenceSpec read_delta_rule(const Keys& keys) {
  if (!keys.has_tensor("ssm_conv1d.weight")) return {};
  RecurrenceSpec r = read_sizes(keys, RecurrenceKind::kDeltaRule);
  // llama.cpp's converter turns the order of value heads round, but not in Qwen3-Next.
  r.tiled = keys.arch != "qwen3next" && !keys.file.boolean("ropewalk.value_heads_by_group").value_or(false);
  return r;
}

RecurrenceSpec read_state_space(const Keys& keys) {
  if (!keys.has_tensor("ssm_conv1d.weight")) return {};
  RecurrenceSpec r = read_sizes(keys, RecurrenceKind::kStateSpace);
  r.n_norm_groups = r.n_key_heads;
  if (r.value_width() % r.n_norm_groups != 0)
    throw Error(keys.file.path(), "ssm.group_count that divides ssm.inner_size",
                fmt::format("{} and {}", r.n_norm_groups, r.value_width()));
  r.least_step = static_cast<float>(keys.file.number("ropewalk.least_step").value_or(0));
  r.greatest_step = static_cast<float>(keys.file.number("ropewalk.greatest_step").value_or(3e38));
  if (!(r.least_step <= r.greatest_step))
    throw Error(keys.file.path(), "a least time step up to the greatest",
                fmt::format("{} and {}", r.least_step, r.greatest_step));
  return r;
}

RecurrenceSpec read_short_convolution(const Keys& keys) {
  if (!keys.has_tensor("shortconv.conv.weight")) return {};
  return {.kind = RecurrenceKind::kShortConvolution,
          .n_taps = static_cast<int>(keys.integer("shortconv.l_cache", 2, kMostTaps)),
          .n_heads = 1,
          .value_dim = keys.integer("embedding_length", 1, 1 << 20)};
}

}  // namespace rw
