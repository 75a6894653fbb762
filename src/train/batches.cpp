// SPDX-License-Identifier: Apache-2.0
#include "train/batches.h"

#include <cmath>

#include "core/registry.h"
#include "core/text.h"
#include "train/npy.h"

namespace rw {
namespace {

/// `begin`, then n_ctx + 1 - begin.size() tokens of a text from `at` on: rows and their targets.
Sample stretch(const std::vector<Token>& text, Index at, const std::vector<Token>& begin, Index n_ctx) {
  std::vector<Token> all = begin;
  const auto from = text.begin() + static_cast<std::ptrdiff_t>(at);
  all.insert(all.end(), from,
             from + static_cast<std::ptrdiff_t>(n_ctx + 1 - static_cast<Index>(begin.size())));
  return {{all.begin(), all.end() - 1}, {all.begin() + 1, all.end()}, {}};
}

Index stretch_tokens(Index n_ctx, const std::vector<Token>& begin) {
  return n_ctx + 1 - static_cast<Index>(begin.size());
}

void require_tokens(const TextShare& text, Index n, Index n_ctx) {
  if (static_cast<Index>(text.tokens.size()) < n)
    throw Error(text.name, fmt::format("at least {} for texts of {}", counted(n, "token"), n_ctx),
                fmt::format("{}", text.tokens.size()), "a longer text, or a smaller n_ctx of [[stage]]");
}

/// An index by shares that add up to `total`.
template <class Shares>
std::size_t pick(Random& random, const Shares& shares, double total) {
  double left = random.uniform() * total;
  std::size_t i = 0;
  for (; i + 1 < shares.size(); ++i)
    if ((left -= shares[i]) < 0) break;
  return i;
}

class TextSource final : public SampleSource {
 public:
  TextSource(std::vector<TextShare> texts, std::vector<Token> begin)
      : texts_(std::move(texts)), begin_(std::move(begin)) {
    for (const TextShare& text : texts_) {
      shares_.push_back(text.share > 0 ? text.share : static_cast<double>(text.tokens.size()));
      total_ += shares_.back();
    }
  }
  Sample draw(Random& random, Index n_ctx) const override {
    const std::vector<Token>& text = texts_[pick(random, shares_, total_)].tokens;
    const Index places = static_cast<Index>(text.size()) - stretch_tokens(n_ctx, begin_) + 1;
    return stretch(text, static_cast<Index>(random.next() % static_cast<std::uint64_t>(places)), begin_,
                   n_ctx);
  }
  void require(Index n_ctx) const override {
    for (const TextShare& text : texts_) require_tokens(text, stretch_tokens(n_ctx, begin_), n_ctx);
  }

 private:
  std::vector<TextShare> texts_;
  std::vector<Token> begin_;
  std::vector<double> shares_;
  double total_ = 0;
};

class Prepared final : public SampleSource {
 public:
  Prepared(const std::string& tokens_path, const std::string& weights_path, Index n_vocab)
      : path_(tokens_path), tokens_(read_npy<std::int32_t>(tokens_path)) {
    if (tokens_.n_rows < 1 || tokens_.n_columns < 2)
      throw Error(tokens_path, "samples of two tokens or more",
                  fmt::format("a matrix {} x {}", tokens_.n_rows, tokens_.n_columns));
    for (const std::int32_t id : tokens_.values)
      if (id < 0 || id >= n_vocab)
        throw Error(tokens_path, fmt::format("ids from 0 to {}", n_vocab - 1), fmt::format("{}", id),
                    "made with another tokenizer?");
    if (weights_path.empty()) return;
    weights_ = read_npy<float>(weights_path);
    if (weights_.n_rows != tokens_.n_rows || weights_.n_columns != tokens_.n_columns)
      throw Error(weights_path,
                  fmt::format("a weight for each token: {} x {}", tokens_.n_rows, tokens_.n_columns),
                  fmt::format("{} x {}", weights_.n_rows, weights_.n_columns));
    for (const float weight : weights_.values)
      if (!(weight >= 0 && std::isfinite(weight)))
        throw Error(weights_path, "weights of 0 or more", fmt::format("{}", weight));
    require_asked(weights_path);
  }
  Index n_samples() const override { return tokens_.n_rows; }
  Sample sample(Index i) const override {
    const std::int32_t* row = tokens_.row(i);
    const Index n = tokens_.n_columns - 1;
    Sample sample{{row, row + n}, {row + 1, row + n + 1}, {}};
    if (weights_.values.empty()) return sample;
    sample.weights.assign(weights_.row(i) + 1, weights_.row(i) + n + 1);
    for (std::size_t t = 0; t < sample.weights.size(); ++t)
      if (sample.weights[t] == 0) sample.targets[t] = kNoToken;
    return sample;
  }
  Sample draw(Random& random, Index) const override {
    return sample(static_cast<Index>(random.next() % static_cast<std::uint64_t>(n_samples())));
  }
  void require(Index n_ctx) const override {
    if (n_ctx != tokens_.n_columns - 1)
      throw Error(path_, fmt::format("samples of {} tokens and one more", n_ctx),
                  fmt::format("{} columns", tokens_.n_columns), "n_ctx of its stage is a column less");
  }

