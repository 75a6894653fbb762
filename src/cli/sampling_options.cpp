// SPDX-License-Identifier: Apache-2.0
#include "cli/sampling_options.h"

#include <charconv>
#include <limits>
#include <random>

namespace rw {
namespace {

/// "15043+1", "15043-0.5", "15043-inf". Errors: UsageError.
std::pair<Token, double> parse_bias(const std::string& text) {
  const std::size_t sign = text.find_first_of("+-", 1);
  Token id = 0;
  double bias = 0;
  const char* const end = text.data() + text.size();
  bool right = sign != std::string::npos;
  if (right) {
    const char* const behind_id = text.data() + sign;
    const auto first = std::from_chars(text.data(), behind_id, id);
    const auto second = std::from_chars(behind_id + 1, end, bias);
    right =
        first.ec == std::errc() && first.ptr == behind_id && second.ec == std::errc() && second.ptr == end;
  }
  if (!right)
    throw UsageError("--logit-bias", "a token's id and what is added, such as 15043+1 or 15043-inf",
                     "'" + text + "'", "ropewalk tokenize says the ids of a text");
  return {id, text[sign] == '-' ? -bias : bias};
}

}  // namespace

void SamplingOptions::define(CommandLine& app) {
  app.add_option("--temperature,--temp", settings_.temperature,
                 "0: the likeliest token each time; above: drawn,\nthe greater the bolder")
      ->capture_default_str();
  app.add_option("--top-k", settings_.top_k, "draw from the k likeliest; 0: all")->capture_default_str();
  app.add_option("--top-p", settings_.top_p, "draw from the likeliest that together have this\nprobability")
      ->capture_default_str();
  app.add_option("--min-p", settings_.min_p, "draw from those of at least this share of the\nlikeliest one's")
      ->capture_default_str();
  app.add_option("--repeat-penalty", settings_.repeat_penalty, "logits of recent tokens are divided by it")
      ->capture_default_str();
  app.add_option("--repeat-last-n", settings_.repeat_last_n, "recent: of the last n tokens; -1: of all")
      ->capture_default_str();
  app.add_option("--presence-penalty", settings_.presence_penalty,
                 "taken from the logits of the answer's tokens")
      ->capture_default_str();
  app.add_option("--frequency-penalty", settings_.frequency_penalty,
                 "the same for each time that it has them")
      ->capture_default_str();
  app.add_option("-l,--logit-bias", biases_, "added to a token's logit: ID+X, ID-X, ID-inf");
  app.add_option("-s,--seed", seed_, "of the draws; -1: another each time, which is said")
      ->capture_default_str();
  app.add_option("--stop", stops, "texts that end the answer, and are no part of it");
}

SamplerSettings SamplingOptions::settings(Index n_choices) {
  if (seed_ < -1) throw UsageError("--seed", "-1, or 0 and more", fmt::format("{}", seed_));
  if (seed_ == -1) seed_ = static_cast<Index>(std::random_device{}());
  settings_.seed = static_cast<std::uint64_t>(seed_);
  settings_.logit_bias.clear();
  for (const std::string& each : biases_) settings_.logit_bias.push_back(parse_bias(each));
  require_settings(settings_, n_choices);
  return settings_;
}

}  // namespace rw
