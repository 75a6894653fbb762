// SPDX-License-Identifier: Apache-2.0
#include "train/recipe.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"

namespace rw {

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
    ranges_.push_back({low, high});
    rest.remove_prefix(close + 1);
  }
  between_.emplace_back(rest);
  at(std::vector<double>(ranges_.size(), 0)), at(std::vector<double>(ranges_.size(), 1));
}

double MethodChoice::Range::first() const { return whole ? std::ceil(low) : low; }

Index MethodChoice::Range::n_whole() const {
  return static_cast<Index>(std::floor(high)) - static_cast<Index>(std::ceil(low)) + 1;
}

double MethodChoice::Range::at(double part) const {
  if (!whole) return low + (high - low) * part;
  const double n = static_cast<double>(n_whole());
  return first() + std::min(std::floor(n * part), n - 1);
}

MethodSpec MethodChoice::with(const std::vector<double>& numbers) const {
  std::string spec = between_.front();
  for (std::size_t i = 0; i < ranges_.size(); ++i)
    spec += fmt::format("{:.6g}", numbers[i]) + between_[i + 1];
  return MethodSpec::parse(spec);
}

MethodSpec MethodChoice::at(const std::vector<double>& parts) const {
  std::vector<double> numbers;
  numbers.reserve(ranges_.size());
  for (std::size_t i = 0; i < ranges_.size(); ++i) numbers.push_back(ranges_[i].at(parts[i]));
  return with(numbers);
}

void MethodChoice::fit(const std::function<void(const MethodSpec&)>& bind) {
  constexpr Index kMostTried = 4096;
  std::vector<double> numbers;
  numbers.reserve(ranges_.size());
  for (const Range& range : ranges_) numbers.push_back(range.first());
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    Range& range = ranges_[i];
    if (range.whole || range.low == range.high) continue;
    double between = range.low + (range.high - range.low) / 2;
    if (between == std::floor(between)) between = range.low + (range.high - range.low) * 0.4375;
    std::vector<double> tried = numbers;
    tried[i] = between;
    try {
      bind(with(tried));
    } catch (const UsageError&) {
      range.whole = true;
      if (range.n_whole() < 1) throw;
      tried[i] = numbers[i] = range.first();
      bind(with(tried));
    }
  }
  bind(at(std::vector<double>(ranges_.size(), 0)));
  bind(at(std::vector<double>(ranges_.size(), 1)));
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    std::vector<double> tried = numbers;
    if (!ranges_[i].whole || ranges_[i].n_whole() > kMostTried) continue;
    for (Index n = 0; n < ranges_[i].n_whole(); ++n, ++tried[i]) bind(with(tried));
  }
}

MethodSpec MethodChoice::draw(Random& random) const {
  std::vector<double> parts(ranges_.size());
  for (double& part : parts) part = random.uniform();
  return at(parts);
}

void Recipe::fill_lengths(Index n_ctx) {
  for (TrainStage& stage : stages) {
    if (stage.n_ctx.empty()) stage.n_ctx = {n_ctx};
    if (stage.tokens == 0) stage.tokens = 8 * stage.n_ctx.front();
  }
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

Index Recipe::rows_at_once(const TrainStage& stage, Index n_ctx) const {
  const Index whole = std::max<Index>(1, stage.tokens / n_ctx) * n_ctx;
  return tokens_at_once > 0 ? std::min(whole, std::max(n_ctx, tokens_at_once)) : whole;
}

Index Recipe::most_rows() const {
  Index most = 0;
  for (const TrainStage& stage : stages)
    for (const Index n_ctx : stage.n_ctx) most = std::max(most, rows_at_once(stage, n_ctx));
  return most;
}

}  // namespace rw
