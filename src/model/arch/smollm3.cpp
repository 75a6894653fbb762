// SPDX-License-Identifier: Apache-2.0
/// SmolLM3: Llama, every fourth layer without positions.
#include "model/read_common.h"

namespace rw::arch::smollm3 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{.no_rope = NoRope::kEveryFourth}); }

const Register<Architecture> registered{{.name = "smollm3",
                                         .models = "SmolLM3 3B",
                                         .acts = "those with positions: three of four",
                                         .tiny = {"smollm3"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::smollm3
