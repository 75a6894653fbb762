// SPDX-License-Identifier: Apache-2.0
#include "remote/scoring.h"

#include <algorithm>
#include <cmath>

namespace rw::remote {
namespace {

constexpr double kMostNats = 1e4;  // vLLM says -9999 for -inf

}  // namespace

std::vector<const ScoringForm*> scoring_forms() {
  std::vector<const ScoringForm*> forms;
  for (const ScoringForm& form : Registry<ScoringForm>::all()) forms.push_back(&form);
  std::sort(forms.begin(), forms.end(), [](const auto* a, const auto* b) { return a->order < b->order; });
  return forms;
}

double loss_of(const JsonInput& logprob, std::string_view place) {
  if (!logprob.is_number() || !(logprob.get<double>() <= 1e-3 && logprob.get<double>() >= -kMostNats))
    throw OddAnswer(place, "a log-probability", dump_json(logprob).substr(0, 40));
  return std::max(0.0, -logprob.get<double>());
}

const JsonInput& choice_of(const JsonInput& answer, std::string_view place) {
  const auto choices = answer.is_object() ? answer.find("choices") : answer.end();
  if (choices == answer.end() || !choices->is_array() || choices->empty() || !(*choices)[0].is_object())
    throw OddAnswer(place, "an answer with choices", dump_json(answer).substr(0, 80));
  return (*choices)[0];
}

}  // namespace rw::remote