 private:
  void require_asked(const std::string& weights_path) const {
    for (Index i = 0; i < weights_.n_rows; ++i)
      for (Index t = 1; t < weights_.n_columns; ++t)
        if (weights_.row(i)[t] > 0) return;
    throw Error(weights_path, "a weight above 0 behind the first column", "none",
                "a token of weight 0 is not asked for, and nothing is learnt of it");
  }

  std::string path_;
  NpyMatrix<std::int32_t> tokens_;
  NpyMatrix<float> weights_;
};

double weight_of(const Sample& sample) {
  if (sample.weights.empty()) return static_cast<double>(sample.targets.size());
  double sum = 0;
  for (const float weight : sample.weights) sum += weight;
  return sum;
}

}  // namespace

std::unique_ptr<SampleSource> make_text_source(std::vector<TextShare> texts, std::vector<Token> begin) {
  RW_CHECK(!texts.empty());
  return std::make_unique<TextSource>(std::move(texts), std::move(begin));
}

std::vector<Sample> even_pieces(const TextShare& text, const std::vector<Token>& begin, Index n,
                                Index n_ctx) {
  const Index tokens = stretch_tokens(n_ctx, begin);
  require_tokens(text, tokens, n_ctx);
  const double places = static_cast<double>(static_cast<Index>(text.tokens.size()) - tokens);
  std::vector<Sample> pieces;
  for (Index i = 0; i < n; ++i)
    pieces.push_back(
        stretch(text.tokens,
                n == 1 ? 0 : static_cast<Index>(places * static_cast<double>(i) / static_cast<double>(n - 1)),
                begin, n_ctx));
  return pieces;
}

std::unique_ptr<SampleSource> read_samples(const std::string& tokens_path, const std::string& weights_path,
                                           Index n_vocab) {
  return std::make_unique<Prepared>(tokens_path, weights_path, n_vocab);
}

Random random_of_step(std::uint64_t seed, Index step) {
  // Streams of SplitMix64 whose states differ by a multiple of its increment are the same one, shifted: so
  // both numbers go through it.
  const std::uint64_t first = Random(seed).next();
  return Random(Random(first ^ (static_cast<std::uint64_t>(step) * 0xd1342543de82ef95u)).next());
}

Batch make_batch(const Recipe& recipe, const Sources& sources, Index step) {
  const auto [stage, at] = recipe.at(step);
  Random random = random_of_step(recipe.seed, step);
  Batch batch;
  batch.n_ctx = stage->n_ctx[random.below(static_cast<std::uint32_t>(stage->n_ctx.size()))];
  const Index n = std::max<Index>(1, stage->tokens / batch.n_ctx);
  std::vector<double> shares;
  double total = 0;
  for (const auto& [name, share] : stage->mix) shares.push_back(share), total += share;
  for (Index i = 0; i < n; ++i) {
    const SampleSource& source = *sources.at(stage->mix[pick(random, shares, total)].first);
    batch.samples.push_back(stage->mix.size() == 1 && source.n_samples() > 0
                                ? source.sample((at * n + i) % source.n_samples())
                                : source.draw(random, batch.n_ctx));
    batch.weight += weight_of(batch.samples.back());
    batch.n_tokens += static_cast<Index>(batch.samples.back().tokens.size());
  }
  if (stage->methods.empty()) {
    batch.method = MethodSpec::parse("none");
  } else {
    std::vector<double> parts;
    double all = 0;
    for (const MethodChoice& choice : stage->methods) parts.push_back(choice.share()), all += parts.back();
    batch.method = stage->methods[pick(random, parts, all)].draw(random);
  }
  return batch;
}

void require_sources(const Recipe& recipe, const Sources& sources) {
  for (const TrainStage& stage : recipe.stages) {
    for (const auto& [name, share] : stage.mix) {
      const auto found = sources.find(name);
      if (found == sources.end()) {
        std::vector<std::string> names;
        for (const auto& [known, source] : sources) names.push_back(known);
        throw UsageError("[[stage]] " + stage.name, "a source of [data] in its mix", "'" + name + "'",
                         did_you_mean(name, names));
      }
      for (const Index n_ctx : stage.n_ctx) found->second->require(n_ctx);
    }
  }
}

}  // namespace rw
