// SPDX-License-Identifier: Apache-2.0
#include "cli/train_config.h"

#include <cmath>
#include <filesystem>
#include <set>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include "core/registry.h"
#include "core/text_file.h"

namespace rw {
namespace {

constexpr std::size_t kMostConfig = 1 << 20;  // bytes
constexpr double kLargest = 1e15;

/// A table that knows which of its keys were asked for.
class Section {
 public:
  Section(const toml::table& table, std::string path, std::string name)
      : table_(table), path_(std::move(path)), name_(std::move(name)) {}

  std::string place(const std::string& key) const {
    const toml::node* node = table_.get(key);
    const auto line = (node ? node->source() : table_.source()).begin.line;
    return fmt::format("{}:{}: {}{}", path_, line, name_.empty() ? "" : name_ + " ", key);
  }
  bool has(const std::string& key) {
    known_.insert(key);
    return table_.contains(key);
  }
  double number(const std::string& key, double usual, double least, double most) {
    if (!has(key)) return usual;
    return checked(key, table_.get(key)->value<double>(), least, most);
  }
  Index integer(const std::string& key, Index usual, Index least, Index most) {
    if (!has(key)) return usual;
    return whole(key, *table_.get(key), least, most);
  }
  Index required_integer(const std::string& key, Index least, Index most) {
    require(key);
    return integer(key, 0, least, most);
  }
  bool flag(const std::string& key, bool usual) {
    if (!has(key)) return usual;
    const auto value = table_.get(key)->value_exact<bool>();
    if (!value) wrong(key, "true or false");
    return *value;
  }
  std::string string(const std::string& key, const std::string& usual = {}) {
    if (!has(key)) return usual;
    const auto value = table_.get(key)->value_exact<std::string>();
    if (!value || value->empty()) wrong(key, "text in quotes");
    return *value;
  }
  std::string one_of(const std::string& key, const std::string& usual,
                     const std::vector<std::string>& names) {
    std::string value = string(key, usual);
    if (std::find(names.begin(), names.end(), value) == names.end())
      throw Error(place(key), "one of those that there are", "'" + value + "'", did_you_mean(value, names));
    return value;
  }
  /// One number or a list of them.
  std::vector<double> numbers(const std::string& key, double least, double most) {
    std::vector<double> values;
    each(key,
         [&](const toml::node& node) { values.push_back(checked(key, node.value<double>(), least, most)); });
    return values;
  }
  std::vector<Index> integers(const std::string& key, Index least, Index most) {
    std::vector<Index> values;
    each(key, [&](const toml::node& node) { values.push_back(whole(key, node, least, most)); });
    return values;
  }
  Section section(const std::string& key) {
    static const toml::table none;
    if (!has(key)) return {none, path_, "[" + key + "]"};
    const toml::table* table = table_.get(key)->as_table();
    if (!table) wrong(key, "a section");
    return {*table, path_, "[" + key + "]"};
  }
  std::vector<Section> sections(const std::string& key, const std::string& name) {
    std::vector<Section> list;
    each(key, [&](const toml::node& node) {
      if (!node.is_table()) wrong(key, "tables, such as [[" + name + "]]");
      list.emplace_back(*node.as_table(), path_, "[[" + name + "]]");
    });
    return list;
  }
  std::vector<std::pair<std::string, double>> shares(const std::string& key) {
    Section inner = section(key);
    std::vector<std::pair<std::string, double>> list;
    for (const auto& [name, node] : inner.table_)
      list.emplace_back(name.str(), inner.number(std::string(name.str()), 0, 0, kLargest));
    return list;
  }
  void require(const std::string& key) {
    if (!has(key)) throw Error(place(key), "a value", "none", "docs/training.md lists every key");
  }
  /// Errors: Error for a key that nothing asked for.
  void done() const {
    for (const auto& [key, node] : table_)
      if (const std::string name(key.str()); !known_.contains(name))
        throw Error(place(name), "a known key", "'" + name + "'",
                    did_you_mean(name, {known_.begin(), known_.end()}));
  }

 private:
  [[noreturn]] void wrong(const std::string& key, const std::string& expected) const {
    throw Error(place(key), expected, "another kind of value", "docs/training.md lists every key");
  }
  double checked(const std::string& key, std::optional<double> value, double least, double most) const {
    if (!value) wrong(key, "a number");
    if (!(*value >= least && *value <= most))
      throw Error(place(key), fmt::format("a number from {} to {}", least, most), fmt::format("{}", *value),
                  "docs/training.md lists every key");
    return *value;
  }
  Index whole(const std::string& key, const toml::node& node, Index least, Index most) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) wrong(key, "a whole number");
    checked(key, static_cast<double>(*value), static_cast<double>(least), static_cast<double>(most));
    return *value;
  }
  template <class F>
  void each(const std::string& key, const F& body) {
    if (!has(key)) return;
    const toml::node& node = *table_.get(key);
    if (const toml::array* list = node.as_array())
      for (const toml::node& entry : *list) body(entry);
    else
      body(node);
  }

