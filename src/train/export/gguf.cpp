// SPDX-License-Identifier: Apache-2.0
/// A GGUF with the method in its metadata, for llama.cpp and all that read with it.
#include "core/text.h"
#include "train/export_gguf.h"

namespace rw::exports::gguf {
namespace {

Exported write(const ExportRequest& request) {
  return {.files = {request.out},
          .next = {"llama-server", "-m", path_word(request.out), "-c", fmt::format("{}", request.context.n)},
          .note = write_gguf_saying(request, request.out)};
}

const Register<ExportTarget> registered{{.name = "gguf",
                                         .aliases = {},
                                         .reader = "llama.cpp",
                                         .makes = "a GGUF whose metadata say the method",
                                         .from_gguf = true,
                                         .folder = false,
                                         .why_not = why_no_gguf,
                                         .write = write}};

}  // namespace
}  // namespace rw::exports::gguf
