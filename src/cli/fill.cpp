// SPDX-License-Identifier: Apache-2.0
/// ropewalk fill: what an encoder with the head of a masked language model would put in place of each [MASK].
#include <cmath>

#include "cli/command.h"
#include "core/json.h"
#include "core/tell.h"
#include "core/text.h"

namespace rw::cli::fill {
namespace {

constexpr std::size_t kMostMasks = 256;

struct Options {
  std::string model, prompt, file, method = "none";
  Index top = 5;
  int n_threads = 0;
  bool json = false;
  BackendOptions backend;
} options;

/// The text between the tokens that its training put around texts ([CLS] and [SEP]).
std::vector<Token> tokens_of(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<Token> tokens = tokenizer.text_begin();
  const std::vector<Token> ids = tokenizer.encode(text, true);
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  if (tokenizer.add_eos && tokenizer.eos) tokens.push_back(*tokenizer.eos);
  return tokens;
}

std::vector<Index> find_masks(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  if (!tokenizer.mask)
    throw Error(options.model, "a tokenizer with a mask token", "none", "is this a masked language model?");
  const std::string spelled = tokenizer.decode(*tokenizer.mask, true);
  std::vector<Index> masks;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] == *tokenizer.mask) masks.push_back(static_cast<Index>(i));
  if (masks.empty() || masks.size() > kMostMasks)
    throw UsageError(
        "fill", fmt::format("a text with 1 to {} masks", kMostMasks),
        masks.empty() ? "none" : fmt::format("{}", masks.size()),
        fmt::format("spell each as {}", printable(spelled.substr(spelled.find_first_not_of(' ')))));
  return masks;
}

struct Choice {
  Token id = kNoToken;
  double probability = 0;
};

/// The likeliest tokens of each masked row.
std::vector<std::vector<Choice>> likeliest(Session& session, const std::vector<Token>& tokens,
                                           const std::vector<Index>& masks) {
  const Model& model = session.model();
  const Backend& backend = model.backend();
  const Index n_vocab = model.config().n_vocab, k = std::min(options.top, model.n_choices());
  std::vector<std::vector<Choice>> result;
  std::vector<Token> ids(static_cast<std::size_t>(k));
  std::vector<float> values(ids.size());
  const LogitsSink sink = [&](Index, Index n_rows, const float* logits) {
    for (const float* row = logits; row < logits + n_rows * n_vocab; row += n_vocab) {
      double log_sum = 0;
      backend.log_sum_exp(row, 1, n_vocab, &log_sum);
      backend.top_k(row, 1, n_vocab, model.n_choices(), k, ids.data(), values.data());
      if (ids[0] == kNoToken || std::isnan(log_sum))
        throw Error(options.model, "logits that are numbers", "NaN",
                    "try --precision f32; else a weight of the file is not a number");
      std::vector<Choice>& choices = result.emplace_back();
      for (std::size_t i = 0; i < ids.size(); ++i)
        choices.push_back({ids[i], std::exp(static_cast<double>(values[i]) - log_sum)});
    }
  };
  session.run(tokens, {.begin = masks.front(), .end = masks.back() + 1, .logits = &sink, .only = masks});
  return result;
}

void print(const Session& session, const std::vector<Index>& masks,
           const std::vector<std::vector<Choice>>& found) {
  const Tokenizer& tokenizer = session.model().tokenizer();
  Json all = Json::array();
  for (std::size_t m = 0; m < masks.size(); ++m) {
    Json top = Json::array();
    if (!options.json) fmt::print("mask {} at token {}\n", m + 1, masks[m]);
    for (const Choice& choice : found[m]) {
      const Json text = tokenizer.decode(choice.id, true);
      if (!options.json)
        fmt::print("{:>7.2f} %{:>8}  {}\n", 100 * choice.probability, choice.id, dump_json(text));
      top.push_back({{"id", choice.id}, {"text", text}, {"probability", choice.probability}});
    }
    all.push_back({{"position", masks[m]}, {"top", top}});
  }
  if (options.json)
    fmt::print("{}\n",
               dump_json({{"n", session.position()}, {"method", session.method().text()}, {"masks", all}}));
}

int run() {
  const std::shared_ptr<const Backend> backend = options.backend.make(make_context(options.n_threads));
  const MethodSpec spec = MethodSpec::parse(options.method);  // before the load
  if (options.prompt.empty() == options.file.empty())
    throw UsageError("fill", "either -p TEXT or -f FILE", options.file.empty() ? "neither" : "both");
  const std::string text = options.file.empty() ? options.prompt : read_prompt(options.file);
  const std::shared_ptr<const ModelFile> file = ModelFile::open(options.model);
  if (const ModelConfig config = read_config(*file); !config.encoder)
    throw Error(options.model, "an encoder, such as RoFormer",
                fmt::format("a decoder ({})", printable(config.architecture)), "generate is for that");
  const std::shared_ptr<const Model> model = Model::load(file, backend);
  const std::vector<Token> tokens = tokens_of(model->tokenizer(), text);
  const std::vector<Index> masks = find_masks(model->tokenizer(), tokens);
  const auto n = static_cast<Index>(tokens.size());
  if (n > model->config().n_ctx_train)
    say(fmt::format("{}: beyond the {} that the model was trained on", counted(n, "token"),
                    model->config().n_ctx_train));
  Session session(*model, spec, {.n = n});
  print(session, masks, likeliest(session, tokens, masks));
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model, kOwnEncoder);
  app.add_option("-p,--prompt", options.prompt, "text with a mask token for each gap");
  app.add_option("-f,--file", options.file, "text file with them");
  app.add_option("--top", options.top, "so many tokens for each mask")
      ->check(in_range(1, 1000))
      ->capture_default_str();
  app.add_option("--method", options.method, "method, such as yarn:factor=4+logn")->capture_default_str();
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "Examples:\n"
      "  ropewalk fill -p 'she was not in the [MASK] of her own mind.' --top 5\n"
      "  ropewalk fill roformer -f long.txt --method rerope --json");
}

const Register<Command> registered{{"fill", "an encoder's guesses for each [MASK]", define, run}};

}  // namespace
}  // namespace rw::cli::fill