  const toml::table& table_;
  std::string path_, name_;
  std::set<std::string> known_;
};

std::string from_folder(const std::string& folder, const std::string& file) {
  return file.empty() ? file : (std::filesystem::path(folder) / file).lexically_normal().string();
}

// As the engine reads them (model/read_common.cpp).
constexpr Index kMostSize = 1 << 20, kMostHeadDim = 256, kMostContext = Index{1} << 30;

void read_model(Section model, const std::string& folder, TrainConfig& config) {
  config.from = from_folder(folder, model.string("from"));
  if (config.from.empty()) {
    model.require("tokenizer");
    config.tokenizer = from_folder(folder, model.string("tokenizer"));
    LlamaSizes& s = config.sizes;
    s.d_model = model.required_integer("d_model", 1, kMostSize);
    s.n_layers = static_cast<int>(model.required_integer("n_layers", 1, 1024));
    s.n_heads = static_cast<int>(model.required_integer("n_heads", 1, 1024));
    s.n_kv_heads = static_cast<int>(model.integer("n_kv_heads", s.n_heads, 1, s.n_heads));
    if (s.n_heads % s.n_kv_heads != 0)
      throw Error(model.place("n_kv_heads"), fmt::format("a divisor of n_heads {}", s.n_heads),
                  fmt::format("{}", s.n_kv_heads), "as many as n_heads, or a half, a quarter of them");
    s.head_dim =
        static_cast<int>(model.integer("head_dim", std::max<Index>(2, s.d_model / s.n_heads), 2, kMostSize));
    if (s.head_dim % 2 != 0 || s.head_dim > kMostHeadDim)
      throw Error(model.place("head_dim"), fmt::format("an even number from 2 to {}", kMostHeadDim),
                  fmt::format("{}", s.head_dim),
                  "dims rotate in pairs; d_model / n_heads where it is left out");
    s.d_ff = model.required_integer("d_ff", 1, kMostSize);
    s.n_ctx_train = model.required_integer("n_ctx", 2, kMostContext);
    s.rope_base = model.number("rope_base", 10000, 1.001, 1e12);
    s.norm_eps = static_cast<float>(model.number("norm_eps", 1e-5, 1e-12, 1));
    s.tied = model.flag("tied", true);
    config.finding = model.one_of("start", "random", {"random", "finding"}) == "finding";
    config.embedding_std = model.number("embedding_std", 0.05, 1e-6, 10);
  }
  config.name = model.string("name", std::filesystem::path(config.path).stem().string());
  config.type = model.one_of("type", "F32", {"F32", "F16", "BF16", "Q8_0"});
  if (config.from.empty() || model.has("name")) config.general.emplace_back("name", config.name);
  for (const char* key : {"description", "license"})
    if (model.has(key)) config.general.emplace_back(key, model.string(key));
  model.done();
}

SamplesConfig read_samples_config(Section s, const std::string& folder, bool evaluated,
                                  const std::vector<SamplesConfig>& others) {
  s.require("name"), s.require("tokens");
  SamplesConfig samples{s.string("name"), from_folder(folder, s.string("tokens")),
                        from_folder(folder, s.string("weights")), 0};
  if (evaluated) samples.found_weight = s.number("found_weight", 0, 0, 1e9);
  if (evaluated && samples.found_weight > 0 && samples.weights.empty())
    throw Error(s.place("found_weight"), "weights beside it", "none", "they say which tokens are asked for");
  if (samples.name == "text")
    throw Error(s.place("name"), "another name", "'text'", "so are the files of [[data.text]] called");
  for (const SamplesConfig& other : others)
    if (other.name == samples.name)
      throw Error(s.place("name"), "names that differ", fmt::format("'{}' twice", samples.name),
                  "one name is one source, and one curve");
  s.done();
  return samples;
}

void read_data(Section data, Section eval, const std::string& folder, TrainConfig& config) {
  std::size_t n_shares = 0;
  for (Section& text : data.sections("text", "data.text")) {
    text.require("file");
    n_shares += text.has("share");
    config.texts.push_back({from_folder(folder, text.string("file")), text.number("share", 0, 1e-9, kLargest),
                            text.integer("hold_out", 0, 0, Index{1} << 40)});
    if (n_shares != 0 && n_shares != config.texts.size())
      throw Error(text.place("share"), "a share of every [[data.text]], or of none",
                  fmt::format("{} of {}", n_shares, config.texts.size()),
                  "a share counts beside the others; without one texts count by their tokens");
    text.done();
  }
  for (const Section& samples : data.sections("samples", "data.samples"))
    config.samples.push_back(read_samples_config(samples, folder, false, config.samples));
  data.done();
  if (config.texts.empty() && config.samples.empty())
    throw Error(config.path + ": [data]", "[[data.text]] with a file, or [[data.samples]]", "neither",
                "file = \"book.txt\"");
  config.recipe.evaluate_every = eval.integer("every", 50, 0, 1 << 30);
  config.held_out_pieces = eval.integer("pieces", 32, 1, 1 << 20);
  config.held_out_n_ctx = eval.integer("n_ctx", 0, 0, Index{1} << 31);
  for (const Section& samples : eval.sections("samples", "eval.samples"))
    config.held_out_samples.push_back(read_samples_config(samples, folder, true, config.held_out_samples));
  eval.done();
}

