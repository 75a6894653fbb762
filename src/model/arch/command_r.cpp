// SPDX-License-Identifier: Apache-2.0
/// Command-R and Aya: LayerNorm without bias, attention and feed-forward of one norm side by side; larger
/// ones normalise each head of q and k with weights of its own.
#include "model/read_common.h"

namespace rw::arch::command_r {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.norm = NormKind::kLayer, .parallel = true, .needs_logit_scale = true});
}

const Register<Architecture> registered{{.name = "command-r",
                                         .models = "Command-R, Command-R+, Aya 23, Aya Expanse",
                                         .tiny = {"cohere", "cohere_norms"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::command_r
