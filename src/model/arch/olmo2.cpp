// SPDX-License-Identifier: Apache-2.0
/// OLMo 2 and 3: norms behind both parts and none before, q and k normalised as whole rows; in OLMo 3 windows
/// in three of four layers, which have no scaling.
#include "model/read_common.h"

namespace rw::arch::olmo2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.post_norm = true, .window_period = 4, .local_is_plain = true});
}

const Register<Architecture> registered{{.name = "olmo2",
                                         .models = "OLMo 2, OLMo 3",
                                         .acts = "OLMo 2: all; OLMo 3: those without a window, one in four",
                                         .scaling = "yarn in OLMo 3, on layers without a window",
                                         .tiny = {"olmo2", "olmo3"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::olmo2
