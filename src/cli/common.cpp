// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <fstream>
#include <sstream>

#include "cli/command.h"
#include "core/parallel.h"

namespace ropewalk {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

LoadedModel load_model(const std::string& path, Precision precision) {
  const double start = now_seconds();
  LoadedModel loaded;
  loaded.file = ModelFile::open(path);
  loaded.tokenizer = Tokenizer::open(*loaded.file);
  std::shared_ptr<const Backend> backend = make_cpu_backend(precision);
  loaded.model = std::make_unique<Model>(*loaded.file, backend);
  const ModelConfig& c = loaded.model->config();
  fmt::print(stderr, "{}: {} ({}), {} layers, trained on {} tokens; {}, {} threads; loaded in {:.1f} s\n",
             path, c.name.empty() ? c.architecture : c.name, loaded.file->container(), c.n_layers,
             c.n_ctx_train, backend->name(), threads(), now_seconds() - start);
  return loaded;
}

std::string read_text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(path, "a readable text file", "none", "check the path");
  std::ostringstream text;
  text << in.rdbuf();
  std::string result = text.str();
  if (result.empty()) throw Error(path, "some text", "an empty file");
  if (result.find('\0') != std::string::npos)
    throw Error(path, "text", "binary data (NUL bytes)", "give UTF-8 text");
  return result;
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

Precision parse_precision(const std::string& text) {
  if (text == "bf16") return Precision::kBf16;
  if (text == "f32") return Precision::kF32;
  throw UsageError("--precision", "bf16 or f32", "'" + text + "'");
}

std::string speed_line(const char* what, Index n_tokens, double seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return fmt::format("{} {} tokens in {:.2f} s ({:.1f} tokens/s), peak memory {} MiB", what, n_tokens,
                     seconds, static_cast<double>(n_tokens) / std::max(seconds, 1e-9),
                     usage.ru_maxrss / 1024);
}

}  // namespace ropewalk
