// SPDX-License-Identifier: Apache-2.0
/// Mistral 7B as Hugging Face stores it. Its trained sliding window is a mask of every layer, read with the
/// common numbers.
#include "model/read_common.h"

namespace ropewalk::arch::mistral {
namespace {

const Register<Architecture> registered{{"mistral", {}, read_common}};

}  // namespace
}  // namespace ropewalk::arch::mistral
