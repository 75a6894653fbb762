// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_plan.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <limits>

#include "cli/auto_method.h"
#include "cli/documents.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/text.h"
#include "evaluation/fitting_methods.h"
#include "evaluation/run_info.h"
#include "train/write_settings.h"

namespace rw::cli::finetune {
namespace {

/// The methods as typed; `--compare` or `--method`. Errors: UsageError for none, and where methods change
/// nothing.
std::vector<std::string> typed_starts(const Options& options, const ModelConfig& config) {
  if (options.compare.empty() && options.method.empty())
    throw UsageError("finetune", "--method, or --compare with several", "neither",
                     "--method pi trains from Position Interpolation; --compare pi yarn none tells which "
                     "start recovers first");
  const bool one = options.compare.empty();
  std::vector<std::string> typed = one ? std::vector{options.method} : options.compare;
  if (config.n_acting_layers() == 0 && (typed.size() > 1 || typed[0] != "none"))
    throw UsageError(one ? "--method" : "--compare", "a model that methods change", no_acting_layers(config),
                     "--method none trains it, and there is nothing to compare");
  return typed;
}

Start start_of(const std::string& typed, const ModelConfig& config, Index length) {
  const MethodSpec spec = MethodSpec::parse(typed);
  for (int layer = 0; layer < config.n_layers(); ++layer)
    if (config.layers[static_cast<std::size_t>(layer)].attends() &&
        Method::bind(spec, config.rope_context(layer, length)).grows())
      throw UsageError("--method", "a method whose frequencies are those of the whole length",
                       "'" + typed + "', which changes them token by token",
                       "training reads whole texts: leave grow=1 out");
  return {typed, bound_spec(spec, config, length).text()};
}

void require_length(Index length, Index n_ctx_train) {
  if (length > n_ctx_train) return;
  throw UsageError(
      "--length", fmt::format("more than the {} tokens that the model was trained on", n_ctx_train),
      fmt::format("{}", length),
      "within it plain RoPE is right, and there is nothing to recover; to train on texts of that length: "
      "ropewalk train, with [model] from (docs/training.md)");
}

/// Of steps that are typed one at least is a step of the run.
void require_looks_within(const std::vector<std::string>& typed, Index steps) {
  if (typed.empty()) return;
  const std::vector<Index> looks = looks_of(typed, std::numeric_limits<Index>::max() - 1);
  if (const Index least = looks.size() > 2 ? looks[1] : 0; least > steps)
    throw UsageError("--looks", fmt::format("steps up to {}, the last one of --steps", steps),
                     fmt::format("{} and none before", least), "give more --steps, or looks within them");
}

Json texts_json(const std::vector<std::string>& names, const std::vector<std::vector<Token>>& tokens) {
  Json texts = Json::object();
  for (std::size_t t = 0; t < names.size(); ++t)
    texts[printable(names[t])] = sha256(std::string_view(reinterpret_cast<const char*>(tokens[t].data()),
                                                         tokens[t].size() * sizeof(Token)))
                                     .substr(0, 16);
  return texts;
}

}  // namespace

std::vector<Index> looks_of(const std::vector<std::string>& typed, Index steps) {
  std::vector<Index> looks{0, steps};
  if (typed.empty()) looks.insert(looks.end(), kUsualLooks.begin(), kUsualLooks.end());
  for (const std::string& word : typed) {
    Index step = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), step);
    if (error != std::errc() || end != word.data() + word.size() || step < 0)
      throw UsageError("--looks", "steps, such as 0 10 25 50", "'" + word + "'");
    looks.push_back(step);
  }
  std::sort(looks.begin(), looks.end());
  looks.erase(std::unique(looks.begin(), looks.end()), looks.end());
  std::erase_if(looks, [&](Index step) { return step > steps; });
  return looks;
}

