// SPDX-License-Identifier: Apache-2.0
/// OLMoE: Llama with norms of the whole rows of q and k, and experts whose weights do not sum to 1.
#include "model/read_common.h"

namespace rw::arch::olmoe {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.qk_norm = true, .experts = true, .renormalise = false});
}

const Register<Architecture> registered{
    {.name = "olmoe", .models = "OLMoE 1B-7B", .tiny = {"olmoe"}, .read = read}};

}  // namespace
}  // namespace rw::arch::olmoe
