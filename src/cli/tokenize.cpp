// SPDX-License-Identifier: Apache-2.0
/// ropewalk tokenize: what the model reads.
#include "chat/turn.h"
#include "cli/command.h"
#include "core/json.h"
#include "core/tell.h"
#include "core/text.h"
#include "core/utf8.h"

namespace ropewalk::cli::tokenize {
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

int run() {
  if (options.file.empty() && options.text.empty()) take_for_file(options.model, options.file);
  if (options.file.empty() == options.text.empty())
    throw UsageError("tokenize", "either FILE or --text TEXT", options.file.empty() ? "neither" : "both");
  const auto model_file = ModelFile::open(options.model);
  const auto tokenizer = Tokenizer::open(*model_file);
  std::string text = options.text;
  if (!options.file.empty()) text = read_text_file(options.file);
  const std::vector<Token> tokens = options.chat
                                        ? user_prompt(*tokenizer, text, "", chat_of_today(false)).tokens
                                        : tokenizer->encode(text, options.special);
  if (options.json) {
    std::vector<std::string> pieces;
    pieces.reserve(tokens.size());
    for (Token id : tokens) pieces.push_back(piece_of(*tokenizer, id));
    fmt::print(
        "{}\n",
        dump_json(
            {{"tokenizer", tokenizer->kind()}, {"n", tokens.size()}, {"ids", tokens}, {"pieces", pieces}}));
  } else if (options.ids) {
    for (std::size_t i = 0; i < tokens.size(); ++i) fmt::print("{}{}", i == 0 ? "" : " ", tokens[i]);
    fmt::print("\n");
  } else {
    for (Token id : tokens) fmt::print("{:>7}  {}\n", id, dump_json(Json(piece_of(*tokenizer, id))));
  }
  tell("{}: {} for {}\n", tokenizer->kind(), counted(tokens.size(), "token"), counted(text.size(), "byte"));
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
  app.footer(
      "Examples:\n  ropewalk tokenize model.gguf --text 'Hello world'\n"
      "  ropewalk tokenize model.gguf --text 'Hello world' --chat");
}

const Register<Command> registered{{"tokenize", "text to token ids", define, run}};

}  // namespace
}  // namespace ropewalk::cli::tokenize
