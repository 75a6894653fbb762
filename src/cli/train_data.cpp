// SPDX-License-Identifier: Apache-2.0
#include "cli/train_data.h"

#include <algorithm>
#include <sstream>

#include "cli/command.h"
#include "cli/plain_text.h"
#include "core/hash.h"
#include "core/text.h"
#include "model/identity.h"
#include "train/new_model.h"
#include "train/saved_run.h"

namespace rw {
namespace {

/// Every file of the data, in the order of the configuration.
std::vector<std::string> data_files(const TrainConfig& config) {
  std::vector<std::string> files;
  for (const TextFileConfig& text : config.texts) files.push_back(text.file);
  for (const auto& list : {config.samples, config.held_out_samples})
    for (const SamplesConfig& samples : list) {
      files.push_back(samples.tokens);
      if (!samples.weights.empty()) files.push_back(samples.weights);
    }
  return files;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Lines of `a` that `b` has not.
void add_missing(const std::string& a, const std::string& b, const char* what,
                 std::vector<std::string>& found) {
  const std::vector<std::string> other = lines_of(b);
  for (const std::string& line : lines_of(a))
    if (line.find_first_not_of(" \t\r") != line.npos &&
        std::find(other.begin(), other.end(), line) == other.end())
      found.push_back(fmt::format("{}: {}", what, line));
}

constexpr const char *kTokenizer = "tokenizer", *kFrom = "from";
constexpr const char* kGiveBack =
    "give it back the file that it was begun with, or begin anew in another folder";

/// Other tokens are another text, and what it went on from says the sizes and the tokens. A checkpoint of a
/// version that did not say them goes on.
void require_same_model(const Json& now, const JsonInput& before, const std::string& folder) {
  for (const char* key : {kTokenizer, kFrom}) {
    if (!before.contains(key)) continue;
    const std::string id = saved_about<std::string>(before[key], folder, "id");
    if (!now.contains(key))
      throw Error(folder, fmt::format("a run whose [model] has {}", key), "one that has not", kGiveBack);
    if (const std::string found = now[key]["id"].get<std::string>(); found != id)
      throw Error(now[key]["path"].get<std::string>(),
                  fmt::format("the {} that the run was begun with (SHA-256 {})", key == kFrom ? "model" : key,
                              id.substr(0, 16)),
                  found.substr(0, 16), kGiveBack);
  }
}

/// A sample of which nothing is asked would count as found.
void require_asked(const HeldOut& held_out, const SamplesConfig& config) {
  if (held_out.found_weight <= 0) return;
  for (std::size_t i = 0; i < held_out.samples.size(); ++i) {
    const std::vector<float>& weights = held_out.samples[i].weights;
    if (std::none_of(weights.begin(), weights.end(), [&](float w) { return w >= held_out.found_weight; }))
      throw Error(
          config.weights,
          fmt::format("a token of weight {} or more in each sample (found_weight of [[eval.samples]] {})",
                      config.found_weight, config.name),
          fmt::format("none in sample {}", i + 1), "found_weight is the weight of what is asked for");
  }
}

}  // namespace

TrainData read_train_data(const TrainConfig& config, const Recipe& recipe, const Tokenizer& tokenizer,
                          Index n_vocab) {
  TrainData data;
  const std::vector<Token> begin = tokenizer.text_begin();
  Index longest = 0;
  for (const TrainStage& stage : recipe.stages)
    for (const Index n_ctx : stage.n_ctx) longest = std::max(longest, n_ctx);
  std::vector<TextShare> texts, held;
  for (const TextFileConfig& file : config.texts) {
    TextShare text{file.file, tokenizer.encode(read_plain_text(file.file)), file.share};
    const Index n = static_cast<Index>(text.tokens.size());
    if (file.hold_out >= n)
      throw Error(file.file,
                  fmt::format("more than the {} that are held out", counted(file.hold_out, "token")),
                  fmt::format("{}", n), "a smaller hold_out");
    if (file.hold_out > 0) {
      const auto cut = text.tokens.end() - static_cast<std::ptrdiff_t>(file.hold_out);
      held.push_back({file.file, {cut, text.tokens.end()}, 0});
      text.tokens.erase(cut, text.tokens.end());
    }
    texts.push_back(std::move(text));
  }
  const Index held_n_ctx = config.held_out_n_ctx > 0 ? config.held_out_n_ctx : longest;
  if (!held.empty()) {
    HeldOut all{"text", {}, 0};
    const Index each = std::max<Index>(1, config.held_out_pieces / static_cast<Index>(held.size()));
    for (const TextShare& text : held)
      for (Sample& piece : even_pieces(text, begin, each, held_n_ctx))
        all.samples.push_back(std::move(piece));
    data.held_out.push_back(std::move(all));
  }
  if (!texts.empty()) data.sources["text"] = make_text_source(std::move(texts), begin);
  for (const SamplesConfig& s : config.samples)
    data.sources[s.name] = read_samples(s.tokens, s.weights, n_vocab);
  for (const SamplesConfig& s : config.held_out_samples) {
    const auto source = read_samples(s.tokens, s.weights, n_vocab);
    HeldOut held_out{s.name, {}, static_cast<float>(s.found_weight)};
    for (Index i = 0; i < source->n_samples(); ++i) held_out.samples.push_back(source->sample(i));
    require_asked(held_out, s);
    data.held_out.push_back(std::move(held_out));
  }
  require_sources(recipe, data.sources);
  return data;
}

Json about_run(const TrainConfig& config) {
  Json files = Json::array();
  for (const std::string& path : data_files(config))
    files.push_back({{"path", printable(path)}, {"sha256", sha256_file(path)}});
  Json about = {{"of", sha256(config.text)}, {"settings", config.text}, {"files", files}};
  if (config.from.empty())
    about[kTokenizer] = {{"path", printable(config.tokenizer)}, {"id", tokenizer_id(config.tokenizer)}};
  else
    about[kFrom] = {{"path", printable(config.from)}, {"id", model_id(*ModelFile::open(config.from))}};
  return about;
}

std::vector<std::string> compare_run(const Json& now, const JsonInput& before, const std::string& folder) {
  std::vector<std::string> differs;
  const std::string of = saved_about<std::string>(before, folder, "of");
  if (!before.contains("files"))  // of a version that did not say them
    return of == now["of"] ? differs : std::vector<std::string>{"which of them, the checkpoint does not say"};
  const JsonInput& files = before["files"];
  require_same_model(now, before, folder);
  if (!files.is_array() || files.size() != now["files"].size())
    throw Error(folder, fmt::format("a run of {}", counted(files.size(), "file") + " of data"),
                fmt::format("{}", now["files"].size()), kGiveBack);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string hash = saved_about<std::string>(files[i], folder, "sha256"),
                      found = now["files"][i]["sha256"].get<std::string>();
    if (hash != found)
      throw Error(now["files"][i]["path"].get<std::string>(),
                  fmt::format("the file that the run was begun with (SHA-256 {})", hash.substr(0, 16)),
                  found.substr(0, 16), kGiveBack);
  }
  if (of == now["of"]) return differs;
  const std::string settings = saved_about<std::string>(before, folder, "settings"), own = now["settings"];
  add_missing(settings, own, "before", differs);
  add_missing(own, settings, "now", differs);
  if (differs.empty()) differs.emplace_back("the order of lines");
  return differs;
}

}  // namespace rw
