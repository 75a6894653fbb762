// SPDX-License-Identifier: Apache-2.0
#include "model/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "core/error.h"

namespace rw {
namespace {

constexpr double kMostTemperature = 100, kMostPenalty = 100;

void require(bool holds, const char* name, const std::string& expected, double found) {
  if (!holds) throw UsageError(name, expected, fmt::format("{}", found));
}

}  // namespace

void require_settings(const SamplerSettings& s, Index n_choices) {
  const auto within = [](double x, double least, double most) { return x >= least && x <= most; };
  require(within(s.temperature, 0, kMostTemperature), "temperature", "0 to 100", s.temperature);
  require(s.top_k >= 0, "top_k", "0 (all), or more", static_cast<double>(s.top_k));
  require(within(s.top_p, 0, 1), "top_p", "0 to 1", s.top_p);
  require(within(s.min_p, 0, 1), "min_p", "0 to 1", s.min_p);
  require(s.repeat_penalty > 0 && s.repeat_penalty <= kMostPenalty, "repeat_penalty", "more than 0, to 100",
          s.repeat_penalty);
  require(s.repeat_last_n >= -1, "repeat_last_n", "-1 (all), or more", static_cast<double>(s.repeat_last_n));
  require(within(s.presence_penalty, -kMostPenalty, kMostPenalty), "presence_penalty", "-100 to 100",
          s.presence_penalty);
  require(within(s.frequency_penalty, -kMostPenalty, kMostPenalty), "frequency_penalty", "-100 to 100",
          s.frequency_penalty);
  for (const auto& [id, bias] : s.logit_bias) {
    require(id >= 0 && id < n_choices, "logit_bias", fmt::format("ids from 0 to {}", n_choices - 1), id);
    require(!std::isnan(bias) && bias < std::numeric_limits<double>::infinity(), "logit_bias",
            "numbers, or -infinity", bias);
  }
}

Sampler::Sampler(SamplerSettings settings, Index n_choices, std::span<const Token> prompt)
    : settings_(std::move(settings)),
      n_choices_(n_choices),
      random_(settings_.seed),
      text_(prompt.begin(), prompt.end()) {
  require_settings(settings_, n_choices);
}

void Sampler::wrote(Token token) {
  text_.push_back(token);
  ++written_[token];
}

/// Bias, then penalties.
void Sampler::change(std::vector<double>& logits) const {
  const auto at = [&](Token id) -> double& { return logits[static_cast<std::size_t>(id)]; };
  for (const auto& [id, bias] : settings_.logit_bias) at(id) += bias;
  if (settings_.repeat_penalty != 1) {
    const std::size_t n = text_.size();
    const std::size_t last =
        settings_.repeat_last_n < 0 ? n : std::min(n, static_cast<std::size_t>(settings_.repeat_last_n));
    const std::unordered_set<Token> seen(text_.end() - static_cast<std::ptrdiff_t>(last), text_.end());
    for (const Token id : seen) {
      if (id < 0 || id >= n_choices_) continue;  // a row of the embedding that no token has
      double& logit = at(id);
      logit = logit > 0 ? logit / settings_.repeat_penalty : logit * settings_.repeat_penalty;
    }
  }
  for (const auto& [id, times] : written_)
    at(id) -= settings_.presence_penalty + settings_.frequency_penalty * static_cast<double>(times);
}

/// top_k, top_p, min_p, temperature. REQUIRES: a candidate, finite logits, temperature above 0.
Token Sampler::draw(std::vector<Candidate>& candidates) {
  const auto less = [](const Candidate& a, const Candidate& b) { return likelier(b, a); };
  const auto n = static_cast<Index>(candidates.size());
  const Index k = settings_.top_k > 0 ? std::min(settings_.top_k, n) : n;
  if (k < n) {
    std::nth_element(candidates.begin(), candidates.begin() + k, candidates.end(), likelier);
    candidates.resize(static_cast<std::size_t>(k));
  }
  const double most = std::max_element(candidates.begin(), candidates.end(), less)->logit;
  if (settings_.top_p < 1) {
    double whole = 0, taken = 0;
    for (const Candidate& each : candidates) whole += std::exp(each.logit - most);
    std::make_heap(candidates.begin(), candidates.end(), less);
    auto end = candidates.end();  // what is taken stands behind it
    do {
      std::pop_heap(candidates.begin(), end, less);
      taken += std::exp((--end)->logit - most);
    } while (end != candidates.begin() && taken < settings_.top_p * whole);
    candidates.erase(candidates.begin(), end);
  }
  if (settings_.min_p > 0)
    std::erase_if(candidates,
                  [&](const Candidate& each) { return std::exp(each.logit - most) < settings_.min_p; });
  double whole = 0;
  for (const Candidate& each : candidates) whole += std::exp((each.logit - most) / settings_.temperature);
  double left = random_.uniform() * whole;
  for (const Candidate& each : candidates)
    if ((left -= std::exp((each.logit - most) / settings_.temperature)) < 0) return each.id;
  return candidates.back().id;  // the rounding of sums
}

Token Sampler::next(const float* logits) {
  std::vector<double> changed(logits, logits + n_choices_);
  change(changed);
  std::vector<Candidate> candidates;
  candidates.reserve(changed.size());
  Candidate best{-std::numeric_limits<double>::infinity(), kNoToken};
  for (Index id = 0; id < n_choices_; ++id) {
    const double logit = changed[static_cast<std::size_t>(id)];
    if (std::isnan(logit)) return kNoToken;
    if (logit == -std::numeric_limits<double>::infinity()) continue;
    const Candidate each{logit, static_cast<Token>(id)};
    candidates.push_back(each);
    if (best.id == kNoToken || likelier(each, best)) best = each;
  }
  if (best.id == kNoToken) return kNoToken;
  const bool sure = settings_.temperature == 0 || best.logit == std::numeric_limits<double>::infinity();
  const Token token = sure ? best.id : draw(candidates);
  wrote(token);
  return token;
}

}  // namespace rw
