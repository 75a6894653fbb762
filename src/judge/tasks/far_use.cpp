// SPDX-License-Identifier: Apache-2.0
/// The fixed tail with controls: does a method use far context, or only stand it? Far is what lies before the
/// last min(trained, length/2) tokens. `true`: the tail task. `swapped`: the far part is another document's
/// end, of the same length. `shuffled`: its sentences stand in another order. loss(swapped) - loss(true) is
/// what the far part was good for. `copy`: the loss of those targets only that it could be copied for
/// (judge/controls.h), with the same targets' loss in the swapped context as a value; which targets these
/// are depends on the length, so only the two are comparable. Where the far part would reach into the tail
/// there is `true` alone.
#include <algorithm>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/option.h"
#include "judge/controls.h"
#include "judge/task.h"

namespace rw::tasks::far_use {
namespace {

constexpr std::uint64_t kShuffleSeed = 1;

double mean(const std::vector<double>& losses) {
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

Record record_of(const TaskInput& in, const std::string& part, const std::vector<double>& losses) {
  Record record;
  record.part = part;
  record.achieved = in.length;
  record.n_targets = static_cast<Index>(losses.size());
  record.loss = mean(losses);
  return record;
}

/// The far part between BOS and `near`, replaced.
std::vector<Token> with_far(std::vector<Token> tokens, Index n_bos, const std::vector<Token>& far) {
  std::copy(far.begin(), far.end(), tokens.begin() + n_bos);
  return tokens;
}

/// The other document's last n tokens, if it has so many.
std::optional<std::vector<Token>> other_end(const TaskInput& in, Index n) {
  if (!in.other || static_cast<Index>(in.other->tokens.size()) < n) return std::nullopt;
  return std::vector<Token>(in.other->tokens.end() - n, in.other->tokens.end());
}

/// The loss of the copy targets; none where there are no such targets.
std::optional<Record> copy_record(const TaskInput& in, const std::vector<Token>& tokens, Index near,
                                  const std::vector<double>& as_is, const std::vector<double>& swapped) {
  const Index begin = in.length - static_cast<Index>(as_is.size());
  std::vector<double> losses, without;
  for (Index t : copy_targets(tokens, near, begin)) {
    losses.push_back(as_is[static_cast<std::size_t>(t - begin)]);
    if (!swapped.empty()) without.push_back(swapped[static_cast<std::size_t>(t - begin)]);
  }
  if (losses.empty()) return std::nullopt;
  Record record = record_of(in, "copy", losses);
  if (!without.empty()) record.values = {{"swapped", mean(without)}};
  return record;
}

std::vector<Record> run(const TaskInput& in) {
  const auto end = static_cast<Index>(in.document.tokens.size());
  const auto n_bos = static_cast<Index>(in.document.bos.size());
  const std::vector<Token> tokens = context_before(in.document, end, in.length);
  const Index targets = in.tail;  // the same tokens at every length, or the differences would be of the text
  if (targets >= in.length)
    throw UsageError(option("tail"), fmt::format("less than the {} tokens of a run", in.length),
                     fmt::format("{}", targets));
  const Index near = in.length - std::min(in.model->n_ctx_train(), in.length / 2);
  const bool controls = near > n_bos && in.length - near > targets;
  const std::optional<std::vector<Token>> other = controls ? other_end(in, near - n_bos) : std::nullopt;
  const Index n_passes = 1 + Index{controls} + Index{other.has_value()};
  const auto losses_of = [&](const std::vector<Token>& read, Index pass) {
    return in.model->losses(in.spec, read, in.length - 1 - targets, in.length - 1,
                            done_of_pass(in, pass, n_passes));
  };
  const std::vector<double> as_is = losses_of(tokens, 0);
  std::vector<Record> records{record_of(in, "true", as_is)};
  if (!controls) return records;
  const std::span far =
      std::span(tokens).subspan(static_cast<std::size_t>(n_bos), static_cast<std::size_t>(near - n_bos));
  const auto ends = [&](Token token) { return ends_sentence(in.tokenizer.decode(token)); };
  records.push_back(record_of(
      in, "shuffled", losses_of(with_far(tokens, n_bos, shuffled_sentences(far, ends, kShuffleSeed)), 1)));
  std::vector<double> swapped;
  if (other) {
    swapped = losses_of(with_far(tokens, n_bos, *other), 2);
    records.insert(records.begin() + 1, record_of(in, "swapped", swapped));
  }
  if (const auto copied = copy_record(in, tokens, near, as_is, swapped)) records.push_back(*copied);
  return records;
}

const Register<Task> registered{
    {.name = "far-use",
     .summary = "the fixed tail with its far context true, swapped or shuffled; tokens to copy",
     .last_tokens = true,
     .uses_other = true,
     .passes = [](const Extent&) { return 3.0; },
     .run = run}};

}  // namespace
}  // namespace rw::tasks::far_use
