// SPDX-License-Identifier: Apache-2.0
#include "results/answer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "results/reach.h"

namespace ropewalk {
namespace {

using Mark = std::function<std::string(const std::string&)>;

/// Stable to the greatest length; then retrieval, loss, speed.
bool better(const Reach& a, const Reach& b) {
  if (a.stable_to != b.stable_to) return a.stable_to > b.stable_to;  // none is the least
  if (a.retrieves_to != b.retrieves_to) return a.retrieves_to > b.retrieves_to;
  if (a.difference != b.difference) return a.difference < b.difference;
  return (a.slowdown ? a.slowdown->mean : 1e30) < (b.slowdown ? b.slowdown->mean : 1e30);
}

std::string texts(int n) {
  return n == 0 ? "no text" : n == 1 ? "one text" : n == 2 ? "two texts" : fmt::format("{} texts", n);
}

/// No more than was measured: times of one machine vary, and methods that only change frequencies cost
/// nothing.
std::string speed(const Reach& reach) {
  if (!reach.slowdown) return "";
  const Interval& ratio = *reach.slowdown;
  const double percent = 100 * (ratio.mean - 1);
  if (std::abs(percent) < 0.5) return ", as fast as plain RoPE";
  if (ratio.low && *ratio.low <= 1 && *ratio.high >= 1)
    return ", as fast as plain RoPE within the spread of the timings";
  return fmt::format(", {}{:.0f} % {} than plain RoPE", ratio.low ? "" : "about ", std::abs(percent),
                     percent > 0 ? "slower" : "faster");
}

std::string retrieval(const Reach& reach) {
  if (!reach.retrieval_known) return "";
  return reach.retrieves_to ? ", retrieves to " + k_tokens(*reach.retrieves_to)
                            : ", does not retrieve even at the shortest length tested";
}

/// What plain RoPE does past the trained length, where that is not the answer itself.
std::string plain_sentence(const ReportData& data, Index longest) {
  const SummaryCell* plain = cell_at(data, kPlain, longest);
  if (!plain) return "";
  const std::string& word = plain->verdict.word;
  return fmt::format(
      "Plain RoPE at {}: {}{} ({} nats per token).", k_tokens(longest), word,
      plain->verdict.approximate ? ", on " + texts(plain->difference.n) : "",
      std::isfinite(plain->loss.mean) ? fmt::format("{:.3f}", plain->loss.mean) : "no finite loss");
}

/// Differences are from plain RoPE on the trained length's text, which is what truncation gives.
std::string gain_sentence(const ReportData& data, const Reach& best) {
  const SummaryCell* cell = cell_at(data, best.method, *best.stable_to);
  const std::string trained = k_tokens(data.run.n_ctx_train);
  std::string numbers = fmt::format("{:+.3f} nats", cell->difference.mean);
  if (cell->difference.low)
    numbers +=
        fmt::format(", 95 % interval {:+.3f} to {:+.3f}", *cell->difference.low, *cell->difference.high);
  else
    numbers += ", on " + texts(cell->difference.n);
  if (cell->verdict.word == "improves" || cell->verdict.note == "slightly better")
    return fmt::format(
        "Its loss at {} is below that of the last {} tokens alone ({}): the longer text helps.",
        k_tokens(cell->length), trained, numbers);
  if (cell->verdict.word == "stable")
    return fmt::format(
        "But keeping only the last {} tokens, which costs nothing, does as well within {:g} nats ({}).",
        trained, data.run.margin, numbers);
  // Not worse by the margin is all that its verdict says.
  return fmt::format("Whether it beats keeping only the last {} tokens, which costs nothing, is open ({}).",
                     trained, numbers);
}

/// Whether the far text is read at all (task far-use).
std::string use_sentence(const Reach& best) {
  if (!best.use_known) return "";
  if (!best.used_to) return "That its far text is used was not shown.";
  return fmt::format("Its far text is used to {}: another text in its place costs loss.",
                     k_tokens(*best.used_to));
}

/// Where nothing is stable: what came nearest, and what would decide it.
std::string nearest_sentence(const ReportData& data, Index longest, const Mark& mark) {
  const SummaryCell* best = nullptr;
  for (const SummaryCell& c : data.cells)
    if (c.length == longest && !is_baseline(c.method) && std::isfinite(c.difference.mean) &&
        (!best || c.difference.mean < best->difference.mean))
      best = &c;
  if (!best) return "";
  std::string text = fmt::format("Nearest at {}: {}, {:+.3f} nats", k_tokens(longest), mark(best->method),
                                 best->difference.mean);
  if (best->difference.low)
    text += fmt::format(" (95 % interval {:+.3f} to {:+.3f})", *best->difference.low, *best->difference.high);
  if (best->verdict.documents_needed > 0 && best->verdict.documents_needed < kManyDocuments)
    text += fmt::format("; {} documents in all would decide", best->verdict.documents_needed);
  return text + ".";
}

std::string others_sentence(const std::vector<Reach>& sorted, const Mark& mark) {
  std::string names;
  int n = 0;
  for (std::size_t i = 1; i < sorted.size() && n < 4; ++i)
    if (sorted[i].stable_to == sorted[0].stable_to) names += (n++ > 0 ? ", " : "") + mark(sorted[i].method);
  return names.empty() ? "" : fmt::format("Stable as far: {}.", names);
}

/// The tasks that "retrieves to" says nothing about; none known: nothing is said of retrieval at all.
std::string left_out_sentence(const ReportData& data, bool known, const Mark& mark) {
  std::string names;
  for (const auto& [task, score] : cannot_tell(data))
    names += fmt::format("{}{} ({:.0f} %)", names.empty() ? "" : ", ", mark(task), 100 * score.mean());
  if (names.empty()) return "";
  return known
             ? fmt::format(
                   "Left out of how far it retrieves, since the model finds too little even in short "
                   "texts to tell: {}.",
                   names)
             : fmt::format("The model finds too little even in short texts to tell how far it retrieves: {}.",
                           names);
}

/// Of a method's questions at one length, over the tasks that can tell.
std::map<std::string, Score> found_at(const ReportData& data, Index length) {
  const std::map<std::string, Score> failed = cannot_tell(data);
  std::map<std::string, Score> found;
  for (const auto& [task, methods] : retrieval_scores(data))
    for (const auto& [method, scores] : methods)
      if (const auto at = scores.find(length); at != scores.end() && !failed.contains(task))
        found[method].sum += at->second.sum, found[method].n += at->second.n;
  return found;
}

std::string share_text(const Score& score) {
  const Proportion p = proportion(score.sum, score.n);
  return fmt::format("{:.0f} % ({:.0f} to {:.0f})", 100 * p.value, 100 * p.low, 100 * p.high);
}

/// Who finds most at the greatest length that truncation was asked at too, on as many questions. The method
/// with the flattest loss may find nothing, and the finder's loss may be undecided: neither says the other.
std::string found_sentence(const ReportData& data, const Mark& mark) {
  Index length = 0;
  for (const Record& r : data.records)
    if (r.score && r.method == kTruncated) length = std::max(length, r.length);
  const std::map<std::string, Score> found = found_at(data, length);
  const auto truncated = found.find(kTruncated);
  if (length == 0 || truncated == found.end()) return "";
  auto best = truncated;
  for (auto method = found.begin(); method != found.end(); ++method)
    if (!is_baseline(method->first) && method->second.n == truncated->second.n &&
        method->second.sum > best->second.sum)
      best = method;
  const std::string questions =
      fmt::format("{} of {} questions at {}", share_text(best->second), best->second.n, k_tokens(length));
  if (best == truncated) return fmt::format("Nothing finds more than truncation: {}.", questions);
  std::string text = fmt::format("To find something take {}: {}; truncation {}", mark(best->first), questions,
                                 share_text(truncated->second));
  if (const SummaryCell* cell = cell_at(data, best->first, length);
      cell && std::isfinite(cell->difference.mean))
    text += fmt::format("; its loss there: {}, {:+.3f} nats", cell->verdict.shown(), cell->difference.mean);
  return text + ".";
}

Answer of_retrieval(const ReportData& data, std::vector<Reach> all, const Mark& mark) {
  const bool known = std::any_of(all.begin(), all.end(), [](const Reach& r) { return r.retrieval_known; });
  const std::string left_out = left_out_sentence(data, known, mark);
  std::erase_if(all, [](const Reach& r) { return !r.retrieves_to; });
  std::stable_sort(all.begin(), all.end(),
                   [](const Reach& a, const Reach& b) { return a.retrieves_to > b.retrieves_to; });
  Answer answer{"These results alone give no advice: they hold no loss of the same last tokens.", {}};
  const bool windows = std::any_of(data.records.begin(), data.records.end(),
                                   [](const Record& r) { return r.task == "sliding" || r.task == "llama"; });
  if (!all.empty())
    answer = {fmt::format("{} retrieves to {}.", mark(all[0].method), k_tokens(*all[0].retrieves_to)),
              {"Whether its loss stays stable was not measured (--tasks tail)."}};
  else if (windows)
    answer.because.push_back(
        "Losses over windows score other tokens at each length: they compare methods, and "
        "give no verdict.");
  answer.because.push_back(found_sentence(data, mark));
  answer.because.push_back(left_out);
  std::erase(answer.because, "");
  return answer;
}

}  // namespace

Answer answer_of(const ReportData& data, const Mark& mark) {
  std::vector<Reach> all = reaches(data);
  if (data.cells.empty()) return of_retrieval(data, std::move(all), mark);
  const Index longest = data.cells.back().length, trained = data.run.n_ctx_train;
  if (longest <= trained)
    return {
        fmt::format("Nothing to extend yet: the greatest length tested, {}, is within the {} tokens that the "
                    "model was trained on.",
                    k_tokens(longest), k_tokens(trained)),
        {}};
  std::stable_sort(all.begin(), all.end(), better);
  Answer answer;
  if (all.empty() || !all[0].stable_to || *all[0].stable_to <= trained) {
    answer.lead = fmt::format(
        "Keep only the last {} tokens (truncation): no method was shown to be stable past "
        "the trained length.",
        k_tokens(trained));
    answer.because.push_back(nearest_sentence(data, longest, mark));
  } else {
    const Reach& best = all[0];
    const std::string sure = best.approximate ? " on " + texts(best.n_texts) : "";
    answer.lead = fmt::format(
        "Use {}: stable to {}{}{}{}.", best.method == kPlain ? "plain RoPE as it is" : mark(best.method),
        k_tokens(*best.stable_to), sure, retrieval(best), best.method == kPlain ? "" : speed(best));
    answer.because.push_back(gain_sentence(data, best));
    answer.because.push_back(use_sentence(best));
    answer.because.push_back(others_sentence(all, mark));
  }
  answer.because.push_back(found_sentence(data, mark));
  answer.because.push_back(plain_sentence(data, longest));
  int least = static_cast<int>(data.n_documents);
  for (const SummaryCell& c : data.cells) least = std::min(least, c.difference.n);
  if (least < 3)
    answer.because.push_back(fmt::format("Measured on {}{}: too few for an interval{}.",
                                         least < static_cast<int>(data.n_documents) ? "as few as " : "",
                                         texts(least),
                                         least < static_cast<int>(data.n_documents) ? " everywhere" : ""));
  const bool known = std::any_of(all.begin(), all.end(), [](const Reach& r) { return r.retrieval_known; });
  answer.because.push_back(left_out_sentence(data, known, mark));
  if (!known && answer.because.back().empty())
    answer.because.push_back(
        retrieval_scores(data).empty()
            ? "Retrieval was not measured: a stable loss does not prove that the far text is used."
            : "How far it retrieves is not known: the model's own score in short texts is missing.");
  std::erase(answer.because, "");
  return answer;
}

std::string answer_text(const ReportData& data) {
  const Answer answer = answer_of(data, [](const std::string& name) { return printable(name); });
  std::string text, line;
  std::string words = answer.lead;
  for (const std::string& sentence : answer.because) words += " " + sentence;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    const std::string word = words.substr(at, end - at);
    if (!line.empty() && line.size() + 1 + word.size() > 80) text += line + "\n", line.clear();
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return text + line + "\n";
}

}  // namespace ropewalk
