// SPDX-License-Identifier: Apache-2.0
/// Phi-3, 3.5, 4 and 4-mini: Llama with fused tensors, LongRoPE and, in 4-mini, rotation in part.
#include "model/read_common.h"

namespace ropewalk::arch::phi3 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{"phi3", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::phi3
