// SPDX-License-Identifier: Apache-2.0
/// A GGUF with the method in its metadata and a Modelfile beside it. Ollama has no flags for RoPE; since 0.30
/// it runs llama.cpp's server on the file as it is, with -c num_ctx, but never more than the file's
/// context_length. Older ones run some architectures by an engine of their own, which reads rope.scaling.* in
/// its own way: hence REQUIRES, which those before 0.14 refuse.
#include <filesystem>

#include "core/text.h"
#include "train/export_gguf.h"

namespace rw::exports::ollama {
namespace {

constexpr const char* kModel = "model.gguf";  // a plain name: a Modelfile has no quotes for others

/// What `ollama create` may call it: letters, digits and - of the folder's name.
std::string model_name(const std::string& out) {
  std::string name;
  std::string folder = out;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  for (const char c : std::filesystem::path(folder).filename().string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "model" : name.substr(0, 64);
}

Exported write(const ExportRequest& request) {
  OutputFolder folder(request.out, Existing::kReplaced);
  Exported exported;
  exported.note = write_gguf_saying(request, folder.file(kModel));
  folder.write("Modelfile", fmt::format("# {}\nFROM ./{}\nPARAMETER num_ctx {}\nREQUIRES 0.30.0\n",
                                        printable(request.method.text()), kModel, request.context.n));
  write_export_list(folder, request, {kModel, "Modelfile"});
  folder.commit();
  for (const char* name : {"Modelfile", kModel})
    exported.files.push_back(fmt::format("{}/{}", request.out, name));
  exported.next = {"ollama", "create", model_name(request.out), "-f", path_word(exported.files[0])};
  return exported;
}

const Register<ExportTarget> registered{{.name = "ollama",
                                         .aliases = {},
                                         .reader = "Ollama",
                                         .makes = "a folder: such a GGUF and a Modelfile",
                                         .from_gguf = true,
                                         .folder = true,
                                         .why_not = why_no_gguf,
                                         .write = write}};

}  // namespace
}  // namespace rw::exports::ollama
