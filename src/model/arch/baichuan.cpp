// SPDX-License-Identifier: Apache-2.0
/// Baichuan 7B: Llama, its q, k and v fused in folders (13B has no RoPE).
#include "model/read_common.h"

namespace ropewalk::arch::baichuan {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{"baichuan", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::baichuan
