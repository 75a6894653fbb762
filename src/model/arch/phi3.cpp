// SPDX-License-Identifier: Apache-2.0
/// Phi-3, 3.5, 4 and 4-mini: Llama with fused tensors, LongRoPE and, in 4-mini, rotation in part.
#include "model/read_common.h"

namespace rw::arch::phi3 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{.name = "phi3",
                                         .models = "Phi-3, Phi-3.5-mini, Phi-4, Phi-4-mini",
                                         .scaling = "longrope, in those of 128k tokens",
                                         .tiny = {"phi3", "phi4_mini"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::phi3
