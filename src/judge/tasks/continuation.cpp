// SPDX-License-Identifier: Apache-2.0
/// The model reads on to a fixed place of the document, writes the next n_predict tokens greedily, and is
/// compared with the true ones. The place is n_predict tokens before the document's end at every length and
/// for every method; only the context grows to the left. The same true tokens are scored teacher-forced as
/// well: loss, and `top1`, the share where the likeliest token is the true one, which no greedy text can pass
/// by much. Greedy text of a novel has few n-grams of the true one at any length, so read all of it relative
/// to the truncated baseline. The other values are of the tokens written (exact_prefix, distinct1, distinct2,
/// repetition, the share of 4-grams seen before) and of both texts (metrics/).
#include "core/error.h"
#include "core/option.h"
#include "core/utf8.h"
#include "judge/task.h"
#include "metrics/metrics.h"

namespace rw::tasks::continuation {
namespace {

/// What 128 written tokens cost, in tokens read: about 28 for each on SmolLM2 at 4,096.
constexpr double kWriting = 3600;

/// Without the rest of a character at the front or a part of one at the end: a token may hold half of one.
std::string whole_characters(std::string text) {
  const auto continues = [&](std::size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xc0u) == 0x80u;
  };
  std::size_t front = 0;
  while (front < text.size() && front < 3 && continues(front)) ++front;
  text.erase(0, front);
  std::size_t last = text.size();
  while (last > 0 && text.size() - last < 4) {
    --last;
    if (continues(last)) continue;
    if (utf8_length(text, last) != text.size() - last) text.erase(last);
    break;
  }
  return text;
}

/// The loss of the true tokens, and how many of them are the likeliest; nothing from who does not tell.
void add_truth(const Continued& all, Index n_predict, Record& record) {
  if (all.losses.empty()) return;
  double sum = 0, likely = 0;
  for (std::size_t i = 0; i < all.losses.size(); ++i) sum += all.losses[i], likely += all.likeliest[i];
  record.n_targets = n_predict;
  record.loss = sum / static_cast<double>(n_predict);
  record.values.emplace_back("top1", likely / static_cast<double>(n_predict));
}

void compare(const std::vector<Token>& written, const std::vector<Token>& truth, Record& record) {
  const Scores scores = score(std::span(&record.written, 1), std::span(&record.expected, 1));
  const std::pair<std::string, double> values[] = {
      {"bleu", scores.bleu},
      {"chrf", scores.chrf},
      {"rougeL", scores.rouge_l},
      {"token_f1", scores.token_f1},
      {"rouge1", scores.rouge1},
      {"rouge2", scores.rouge2},
      {"rougeLsum", scores.rouge_lsum},
      {"exact_prefix", static_cast<double>(exact_prefix(written, truth))},
      {"distinct1", distinct_n(written, 1)},
      {"distinct2", distinct_n(written, 2)},
      {"repetition", repetition(written, 4)}};
  record.values.insert(record.values.end(), std::begin(values), std::end(values));
}

std::vector<Record> run(const TaskInput& in) {
  const auto end = static_cast<Index>(in.document.tokens.size());
  const Index place = end - in.n_predict, n_context = in.length - in.n_predict;
  if (n_context < 2)
    throw UsageError(option("n_predict"), fmt::format("less than the {} tokens of a run", in.length),
                     fmt::format("{}", in.n_predict));
  const std::vector<Token> context = context_before(in.document, place, n_context);
  const std::vector<Token> truth(in.document.tokens.begin() + place, in.document.tokens.end());
  const Continued all = in.model->go_on(in.spec, in.tokenizer, context, truth, done_of_pass(in, 0, 1));
  Record record;
  record.achieved = n_context + static_cast<Index>(all.written.tokens.size());
  record.written = whole_characters(all.written.text);
  record.expected = whole_characters(in.tokenizer.decode(truth));
  add_truth(all, in.n_predict, record);
  compare(all.written.tokens, truth, record);
  return {record};
}

const Register<Task> registered{
    {.name = "continuation",
     .summary = "greedy continuation against the true text, at the same place",
     .truncated = true,
     .uses_n_predict = true,
     .passes = [](const Extent& e) { return 1 + kWriting / static_cast<double>(e.length); },
     .run = run}};

}  // namespace
}  // namespace rw::tasks::continuation
