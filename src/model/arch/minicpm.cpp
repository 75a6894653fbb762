// SPDX-License-Identifier: Apache-2.0
/// MiniCPM 1, 2 and 4: Llama with multipliers of embeddings, residuals and logits.
#include "model/read_common.h"

namespace ropewalk::arch::minicpm {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{.logit_scale_divides = true}); }

const Register<Architecture> registered{{"minicpm", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::minicpm
