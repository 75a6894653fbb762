// SPDX-License-Identifier: Apache-2.0
/// MiniMax-M2: half of each head rotates, norms of the whole rows of q and k, experts chosen by sigmoids and
/// a bias.
#include "model/read_common.h"

namespace rw::arch::minimax_m2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(
      file, Family{.qk_norm = true, .experts = true, .gating = Gating::kSigmoid, .choice_bias = true});
}

const Register<Architecture> registered{{.name = "minimax-m2",
                                         .models = "MiniMax-M2, as published in FP8 too",
                                         .tiny = {"minimax_m2"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::minimax_m2
