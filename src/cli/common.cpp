// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/command.h"
#include "core/hash.h"
#include "core/parallel.h"

namespace ropewalk {

void BackendOptions::define(CLI::App& app) {
  app.add_option("--precision", precision, "bf16 or f32")->capture_default_str();
  app.add_option("--kv", kv, "cache: bf16, f32 or q8; default: as --precision");
}

std::shared_ptr<const Backend> BackendOptions::make() const {
  if (precision != "bf16" && precision != "f32")
    throw UsageError("--precision", "bf16 or f32", "'" + precision + "'");
  const std::string& type = kv_type();
  if (type != "bf16" && type != "f32" && type != "q8")
    throw UsageError("--kv", "bf16, f32 or q8", "'" + type + "'");
  return make_cpu_backend(precision == "bf16" ? Precision::kBf16 : Precision::kF32,
                          type == "bf16"  ? KvType::kBf16
                          : type == "f32" ? KvType::kF32
                                          : KvType::kQ8);
}

LoadedModel load_model(const std::string& path, const std::shared_ptr<const Backend>& backend) {
  const double start = now_seconds();
  LoadedModel loaded;
  loaded.file = ModelFile::open(path);
  loaded.tokenizer = Tokenizer::open(*loaded.file);
  loaded.model = std::make_unique<Model>(*loaded.file, backend);
  const ModelConfig& c = loaded.model->config();
  fmt::print(stderr, "{}: {} ({}), {} layers, trained on {} tokens; {}, {} threads; loaded in {:.1f} s\n",
             printable(path), printable(c.name.empty() ? c.architecture : c.name), loaded.file->container(),
             c.n_layers, c.n_ctx_train, backend->name(), threads(), now_seconds() - start);
  return loaded;
}

std::string model_identity(const std::string& path) { return sha256_file(path); }

std::string read_bytes(const std::string& path) {
  std::ostringstream bytes;
  if (path == "-") {
    bytes << std::cin.rdbuf();
    return bytes.str();
  }
  if (std::filesystem::is_directory(path)) throw Error(path, "a file", "a folder", "name one of its files");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(path, "a readable file", std::strerror(errno), "check the path");
  if (in.peek() != std::ifstream::traits_type::eof()) bytes << in.rdbuf();
  if (in.bad()) throw Error(path, "a readable file", std::strerror(errno), "check the disk");
  return bytes.str();
}

std::string read_text_file(const std::string& path) {
  std::string result = read_bytes(path);
  if (result.empty()) throw Error(path, "some text", "an empty file", "give a file of UTF-8 text");
  if (result.find('\0') != std::string::npos)
    throw Error(path, "text", "binary data (NUL bytes)", "give UTF-8 text");
  return result;
}

void require_other_file(const std::string& output, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code different;  // also when one of them does not exist
    if (!output.empty() && std::filesystem::is_regular_file(output, different) &&
        std::filesystem::equivalent(output, input, different))
      throw UsageError(output, "a file to write that is not read", "the input itself", "choose another name");
  }
}

Index parse_length(const std::string& text) {
  Index value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, text.data() + text.size());
  const Index scale = unit == "k" || unit == "K" ? 1024 : unit == "m" || unit == "M" ? 1 << 20 : 1;
  if (error != std::errc() || (!unit.empty() && scale == 1) || value < 1 || value > (Index{1} << 31) / scale)
    throw UsageError("length", "a number of tokens such as 4096 or 8k", "'" + text + "'");
  return value * scale;
}

std::string speed_line(const char* what, Index n_tokens, double seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return fmt::format("{} {} tokens in {:.2f} s ({:.1f} tokens/s), peak memory {} MiB", what, n_tokens,
                     seconds, static_cast<double>(n_tokens) / std::max(seconds, 1e-9),
                     usage.ru_maxrss / 1024);
}

}  // namespace ropewalk
