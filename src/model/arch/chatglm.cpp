// SPDX-License-Identifier: Apache-2.0
/// ChatGLM3 and GLM-4-9B: Llama with interleaved pairs on half of each head, biases on q, k and v, and both
/// fused tensors.
#include "model/read_common.h"

namespace rw::arch::chatglm {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{.name = "chatglm",
                                         .models = "GLM-4-9B; ChatGLM3 and GLM-4-9B-chat as GGUF",
                                         .tiny = {"glm"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::chatglm
