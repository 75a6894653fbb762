// SPDX-License-Identifier: Apache-2.0
/// The fixed-tail test: the same last target ids are scored at every length; only the context grows to the
/// left. So a difference between lengths is the context's, never the text's.
#include <numeric>

#include "core/error.h"
#include "core/option.h"
#include "judge/bits_per_byte.h"
#include "judge/task.h"

namespace rw::tasks::tail {
namespace {

std::vector<Record> run(const TaskInput& in) {
  const auto end = static_cast<Index>(in.document.tokens.size());
  const std::vector<Token> tokens = context_before(in.document, end, in.length);
  const Index targets = in.tail;  // the same tokens at every length, or the differences would be of the text
  if (targets >= in.length)
    throw UsageError(option("tail"), fmt::format("less than the {} tokens of a run", in.length),
                     fmt::format("{}", targets));
  const std::vector<double> losses = in.model->losses(in.spec, tokens, in.length - 1 - targets, in.length - 1,
                                                      done_of_pass(in, 0, 1), in.bound);
  Record record;
  record.achieved = in.length;
  record.n_targets = targets;
  const double sum = std::accumulate(losses.begin(), losses.end(), 0.0);
  record.loss = sum / static_cast<double>(targets);
  record.values = {
      {kBitsPerByte,
       bits_per_byte(in.tokenizer, std::span(tokens).last(static_cast<std::size_t>(targets)), sum)}};
  return {record};
}

const Register<Task> registered{{.name = "tail",
                                 .summary = "loss of the same last tokens as their context grows",
                                 .truncated = true,
                                 .last_tokens = true,
                                 .run = run}};

}  // namespace
}  // namespace rw::tasks::tail
