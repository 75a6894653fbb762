// SPDX-License-Identifier: Apache-2.0
/// MiniCPM 1, 2 and 4: Llama with multipliers of embeddings, residuals and logits.
#include "model/read_common.h"

namespace ropewalk::arch::minicpm {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{.logit_scale_divides = true}); }

const Register<Architecture> registered{{.name = "minicpm",
                                         .models = "MiniCPM 1, 2 and 4",
                                         .scaling = "longrope, in MiniCPM 4",
                                         .tiny = {"minicpm"},
                                         .read = read}};

}  // namespace
}  // namespace ropewalk::arch::minicpm
