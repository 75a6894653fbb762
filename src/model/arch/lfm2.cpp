// SPDX-License-Identifier: Apache-2.0
/// LFM2 and LFM2.5, dense and with experts: short convolutions in most layers, and an RMS norm on each head
/// of q and k where there is attention.
#include "model/read_common.h"

namespace rw::arch::lfm2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.qk_norm = true,
                                  .experts = true,
                                  .gating = Gating::kSigmoid,
                                  .recurrence = read_short_convolution});
}

const Register<Architecture> registered{{.name = "lfm2",
                                         .aliases = {"lfm2moe"},
                                         .models = "LFM2 and LFM2.5, dense and MoE",
                                         .acts = "layers with attention, 6 of 10 to 16",
                                         .scaling = "none",
                                         .tiny = {"lfm2", "lfm2_moe"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::lfm2
