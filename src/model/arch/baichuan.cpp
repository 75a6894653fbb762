// SPDX-License-Identifier: Apache-2.0
/// Baichuan 7B: Llama, its q, k and v fused in folders (13B has no RoPE).
#include "model/read_common.h"

namespace rw::arch::baichuan {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{});
  const char* missing = c.n_layers() >= 40    ? "positions as a bias of attention (ALiBi, Baichuan 13B)"
                        : c.n_vocab == 125696 ? "an output matrix of normalised rows (Baichuan 2)"
                                              : nullptr;
  if (missing != nullptr)
    throw Error(file.path(), "a model that this engine computes",
                fmt::format("{}, which it does not compute", missing));
  return c;
}

const Register<Architecture> registered{
    {.name = "baichuan",
     .models = "Baichuan 1, 7B (13B has ALiBi, Baichuan 2 an output of normalised rows: refused)",
     .tiny = {"baichuan"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::baichuan
