// SPDX-License-Identifier: Apache-2.0
/// Mistral Small 3 and Ministral 3: Llama whose rows have a temperature by position.
#include "model/read_common.h"

namespace rw::arch::mistral3 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{.temperature = true}); }

const Register<Architecture> registered{
    {.name = "mistral3",
     .models = "Mistral Small 3, Devstral, Magistral, Ministral 3 (text part)",
     .scaling = "yarn, in Ministral 3",
     .tiny = {"ministral3", "mistral_small"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::mistral3
