// SPDX-License-Identifier: Apache-2.0
#include "train/recipe.h"

#include <charconv>

#include "core/error.h"

namespace ropewalk {

MethodChoice::MethodChoice(std::string text, double share) : text_(std::move(text)), share_(share) {
  std::string_view rest = text_;
  for (std::size_t open = rest.find('{'); open != rest.npos; open = rest.find('{')) {
    const std::size_t close = rest.find('}', open);
    const std::string_view range = rest.substr(open + 1, close == rest.npos ? close : close - open - 1);
    const std::size_t dots = range.find("..");
    double low = 0, high = 0;
    const auto number = [](std::string_view word, double& value) {
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      return error == std::errc() && end == word.data() + word.size();
    };
    if (close == rest.npos || dots == range.npos || !number(range.substr(0, dots), low) ||
        !number(range.substr(dots + 2), high) || !(low <= high))
      throw UsageError("method", "a range such as {0.6..1}", "'{" + std::string(range) + "'",
                       "temperature:value={0.6..1} draws a value for each batch");
    between_.emplace_back(rest.substr(0, open));
    ranges_.emplace_back(low, high);
    rest.remove_prefix(close + 1);
  }
  between_.emplace_back(rest);
  at(std::vector<double>(ranges_.size(), 0)), at(std::vector<double>(ranges_.size(), 1));
}

MethodSpec MethodChoice::at(const std::vector<double>& parts) const {
  std::string spec = between_.front();
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    const auto& [low, high] = ranges_[i];
    spec += fmt::format("{:.6g}", low + (high - low) * parts[i]) + between_[i + 1];
  }
  return MethodSpec::parse(spec);
}

MethodSpec MethodChoice::draw(Random& random) const {
  std::vector<double> parts(ranges_.size());
  for (double& part : parts) part = random.uniform();
  return at(parts);
}

Index Recipe::n_steps() const {
  Index n = 0;
  for (const TrainStage& stage : stages) n += stage.steps;
  return n;
}

std::pair<const TrainStage*, Index> Recipe::at(Index step) const {
  for (const TrainStage& stage : stages) {
    if (step < stage.steps) return {&stage, step};
    step -= stage.steps;
  }
  throw LogicError("a step behind the last stage");
}

double Recipe::rate(Index step) const {
  const auto [stage, at_stage] = at(step);
  return stage->schedule.at(at_stage, stage->steps) * warm_up_factor(step, warm_up);
}

}  // namespace ropewalk