FinetunePlan complete(const Options& options, const ModelConfig& config, const Model& model) {
  FinetunePlan plan;
  plan.length = parse_length(options.length), plan.n_ctx_train = config.n_ctx_train;
  require_length(plan.length, plan.n_ctx_train);
  for (const std::string& typed : typed_starts(options, config)) {
    Start start = start_of(typed, config, plan.length);
    const auto same = std::find_if(plan.starts.begin(), plan.starts.end(),
                                   [&](const Start& other) { return other.method == start.method; });
    if (same != plan.starts.end())
      throw UsageError("--compare", "starts that differ", same->name + " and " + start.name,
                       "at this length they are the same");
    plan.starts.push_back(std::move(start));
  }
  BoundMethods bound(model);
  if (options.against.empty()) {
    if (config.n_acting_layers() > 0)
      plan.against = fitting(kUsualAgainst, bound, {plan.n_ctx_train, plan.length});
  } else {
    for (const std::string& method : options.against)
      MethodSpec::parse(method), plan.against.push_back(method);
  }
  if (options.budget.empty()) require_looks_within(options.looks, options.steps);
  plan.steps = options.steps, plan.looks = looks_of(options.looks, options.steps);
  plan.warm_up = options.warm_up >= 0 ? options.warm_up : usual_warm_up(options.steps);
  plan.batch = options.batch > 0 ? options.batch : std::max(kUsualBatch, plan.length);
  if (plan.batch < plan.length)
    throw UsageError("--batch", fmt::format("{} tokens or more: one text of the length", plan.length),
                     fmt::format("{}", plan.batch));
  plan.rate = options.rate > 0 ? options.rate : options.full ? kUsualFullRate : kUsualLowRankRate;
  plan.type = options.type;
  for (char& c : plan.type) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  require_written_type(plan.type, model.file().container().starts_with("GGUF"));
  plan.judge.tasks = options.tasks;
  require_tasks_fit(plan.judge.tasks, false);
  if (std::find(plan.judge.tasks.begin(), plan.judge.tasks.end(), "tail") == plan.judge.tasks.end())
    throw UsageError("--tasks", "tail among them: recovery is told by its loss", "others alone");
  plan.judge.lengths = {plan.n_ctx_train, plan.length};
  plan.judge.tail =
      options.texts.tail > 0 ? options.texts.tail : usual_tail(plan.n_ctx_train, plan.n_ctx_train);
  require_tail(plan.judge.tail, plan.n_ctx_train, plan.n_ctx_train);
  plan.judge.n_seeds = options.n_questions, plan.judge.n_depths = options.n_depths;
  return plan;
}

std::string folder_of(const FinetunePlan& plan, std::size_t start) {
  const std::string& name = plan.starts[start].name;
  std::string safe;
  for (const char c : name.substr(0, std::min<std::size_t>(name.find(':'), 40)))
    safe += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ? c : '-';
  return fmt::format("{}-{}", start + 1, safe);
}

Json settings_json(const Options& options, const FinetunePlan& plan, const FinetuneTexts& texts,
                   const RunInfo& run) {
  Json starts = Json::array();
  for (const Start& start : plan.starts) starts.push_back(start.method);
  Json held_out = Json::object();
  for (const Document& document : texts.held_out)
    held_out[printable(document.name)] = document.text_id.substr(0, 16);
  Json learns = "all";
  if (!options.full)
    learns = {{"rank", options.low_rank.rank},
              {"alpha", options.low_rank.alpha},
              {"targets", options.low_rank.targets}};
  return {{"ropewalk", run.version},
          {"model_id", run.model_id},
          {"length", plan.length},
          {"starts", starts},
          {"learns", learns},
          {"steps", plan.steps},
          {"looks", plan.looks},
          {"rate", plan.rate},
          {"warm_up", plan.warm_up},
          {"batch", plan.batch},
          {"tokens_at_once", plan.tokens_at_once},
          {"seed", options.seed},
          {"texts", texts_json(texts.names, texts.training)},
          {"held_out", held_out},
          {"tasks", plan.judge.tasks},
          {"tail", plan.judge.tail},
          {"questions", plan.judge.n_seeds},
          {"depths", plan.judge.n_depths},
          {"against", plan.against},
          {"precision", run.precision},
          {"kv", run.kv},
          {"type", plan.type}};
}

namespace {

std::string settings_path(const Options& options) {
  return (std::filesystem::path(options.out) / "finetune.json").string();
}
JsonInput read_settings(const std::string& path) {
  return parse_json(read_bytes(path, std::size_t{16} << 20), path);
}
void write_settings(const std::string& path, const Json& settings) {
  OutputFile file(path);
  file.write(dump_json(settings, 1) + "\n");
  file.commit_to_disk();
}

/// More steps than before, and no look within those that was not taken then.
bool has_more_steps(const JsonInput& before, const FinetunePlan& plan) {
  const auto steps = before.find("steps"), looks = before.find("looks");
  if (steps == before.end() || !steps->is_number_integer() || looks == before.end() || !looks->is_array())
    return false;
  const Index last = steps->get<Index>();
  return plan.steps > last && std::all_of(plan.looks.begin(), plan.looks.end(), [&](Index look) {
           return look > last || std::find(looks->begin(), looks->end(), look) != looks->end();
         });
}

/// But for what a run may leave that is killed before it has settings.
bool is_empty_folder(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code none;
  if (!fs::is_directory(path, none)) return false;
  const fs::directory_iterator entries(path, none);
  return std::all_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return name == ".lock" || name == "finetune.json.part";
  });
}

}  // namespace

