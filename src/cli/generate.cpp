// SPDX-License-Identifier: Apache-2.0
/// ropewalk generate: reads a prompt, a long file or both, and writes the continuation greedily.
#include <unistd.h>

#include <algorithm>

#include "cli/command.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/progress.h"

namespace ropewalk {
namespace {

struct Options {
  std::string model, prompt, file, method = "none";
  Index n_predict = 128, chunk = kDefaultChunk;
  int n_threads = 0;
  bool raw = false, json = false;
  BackendOptions backend;
} options;

/// The user's text between the template's turns. The template's special tokens are read as such; the
/// spelling of one inside the user's text is plain text.
std::vector<Token> prompt_tokens(const Tokenizer& tokenizer, const std::string& text) {
  static constexpr std::string_view kMark = "\x02ropewalk\x02";
  std::vector<Token> tokens;
  auto append = [&](std::string_view part, bool special) {
    const std::vector<Token> more = tokenizer.encode(part, special);
    tokens.insert(tokens.end(), more.begin(), more.end());
  };
  const auto turn = options.raw ? std::nullopt : chat_prompt(tokenizer, kMark);
  if (turn && turn->find(kMark) != std::string::npos) {
    append(turn->substr(0, turn->find(kMark)), true);
    append(text, false);
    append(turn->substr(turn->find(kMark) + kMark.size()), true);
  } else {
    append(text, false);
  }
  if (tokenizer.add_bos && tokenizer.bos && (tokens.empty() || tokens.front() != *tokenizer.bos))
    tokens.insert(tokens.begin(), *tokenizer.bos);
  return tokens;
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
  set_threads(options.n_threads);
  const std::shared_ptr<const Backend> backend = options.backend.make();  // before the load
  const MethodSpec spec = MethodSpec::parse(options.method);
  const std::string text = read_input();
  const LoadedModel loaded = load_model(options.model, backend);
  const Tokenizer& tokenizer = *loaded.tokenizer;
  const Index n_vocab = loaded.model->config().n_vocab;
  const std::vector<Token> prompt = prompt_tokens(tokenizer, text);
  const auto n_prompt = static_cast<Index>(prompt.size());
  Session session(*loaded.model, spec,
                  {.n = n_prompt + options.n_predict, .n_prompt = n_prompt, .chunk = options.chunk});
  fmt::print(stderr, "{} prompt tokens, method {}\n", n_prompt, session.method().text());

  Token next = 0;
  const LogitsSink pick = [&](Index, Index n_rows, const float* logits) {
    const float* row = logits + (n_rows - 1) * n_vocab;
    next = static_cast<Token>(std::max_element(row, row + n_vocab) - row);
  };
  const double start = now_seconds();
  {
    Progress progress("reading", static_cast<double>(n_prompt));
    session.run(prompt, n_prompt - 1, n_prompt, pick,
                [&](Index n_done) { progress.update(static_cast<double>(n_done)); });
  }
  const double read = now_seconds();
  std::string answer, pending;
  Index n_new = 0;
  for (; n_new < options.n_predict; ++n_new) {
    if (std::count(tokenizer.end_tokens.begin(), tokenizer.end_tokens.end(), next) > 0) break;
    pending += tokenizer.decode(next);
    const std::size_t ready = whole_characters(pending);
    answer += pending.substr(0, ready);
    if (!options.json) {
      fmt::print("{}", pending.substr(0, ready));
      std::fflush(stdout);
    }
    pending.erase(0, ready);
    if (n_new + 1 < options.n_predict) session.write(next, pick);
  }
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

void define(CLI::App& app) {
  app.add_option("MODEL", options.model, "GGUF file or Hugging Face folder")->required();
  app.add_option("-p,--prompt", options.prompt, "prompt; after the file's text when both are given");
  app.add_option("-f,--file", options.file, "text file to read first");
  app.add_option("-n,--predict,--n-predict", options.n_predict, "most tokens to write")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--method", options.method, "method, such as rerope or yarn:factor=4")
      ->capture_default_str();
  options.backend.define(app);
  app.add_option("--chunk", options.chunk, "prompt tokens per step; does not change results")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(CLI::Range(0, 1024));
  app.add_flag("--raw", options.raw, "no chat template");
  app.add_flag("--json", options.json, "one JSON object at the end");
  app.footer(
      "Example:\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is the heroine?' \\\n"
      "      --method rerope -n 64");
}

const Register<Command> registered{{"generate", "read a long text and answer, greedily", define, run}};

}  // namespace
}  // namespace ropewalk
