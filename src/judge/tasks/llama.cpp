// SPDX-License-Identifier: Apache-2.0
/// The protocol of llama.cpp's llama-perplexity (tools/perplexity/perplexity.cpp, without --ppl-stride), so
/// that numbers can be compared: disjoint chunks of `length` tokens of [BOS] + the document, the first token
/// of each replaced by BOS where the model wants one, nothing kept between chunks; what positions length/2 ..
/// length-2 predict is scored, and the mean is over all of it. `chunks` among the values says how
/// many. Against llama.cpp itself (tools/make_golden_llama.py): 3e-7 nats on tiny/llama, 7e-8 on SmolLM2-135M
/// in F32 at 2,048 tokens, both with --precision f32. llama-perplexity asks for two chunks at least; here one
/// is enough. Half of the text is never scored and another length scores other tokens, so it is never used
/// for a verdict.
#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "judge/bits_per_byte.h"
#include "judge/task.h"

namespace rw::tasks::llama {
namespace {

std::vector<Record> run(const TaskInput& in) {
  const Document& document = in.document;
  std::vector<Token> stream = document.bos;
  stream.insert(stream.end(), document.tokens.begin(), document.tokens.end());
  const Index n = static_cast<Index>(stream.size()) / in.length;
  RW_CHECK(n >= 1);
  double sum = 0;
  std::vector<Token> scored;
  Record record;
  for (Index k = 0; k < n; ++k) {
    const auto first = stream.begin() + k * in.length;
    std::vector<Token> tokens(first, first + in.length);
    std::copy(document.bos.begin(), document.bos.end(), tokens.begin());
    const std::vector<double> losses =
        in.model->losses(in.spec, tokens, in.length / 2, in.length - 1, done_of_pass(in, k, n));
    sum = std::accumulate(losses.begin(), losses.end(), sum);
    record.n_targets += static_cast<Index>(losses.size());
    scored.insert(scored.end(), tokens.end() - static_cast<std::ptrdiff_t>(losses.size()), tokens.end());
  }
  record.achieved = in.length;
  record.loss = sum / static_cast<double>(record.n_targets);
  record.values = {{"chunks", static_cast<double>(n)},
                   {kBitsPerByte, bits_per_byte(in.tokenizer, scored, sum)}};
  return {record};
}

const Register<Task> registered{
    {.name = "llama",
     .summary = "what llama.cpp's llama-perplexity measures: second halves of disjoint chunks",
     .passes =
         [](const Extent& e) { return static_cast<double>(std::max<Index>(e.n_document / e.length, 1)); },
     .run = run}};

}  // namespace
}  // namespace rw::tasks::llama