void take_decided(const Options& options, FinetunePlan& plan) {
  const std::string path = settings_path(options);
  if (!options.resume || !std::filesystem::exists(path)) return;
  const JsonInput before = read_settings(path);
  const auto count = [&](const char* key, Index least) {
    const auto found = before.find(key);
    if (found == before.end() || !found->is_number_integer() || found->get<Index>() < least)
      throw Error(path, fmt::format("a whole number \"{}\"", key), "none");
    return found->get<Index>();
  };
  plan.decided = true, plan.tokens_at_once = count("tokens_at_once", 0);
  if (options.warm_up < 0) plan.warm_up = count("warm_up", 0);
  if (options.budget.empty()) return;
  plan.steps = std::min<Index>(count("steps", 1), Index{1} << 20);
  plan.looks = looks_of(options.looks, plan.steps);
}

void require_own_folder(const Options& options) {
  namespace fs = std::filesystem;
  if (options.out.empty() || !fs::exists(options.out)) return;
  if (!fs::exists(settings_path(options))) {
    if (is_empty_folder(options.out)) return;
    throw UsageError("--out", "a folder that is new or empty, or one of finetune's", "'" + options.out + "'",
                     "choose another name");
  }
  if (!options.resume)
    throw UsageError("--out", "a new folder, or --resume to go on in this one", "'" + options.out + "'",
                     "choose another name, or --resume");
}

void keep_settings(const Options& options, const FinetunePlan& plan, const Json& settings) {
  require_own_folder(options);  // what another run did before it let the folder go
  const std::string path = settings_path(options);
  remove_parts_of(path);
  if (!std::filesystem::exists(path)) return write_settings(path, settings);
  const JsonInput before = read_settings(path);
  const bool goes_further = has_more_steps(before, plan);
  for (const auto& [key, value] : settings.items()) {
    if (goes_further && (key == "steps" || key == "looks")) continue;
    const std::string now = dump_json(value);
    const std::string then = before.contains(key) ? dump_json(before.at(key)) : "nothing";
    // JsonInput sorts keys: both as one of that kind.
    if (before.contains(key) && parse_json(now, key) == before.at(key)) continue;
    throw Error(path, fmt::format("the same settings to go on with; {}: {}", key, then), now,
                "give what was given then, or more --steps, or another --out");
  }
  if (!goes_further) return;
  say(fmt::format("goes on to {}: what was written of fewer stays until that of these replaces it",
                  counted(plan.steps, "step")));
  write_settings(path, settings);
}

std::string command_line(const Options& options, const FinetunePlan& plan) {
  std::string text = "ropewalk finetune " + shell_quoted(options.model);
  const auto add = [&](const char* option, const std::vector<std::string>& words) {
    if (words.empty()) return;
    text += fmt::format(" {}", option);
    for (const std::string& word : words) text += " " + shell_quoted(word);
  };
  add("--method", options.method.empty() ? std::vector<std::string>{} : std::vector{options.method});
  add("--compare", options.compare);
  add("--length", {options.length});
  add("--text", options.texts.texts);
  add("--held-out", options.texts.held_out);
  if (options.texts.special) text += " --special";
  text += fmt::format(" --steps {}", plan.steps);
  add("--looks", options.looks);
  if (options.full)
    text += " --full";
  else
    text += fmt::format(" --rank {} --alpha {}", options.low_rank.rank, options.low_rank.alpha);
  if (!options.full && options.low_rank.targets != LowRankOptions{}.targets)
    add("--targets", options.low_rank.targets);
  text += fmt::format(" --rate {} --warm-up {} --batch {} --seed {}", plan.rate, plan.warm_up, plan.batch,
                      options.seed);
  add("--tasks", plan.judge.tasks);
  add("--against", options.against);
  text += fmt::format(" --tail {} --questions {} --depths {}", plan.judge.tail, plan.judge.n_seeds,
                      plan.judge.n_depths);
  if (options.texts.n_documents > 0) text += fmt::format(" --documents {}", options.texts.n_documents);
  add("--type", plan.type.empty() ? std::vector<std::string>{} : std::vector{plan.type});
  add("--out", options.out.empty() ? std::vector<std::string>{} : std::vector{options.out});
  return text + pre_option() +
         fmt::format(" --precision {} --kv {}", options.backend.precision, options.backend.kv_type());
}

