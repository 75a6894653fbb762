// SPDX-License-Identifier: Apache-2.0
/// A folder of Hugging Face with the method in config.json, as transformers 5 reads it (rope_parameters) and
/// as 4 did (rope_scaling, rope_theta). The other files are copied.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/text.h"
#include "core/text_file.h"
#include "formats/hf_folder.h"
#include "methods/file_settings.h"
#include "train/export_target.h"
#include "train/write_settings.h"

namespace rw::exports::hf {
namespace {

namespace fs = std::filesystem;

std::string why_not(const MethodSpec& bound, const RopeContext& c, const std::string& architecture) {
  return file_settings(bound, c, architecture).no_config;
}

/// Weights in another container: they would say another method than config.json.
bool is_other_weights(const std::string& name) {
  for (const char* ending : {".gguf", ".bin", ".bin.index.json", ".pt", ".pth", ".ckpt", ".h5", ".msgpack",
                             ".onnx", ".ot", ".tflite"})
    if (name.ends_with(ending)) return true;
  return false;
}

/// The source's files that are copied, by name; what stays behind goes to `left`.
std::vector<std::string> files_to_copy(const std::string& folder, std::vector<std::string>& left) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == "config.json" || name == kExportList) continue;
    if (name.starts_with('.') || !entry.is_regular_file(none) || is_other_weights(name)) {
      left.push_back(name);
      continue;
    }
    check_stays_inside(folder, entry.path().string());
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  std::sort(left.begin(), left.end());
  return names;
}

/// All of it, or an Error: a file that grew or shrank meanwhile is of no model.
void copy_file(const std::string& from, const std::string& to) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(from, error);
  if (!error) fs::copy_file(from, to, error);
  if (error)
    throw Error(from, "a file that can be copied", error.message(), "may you read it, is the disk full?");
  if (fs::file_size(to, error) != size || fs::file_size(from, error) != size)
    throw Error(from, fmt::format("a copy of {} bytes", size), "another size",
                "something else writes to the model: try again when it is done");
}

/// The keys of config.json. The length before the scaling stands at the top as well, where readers of
/// longrope look for it first: one that is there for another scaling would win. YaRN's factor is the ratio of
/// the two lengths for some readers (transformers 4.52, TurboMind), so the longer one is the whole product.
FileSettings settings_of(const ExportRequest& request) {
  FileSettings settings = file_settings(request.method, request.context, request.architecture);
  const Json rope = settings.config["rope_parameters"];
  constexpr const char *kOriginal = "original_max_position_embeddings", *kLongest = "max_position_embeddings";
  if (rope.contains(kOriginal))
    settings.config[kOriginal] = rope[kOriginal];
  else if (rope["rope_type"] == "linear" && request.context.n_ctx_original > 0)
    settings.config[kOriginal] = request.context.n_ctx_original;
  if (rope["rope_type"] == "yarn") {
    const double product = rope["factor"].get<double>() * rope[kOriginal].get<double>();
    if (product == std::floor(product) && product < 0x1p31)
      settings.config[kLongest] =
          std::max(static_cast<Index>(product), settings.config[kLongest].get<Index>());
  }
  return settings;
}

Exported write(const ExportRequest& request) {
  const std::string& from = request.source.path();
  std::vector<std::string> left;
  std::vector<std::string> names = files_to_copy(from, left);
  OutputFolder folder(request.out, Existing::kReplaced);
  for (const std::string& name : names) copy_file(fmt::format("{}/{}", from, name), folder.file(name));
  const std::string config = from + "/config.json";
  folder.write("config.json",
               config_saying(read_bytes(config, std::size_t{4} << 20), config, settings_of(request)));
  names.emplace_back("config.json");
  write_export_list(folder, request, names);
  folder.commit();
  Exported exported;
  for (const std::string& name : names) exported.files.push_back(fmt::format("{}/{}", request.out, name));
  exported.note = fmt::format("config.json is new, the other {} copied", counted(names.size() - 1, "file"));
  std::string behind;
  for (const std::string& name : left) behind += (behind.empty() ? "; left out: " : ", ") + printable(name);
  exported.note += behind;
  return exported;
}

const Register<ExportTarget> registered{{.name = "hf",
                                         .aliases = {"transformers"},
                                         .reader = "transformers",
                                         .makes = "a folder whose config.json says the method",
                                         .from_gguf = false,
                                         .folder = true,
                                         .why_not = why_not,
                                         .write = write}};

}  // namespace
}  // namespace rw::exports::hf
