// SPDX-License-Identifier: Apache-2.0
/// ropewalk tune: the method and its parameters chosen by evidence, on the user's own text.
#include <algorithm>
#include <cmath>

#include "cli/command.h"
#include "cli/documents.h"
#include "cli/goes_on.h"
#include "cli/to_decide.h"
#include "cli/tune_rows.h"
#include "core/output_file.h"
#include "core/progress.h"
#include "core/text.h"
#include "judge/tune_evidence.h"
#include "methods/export.h"
#include "methods/tuned_file.h"
#include "results/report_data.h"
#include "results/verdict.h"

namespace rw::cli::tune {
namespace {

constexpr int kMostStretches = 12;

struct Options {
  std::string model, length, goal = "loss", budget = "0", out;
  std::vector<std::string> texts, candidates;
  Index tail = 0;  // follows the trained length
  int documents = 0, n_threads = 0;
  bool special = false, json = false;
  BackendOptions backend;
} options;

Goal parse_goal() {
  return options.goal == "loss" ? Goal::kLoss : options.goal == "retrieval" ? Goal::kRetrieval : Goal::kBoth;
}

/// Every second stretch is tuned on; the others are for the evaluation (Judged::kEverySecond). With one
/// stretch there is no honest answer.
struct Split {
  std::vector<Document> tuning, evaluation;
};

Split split(const std::vector<Document>& all) {
  if (all.size() < 2)
    throw Error("tune", "text for two documents or more: one to choose on, one to judge on", "text for one",
                "give more --text, or a shorter --length");
  Split split;
  for (std::size_t i = 0; i < all.size(); ++i)
    (i % 2 == 0 ? split.tuning : split.evaluation).push_back(all[i]);
  return split;
}

/// What the winner is held against, as it is shown.
std::string shown_name(const std::string& method) {
  return method == kPlain       ? "plain RoPE"
         : method == kTruncated ? "truncation"
         : method == "yarn"     ? "YaRN"
                                : method;
}
/// "versus_yarn" in JSON.
std::string json_key(const std::string& rival) {
  return "versus_" + (rival == kPlain ? "plain" : rival == kTruncated ? "truncated" : rival);
}

/// `better`: -1 where less is better, else 1.
std::string margin_text(const char* what, const std::string& rival, const Difference& d, int better) {
  if (!d.measured()) return "";
  std::string text = fmt::format("{:<6}minus {:<11}", what, shown_name(rival));
  if (d.finite()) text += fmt::format("{:+.4f}", d.interval.mean);
  if (d.interval.low) text += fmt::format(" [{:+.4f}, {:+.4f}]", *d.interval.low, *d.interval.high);
  return text + fmt::format("{}{}\n", d.finite() ? ": " : "", word_of(d, better));
}

Json difference_json(const Difference& d, int better) {
  if (!d.measured()) return nullptr;
  return {{"difference", d.finite() ? Json(d.interval.mean) : Json(nullptr)},
          {"interval", d.interval.low ? Json{*d.interval.low, *d.interval.high} : Json(nullptr)},
          {"p_holm", d.p ? Json(*d.p) : Json(nullptr)},
          {"n_documents", d.units.n_documents()},
          {"n_texts", d.units.n_texts()},
          {"word", word_of(d, better)}};
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
std::string command_line(int documents, const std::string& budget) {
  std::string text = "ropewalk tune " + shell_quoted(options.model) + " --text";
  for (const std::string& path : options.texts) text += " " + shell_quoted(path);
  text += fmt::format(" --length {} --goal {} --budget {} --documents {} --tail {} --precision {} --kv {}",
                      shell_quoted(options.length), options.goal, shell_quoted(budget), documents,
                      options.tail, options.backend.precision, options.backend.kv_type());
  if (options.special) text += " --special";
  text += pre_option();
  if (!options.candidates.empty()) text += " --candidates";
  for (const std::string& spec : options.candidates) text += " " + shell_quoted(spec);
  return text + piped(options.texts);
}

/// The command that would show something, or what is missing for one; nothing where stretches are not what
/// is missing.
std::optional<NextStep> next_step(const TuneConclusion& conclusion, const TokenTexts& texts, Index length) {
  if (conclusion.finding != TuneFinding::kTooFew) return std::nullopt;
  const std::size_t enough = conclusion.n_needed;
  if (const int n = stretches_to_decide(texts, length, Judged::kEverySecond, enough, enough); n > 0)
    return NextStep{"To decide:", command_line(n, "0")};
  return NextStep{"To decide, give " + text_to_decide(texts, length, 2 * enough) +
                      " (half of the stretches are to choose on); or a shorter --length.",
                  ""};
}

/// What is kept with the setting, so that somebody can see later what it rests on.
Json evidence_json(const std::string& winner, const TuneConclusion& conclusion,
                   const std::vector<Margin>& margins, const Split& documents) {
  Json evidence{{"why", conclusion.why},
                {"winner", winner},
                {"goal", options.goal},
                {"truncation_does", conclusion.truncation_does},
                {"n_to_choose_on", documents.tuning.size()},
                {"n_to_judge_on", documents.evaluation.size()}};
  for (const Margin& m : margins)
    evidence[json_key(m.rival)] = {{"loss", difference_json(m.loss, -1)},
                                   {"score", difference_json(m.score, 1)}};
  evidence["date"] = today(), evidence["command"] = command_line(options.documents, options.budget);
  return evidence;
}

/// What of the budget is left; a limit stays a limit when it is used up.
double left_of(double budget, double start) {
  return budget > 0 ? std::max(1e-3, budget - (now_seconds() - start)) : 0;
}

/// Inside the trained length plain RoPE is right, and nothing has to be measured; nor where no layer is one
/// that methods act on, so that all of them are the same.
int nothing_to_tune(Index length, const ModelConfig& config) {
  const Index trained = config.n_ctx_train;
  const std::string why =
      length <= trained
          ? fmt::format("{} tokens fit in the {} that the model was trained on: plain RoPE", length, trained)
          : no_acting_layers(config);
  if (options.json)
    fmt::print("{}\n",
               dump_json({{"length", length}, {"n_ctx_train", trained}, {"method", kPlain}, {"why", why}}));
  else
    fmt::print("nothing to tune: {}\n", why);
  return 0;
}

/// The file beside the model, as it is before the work: a foreign file, or a folder that cannot be written
/// to, is said now.
void check_tuned_file(const std::string& path, const std::string& model_id) {
  const std::optional<TunedFile> before = read_tuned(path);
  if (before && before->model_id != model_id)
    say(printable(path) + ": its settings are of another model, and will be replaced");
  const OutputFile writable(path);
}

/// "dca of 2026-11-26".
std::string named(const TunedSetting& setting) {
  const auto date = setting.evidence.find("date");
  return setting.method +
         (date != setting.evidence.end() && date->is_string() ? " of " + date->get<std::string>() : "");
}

/// Settings of other lengths stay, and the one that is replaced stands behind the new one as what was said
/// before. Read again: another tune may have written meanwhile.
void keep(const std::string& path, const RunInfo& info, TunedSetting setting) {
  std::optional<TunedFile> file = read_tuned(path);
  if (!file || file->model_id != info.model_id) file.emplace();
  file->version = info.version, file->model = info.model, file->model_id = info.model_id;
  file->n_ctx_train = info.n_ctx_train;
  if (const TunedSetting* old = file->at(setting.length)) {
    say(fmt::format("{}: {} replaces {} at {} tokens", printable(path), setting.method, named(*old),
                    setting.length));
    Json before = old->evidence;
    before.erase("replaces");
    before["method"] = old->method;
    setting.evidence["replaces"] = std::move(before);
  }
  file->put(std::move(setting));
  write_tuned(path, *file);
  say(fmt::format("{} holds {}; --method auto reads it", printable(path),
                  counted(file->settings.size(), "length")));
}

/// What --method auto does where nothing was stored.
void say_what_stays(const std::string& path, const RunInfo& info, Index length) {
  const std::optional<TunedFile> file = read_tuned(path);
  const TunedSetting* old = file && file->model_id == info.model_id ? file->at(length) : nullptr;
  say(old ? fmt::format("nothing is stored; {} keeps {} for {} tokens", printable(path), named(*old), length)
          : fmt::format(
                "nothing is stored for {} tokens; --method auto goes by what is tuned at other lengths, "
                "else by its default, {}",
                length, untuned_method(length, info.n_ctx_train)));
}

void say_plan(const TunePlan& plan, const Split& documents) {
  const std::string left_out =
      plan.n_left_out > 0 ? fmt::format(" ({} more are left out for the budget)", plan.n_left_out) : "";
  say(fmt::format("{}{}", counted(plan.n_begin, "candidate"), left_out));
  say(fmt::format("{} to choose on, {} to judge on; about {}", counted(documents.tuning.size(), "stretch"),
                  documents.evaluation.size(), time_text(plan.seconds)));
  if (documents.evaluation.size() < static_cast<std::size_t>(kEnoughUnits))
    say(
        fmt::format("fewer than {} to judge on: whatever is found, nothing will be stored; give more text or "
                    "--documents, or a shorter --length",
                    kEnoughUnits));
}

/// Why some methods are no candidates; empty: all are, or the user says what is tried.
std::string unmeasured(const RunInfo& info) {
  return options.candidates.empty() ? why_unmeasured(info.model_id) : "";
}

/// What was found: all that is printed, in text and JSON.
struct Tuned {
  TuneResult result;
  std::vector<Margin> margins;
  TuneConclusion conclusion;
  std::string bound;  ///< what is stored, with all its parameters; empty: nothing
  std::vector<PeerSetting> peers;
  std::optional<NextStep> next;
};

void show(const Tuned& tuned, const RunInfo& info) {
  print_rows(tuned.result.rows);
  if (const std::string why = unmeasured(info); !why.empty()) fmt::print("{}", wrapped(why));
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

Json tuned_json(const Tuned& tuned, const RunInfo& info, Index length, const Json& evidence) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json found{{"model", info.model},
             {"model_id", info.model_id},
             {"length", length},
             {"stored", !tuned.bound.empty()},
             {"method", or_null(tuned.conclusion.method)},
             {"bound", or_null(tuned.bound)}};
  found.update(evidence);
  found["to_decide"] = tuned.next ? or_null(tuned.next->command) : Json(nullptr);
  found["elsewhere"] = settings_json(tuned.peers);
  found["unmeasured"] = !unmeasured(info).empty() ? Json(kMeasuredMethods) : Json::array();
  found["n_left_out"] = tuned.result.plan.n_left_out, found["candidates"] = rows_json(tuned.result.rows);
  return found;
}

TuneOptions tune_options(const ModelConfig& config, const RunInfo& info, Index length, const Split& documents,
                         Store* store) {
  return {.length = length,
          .tail = options.tail,
          .goal = parse_goal(),
          .candidates = options.candidates.empty()
                            ? tune_candidates(config, length, find_measured_heads(info.model_id))
                            : options.candidates,
          .n_to_judge = documents.evaluation.size(),
          .store = store,
          .planned = [&documents](const TunePlan& plan) { say_plan(plan, documents); }};
}

/// Chooses, and judges what won; where the reference is no number, there is nothing to judge by.
Tuned choose(const std::shared_ptr<const Model>& loaded, const Split& documents, const TuneOptions& tuning,
             double budget, double start, const RunInfo& info) {
  Tuned tuned{
      rw::tune(*loaded, loaded->tokenizer(), documents.tuning, tuning, info), {}, no_reference(), {}, {}, {}};
  if (!tuned.result.has_reference()) return tuned;
  const std::string winner = tuned.result.winner();
  say("judging " + winner);
  const std::vector<Record> records = evaluate_winner(*loaded, loaded->tokenizer(), documents.evaluation,
                                                      winner, tuning, left_of(budget, start), info)
                                          .records;
  tuned.margins = margins(records, tuning.length, winner);
  tuned.conclusion = conclude(records, tuning.length, winner, tuning.goal, info.n_vocab);
  if (tuned.conclusion.method.empty()) return tuned;
  const ModelConfig& config = loaded->config();
  const RopeContext context = config.rope_context(config.acting_layer(), tuning.length);
  tuned.bound = Method::bind(MethodSpec::parse(tuned.conclusion.method), context).text();
  tuned.peers = peer_settings(MethodSpec::parse(tuned.bound), context, config.architecture);
  return tuned;
}

int run() {
  const double start = now_seconds();
  const std::shared_ptr<const Backend> backend = options.backend.make(make_context(options.n_threads));
  const Index length = parse_length(options.length);
  const double budget = parse_seconds(options.budget);
  if (options.tail > 0 && options.goal == "retrieval")
    say("--tail has no effect: --goal retrieval measures no loss");
  for (const std::string& spec : options.candidates) MethodSpec::parse(spec);
  const std::vector<std::string> paths = expand_texts(options.texts);
  std::vector<std::string> texts;
  texts.reserve(paths.size());
  const int n_stretches = options.documents > 0 ? options.documents : kMostStretches;
  for (const std::string& text : paths)
    texts.push_back(read_text_file(text, bytes_of_documents(n_stretches, length)));
  const std::shared_ptr<const Model> loaded = load_decoder(options.model, backend);
  const ModelConfig& config = loaded->config();
  if (length <= config.n_ctx_train || config.n_acting_layers() == 0) return nothing_to_tune(length, config);
  if (options.tail == 0) options.tail = usual_tail(config.n_ctx_train, length);
  require_tail(options.tail, config.n_ctx_train, length);
  say_acting_layers(config);
  RunInfo info = run_info(options.model, options.backend, loaded);
  const std::string path = tuned_path(options.model);
  check_tuned_file(path, info.model_id);
  std::optional<Store> store;
  if (!options.out.empty()) store.emplace(options.out);
  say_that_it_goes_on(options.out);
  const TokenTexts tokens = tokenize_texts(loaded->tokenizer(), paths, texts, options.special);
  const Split documents = split(cut_stretches(tokens, length, n_stretches, options.tail));
  if (const std::string why = unmeasured(info); !why.empty()) say(why);
  TuneOptions tuning = tune_options(config, info, length, documents, store ? &*store : nullptr);
  tuning.budget_seconds = left_of(budget, start);
  info.command = command_line(options.documents, options.budget);
  info.tail = options.tail, info.margin = kStabilityMargin, info.special = options.special;
  Tuned tuned = choose(loaded, documents, tuning, budget, start, info);
  tuned.next = next_step(tuned.conclusion, tokens, length);
  const Json evidence = evidence_json(tuned.result.winner(), tuned.conclusion, tuned.margins, documents);
  if (options.json)
    fmt::print("{}\n", dump_json(tuned_json(tuned, info, length, evidence)));
  else
    show(tuned, info);
  std::fflush(stdout);
  if (tuned.bound.empty())
    say_what_stays(path, info, length);
  else
    keep(path, info, {length, tuned.conclusion.method, evidence});
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

const Register<Command> registered{{"tune", "choose a method and its parameters by evidence", define, run}};

}  // namespace
}  // namespace rw::cli::tune