void Options::define(CommandLine& app) {
  app.add_model(model);
  app.add_option("--method", method, "the start: a method, such as pi:factor=4");
  app.add_option("--compare", compare,
                 "several, such as pi ntk yarn self-extend none:\nthe same batches from each");
  app.add_option("--length", length, "tokens to train and to judge at, such as 32k")->required();
  app.add_option("--text", texts.texts,
                 "plain text files, one document each, or folders\nof .txt and .md, to train on")
      ->required();
  app.add_option("--held-out", texts.held_out,
                 "to judge on, never trained on; default: the end of\neach text is kept back");
  define_special(app, texts.special);
  app.add_option("--steps", steps, "of each start")->check(in_range(0, 1 << 20))->capture_default_str();
  app.add_option("--budget", budget, "time for all, such as 4h, in place of --steps");
  app.add_option("--looks", looks, "steps to judge at; default: 0 10 25 50 100 200");
  app.add_flag("--full", full, "all weights learn, not low-rank pairs beside them");
  app.add_option("--rank", low_rank.rank, "of the pairs (LoRA)")
      ->check(in_range(1, 4096))
      ->capture_default_str();
  app.add_option("--alpha", low_rank.alpha, "pairs count alpha / rank times")
      ->check(in_range(1e-3, 65536))
      ->capture_default_str();
  app.add_option(
      "--targets", low_rank.targets,
      "with pairs; default: all of a layer,\nattn_q attn_k attn_v attn_output "
      "ffn_gate ffn_up\nffn_down; with latents (MLA) attn_q_a attn_q_b\nattn_kv_a_mqa attn_kv_b; in Gemma 4 "
      "inp_gate proj;\nof layers with a state attn_qkv attn_gate ssm_in\nssm_out shortconv.in_proj "
      "shortconv.out_proj, and\nwhere they are named ssm_alpha ssm_beta");
  app.add_option("--rate", rate, "of learning, constant behind the warm-up;\ndefault: 2e-4, with --full 2e-5")
      ->check(in_range(1e-9, 1));
  app.add_option("--warm-up", warm_up,
                 "steps in which the rate rises in a line;\ndefault: a tenth, 20 at most")
      ->check(in_range(0, 1 << 20));
  app.add_option("--batch", batch, "tokens a step; default: 8192, or the length")
      ->check(in_range(1, 1 << 30));
  app.add_option("--seed", seed, "of batches and pairs")->check(in_range(0, 1 << 30))->capture_default_str();
  app.add_option("--documents", texts.n_documents, "of each held-out text; default: 24 in all")
      ->check(in_range(1, 1000));
  app.add_option("--tail", texts.tail, "last tokens that are scored; default: as in eval")
      ->check(in_range(1, 65536));
  app.add_option("--tasks", tasks, "what is judged at each look")->capture_default_str();
  app.add_option("--questions", n_questions, "keys asked for, of each document")
      ->check(in_range(1, 1000))
      ->capture_default_str();
  app.add_option("--depths", n_depths, "of each key")->check(in_range(1, 100))->capture_default_str();
  app.add_option("--against", against, "training-free methods to pass; default: a few");
  app.add_option("--out", out, "folder for checkpoints, looks, adapters and models");
  app.add_option(
      "--type", type,
      "of the weights that learned, in the files: F32,\nBF16, F16, in a GGUF Q8_0; default: as they "
      "were\njudged, F32 with --full, else --precision's.\nOf another one the file is judged too");
  app.add_flag("--resume", resume, "go on in that folder; --steps may be more");
  app.add_option("--report", report, "a self-contained page; default: DIR/recovery.html");
  backend.define_types(app);
  app.add_option("-t,--threads", n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--json", json, "one JSON object");
  app.add_flag("--dry-run", dry_run, "say what it would take, and end");
  app.never_with("--compare", {"--method"});
  app.never_with("--budget", {"--steps"});
  app.never_with("--full", {"--rank", "--alpha", "--targets"});
  app.only_with("--out", {"--resume", "--type"});
  app.footer(
      "Examples:\n"
      "  ropewalk finetune model.gguf --method pi --length 32k --text books/ --out run\n"
      "  ropewalk finetune model.gguf --compare pi yarn none --length 4k --text data/\n"
      "  mpirun -n 4 ropewalk finetune model.gguf --method pi --length 32k \\\n"
      "      --text books/ --out run    # each batch shared out: docs/scale.md");
}

}  // namespace rw::cli::finetune
