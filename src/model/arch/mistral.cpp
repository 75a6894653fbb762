// SPDX-License-Identifier: Apache-2.0
/// Mistral 7B as Hugging Face stores it. Its trained sliding window is a mask of every layer.
#include "model/read_common.h"

namespace ropewalk::arch::mistral {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{"mistral", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::mistral
