// SPDX-License-Identifier: Apache-2.0
/// Command-R7B and Command-A: Command-R with windows in three of four layers; the others have no positions.
#include "model/read_common.h"

namespace rw::arch::cohere2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.norm = NormKind::kLayer,
                                  .parallel = true,
                                  .window_period = 4,
                                  .no_rope = NoRope::kWhereFar,
                                  .needs_logit_scale = true});
}

const Register<Architecture> registered{
    {.name = "cohere2",
     .models = "Command-R7B, Command-A",
     .acts = "none: the layers with a window are local, the others have no positions",
     .tiny = {"cohere2"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::cohere2
