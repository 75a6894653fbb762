// SPDX-License-Identifier: Apache-2.0
/// ropewalk tune: the method and its parameters chosen by evidence, on the user's own text.
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/goes_on.h"
#include "cli/ranks.h"
#include "cli/tune_rows.h"
#include "core/progress.h"
#include "core/text.h"
#include "evaluation/choose_method.h"

namespace rw::cli::tune {
namespace {

struct Options {
  std::string model, length, goal = "loss", budget = "0", out;
  std::vector<std::string> texts, candidates;
  Index tail = 0;  // follows the trained length
  int documents = 0, n_threads = 0;
  bool special = false, json = false;
  BackendOptions backend;
} options;

/// What the winner is held against, as it is shown.
std::string shown_name(const std::string& method) {
  return method == kPlain       ? "plain RoPE"
         : method == kTruncated ? "truncation"
         : method == "yarn"     ? "YaRN"
                                : method;
}

/// `better`: -1 where less is better, else 1.
std::string margin_text(const char* what, const std::string& rival, const Difference& d, int better) {
  if (!d.measured()) return "";
  std::string text = fmt::format("{:<6}minus {:<11}", what, shown_name(rival));
  if (d.finite()) text += fmt::format("{:+.4f}", d.interval.mean);
  if (d.interval.low) text += fmt::format(" [{:+.4f}, {:+.4f}]", *d.interval.low, *d.interval.high);
  return text + fmt::format("{}{}\n", d.finite() ? ": " : "", word_of(d, better));
}

void print_margins(const std::string& winner, const std::vector<Margin>& margins) {
  std::string loss, score;
  for (const Margin& m : margins) {
    loss += margin_text("loss", m.rival, m.loss, -1);
    score += margin_text("found", m.rival, m.score, 1);
  }
  fmt::print("\n{}{}{}",
             wrapped(fmt::format("{} on what it was not chosen on, {}:", shown_name(winner),
                                 margins.front().loss.units.scope())),
             loss, score);
}

/// What makes it again, with as many stretches and as much time.
std::string command_line(const TuneRequest& request, int documents, bool with_budget) {
  std::string text = "ropewalk tune " + shell_quoted(options.model) + " --text";
  for (const std::string& path : options.texts) text += " " + shell_quoted(path);
  text += fmt::format(" --length {} --goal {} --budget {} --documents {} --tail {} --precision {} --kv {}",
                      shell_quoted(options.length), options.goal,
                      with_budget ? shell_quoted(options.budget) : "0", documents, request.tail,
                      options.backend.precision, options.backend.kv_type());
  if (options.special) text += " --special";
  text += pre_option();
  if (!options.candidates.empty()) text += " --candidates";
  for (const std::string& spec : options.candidates) text += " " + shell_quoted(spec);
  return text + piped(options.texts);
}

int say_nothing_to_tune(Index length, const ModelConfig& config, const std::string& why) {
  if (options.json)
    fmt::print(
        "{}\n",
        dump_json(
            {{"length", length}, {"n_ctx_train", config.n_ctx_train}, {"method", kPlain}, {"why", why}}));
  else
    fmt::print("nothing to tune: {}\n", why);
  return 0;
}

void show(const TuneOutcome& tuned) {
  print_rows(tuned.result.rows);
  if (!tuned.unmeasured.empty()) fmt::print("{}", wrapped(tuned.unmeasured));
  if (tuned.result.plan.n_left_out > 0)
    fmt::print("{} left out for the budget\n", counted(tuned.result.plan.n_left_out, "candidate"));
  if (!tuned.margins.empty()) print_margins(tuned.result.winner(), tuned.margins);
  fmt::print("\n{}", wrapped(tuned.conclusion.why));
  if (tuned.conclusion.truncation_does && tuned.conclusion.finding != TuneFinding::kNotFinite)
    fmt::print("{}",
               wrapped("no method was shown to be better than truncation: --truncate head reads the last "
                       "tokens only"));
  if (tuned.next) {
    fmt::print("{}", wrapped(tuned.next->words));
    if (!tuned.next->command.empty()) fmt::print("  {}\n", tuned.next->command);
  }
  if (tuned.bound.empty()) return;
  fmt::print("method: {}\n{}", tuned.conclusion.method, wrapped("at this length: " + tuned.bound));
  fmt::print("\nThe same elsewhere:\n{}", settings_text(tuned.peers));
}

std::vector<NamedText> read_texts(Index length) {
  const int n_stretches = options.documents > 0 ? options.documents : kMostStretches;
  std::vector<NamedText> texts;
  for (const std::string& path : expand_texts(options.texts))
    texts.push_back({path, read_text_file(path, bytes_of_documents(n_stretches, length))});
  return texts;
}

int run() {
  const double start = now_seconds();
  const std::shared_ptr<const Backend> backend = options.backend.make(make_context(options.n_threads));
  if (works_for_first(options.backend)) return work_for_first(*load_decoder(options.model, backend));
  const Index length = parse_length(options.length);
  const double budget = parse_seconds(options.budget);
  if (options.tail > 0 && options.goal == "retrieval")
    say("--tail has no effect: --goal retrieval measures no loss");
  for (const std::string& spec : options.candidates) MethodSpec::parse(spec);
  TuneRequest request{.texts = read_texts(length),
                      .length = length,
                      .goal = options.goal == "loss"        ? Goal::kLoss
                              : options.goal == "retrieval" ? Goal::kRetrieval
                                                            : Goal::kBoth,
                      .candidates = options.candidates,
                      .documents = options.documents,
                      .tail = options.tail,
                      .special = options.special,
                      .keep = true,
                      .model_path = options.model,
                      .command = command_line};
  const std::shared_ptr<const Model> loaded = load_decoder(options.model, backend);
  const std::unique_ptr<Coordinator> coordinator = share_items(options.backend, *loaded);
  request.coordinator = coordinator.get();
  if (const std::string why = nothing_to_tune(length, loaded->config()); !why.empty())
    return say_nothing_to_tune(length, loaded->config(), why);
  std::optional<Store> store;
  if (!options.out.empty()) store.emplace(options.out);
  say_that_it_goes_on(options.out);
  request.store = store ? &*store : nullptr;
  if (budget > 0) request.budget_seconds = std::max(1e-3, budget - (now_seconds() - start));  // stays a limit
  const TuneOutcome tuned = choose_method(loaded, std::move(request), say);
  if (options.json)
    fmt::print("{}\n", dump_json(tuned_json(tuned, true)));
  else
    show(tuned);
  std::fflush(stdout);
  keep_tuned(tuned, options.model, say);
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("--text", options.texts, "text files")->required();
  app.add_option("--length", options.length, "tokens, such as 32k")->required();
  app.add_option("--budget", options.budget, "time, such as 10m; 0: no limit")->capture_default_str();
  app.add_option("--goal", options.goal, "loss, retrieval (keys found; 7 x the work), both")
      ->check(one_of({"loss", "retrieval", "both"}))
      ->capture_default_str();
  app.add_option("--candidates", options.candidates, "methods to choose from; default: all kinds");
  app.add_option("--documents", options.documents, "stretches of each text; 0: what fits, to 12")
      ->check(in_range(0, 1000));
  app.add_option("--tail", options.tail,
                 "last tokens that are scored; default: 256, or half\nof the trained length, or what it "
                 "holds behind 64")
      ->check(in_range(1, 65536));
  define_special(app, options.special);
  app.add_option("--out", options.out, "results as JSON lines; goes on if it is there");
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "Example:\n"
      "  ropewalk tune model.gguf --text novel.txt --length 16k --budget 10m\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is Anne?' --method auto");
}

const Register<Command> registered{
    {"tune", "choose a method and its parameters by evidence", define, run, true}};

}  // namespace
}  // namespace rw::cli::tune
