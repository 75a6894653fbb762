// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_attention.h"

#include <algorithm>
#include <cmath>

#include "cli/auto_method.h"
#include "cli/documents.h"
#include "core/error.h"
#include "core/json.h"
#include "model/attention_shares.h"

namespace rw {
namespace {

std::string bar(double share) { return std::string(static_cast<std::size_t>(std::lround(40 * share)), '#'); }

void print(const AttentionShares& shares, const InspectAttention& asked, Index length) {
  if (asked.json) {
    Json layers = Json::array();
    for (const AttentionShares::Layer& layer : shares.layers)
      if (layer.rows == 0)
        layers.push_back(nullptr);  // it has no attention
      else
        layers.push_back({{"first_token", layer.first_token / layer.rows},
                          {"first_tokens", layer.first_tokens / layer.rows},
                          {"even", layer.even / layer.rows}});
    fmt::print(
        "{}\n",
        dump_json(
            {{"method", asked.method}, {"length", length}, {"n_first", shares.n_first}, {"layers", layers}}));
    return;
  }
  fmt::print("share of attention on the first {} tokens, rows {} to {}, method {}\n\n", shares.n_first,
             shares.row_begin, length - 1, asked.method);
  fmt::print("{:>5} {:>9} {:>8} {:>8}\n", "layer", "token 0", fmt::format("first {}", shares.n_first),
             "if even");
  AttentionShares::Layer all;
  for (std::size_t i = 0; i < shares.layers.size(); ++i) {
    const AttentionShares::Layer& layer = shares.layers[i];
    if (layer.rows == 0) continue;  // it has no attention
    fmt::print("{:>5} {:>9.4f} {:>8.4f} {:>8.4f} {}\n", i, layer.first_token / layer.rows,
               layer.first_tokens / layer.rows, layer.even / layer.rows,
               bar(layer.first_tokens / layer.rows));
    all.first_token += layer.first_token, all.first_tokens += layer.first_tokens;
    all.even += layer.even, all.rows += layer.rows;
  }
  fmt::print("{:>5} {:>9.4f} {:>8.4f} {:>8.4f}\n", "mean", all.first_token / all.rows,
             all.first_tokens / all.rows, all.even / all.rows);
}

}  // namespace

int inspect_attention(const InspectAttention& asked) {
  if (asked.text.empty()) throw UsageError("inspect --attention", "--text FILE", "no text");
  const auto context = make_context(asked.n_threads);
  if (!asked.length.empty()) parse_length(asked.length);  // before the model is read
  check_method(asked.method);
  const std::shared_ptr<const Backend> backend = asked.backend.make(context);
  const std::shared_ptr<const ModelFile> file = ModelFile::open(asked.model);
  const ModelConfig config = read_config(*file);
  const Index length =
      asked.length.empty() ? std::min<Index>(4096, config.n_ctx_train) : parse_length(asked.length);
  const std::string text = read_text_file(asked.text, bytes_of_documents(1, length));
  AttentionShares shares{.n_first = asked.n_first, .row_begin = length / 2, .layers = {}};
  const auto model = Model::load(file, count_attention(backend, config.n_layers(), shares));
  const Tokenizer& tokenizer = model->tokenizer();
  std::vector<Token> tokens = tokenizer.text_begin();
  const std::vector<Token> ids = tokenizer.encode(text, asked.special);
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  if (static_cast<Index>(tokens.size()) < length)
    throw Error(asked.text, fmt::format("{} tokens", length), fmt::format("{}", tokens.size()),
                "give a longer text or a shorter --length");
  tokens.resize(static_cast<std::size_t>(length));
  const MethodSpec spec = method_for(asked.method, asked.model, config, length).spec;
  Session session(*model, spec, {.n = length, .n_prompt = length, .every_row = true});
  Progress progress("reading", static_cast<double>(length));
  session.run(
      tokens, length, length, [](Index, Index, const float*) {},
      [&](Index n_done) { progress.update(static_cast<double>(n_done)); });
  print(shares, asked, length);
  return 0;
}

}  // namespace rw
