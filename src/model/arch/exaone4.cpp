// SPDX-License-Identifier: Apache-2.0
/// EXAONE 4: norms behind both parts and none before, a norm on each head of q and k; with windows, the
/// layers without one have no positions.
#include "model/read_common.h"

namespace rw::arch::exaone4 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.post_norm = true, .window_period = 4, .no_rope = NoRope::kWhereFar});
}

const Register<Architecture> registered{{.name = "exaone4",
                                         .models = "EXAONE 4.0, EXAONE 4.5 (text part)",
                                         .acts = "1.2B: all; 32B: none, as in cohere2",
                                         .scaling = "llama3",
                                         .tiny = {"exaone4", "exaone4_32b", "exaone4_5"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::exaone4
