// SPDX-License-Identifier: Apache-2.0
/// ERNIE 4.5, dense and with experts: Llama, trained with interleaved pairs.
#include "model/read_common.h"

namespace rw::arch::ernie4_5 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.experts = true, .choice_bias = true});
}

const Register<Architecture> registered{{.name = "ernie4_5",
                                         .aliases = {"ernie4_5-moe"},
                                         .models = "ERNIE 4.5 0.3B and 21B-A3B",
                                         .tiny = {"ernie4_5", "ernie4_5_moe"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::ernie4_5
