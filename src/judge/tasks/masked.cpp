// SPDX-License-Identifier: Apache-2.0
/// The fixed-tail test of encoders: some of the last tokens are masked, the same ones at every length, and
/// the model says what stood there; only the context to their left grows.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "core/error.h"
#include "core/option.h"
#include "judge/task.h"
#include "judge/text_tokens.h"

namespace rw::tasks::masked {
namespace {

/// As BERT was trained (Devlin et al. 2019, arXiv:1810.04805, section 3.1), but that each chosen token is
/// masked: none is left as it is or replaced by another.
constexpr double kMaskedShare = 0.15;

/// Places among the tail's tokens, rising. The seed is the whole document's, of what no length reads too: the
/// same places at every length and under every method, others where the text is cut in another way.
std::vector<std::size_t> masked_places(const Tokenizer& tokenizer, std::span<const Token> tail, int seed) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < tail.size(); ++i)
    if (stands_for_text(tokenizer, tail[i])) places.push_back(i);
  const auto wanted = static_cast<std::size_t>(std::lround(kMaskedShare * static_cast<double>(tail.size())));
  const std::size_t n = std::min(places.size(), std::max<std::size_t>(wanted, 1));
  // By hand: what std::sample draws is the library's affair.
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  for (std::size_t i = 0; i < n; ++i) std::swap(places[i], places[i + random() % (places.size() - i)]);
  places.resize(n);
  std::sort(places.begin(), places.end());
  return places;
}

bool has_targets(const Tokenizer& tokenizer, const Document& document, Index tail) {
  const std::span<const Token> tokens(document.tokens);
  const std::span<const Token> last = tokens.last(std::min(tokens.size(), static_cast<std::size_t>(tail)));
  return std::any_of(last.begin(), last.end(),
                     [&](Token token) { return stands_for_text(tokenizer, token); });
}

std::vector<Record> run(const TaskInput& in) {
  const Tokenizer& tokenizer = in.tokenizer;
  if (!tokenizer.mask)
    throw Error(option("tasks") + " masked", "a tokenizer with a mask token", "none",
                "is this a masked language model?");
  const bool closed = tokenizer.add_eos && tokenizer.eos;
  const Index n_text = in.length - (closed ? 1 : 0);
  if (in.tail + static_cast<Index>(in.document.bos.size()) > n_text)
    throw UsageError(option("tail"), fmt::format("less than the {} tokens of a run", in.length),
                     fmt::format("{}", in.tail));
  std::vector<Token> tokens =
      context_before(in.document, static_cast<Index>(in.document.tokens.size()), n_text);
  const std::size_t begin = tokens.size() - static_cast<std::size_t>(in.tail);
  const std::vector<std::size_t> places =
      masked_places(tokenizer, std::span(tokens).subspan(begin), drawn_seed(in.document, 1));
  if (places.empty())
    throw Error(in.document.name, "tokens of text among the last " + std::to_string(in.tail), "none",
                "does the vocabulary know this language?");
  std::vector<Index> rows;
  std::vector<Token> targets;
  rows.reserve(places.size()), targets.reserve(places.size());
  for (const std::size_t place : places) {
    rows.push_back(static_cast<Index>(begin + place));
    targets.push_back(std::exchange(tokens[begin + place], *tokenizer.mask));
  }
  if (closed) tokens.push_back(*tokenizer.eos);
  std::vector<double> losses(rows.size());
  RW_CHECK(in.model->model());  // other engines are no encoders
  Session session(*in.model->model(), in.spec, {.n = in.length, .n_prompt = in.length});
  session.run(tokens,
              {.begin = rows.front(),
               .end = rows.back() + 1,
               .targets = targets,
               .losses = losses.data(),
               .only = rows},
              done_of_pass(in, 0, 1));
  Record record;
  record.achieved = in.length;
  record.n_targets = static_cast<Index>(rows.size());
  record.loss = std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(rows.size());
  return {record};
}

const Register<Task> registered{
    {.name = "masked",
     .summary = "loss of the same masked tokens as their context grows (encoders)",
     .of_encoders = true,
     .truncated = true,
     .last_tokens = true,
     .has_targets = has_targets,
     .run = run}};

}  // namespace
}  // namespace rw::tasks::masked
