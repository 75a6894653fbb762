// SPDX-License-Identifier: Apache-2.0
/// GLM-4 (0414), dense: norms before and behind both parts, rotation of half a head.
#include "model/read_common.h"

namespace rw::arch::glm4 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{.post_norm = true}); }

const Register<Architecture> registered{
    {.name = "glm4", .models = "GLM-4-0414 9B and 32B, dense", .tiny = {"glm4"}, .read = read}};

}  // namespace
}  // namespace rw::arch::glm4
