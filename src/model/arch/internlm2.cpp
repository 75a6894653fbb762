// SPDX-License-Identifier: Apache-2.0
/// InternLM2: Llama, its q, k and v fused in folders.
#include "model/read_common.h"

namespace rw::arch::internlm2 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{.name = "internlm2",
                                         .models = "InternLM2, InternLM2.5",
                                         .scaling = "dynamic",
                                         .tiny = {"internlm2"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::internlm2
