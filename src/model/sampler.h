// SPDX-License-Identifier: Apache-2.0
/// The next token from a row of logits.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/random.h"
#include "core/types.h"

namespace rw {

/// Applied in this order, llama.cpp's: bias, penalties, top_k, top_p, min_p, temperature. So top_p and min_p
/// judge the probabilities at temperature 1, where vLLM and transformers divide by the temperature first.
struct SamplerSettings {
  double temperature = 0;  ///< 0: the likeliest token, and the three below choose nothing
  Index top_k = 0;         ///< the k likeliest; 0: all
  double top_p = 1;        ///< the likeliest until they have this probability together (Holtzman et al. 2020)
  double min_p = 0;        ///< those of at least this share of the likeliest one's (Nguyen et al. 2024)
  /// Of each token among the last `repeat_last_n` of prompt and answer: a logit above 0 is divided by it, one
  /// below multiplied (Keskar et al. 2019, CTRL).
  double repeat_penalty = 1;
  Index repeat_last_n = 64;  ///< -1: all of them
  /// Taken from the logit of each token of the answer once, and once for each time that it stands there
  /// (OpenAI; llama.cpp counts the prompt's last tokens too).
  double presence_penalty = 0, frequency_penalty = 0;
  std::vector<std::pair<Token, double>> logit_bias = {};  ///< added; -infinity: never
  std::uint64_t seed = 0;

  /// Whether it is always the likeliest token as the model has it, which the backend finds by itself.
  bool plain() const {
    return temperature == 0 && repeat_penalty == 1 && presence_penalty == 0 && frequency_penalty == 0 &&
           logit_bias.empty();
  }
};

/// Errors: UsageError naming the number that is out of range, or the id without a token.
void require_settings(const SamplerSettings& settings, Index n_choices);

/// One text's. The same settings, prompt and logits give the same tokens. Used by one thread at a time.
class Sampler {
 public:
  /// Errors: as require_settings.
  Sampler(SamplerSettings settings, Index n_choices, std::span<const Token> prompt);
  const SamplerSettings& settings() const { return settings_; }
  /// The token to follow, which counts as written. logits (n_choices). kNoToken where one of them is NaN, or
  /// none is left to choose.
  Token next(const float* logits);

 private:
  struct Candidate {
    double logit;
    Token id;
  };
  /// Likelier first; of equal ones the one with the smaller id.
  static bool likelier(const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  }
  void change(std::vector<double>& logits) const;
  Token draw(std::vector<Candidate>& candidates);
  void wrote(Token token);

  SamplerSettings settings_;
  Index n_choices_;
  Random random_;
  std::vector<Token> text_;                   // prompt and answer
  std::unordered_map<Token, Index> written_;  // of the answer: how often
};

}  // namespace rw
