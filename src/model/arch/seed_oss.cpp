// SPDX-License-Identifier: Apache-2.0
/// Seed-OSS: Llama with biases on q, k and v; its second norm is named as one behind attention.
#include "model/read_common.h"

namespace rw::arch::seed_oss {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.ffn_norm = "post_attention_norm"});
}

const Register<Architecture> registered{
    {.name = "seed_oss", .models = "Seed-OSS 36B", .tiny = {"seed_oss"}, .read = read}};

}  // namespace
}  // namespace rw::arch::seed_oss
