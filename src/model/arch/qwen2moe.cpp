// SPDX-License-Identifier: Apache-2.0
/// Qwen1.5-MoE and Qwen2-MoE: Qwen2 with experts, and a part that all rows share, each row by a gate of its
/// own.
#include "model/read_common.h"

namespace rw::arch::qwen2moe {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.experts = true, .renormalise = false, .shared_gate = true});
}

const Register<Architecture> registered{{.name = "qwen2moe",
                                         .models = "Qwen1.5-MoE-A2.7B, Qwen2-57B-A14B",
                                         .acts = "all; with use_sliding_window those without a window",
                                         .tiny = {"qwen2_moe"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::qwen2moe
