// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "cli/command.h"
#include "cli/ranks.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "core/text_file.h"
#include "documents/document_text.h"
#include "model/identity.h"
#include "model/memory.h"
#include "model/weight_outlook.h"
#include "model/weight_room.h"
#include "mpi/launch.h"

namespace rw {

void BackendOptions::define_types(CommandLine& app) {
  app.add_option("--precision", precision, "bf16 or f32")->capture_default_str();
  app.add_option("--kv", kv, "cache: bf16, f32 or q8; default: as --precision");
}

void BackendOptions::define(CommandLine& app) {
  define_types(app);
  app.add_option(
      "--weight-memory", weight_memory,
      "memory that weights are planned for, such as\n8G: layers beyond it are read from the disk in\n"
      "each pass; experts that a token takes are left\nto the system. Default: what is free");
}

void BackendOptions::define_context_parallel(CommandLine& app) {
  app.add_flag(
      "--context-parallel", context_parallel,
      "behind mpirun -n N: one text on all ranks, each\nwith its share of keys and values (docs/scale.md)");
}

std::shared_ptr<const Backend> BackendOptions::make(std::shared_ptr<Context> context) const {
  if (precision != "bf16" && precision != "f32")
    throw UsageError("--precision", "bf16 or f32", "'" + precision + "'");
  const std::string& type = kv_type();
  if (type != "bf16" && type != "f32" && type != "q8")
    throw UsageError("--kv", "bf16, f32 or q8", "'" + type + "'");
  if (!weight_memory.empty())
    context->set_weight_memory(checked_weight_memory(parse_bytes(weight_memory, "--weight-memory")));
  std::shared_ptr<const Backend> backend =
      make_cpu_backend(std::move(context), precision == "bf16" ? Precision::kBf16 : Precision::kF32,
                       type == "bf16"  ? KvType::kBf16
                       : type == "f32" ? KvType::kF32
                                       : KvType::kQ8);
  return context_parallel ? on_all_ranks(std::move(backend)) : backend;
}

void say(const std::string& words) { tell("{}", wrapped(words, "  ")); }

void define_special(CommandLine& app, bool& special) {
  app.add_flag("--special", special,
               "spelled special tokens become those tokens:\nfor texts in a chat format");
}

void define_effort(CommandLine& app, std::string& effort) {
  app.add_option("--reasoning-effort", effort, "low, medium or high, of models that take\none (gpt-oss)")
      ->check(one_of({"low", "medium", "high"}));
}

std::shared_ptr<Context> make_context(int n) {
  if (n > usable_cores())
    say(fmt::format("-t {}: this process may use {}, and takes {}", n, counted(usable_cores(), "core"),
                    counted(usable_cores(), "thread")));
  if (const int n_here = launched_as().n_here; n == 0 && n_here > 1) n = usable_cores_of(n_here);
  return std::make_shared<Context>(ContextOptions{.threads = std::min(n, usable_cores()), .isa = ""});
}

std::shared_ptr<const ModelFile> open_decoder(const std::string& path) {
  std::shared_ptr<const ModelFile> file = ModelFile::open(path);
  if (read_config(*file).encoder)
    throw Error(path, "a decoder, which writes on in a text", "an encoder, which fills gaps in one",
                "ropewalk fill MODEL -p 'a text with a [MASK]'; ropewalk eval judges methods on it");
  return file;
}

std::shared_ptr<const Model> load_decoder(const std::string& path,
                                          const std::shared_ptr<const Backend>& backend) {
  return load_model(path, open_decoder(path), backend);
}

std::shared_ptr<const Model> load_model(const std::string& path, const std::shared_ptr<const ModelFile>& file,
                                        const std::shared_ptr<const Backend>& backend) {
  const double start = now_seconds();
  std::shared_ptr<const Model> loaded = Model::load(file, backend);
  loaded->tokenizer();  // what follows reads texts
  const ModelConfig& c = loaded->config();
  const std::string original = c.n_ctx_original == c.n_ctx_train ? ""
                               : c.n_ctx_original == 0
                                   ? " (before its own scaling: unknown)"
                                   : fmt::format(" ({} before its own scaling)", c.n_ctx_original);
  say(fmt::format("{}: {} ({}), {}, trained on {} tokens{}; {}, {}; loaded in {:.1f} s", printable(path),
                  printable(c.name.empty() ? c.architecture : c.name), file->container(),
                  counted(c.n_layers(), "layer"), c.n_ctx_train, original, backend->name(),
                  counted(backend->context()->threads(), "thread"), now_seconds() - start));
  if (const auto method = file->string("ropewalk.export.method"))
    say(fmt::format(
        "its {} tokens were set by ropewalk export, for {}: nothing is proven past the {} that it was "
        "trained on (ropewalk tune)",
        c.n_ctx_train, printable(method->substr(0, method->find(':'))),
        c.n_ctx_original > 0 ? fmt::format("{}", c.n_ctx_original) : "length"));
  if (const std::string words = words_of(loaded->outlook()); !words.empty()) say(words);
  return loaded;
}

void fail_not_numbers(const std::string& model_path, Index n_done) {
  throw Error(model_path, "logits that are numbers", fmt::format("NaN after {} tokens", n_done),
              "try --precision f32; else a weight of the file is not a number");
}

std::string model_identity(const std::string& path) { return model_id(*ModelFile::open(path)); }

namespace {

/// Said of the first text that has them.
void say_newlines(const std::string& path, bool had_crlf, bool had_cr) {
  static bool said = false;
  if ((had_crlf || had_cr) && !std::exchange(said, true))
    say(fmt::format("{}: its lines end with {}; they are read as \\n", printable(path),
                    !had_cr    ? "\\r\\n"
                    : had_crlf ? "\\r\\n or \\r"
                               : "\\r"));
}

/// The text, which program made it being said.
std::string said(const std::string& path, DocumentText document) {
  say(fmt::format("{}: {}, as text by {}", printable(path), document.kind, document.program));
  return std::move(document.text);
}

}  // namespace

std::string read_text_file(const std::string& path, std::size_t most_bytes) {
  if (std::optional<DocumentText> document = document_text(path)) return said(path, std::move(*document));
  TextFile file = read_text(path, most_bytes);
  say_newlines(path, file.had_crlf, file.had_cr);
  if (file.n_left_out > 0)
    say(fmt::format("{}: only the first {} MB are read", printable(path), file.text.size() / 1000000));
  return std::move(file.text);
}

void read_text_pieces(const std::string& path, const char* doing,
                      const std::function<void(std::string_view)>& piece) {
  constexpr std::size_t kLong = 16 << 20;  // seconds
  if (std::optional<DocumentText> document = document_text(path))
    return piece(said(path, std::move(*document)));
  TextReader reader(path);
  std::optional<Progress> progress;
  if (reader.size() > kLong) progress.emplace(doing, static_cast<double>(reader.size()));
  for (std::string text; reader.next(text);) {
    piece(text);
    if (progress) progress->update(static_cast<double>(reader.n_bytes()));
  }
  progress.reset();
  say_newlines(path, reader.had_crlf(), reader.had_cr());
}

std::string held_text(const std::string& what,
                      const std::function<void(const std::function<void(std::string_view)>&)>& read) {
  constexpr std::size_t kFirst = std::size_t{64} << 20;
  constexpr std::size_t kBytes = 10;  // for each of the text: itself, its pieces and their ids (9.7 measured)
  std::string text;
  std::size_t next = kFirst;
  read([&](std::string_view piece) {
    text += piece;
    if (text.size() < next) return;
    require_memory(what + " and its tokens", kBytes * text.size(),
                   "generate --truncate, --fit and eval read what is needed of a text");
    next = text.size() + kFirst;
  });
  return text;
}

std::string read_prompt(const std::string& path) {
  return held_text(printable(path),
                   [&](const auto& add) { read_text_pieces(path, "reading the text", add); });
}

void require_outputs_apart(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
  const auto same = [](const std::string& name, const std::string& other) {
    namespace fs = std::filesystem;
    const std::string a = behind_links(name), b = behind_links(other);
    std::error_code missing;  // one that does not exist is told by its path
    if (fs::exists(a, missing) && fs::exists(b, missing))
      return fs::equivalent(a, b, missing) && !fs::is_character_file(a, missing);
    return fs::weakly_canonical(fs::absolute(a), missing) == fs::weakly_canonical(fs::absolute(b), missing);
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    for (const std::string& input : inputs)
      if (!input.empty() && input != "-" && same(outputs[i], input))
        throw UsageError(outputs[i], "a file to write that is not read", "the input itself",
                         "choose another name");
    for (std::size_t j = 0; j < i; ++j)
      if (!outputs[j].empty() && same(outputs[i], outputs[j]))
        throw UsageError(outputs[i], "a file for each output", "one name for two", "choose another name");
  }
}

void require_own(const std::string& path, const char* what, bool (*own)(std::string_view)) {
  namespace fs = std::filesystem;
  std::error_code none;  // what is no regular file is OutputFile's to judge
  if (path.empty() || !fs::is_regular_file(path, none) || fs::file_size(path, none) == 0) return;
  if (!own(read_bytes(path, std::size_t{16} << 20)))
    throw Error(path, fmt::format("no file, or {} to be replaced", what),
                "a file of another kind; nothing was changed", "choose another name, or move it away");
}

Index parse_length(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, text.data() + text.size());
  const double scale = unit.empty()                 ? 1
                       : unit == "k" || unit == "K" ? 1024
                       : unit == "m" || unit == "M" ? 1 << 20
                                                    : 0;
  const double length = value * scale;
  if (error != std::errc() || !(length >= 1 && length <= 0x1p31) || length != std::floor(length))
    throw UsageError("length", "a number of tokens such as 4096 or 8k", "'" + text + "'",
                     text.find(',') == std::string::npos ? "k is 1,024, m is 1,048,576"
                                                         : "separate several by spaces: --lengths 8k 16k");
  return static_cast<Index>(length);
}

std::size_t parse_bytes(const std::string& text, const char* option) {
  std::size_t end = 0;
  double number = -1;
  try {
    number = std::stod(text, &end);
  } catch (const std::exception&) {  // said below
  }
  const std::string unit = text.substr(std::min(end, text.size()));
  const double scale = unit == "G" || unit == "GiB" ? 0x1p30 : unit == "M" || unit == "MiB" ? 0x1p20 : 0;
  if (!(number > 0 && number < 1e6) || scale == 0)
    throw UsageError(option, "a size such as 512M or 2G", "'" + text + "'");
  return static_cast<std::size_t>(number * scale);
}

std::string speed_line(const char* what, Index n_tokens, double seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  constexpr long kMebibyte = 1 << 20;  // it counts bytes
#else
  constexpr long kMebibyte = 1 << 10;  // it counts kibibytes
#endif
  return fmt::format("{} {} in {:.2f} s ({:.1f} tokens/s), peak memory {} MiB", what,
                     counted(n_tokens, "token"), seconds,
                     static_cast<double>(n_tokens) / std::max(seconds, 1e-9), usage.ru_maxrss / kMebibyte);
}

}  // namespace rw
