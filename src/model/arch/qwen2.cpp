// SPDX-License-Identifier: Apache-2.0
/// Qwen2 and Qwen2.5, and the text part of Qwen2-VL and 2.5-VL: Llama with biases on q, k and v. The sections
/// of M-RoPE are one position for text.
#include "model/read_common.h"

namespace ropewalk::arch::qwen2 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{"qwen2", {"qwen2vl"}, read}};

}  // namespace
}  // namespace ropewalk::arch::qwen2
