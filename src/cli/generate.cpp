// SPDX-License-Identifier: Apache-2.0
/// ropewalk generate: reads a prompt, long documents or both, and writes on.
#include <functional>
#include <optional>

#include "chat/turn.h"
#include "cli/auto_method.h"
#include "cli/documents.h"
#include "cli/fitting_length.h"
#include "cli/given_text.h"
#include "cli/interrupts.h"
#include "cli/kept_text.h"
#include "cli/ranks.h"
#include "cli/sampling_options.h"
#include "cli/unbounded.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tell.h"
#include "core/text.h"
#include "judge/document_check.h"
#include "model/cost.h"
#include "model/weight_outlook.h"
#include "model/writing.h"
#include "tokenizer/answer_text.h"

namespace rw::cli::generate {
namespace {

struct Options {
  std::string model, prompt, truncate, cache, method = "auto", check_time = "2m", effort;
  std::vector<std::string> files;
  Index n_predict = 128, chunk = kDefaultChunk;
  int n_threads = 0;
  bool raw = false, no_thinking = false, special = false, fit = false, check = false, json = false,
       unbounded = false;
  BackendOptions backend;
  SamplingOptions sampling;
} options;

ChatSettings chat_settings() {
  ChatSettings settings = chat_of_today(options.raw);
  if (options.no_thinking) settings.thinking = false;
  settings.special = options.special;
  settings.effort = options.effort;
  return settings;
}

/// A switch that the template does not have is said to be none.
void say_whether_thinking_stops(const Tokenizer& tokenizer) {
  ChatSettings settings = chat_of_today(false);
  if (!has_chat_template(tokenizer, settings))
    return say("--no-thinking changes nothing: the model has no chat template");
  const std::vector<Token> as_it_is = user_prompt(tokenizer, "x", "", settings).tokens;
  settings.thinking = false;
  if (user_prompt(tokenizer, "x", "", settings).tokens == as_it_is)
    say("--no-thinking changes nothing: the model's chat template has no switch for it");
}

/// Tokens of a prompt that leave room for the answer in `whole`.
Index prompt_limit(Index whole, const char* option) {
  const Index limit = whole - options.n_predict;
  if (limit < 1)
    throw Error(option, fmt::format("fewer tokens to write than the {} that fit", whole),
                fmt::format("-n {}", options.n_predict), "give a smaller -n");
  return limit;
}

/// The user's text as tokens: all of it, or as much as fits where that was asked for.
GivenText::Part prompt_of(const GivenText& given, const Model& model, const FittingLength& fitting) {
  const Tokenizer& tokenizer = model.tokenizer();
  const bool common = !options.cache.empty();
  if (!options.fit && options.truncate.empty()) return given.whole(tokenizer, common);
  const LeftOut left_out = options.truncate == "head"     ? LeftOut::kHead
                           : options.truncate == "middle" ? LeftOut::kMiddle
                                                          : LeftOut::kTail;
  const Index limit = options.fit ? prompt_limit(fitting.most(), "--fit")
                                  : prompt_limit(model.config().n_ctx_train, "--truncate");
  GivenText::Part part = given.part(tokenizer, left_out, limit, common);
  if (part.n_left_out > 0)
    say(fmt::format("{}: the {} of the text is left out, {} of {}{}", options.fit ? "fit" : "truncated",
                    options.truncate.empty() ? "tail" : options.truncate, part.n_left_out,
                    counted(part.n_text, "token"), options.fit ? "; " + fitting.why() : ""));
  return part;
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

/// Prints as it comes, and keeps all of it for --json.
struct Answer {
  AnswerText pending;
  std::string text;
  void put(const std::string& more) {
    if (options.json) return void(text += more);
    fmt::print("{}", more);
    if (std::fflush(stdout) != 0)  // else it would be written for nobody
      throw Error("standard output", "room for the answer", "none", "is the disk full?");
  }
};

struct Times {
  double start = now_seconds(), read = start;
};

/// What fails beside the answer is said, and the answer is given; the command fails at its end.
struct Failures {
  std::optional<Error> first;
  void run(const char* what, const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      if (first) say(first->what());
      first.emplace(what, error);
    }
  }
};

/// Reads `prompt` from where the session stands, and writes. What another question would begin with too is
/// kept behind its last token.
std::vector<Token> write_answer(Session& session, const GivenText::Part& prompt, const KeptText& kept,
                                Answer& answer, Times& times, SamplerSettings settings, Failures& failures) {
  const Model& model = session.model();
  const Tokenizer& tokenizer = model.tokenizer();
  Sampler sampler(std::move(settings), model.n_choices(), prompt.tokens);
  std::optional<Reading> reading(std::in_place, model.config(), static_cast<Index>(prompt.tokens.size()));
  const auto has_read = [&] {
    if (!reading) return;
    reading.reset(), times.read = now_seconds();
    if (options.unbounded) catch_interrupts();  // until here ctrl-C ends the command at once
  };
  const auto all = std::span<const Token>(prompt.tokens);
  const auto rest = [&](Index end) {
    const auto from = static_cast<std::size_t>(session.position());
    return all.subspan(from, static_cast<std::size_t>(end) - from);
  };
  Index before = session.position();
  const TokensDone read = [&](Index n_done) { reading->update(before + n_done); };
  if (kept.asked() && session.position() < prompt.n_common) {
    session.run(rest(prompt.n_common), {}, read);
    before = session.position();
    failures.run("--cache", [&] { kept.keep(session.sequence()); });
  }
  std::vector<Token> written = write_on(
      session, rest(static_cast<Index>(all.size())),
      {.n_predict = options.n_predict,
       .stop = tokenizer.end_tokens,
       .read = read,
       .wrote = [&](Token token) { has_read(), answer.put(answer.pending.add(tokenizer.decode(token))); },
       .not_numbers = [](Index n_done) { fail_not_numbers(options.model, n_done); },
       .sampler = &sampler,
       .enough = [&] { return ctrl_c_pressed || answer.pending.stop().has_value(); }});
  has_read();
  answer.put(answer.pending.end());
  return written;
}

/// One that was kept, or a new one.
Session open_session(const Model& model, const std::vector<Token>& prompt, const KeptText& kept,
                     const FittingLength& fitting, AutoChoice& choice) {
  const auto n_prompt = static_cast<Index>(prompt.size()), n = n_prompt + options.n_predict;
  fitting.say_unproven(n);
  if (std::optional<Sequence> sequence = kept.find(prompt, n, options.method, options.chunk, choice))
    return Session(std::move(*sequence), options.chunk);
  choice = method_for(options.method, options.model, model.config(), n);
  fitting.require(choice.spec, n);
  const Index longer = bound_length(n_prompt, options.n_predict, model.config().n_ctx_train);
  const Index length = kept.length_for(n, longer > n && fitting.held_at(n, longer) ? longer : n, fitting);
  kept.require_writable(fitting.cache_bytes(choice.spec, n_prompt));
  return Session(model, choice.spec, {.n = length, .n_prompt = n_prompt, .chunk = options.chunk});
}

/// Keys hidden in copies of what was read, at the answer's length, under the answer's method.
DocumentCheck check_text(const Sequence& sequence, const std::string& text, Index length,
                         double budget_seconds) {
  const Model& model = sequence.model();
  const Tokenizer& tokenizer = model.tokenizer();
  const Document document =
      identify({"the text", tokenizer.encode(text, options.special), tokenizer.text_begin()});
  Progress progress("checking", 1);
  DocumentCheckOptions how{.budget_seconds = budget_seconds, .bound = sequence.bound()};
  how.progress = [&](double share) { progress.update(share); };
  return check_document(model, tokenizer, sequence.spec(), document, length, how);
}

void print_json(const Answer& answer, bool cut, Index n_before, Index n_new, const GivenText::Part& prompt,
                const Session& session, const AutoChoice& choice, const SamplerSettings& sampling,
                const std::optional<DocumentCheck>& check) {
  const auto& stop = answer.pending.stop();
  const WeightOutlook& weights = session.model().outlook();
  fmt::print("{}\n", dump_json({{"text", answer.text},
                                {"reason", cut ? "length" : "stop"},
                                {"stop", stop ? Json(*stop) : Json(nullptr)},
                                {"n_prompt", prompt.tokens.size()},
                                {"n_left_out", prompt.n_left_out},
                                {"n_cached", n_before},
                                {"n_new", n_new},
                                {"method", session.method().text()},
                                {"why", choice.why.empty() ? Json(nullptr) : Json(choice.why)},
                                {"seed", sampling.temperature > 0 ? Json(sampling.seed) : Json(nullptr)},
                                {"check", check ? json_of(*check) : Json(nullptr)},
                                {"weights", weights.plan.fits() ? Json(nullptr) : json_of(weights)}}));
}

int run() {
  const std::shared_ptr<Ranks> ranks = ranks_of(options.backend);
  const std::shared_ptr<const Backend> backend =
      options.backend.make(make_context(options.n_threads));  // before the load
  check_method(options.method);
  if (options.files.empty() && options.prompt.empty())
    throw UsageError("generate", "-p PROMPT, -f FILE or both", "neither");
  const double check_seconds = parse_seconds(options.check_time, "--check-time");
  for (const std::string& file : options.files)
    if (file != "-") require_readable(file);
  const std::shared_ptr<const Model> loaded = load_decoder(options.model, backend);
  SamplerSettings sampling = options.sampling.settings(loaded->n_choices());
  sampling.seed = of_first(*ranks, sampling.seed);
  if (options.unbounded && options.backend.context_parallel)
    throw UsageError("--unbounded", "one process", "--context-parallel",
                     "its memory stays: it needs no ranks");
  if (options.unbounded) require_unbounded(*loaded, options.method);
  if (!options.effort.empty() && !has_chat_template(loaded->tokenizer(), {}))
    throw Error("--reasoning-effort", "a model with a chat template that reads it", "none in its files",
                "leave it out");
  if (options.no_thinking) say_whether_thinking_stops(loaded->tokenizer());
  const FittingLength fitting(*loaded, options.model, options.method, options.chunk);
  const GivenText given(options.files, options.prompt, chat_settings());
  const KeptText kept(options.cache, *loaded, options.model);
  const GivenText::Part prompt = prompt_of(given, *loaded, fitting);
  const auto n_prompt = static_cast<Index>(prompt.tokens.size());
  if (options.unbounded) {
    options.n_predict = kMostTokens - n_prompt;
    sampling = without_ends(std::move(sampling), *loaded);
    say("unbounded: " + what_is_seen(*loaded, MethodSpec::parse(options.method)));
  }
  AutoChoice choice;
  Session session = open_session(*loaded, prompt.tokens, kept, fitting, choice);
  require_same_text(*ranks, *loaded, prompt.tokens, session.sequence().spec());
  say(fmt::format("{}, method {}", counted(n_prompt, "prompt token"), session.method().text()));
  if (sampling.temperature > 0) say(fmt::format("drawn with --seed {}", sampling.seed));

  Times times;
  Answer answer{AnswerText(options.sampling.stops), ""};
  const Index before = session.position();
  Failures failures;
  const auto n_new =
      static_cast<Index>(write_answer(session, prompt, kept, answer, times, sampling, failures).size());
  const bool cut = n_new == options.n_predict && !answer.pending.stop();
  if (!options.json) fmt::print("\n"), std::fflush(stdout);
  const double wrote = now_seconds() - times.read;
  std::optional<DocumentCheck> check;
  if (options.check)
    failures.run("the check", [&] {
      check = check_text(session.sequence(), prompt.text, n_prompt + options.n_predict, check_seconds);
    });
  if (options.json) print_json(answer, cut, before, n_new, prompt, session, choice, sampling, check);
  if (cut) tell("the answer was cut at -n {}\n", options.n_predict);
  tell("{}\n{}\n", speed_line("read", n_prompt - before, times.read - times.start),
       speed_line("wrote", n_new, wrote));
  if (check) say("check: " + text_of(*check));
  if (failures.first) throw Error(*failures.first);
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("-p,--prompt", options.prompt, "prompt; after the file's text when both are given");
  app.add_option(
      "-f,--file", options.files,
      "to read first, in this order: text, Markdown, PDF,\nHTML, EPUB, DOCX, ODT; - is standard input");
  app.add_option("-n,--n-predict,--predict", options.n_predict, "most tokens to write")
      ->check(in_range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--method", options.method,
                 "auto: plain RoPE while it fits, else what tune\nfound;\n"
                 "or one by name: none, rerope, yarn:factor=4 ...")
      ->capture_default_str();
  app.add_option("--truncate", options.truncate,
                 "part to leave out of a text that is too long:\nhead, middle or tail")
      ->check(one_of({"head", "middle", "tail"}));
  app.add_flag("--fit", options.fit,
               "read no more than fits the memory and, with auto,\nwas proven: the begin, or see --truncate");
  app.add_option("--cache", options.cache,
                 "keep what was read in this file; the next question\nof the same documents starts at once");
  app.add_flag(
      "--check", options.check,
      "then hide keys in copies of what was read, and ask\nfor them: can this method be trusted here?");
  app.add_option("--check-time", options.check_time, "that the check may take; 0: as long as it takes")
      ->capture_default_str();
  app.only_with("--check", {"--check-time"});
  options.sampling.define(app);
  options.backend.define(app);
  app.add_flag("--unbounded", options.unbounded,
               "write without an end, in memory that stays,\nuntil ctrl-C: with --method streaming-llm");
  app.add_option("--chunk", options.chunk, "prompt tokens per step; does not change results")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--raw", options.raw, "no chat template");
  define_special(app, options.special);
  app.add_flag("--no-thinking", options.no_thinking, "thinking off, where the template has a switch");
  define_effort(app, options.effort);
  app.never_with("--raw", {"--no-thinking", "--reasoning-effort"});
  app.add_flag("--json", options.json, "one JSON object at the end");
  app.never_with("--unbounded", {"-n", "--fit", "--truncate", "--cache", "--check", "--json"});
  options.backend.define_context_parallel(app);
  // What they decide by is each machine's own: its files, its memory, its clock, its keyboard.
  app.never_with("--context-parallel", {"--cache", "--fit", "--check"});
  app.footer(
      "Examples:\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is the heroine?' -n 64\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is the heroine?' \\\n"
      "      --truncate middle\n"
      "  ropewalk generate model.gguf -f novel.txt --method self-extend\n"
      "  ropewalk generate model.gguf -f report.pdf notes.md -p 'Sum it up.' --fit\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Where does it play?' \\\n"
      "      --cache novel.cache\n"
      "  ropewalk generate model.gguf -p 'Once' --method streaming-llm --unbounded\n"
      "  mpirun -n 4 ropewalk generate model.gguf -f novel.txt -p 'Who is Anne?' \\\n"
      "      --context-parallel\n"
      "  ropewalk generate model.gguf -p 'Once' --temp 0.8 --min-p 0.05 -s 1 --stop END");
}

const Register<Command> registered{{"generate", "read long documents and answer", define, run, true}};

}  // namespace
}  // namespace rw::cli::generate