void read_optimizer(Section s, TrainConfig& config) {
  config.muon = s.one_of("matrices", "adamw", {"adamw", "muon"}) == "muon";
  config.adamw.decay = config.muon_options.decay = s.number("decay", 0.1, 0, 10);
  config.adamw.decay_embeddings = s.flag("decay_embeddings", true);
  config.adamw.beta1 = s.number("beta1", 0.9, 0, 0.9999999);
  config.adamw.beta2 = s.number("beta2", 0.95, 0, 0.9999999);
  config.adamw.eps = s.number("eps", 1e-8, 1e-30, 1);
  config.muon_options.momentum = s.number("momentum", 0.95, 0, 0.9999999);
  Recipe& recipe = config.recipe;
  recipe.clip = s.number("clip", 1, 0, kLargest);
  recipe.warm_up = s.integer("warm_up", 0, 0, 1 << 30);
  recipe.spike = s.number("spike", 4, 0, kLargest);
  recipe.spike_window = s.integer("spike_window", 50, 10, 1 << 20);
  recipe.tokens_at_once = s.integer("tokens_at_once", 0, 0, Index{1} << 31);
  recipe.kept_bytes = static_cast<std::size_t>(s.number("kept_mb", 1024, 0, 1e7) * 1e6);
  recipe.save_every = s.integer("save_every", 50, 0, 1 << 30);
  s.done();
}

TrainStage read_stage(Section s, const TrainConfig& config, std::size_t number) {
  TrainStage stage;
  stage.name = s.string("name", fmt::format("{}", number + 1));
  stage.steps = s.required_integer("steps", 1, 1 << 30);
  stage.n_ctx = s.integers("n_ctx", 1, Index{1} << 31);
  stage.tokens = s.integer("tokens", 0, 1, Index{1} << 31);
  const std::vector<double> rates = s.numbers("rate", 0, 1e3);
  if (rates.empty() || rates.size() > 2)
    throw Error(s.place("rate"), "a learning rate, or [first, last]", fmt::format("{} of them", rates.size()),
                "rate = [2e-3, 2e-5]");
  stage.schedule.kind =
      parse_schedule(s.string("schedule", rates.size() == 2 && rates[0] != rates[1] ? "line" : "constant"),
                     s.place("schedule"));
  if (stage.schedule.kind == ScheduleKind::kConstant && rates.front() != rates.back())
    throw Error(s.place("rate"), "one rate, since schedule = \"constant\"", "two",
                "schedule = \"line\" goes from one to the other");
  stage.schedule.rate = rates.front();
  stage.schedule.end = rates.size() == 2 ? rates.back() : 0;
  stage.schedule.decay = s.number("decay", 0.2, 1e-9, 1);
  stage.mix = s.shares("mix");
  if (stage.mix.empty()) stage.mix = {{config.texts.empty() ? config.samples.front().name : "text", 1}};
  double total = 0;
  for (const auto& [name, share] : stage.mix) total += share;
  if (!(total > 0))
    throw Error(s.place("mix"), "a share above 0", "none", "mix = { text = 0.7, keys = 0.3 }");
  for (Section& method : s.sections("methods", "stage.methods")) {
    method.require("method");
    stage.methods.emplace_back(method.string("method"), method.number("share", 1, 1e-9, kLargest));
    method.done();
  }
  s.done();
  return stage;
}

}  // namespace

TrainConfig parse_train_config(const std::string& text, const std::string& path, const std::string& folder) {
  TrainConfig config;
  config.path = path, config.text = text;
  toml::table table;
  try {
    table = toml::parse(std::string_view(text), std::string_view(path));
  } catch (const toml::parse_error& e) {
    throw Error(fmt::format("{}:{}", path, e.source().begin.line), "TOML", std::string(e.description()),
                "docs/training.md has an example");
  }
  Section all(table, path, "");
  config.recipe.seed = static_cast<std::uint64_t>(all.integer("seed", 1, 0, Index{1} << 53));
  read_model(all.section("model"), folder, config);
  read_data(all.section("data"), all.section("eval"), folder, config);
  read_optimizer(all.section("optimizer"), config);
  for (const Section& stage : all.sections("stage", "stage"))
    config.recipe.stages.push_back(read_stage(stage, config, config.recipe.stages.size()));
  all.done();
  if (config.recipe.stages.empty())
    throw Error(path, "a [[stage]] at least", "none", "[[stage]], then steps = 1000 and rate = 1e-3");
  return config;
}

TrainConfig read_train_config(const std::string& path) {
  const std::string text = read_bytes(path, kMostConfig);
  return parse_train_config(text, path, std::filesystem::path(path).parent_path().string());
}

}  // namespace rw
