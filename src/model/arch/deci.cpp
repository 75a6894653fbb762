// SPDX-License-Identifier: Apache-2.0
/// DeciLM: Llama with heads and widths of each layer's own. One with a layer without attention (Nemotron NAS)
/// is refused by the name of that layer.
#include "model/read_common.h"

namespace rw::arch::deci {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{
    {.name = "deci", .models = "DeciLM 6B and 7B", .tiny = {"deci"}, .read = read}};

}  // namespace
}  // namespace rw::arch::deci
