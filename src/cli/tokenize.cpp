// SPDX-License-Identifier: Apache-2.0
/// ropewalk tokenize: what the model reads.
#include <cerrno>
#include <utility>

#include "chat/turn.h"
#include "cli/command.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "core/utf8.h"

namespace rw::cli::tokenize {
namespace {

struct Options {
  std::string model, text, file;
  bool ids = false, json = false, special = false, chat = false;
} options;

/// A token's text; where it is a part of a character, its bytes: <0xe7>.
std::string piece_of(const Tokenizer& tokenizer, Token id) {
  const std::string bytes = tokenizer.decode(id, true);
  std::string text;
  for_utf8_runs(
      bytes, [&](std::string_view valid) { text += valid; },
      [&](unsigned char byte) { text += fmt::format("<0x{:02x}>", byte); });
  return text;
}

/// Writes ids as they come, but for --json: its number of ids stands first, so that they wait in a file
/// without a name.
class Printer {
 public:
  explicit Printer(const Tokenizer& tokenizer)
      : tokenizer_(tokenizer), waiting_(options.json ? std::tmpfile() : nullptr) {
    if (options.json && waiting_ == nullptr) fail_to_write("a temporary file", errno);
  }
  ~Printer() {
    if (waiting_ != nullptr) std::fclose(waiting_);
  }
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  std::size_t n() const { return n_; }

  void add(std::span<const Token> ids) {
    if (options.json && std::fwrite(ids.data(), sizeof(Token), ids.size(), waiting_) != ids.size())
      fail_to_write("a temporary file", errno);
    std::string text;
    for (const Token id : options.json ? std::span<const Token>() : ids) {
      if (options.ids)
        text += fmt::format("{}{}", std::exchange(begun_, true) ? " " : "", id);
      else
        text += fmt::format("{:>7}  {}\n", id, dump_json(Json(piece_of(tokenizer_, id))));
    }
    fmt::print("{}", text);
    n_ += ids.size();
  }

  void end() {
    if (options.ids && !options.json) fmt::print("\n");
    if (!options.json) return;
    fmt::print("{{\"tokenizer\":{},\"n\":{},\"ids\":[", dump_json(Json(tokenizer_.kind())), n_);
    list([](Token id) { return fmt::format("{}", id); });
    fmt::print("],\"pieces\":[");
    list([&](Token id) { return dump_json(Json(piece_of(tokenizer_, id))); });
    fmt::print("]}}\n");
  }

 private:
  template <class Text>
  void list(Text text_of) {
    std::rewind(waiting_);
    Token id = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      if (std::fread(&id, sizeof id, 1, waiting_) != 1)
        throw Error("a temporary file", "what was written there", "less", "is the disk full?");
      fmt::print("{}{}", i == 0 ? "" : ",", text_of(id));
    }
  }

  const Tokenizer& tokenizer_;
  std::FILE* waiting_;
  std::size_t n_ = 0;
  bool begun_ = false;
};

int run() {
  if (options.file.empty() && options.text.empty()) take_for_file(options.model, options.file);
  if (options.file.empty() == options.text.empty())
    throw UsageError("tokenize", "either FILE or --text TEXT", options.file.empty() ? "neither" : "both");
  const auto model_file = ModelFile::open(options.model);
  const auto tokenizer = Tokenizer::open(*model_file);
  Printer printer(*tokenizer);
  std::size_t n_bytes = options.text.size();
  if (options.chat) {
    const std::string text = options.file.empty() ? options.text : read_prompt(options.file);
    n_bytes = text.size();
    ChatSettings settings = chat_of_today(false);
    settings.special = options.special;
    printer.add(user_prompt(*tokenizer, text, "", settings).tokens);
  } else if (options.file.empty()) {
    printer.add(tokenizer->encode(options.text, options.special));
  } else {
    TokenStream stream(*tokenizer, options.special, [&](std::span<const Token> ids) { printer.add(ids); });
    read_text_pieces(options.file, "tokenizing",
                     [&](std::string_view text) { stream.add(text), n_bytes += text.size(); });
    stream.end();
  }
  printer.end();
  tell("{}: {} for {}\n", tokenizer->kind(), counted(printer.n(), "token"), counted(n_bytes, "byte"));
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("FILE", options.file, "text file, or - for stdin");
  app.add_option("--text", options.text, "text itself");
  app.add_flag("--ids", options.ids, "only the ids, separated by spaces");
  define_special(app, options.special);
  app.add_flag("--chat", options.chat, "as a user's message in the model's chat template");
  app.add_flag("--json", options.json, "one JSON object");
  app.never_with("--json", {"--ids"});
  app.footer(
      "Examples:\n  ropewalk tokenize model.gguf --text 'Hello world'\n"
      "  ropewalk tokenize model.gguf --text 'Hello world' --chat");
}

const Register<Command> registered{{"tokenize", "text to token ids", define, run}};

}  // namespace
}  // namespace rw::cli::tokenize
