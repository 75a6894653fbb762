// SPDX-License-Identifier: Apache-2.0
/// Granite 3 and 4.1, dense: Llama with multipliers of embeddings, residuals, attention and logits.
#include "model/read_common.h"

namespace ropewalk::arch::granite {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{.logit_scale_divides = true}); }

const Register<Architecture> registered{{.name = "granite",
                                         .models = "Granite 3 and 4.1, dense",
                                         .acts = "all; none where the file says that no layer has positions",
                                         .tiny = {"granite"},
                                         .read = read}};

}  // namespace
}  // namespace ropewalk::arch::granite
