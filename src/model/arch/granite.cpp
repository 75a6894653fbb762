// SPDX-License-Identifier: Apache-2.0
/// Granite 3 and 4.1, dense and with experts: Llama with multipliers of embeddings, residuals, attention and
/// logits.
#include "model/read_common.h"

namespace rw::arch::granite {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.logit_scale_divides = true, .experts = true});
}

const Register<Architecture> registered{{.name = "granite",
                                         .aliases = {"granitemoe"},
                                         .models = "Granite 3 and 4.1, dense; Granite 3 MoE",
                                         .acts = "all; none where the file says that no layer has positions",
                                         .tiny = {"granite", "granitemoe", "granitemoe_shared"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::granite
