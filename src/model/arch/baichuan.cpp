// SPDX-License-Identifier: Apache-2.0
/// Baichuan 7B: Llama, its q, k and v fused in folders (13B has no RoPE).
#include "model/read_common.h"

namespace ropewalk::arch::baichuan {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{.name = "baichuan",
                                         .models = "Baichuan 1 and 2, 7B (13B has ALiBi and is refused)",
                                         .tiny = {"baichuan"},
                                         .read = read}};

}  // namespace
}  // namespace ropewalk::arch::baichuan
