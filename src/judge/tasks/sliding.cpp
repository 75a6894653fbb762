// SPDX-License-Identifier: Apache-2.0
/// Windows of `length` tokens that move by `stride` (half of it) over the document, as the Hugging Face guide
/// and the PI paper's authors measure perplexity: each token is scored once, with at least half a window
/// before it but for those of the first window, and the mean is over tokens (yarn's script weighs windows
/// alike, whatever they score). Every window is whole and has BOS first: the last one begins earlier where
/// the guide's would be short, so that no method sees another length. Without a stride asked for at most 8
/// windows, the document's last ones: `windows` among the values says how many. Other lengths score other
/// tokens, so it is never used for a verdict.
#include <algorithm>
#include <numeric>

#include "judge/bits_per_byte.h"
#include "judge/task.h"

namespace rw::tasks::sliding {
namespace {

constexpr Index kMostWindows = 8;

struct Windows {
  Index n, stride;
};
/// For n document tokens, `own` of which fit into one. REQUIRES: stride <= own.
Windows windows(Index n, Index own, Index length, Index asked) {
  const Index stride = asked > 0 ? asked : std::max<Index>(length / 2, 1);
  const Index all = 1 + (std::max<Index>(n - own, 0) + stride - 1) / stride;
  return {asked > 0 ? all : std::min(kMostWindows, all), stride};
}

std::vector<Record> run(const TaskInput& in) {
  const auto end = static_cast<Index>(in.document.tokens.size());
  const Index own = in.length - static_cast<Index>(in.document.bos.size());
  const auto [n, stride] = windows(end, own, in.length, in.stride);
  Index scored_until = std::max<Index>(end - own - (n - 1) * stride, 0);  // nothing before it is read
  const Index start = scored_until;
  double sum = 0;
  std::vector<Token> scored;
  Record record;
  for (Index k = 0; k < n; ++k) {
    const Index window_end = std::min(start + own + k * stride, end);
    const std::vector<Token> tokens = context_before(in.document, window_end, in.length);
    // Nothing predicts a document's first token where there is no BOS.
    const Index targets = std::min(window_end - scored_until, in.length - 1);
    const std::vector<double> losses =
        in.model->losses(in.spec, tokens, in.length - 1 - targets, in.length - 1, done_of_pass(in, k, n));
    sum = std::accumulate(losses.begin(), losses.end(), sum);
    record.n_targets += targets;
    scored.insert(scored.end(), tokens.end() - targets, tokens.end());
    scored_until = window_end;
  }
  record.achieved = in.length;
  record.loss = sum / static_cast<double>(record.n_targets);
  record.values = {{"windows", static_cast<double>(n)},
                   {kBitsPerByte, bits_per_byte(in.tokenizer, scored, sum)}};
  return {record};
}

const Register<Task> registered{
    {.name = "sliding",
     .summary = "loss of every token in windows that move by half their length (at most 8) or --stride",
     .uses_stride = true,
     .passes =
         [](const Extent& e) {
           return static_cast<double>(windows(e.n_document, e.length, e.length, e.stride).n);
         },
     .run = run}};

}  // namespace
}  // namespace rw::tasks::sliding
