// SPDX-License-Identifier: Apache-2.0
/// One pass at the greatest length: mean loss in buckets of positions, two to an octave. It shows where a
/// method breaks; other positions are other text, so it is never used for a verdict.
#include <cmath>
#include <numeric>

#include "judge/bits_per_byte.h"
#include "judge/task.h"

namespace rw::tasks::positions {
namespace {

std::vector<Record> run(const TaskInput& in) {
  const auto end = static_cast<Index>(in.document.tokens.size());
  const std::vector<Token> tokens = context_before(in.document, end, in.length);
  const std::vector<double> losses =
      in.model->losses(in.spec, tokens, 0, in.length - 1, done_of_pass(in, 0, 1));
  std::vector<Record> records;
  for (Index begin = 0, step = 0; begin < in.length - 1; ++step) {
    const auto next = static_cast<Index>(64 * std::pow(2.0, static_cast<double>(step) / 2));
    const Index until = std::min(std::max(next, begin + 1), in.length - 1);
    Record record;
    record.achieved = in.length;
    record.position_begin = begin;
    record.position_end = until;
    record.n_targets = until - begin;
    const double sum = std::accumulate(losses.begin() + begin, losses.begin() + until, 0.0);
    record.loss = sum / static_cast<double>(until - begin);
    const auto targets = std::span(tokens).subspan(static_cast<std::size_t>(begin + 1),
                                                   static_cast<std::size_t>(until - begin));
    record.values = {{kBitsPerByte, bits_per_byte(in.tokenizer, targets, sum)}};
    records.push_back(record);
    begin = until;
  }
  return records;
}

const Register<Task> registered{{.name = "positions",
                                 .summary = "loss by position in one pass at the greatest length",
                                 .every_length = false,
                                 .run = run}};

}  // namespace
}  // namespace rw::tasks::positions
