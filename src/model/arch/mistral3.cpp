// SPDX-License-Identifier: Apache-2.0
/// Mistral Small 3 and Ministral 3: Llama whose rows have a temperature by position.
#include "model/read_common.h"

namespace ropewalk::arch::mistral3 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{{"mistral3", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::mistral3
