// SPDX-License-Identifier: Apache-2.0
/// ropewalk generate: reads a prompt, a long file or both, and writes the continuation greedily.
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "chat/turn.h"
#include "cli/auto_method.h"
#include "cli/truncate.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tell.h"
#include "core/text.h"
#include "model/cost.h"
#include "model/greedy.h"

namespace ropewalk::cli::generate {
namespace {

struct Options {
  std::string model, prompt, file, truncate, method = "auto";
  Index n_predict = 128, chunk = kDefaultChunk;
  int n_threads = 0;
  bool raw = false, no_thinking = false, special = false, json = false;
  BackendOptions backend;
} options;

/// The user's text between the template's turns, or alone where there is no template.
std::vector<Token> prompt_tokens(const Tokenizer& tokenizer, const std::string& text) {
  ChatSettings settings = chat_of_today(options.raw);
  if (options.no_thinking) settings.thinking = false;
  settings.special = options.special;
  const ChatPrompt prompt = user_prompt(tokenizer, text, "", settings);
  if (prompt.exposed)
    say("the template changes the text: control tokens that are spelled in it are read as such");
  return prompt.tokens;
}

/// A switch that the template does not have is said to be none.
void say_whether_thinking_stops(const Tokenizer& tokenizer) {
  ChatSettings settings = chat_of_today(false);
  const std::vector<Token> as_it_is = user_prompt(tokenizer, "x", "", settings).tokens;
  settings.thinking = false;
  if (user_prompt(tokenizer, "x", "", settings).tokens == as_it_is)
    say("--no-thinking changes nothing: the model's chat template has no switch for it");
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

/// What the user gave: a file's text, a prompt, or both.
struct Input {
  std::string file, prompt;
  std::string text() const { return file + (file.empty() || prompt.empty() ? "" : "\n\n") + prompt; }
};

/// Tokens that --truncate leaves for the prompt.
Index prompt_limit(Index n_ctx_train) {
  const Index limit = n_ctx_train - options.n_predict;
  if (limit < 1)
    throw Error("--truncate", fmt::format("fewer tokens to write than the {} trained on", n_ctx_train),
                fmt::format("-n {}", options.n_predict), "give a smaller -n");
  return limit;
}

/// The file's text (the prompt's, where there is no file) without what does not fit beside the answer in the
/// length that the model was trained on, in memory of what fits; tokens that were left out.
Index read_truncated(Input& input, const Tokenizer& tokenizer, Index limit) {
  TextEnds ends(limit);
  std::string whole;  // while it may fit
  TokenStream stream(tokenizer, false, [&](std::span<const Token> ids) { ends.add(ids); });
  const auto add = [&](std::string_view text) {
    stream.add(text);
    if (ends.n() <= limit) whole += text;
  };
  if (options.file.empty())
    add(options.prompt);
  else
    read_text_pieces(options.file, "tokenizing", add);
  stream.end();
  std::string& text = options.file.empty() ? input.prompt : input.file;
  const auto count = [&](const std::string& some) {
    text = some;
    return static_cast<Index>(prompt_tokens(tokenizer, input.text()).size());
  };
  if (ends.n() <= limit && count(whole) <= limit) return 0;
  const LeftOut left_out = options.truncate == "head"     ? LeftOut::kHead
                           : options.truncate == "middle" ? LeftOut::kMiddle
                                                          : LeftOut::kTail;
  Truncated cut = truncate_text(tokenizer, ends, left_out, limit, count);
  text = std::move(cut.text);
  tell("truncated: the {} of the text is left out, {}\n", options.truncate, counted(cut.n_left_out, "token"));
  return cut.n_left_out;
}

/// Progress of the reading, in work: it is quadratic. What will take over half an hour is said once, as soon
/// as the pace is known (of the first step, the weights come from the disk).
class Reading {
 public:
  Reading(const ModelConfig& config, Index n_prompt)
      : config_(config), n_prompt_(n_prompt), progress_("reading", cost_of(config, n_prompt)) {
    progress_.update(0);
  }
  void update(Index n_done) {
    const double now = now_seconds();
    if (n_last_ > 0 && !told_) {
      told_ = true;
      const double pace = (now - last_) / (cost_of(config_, n_done) - cost_of(config_, n_last_));
      if (const double left = pace * (cost_of(config_, n_prompt_) - cost_of(config_, n_done)); left > kLong)
        tell("reading {} tokens will take about {}; --truncate reads less\n", n_prompt_, time_text(left));
    }
    n_last_ = n_done, last_ = now;
    progress_.update(cost_of(config_, n_done));
  }

 private:
  static constexpr double kLong = 1800;
  const ModelConfig& config_;
  Index n_prompt_, n_last_ = 0;
  double last_ = 0;
  bool told_ = false;
  Progress progress_;
};

/// Prints as it comes, whole characters at a time, and keeps all of it for --json.
struct Answer {
  std::string text, pending;
  void add(const std::string& bytes) {
    pending += bytes;
    put(whole_characters(pending));
  }
  void end() { put(pending.size()); }

 private:
  void put(std::size_t ready) {
    if (!options.json) fmt::print("{}", pending.substr(0, ready)), std::fflush(stdout);
    text += pending.substr(0, ready);
    pending.erase(0, ready);
  }
};

int run() {
  const std::shared_ptr<const Backend> backend =
      options.backend.make(make_context(options.n_threads));  // before the load
  check_method(options.method);
  if (options.file.empty() && options.prompt.empty())
    throw UsageError("generate", "-p PROMPT, -f FILE or both", "neither");
  Input input{"", options.prompt};
  if (!options.file.empty() && options.truncate.empty()) input.file = read_prompt(options.file);
  const std::shared_ptr<const Model> loaded = load_decoder(options.model, backend);
  const Tokenizer& tokenizer = loaded->tokenizer();
  const ModelConfig& config = loaded->config();
  if (options.no_thinking) say_whether_thinking_stops(tokenizer);
  const Index n_left_out =
      options.truncate.empty() ? 0 : read_truncated(input, tokenizer, prompt_limit(config.n_ctx_train));
  const std::vector<Token> prompt = prompt_tokens(tokenizer, input.text());
  const auto n_prompt = static_cast<Index>(prompt.size());
  const AutoChoice choice = method_for(options.method, options.model, config, n_prompt + options.n_predict);
  Session session(*loaded, choice.spec,
                  {.n = n_prompt + options.n_predict, .n_prompt = n_prompt, .chunk = options.chunk});
  say(fmt::format("{}, method {}", counted(n_prompt, "prompt token"), session.method().text()));

  const double start = now_seconds();
  double read = start;
  Answer answer;
  std::optional<Reading> reading(std::in_place, config, n_prompt);
  const auto has_read = [&] {
    if (reading) reading.reset(), read = now_seconds();
  };
  const std::vector<Token> written = write_greedily(
      session, prompt,
      {.n_predict = options.n_predict,
       .stop = tokenizer.end_tokens,
       .read = [&](Index n_done) { reading->update(n_done); },
       .wrote = [&](Token token) { has_read(), answer.add(tokenizer.decode(token)); },
       .not_numbers =
           [&](Index n_done) {
             throw Error(options.model, "logits that are numbers", fmt::format("NaN after {} tokens", n_done),
                         "try --precision f32; else a weight of the file is not a number");
           }});
  has_read(), answer.end();
  const auto n_new = static_cast<Index>(written.size());
  const bool cut = n_new == options.n_predict;
  if (options.json)
    fmt::print("{}\n", dump_json({{"text", answer.text},
                                  {"reason", cut ? "length" : "stop"},
                                  {"n_prompt", n_prompt},
                                  {"n_left_out", n_left_out},
                                  {"n_new", n_new},
                                  {"method", session.method().text()},
                                  {"why", choice.why.empty() ? Json(nullptr) : Json(choice.why)}}));
  else
    fmt::print("\n"), std::fflush(stdout);
  if (cut) tell("the answer was cut at -n {}\n", options.n_predict);
  tell("{}\n{}\n", speed_line("read", n_prompt, read - start),
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
  app.add_option("--method", options.method,
                 "auto: plain RoPE while it fits, else what tune\nfound;\n"
                 "or one by name: none, rerope, yarn:factor=4 ...")
      ->capture_default_str();
  app.add_option("--truncate", options.truncate,
                 "part to leave out of a text that is too long:\nhead, middle or tail")
      ->check(one_of({"head", "middle", "tail"}));
  options.backend.define(app);
  app.add_option("--chunk", options.chunk, "prompt tokens per step; does not change results")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--raw", options.raw, "no chat template");
  define_special(app, options.special);
  app.add_flag("--no-thinking", options.no_thinking, "thinking off, where the template has a switch");
  app.never_with("--raw", {"--no-thinking"});
  app.add_flag("--json", options.json, "one JSON object at the end");
  app.footer(
      "Examples:\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is the heroine?' -n 64\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is the heroine?' \\\n"
      "      --truncate middle\n"
      "  ropewalk generate model.gguf -f novel.txt --method self-extend");
}

const Register<Command> registered{{"generate", "read a long text and answer, greedily", define, run}};

}  // namespace
}  // namespace ropewalk::cli::generate
