// SPDX-License-Identifier: Apache-2.0
/// ropewalk generate: reads a prompt, a long file or both, and writes the continuation greedily.
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "chat/turn.h"
#include "cli/command.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "model/greedy.h"

namespace ropewalk {
namespace {

struct Options {
  std::string model, prompt, file, method = "none";
  Index n_predict = 128, chunk = kDefaultChunk;
  int n_threads = 0;
  bool raw = false, no_thinking = false, json = false;
  BackendOptions backend;
} options;

/// The user's text between the template's turns, or alone where there is no template.
std::vector<Token> prompt_tokens(const Tokenizer& tokenizer, const std::string& text) {
  ChatSettings settings = chat_of_today(options.raw);
  if (options.no_thinking) settings.thinking = false;
  const ChatPrompt prompt = user_prompt(tokenizer, text, "", settings);
  if (prompt.exposed)
    fmt::print(stderr,
               "the template changes the text: control tokens that are spelled in it are read as such\n");
  return prompt.tokens;
}

/// Bytes of `pending` that end on a whole UTF-8 character; a broken sequence is let through.
std::size_t whole_characters(const std::string& pending) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, pending.size()); ++back) {
    const auto byte = static_cast<unsigned char>(pending[pending.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return need > back ? pending.size() - back : pending.size();
  }
  return pending.size();
}

std::string read_input() {
  std::string text = options.file.empty() ? "" : read_text_file(options.file);
  if (!options.prompt.empty()) text += (text.empty() ? "" : "\n\n") + options.prompt;
  if (text.empty()) throw UsageError("generate", "-p PROMPT, -f FILE or both", "neither");
  return text;
}

int run() {
  use_threads(options.n_threads);
  const std::shared_ptr<const Backend> backend = options.backend.make();  // before the load
  const MethodSpec spec = MethodSpec::parse(tuned_method(options.method, options.model));
  const std::string text = read_input();
  const LoadedModel loaded = load_model(options.model, backend);
  const Tokenizer& tokenizer = *loaded.tokenizer;
  const Index n_vocab = loaded.model->config().n_vocab;
  const std::vector<Token> prompt = prompt_tokens(tokenizer, text);
  const auto n_prompt = static_cast<Index>(prompt.size());
  Session session(*loaded.model, spec,
                  {.n = n_prompt + options.n_predict, .n_prompt = n_prompt, .chunk = options.chunk});
  fmt::print(stderr, "{} prompt tokens, method {}\n", n_prompt, session.method().text());

  const double start = now_seconds();
  double read = start;
  std::string answer, pending;
  std::optional<Progress> progress(std::in_place, "reading", static_cast<double>(n_prompt));
  const std::vector<Token> written = write_greedily(
      session, prompt, n_vocab,
      {.n_predict = options.n_predict,
       .stop = tokenizer.end_tokens,
       .read = [&](Index n_done) { progress->update(static_cast<double>(n_done)); },
       .wrote =
           [&](Token token) {
             if (progress) progress.reset(), read = now_seconds();
             pending += tokenizer.decode(token);
             const std::size_t ready = whole_characters(pending);
             answer += pending.substr(0, ready);
             if (!options.json) fmt::print("{}", pending.substr(0, ready)), std::fflush(stdout);
             pending.erase(0, ready);
           },
       .not_numbers =
           [&](Index position) {
             throw Error("the model's logits", "numbers", fmt::format("NaN after {} tokens", position),
                         "try --precision f32, another --method or a shorter text");
           }});
  if (progress) progress.reset(), read = now_seconds();
  const auto n_new = static_cast<Index>(written.size());
  answer += pending;
  if (options.json)
    fmt::print("{}\n", dump_json({{"text", answer},
                                  {"n_prompt", n_prompt},
                                  {"n_new", n_new},
                                  {"method", session.method().text()}}));
  else
    fmt::print("{}\n", pending), std::fflush(stdout);
  fmt::print(stderr, "{}\n{}\n", speed_line("read", n_prompt, read - start),
             speed_line("wrote", n_new, now_seconds() - read));
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("-p,--prompt", options.prompt, "prompt; after the file's text when both are given");
  app.add_option("-f,--file", options.file, "text file to read first");
  app.add_option("-n,--predict,--n-predict", options.n_predict, "most tokens to write")
      ->check(in_range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--method", options.method, "rerope, yarn:factor=4 ...; auto: what tune found")
      ->capture_default_str();
  options.backend.define(app);
  app.add_option("--chunk", options.chunk, "prompt tokens per step; does not change results")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--raw", options.raw, "no chat template");
  app.add_flag("--no-thinking", options.no_thinking, "thinking off, where the template has a switch");
  app.add_flag("--json", options.json, "one JSON object at the end");
  app.footer(
      "Example:\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is the heroine?' \\\n"
      "      --method rerope -n 64");
}

const Register<Command> registered{{"generate", "read a long text and answer, greedily", define, run}};

}  // namespace
}  // namespace ropewalk
