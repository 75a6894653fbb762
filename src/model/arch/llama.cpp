// SPDX-License-Identifier: Apache-2.0
/// Llama 1, 2, 3, SmolLM2, TinyLlama, and Mistral as GGUF stores it: no flags.
#include "model/read_common.h"

namespace ropewalk::arch::llama {
namespace {

const Register<Architecture> registered{{"llama", {}, read_common}};

}  // namespace
}  // namespace ropewalk::arch::llama
