// SPDX-License-Identifier: Apache-2.0
/// InternLM2: Llama, its q, k and v fused in folders.
#include "model/read_common.h"

namespace ropewalk::arch::internlm2 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{"internlm2", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::internlm2
