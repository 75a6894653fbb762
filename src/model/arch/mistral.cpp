// SPDX-License-Identifier: Apache-2.0
/// Mistral 7B as Hugging Face stores it. Its trained sliding window is a mask of every layer.
#include "model/read_common.h"

namespace rw::arch::mistral {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{
    {.name = "mistral",
     .models = "Mistral 7B as a folder",
     .acts = "all; the window of its first version is each layer's own and stays",
     .tiny = {"mistral"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::mistral
