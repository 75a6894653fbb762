// SPDX-License-Identifier: Apache-2.0
/// ERNIE 4.5, dense: Llama, trained with interleaved pairs.
#include "model/read_common.h"

namespace ropewalk::arch::ernie4_5 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{
    {.name = "ernie4_5", .models = "ERNIE 4.5 0.3B", .tiny = {"ernie4_5"}, .read = read}};

}  // namespace
}  // namespace ropewalk::arch::ernie4_5
