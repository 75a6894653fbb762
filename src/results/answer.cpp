// SPDX-License-Identifier: Apache-2.0
#include "results/answer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/option.h"
#include "core/text.h"
#include "results/answer_words.h"
#include "results/measured_on.h"
#include "results/reach.h"
#include "results/shards.h"

namespace rw {
namespace {

using Mark = std::function<std::string(const std::string&)>;
using Kind = Findings::Kind;

std::string name_of(const std::string& method, const Mark& mark) {
  return method == kPlain ? "plain RoPE as it is" : mark(method);
}

// ---------------------------------------------------------------- the lead

/// Nothing can be said at all.
std::string no_reference(const ReportData& data, const Findings& findings) {
  return fmt::format(
      "No advice: the loss that all is held against, plain RoPE's with {}, is not a finite number (NaN or "
      "infinity) in {} of {}. Something is wrong with the model, its weights or the text.",
      last_tokens(data), findings.n_not_finite, counted(data.units.n_documents(), "document"));
}

/// Worse than chance at what the model was trained for: whatever the methods do says nothing of them.
std::string not_read(const ReportData& data, const Findings& findings, const Mark& mark) {
  std::string names;
  std::size_t n = 0;
  for (const std::string& document : findings.unread)
    if (n++ < 3) names += (names.empty() ? "" : ", ") + mark(document);
  if (n > 3) names += fmt::format(" and {} more", n - 3);
  const bool all = n == data.units.n_documents() || data.units.n_texts() == 1;
  return fmt::format(
      "No advice: this model does not read {}. With {}, as it was trained, its loss is above that of "
      "guessing evenly, {}8 bits a byte, in {} of {} ({}). {}heck the text's language and "
      "encoding, whether the model was trained on such text, and its conversion: {} with a "
      "line of the text shows what it makes of it.",
      all ? "this text" : "all of these texts", last_tokens(data),
      data.run.n_vocab == 0 ? ""
                            : fmt::format("{:.2f} nats for one of {} tokens or ",
                                          std::log(static_cast<double>(data.run.n_vocab)), data.run.n_vocab),
      n, counted(data.units.n_documents(), "document"), names,
      all ? "C" : "Leave out what it does not read, or c",
      asks_for_masked(data) ? "`ropewalk fill`" : option("generate", "`ropewalk generate`"));
}

/// Those of the method that is named, at the length that it is named for: in files of several runs not every
/// method has all texts at every length.
Units units_of_answer(const ReportData& data, const Findings& findings) {
  const SummaryCell* cell =
      findings.best ? cell_at(data, findings.best->method, *findings.best->holds_to) : nullptr;
  if (!cell) return data.units;
  std::set<std::string> documents;
  for (const auto& [document, difference] : cell->by_document) documents.insert(document);
  return Units(std::move(documents));
}

/// "Use yarn" becomes "For this text, use yarn": a claim about few texts names them. Only our own words
/// change their case: a method's name is as it was typed.
std::string scoped(const ReportData& data, const Findings& findings, std::string claim) {
  const std::string only = units_of_answer(data, findings).only();
  if (only.empty()) return claim;
  for (const char* word : {"Use ", "Keep ", "Plain RoPE "})
    if (claim.starts_with(word)) claim[0] = static_cast<char>(std::tolower(claim[0]));
  return "For " + only + ", " + claim;
}

/// Where there is no nearest: none is named.
std::string none_near(const ReportData& data) {
  return fmt::format("At {} nothing comes near truncation.", k_tokens(data.cells.back().length));
}

std::string too_few(const ReportData& data, const Findings& findings, const Mark& mark) {
  std::string text =
      data.units.n() < kEnoughUnits
          ? fmt::format("No advice yet: {} measured, and fewer than {} are no evidence.",
                        data.units.scope() + (data.units.n_documents() == 1 ? " was" : " were"), kEnoughUnits)
          : fmt::format(
                "No advice yet: of {} past the trained length no method was measured, together with "
                "truncation, on {}, and fewer are no evidence.",
                data.units.scope(), kEnoughUnits);
  const auto& nearest = findings.nearest;
  if (!nearest) return text + " " + none_near(data);
  return text + fmt::format(" Seen at {}: the least loss with {}, {} with {} alone.",
                            k_tokens(nearest->length), name_of(nearest->method, mark),
                            more_or_less(nearest->difference.mean), last_tokens(data));
}

std::string share_text(const Score& score) { return fmt::format("{:.0f} %", 100 * score.mean()); }

/// Of the method whose loss holds: what it found, where truncation found more.
std::string finds_less(const Findings& findings, const Mark& mark) {
  if (findings.best)
    for (const Found& f : findings.found.methods)
      if (f.method == findings.best->method && f.own.mean() < f.truncated.mean())
        return fmt::format(" {} found {} there.", mark(f.method), share_text(f.own));
  return "";
}

/// Who finds more than truncation. The method with the flattest loss may find nothing, and the finder's loss
/// may be undecided: neither says the other.
std::string found_sentence(const ReportData& data, const Findings& findings, const Mark& mark) {
  const Found* f = findings.finder ? &*findings.finder : findings.top_seen ? &*findings.top_seen : nullptr;
  if (!f) return "";
  const Interval points{100 * f->difference.mean,
                        f->difference.low ? std::optional(100 * *f->difference.low) : std::nullopt,
                        f->difference.high ? std::optional(100 * *f->difference.high) : std::nullopt,
                        100 * f->difference.deviation, f->difference.n};
  const bool by_question = f->difference.n == f->own.n;  // each is a unit of its own
  const std::string numbers = fmt::format(
      "{} of {} at {}, truncation {} ({:+.0f} points{}{})", share_text(f->own), counted(f->own.n, "question"),
      k_tokens(findings.found.length), share_text(f->truncated), points.mean, ends(points, "{:+.0f}"),
      by_question ? "" : "; " + data.units.count(static_cast<std::size_t>(f->difference.n)));
  if (!findings.finder && !(f->difference.mean > 0))
    return fmt::format("Nothing was found more often than by truncation: {} at {}.{}",
                       share_text(f->truncated), k_tokens(findings.found.length), finds_less(findings, mark));
  if (!findings.finder)
    return fmt::format("No method was shown to find more than truncation; most was found by {}: {}{}.",
                       f->method == kPlain ? "plain RoPE" : mark(f->method), numbers,
                       findings.top_breaks ? ", where its loss breaks" : "");
  std::string text = fmt::format("To find something take {}: {}", name_of(f->method, mark), numbers);
  if (findings.finder_breaks) text += "; but its loss breaks there";
  return text + ".";
}

std::string claim_of(const ReportData& data, const Findings& findings, const Mark& mark) {
  const auto& best = findings.best;
  const std::string to = best ? k_tokens(*best->holds_to) : "";
  switch (findings.kind) {
    case Kind::kNoMethod:
      return fmt::format("Keep only {} (truncation): no method was shown to hold past the trained length.",
                         last_tokens(data));
    case Kind::kHolds:
      return fmt::format(
          "{} is {} to {}, but was not shown to be better than keeping only {} (truncation), which costs "
          "nothing.",
          best->method == kPlain ? "Plain RoPE" : mark(best->method), best->stable ? "stable" : "not worse",
          to, last_tokens(data));
    case Kind::kFindsMore:
      return fmt::format("Use {} to {}: its loss is {}, and it finds more than truncation.",
                         name_of(best->method, mark), to, best->stable ? "stable" : "not worse");
    case Kind::kBetter:
      return fmt::format("Use {} to {}: there its loss is below that of {} alone (truncation).",
                         name_of(best->method, mark), to, last_tokens(data));
    default:
      return "";
  }
}

std::string lead_of(const ReportData& data, const Findings& findings, const Mark& mark) {
  switch (findings.kind) {
    case Kind::kNoLoss:
      return findings.top_seen
                 ? found_sentence(data, findings, mark)
                 : "These results alone give no advice: they hold no loss of the same last tokens.";
    case Kind::kNotFinite:
      return no_reference(data, findings);
    case Kind::kNotRead:
      return not_read(data, findings, mark);
    case Kind::kWithin:
      return fmt::format(
          "Nothing to extend yet: the greatest length tested, {}, is within the {} tokens that the model was "
          "trained on.",
          k_tokens(data.cells.back().length), k_tokens(data.run.n_ctx_train));
    case Kind::kTooFew:
      return too_few(data, findings, mark);
    default:
      return scoped(data, findings, claim_of(data, findings, mark));
  }
}

// ---------------------------------------------------------------- what it rests on

/// No more than was measured: methods that only change numbers run plain RoPE's very work, and the rest is
/// said where the timings tell it, of the length that the answer speaks of.
std::string speed_sentence(const ReportData& data, const Reach& best) {
  if (best.method == kPlain) return "";
  if (best.as_fast) return "It does plain RoPE's work with other numbers: as fast.";
  const std::optional<Interval> ratio = slowdown(data, best.method, *best.holds_to);
  if (data.units.n() < kEnoughUnits || !ratio || !ratio->low) return "";
  const std::string at = k_tokens(*best.holds_to);
  if (*ratio->low <= 1 && *ratio->high >= 1)
    return fmt::format("At {} it was as fast as plain RoPE within the spread of timings.", at);
  return fmt::format("At {} it took {:.2f} times plain RoPE's time{}.", at, ratio->mean,
                     ends(*ratio, "{:.2f}"));
}

std::string loss_sentence(const ReportData& data, const Reach& best) {
  const SummaryCell* cell = cell_at(data, best.method, *best.holds_to);
  return fmt::format("Its loss at {} against that of {} alone: {}.", k_tokens(cell->length),
                     last_tokens(data), nats(cell->difference));
}

/// Whether the far text is read at all (task far-use).
std::string use_sentence(const Reach& best) {
  if (!best.use_known) return "";
  if (!best.used_to) return "That its far text is used was not shown.";
  return fmt::format("Its far text is used to {}: another text in its place costs loss.",
                     k_tokens(*best.used_to));
}

std::string retrieval_sentence(const Reach& best) {
  if (!best.retrieval_known) return "";
  return best.retrieves_to
             ? fmt::format("It retrieves to {}: at least 0.85 of what the model finds in short texts.",
                           k_tokens(*best.retrieves_to))
             : "It does not retrieve even at the shortest length tested.";
}

/// Where nothing holds: what came nearest, and what would decide it.
std::string nearest_sentence(const ReportData& data, const Findings& findings, const Mark& mark) {
  if (!findings.nearest) return none_near(data);
  const SummaryCell& near = *findings.nearest;
  std::string text =
      fmt::format("Nearest at {}: {}, {}", k_tokens(near.length),
                  near.method == kPlain ? "plain RoPE" : mark(near.method), nats(near.difference));
  if (near.verdict.documents_needed > 0 && near.verdict.documents_needed < kManyDocuments)
    text += fmt::format("; about {} in all would decide",
                        data.units.count(static_cast<std::size_t>(near.verdict.documents_needed)));
  if (near.verdict.holds)  // a method holds to a length if it holds at each before it
    for (const SummaryCell& c : data.cells)
      if (c.method == near.method && c.verdict.judged() && !c.verdict.holds)
        return text + fmt::format("; it holds there, but was not shown to at {}.", k_tokens(c.length));
  return text + ".";
}

std::string others_sentence(const Findings& findings, const Mark& mark) {
  std::string names;
  for (std::size_t i = 0; i < std::min<std::size_t>(findings.as_far.size(), 4); ++i)
    names += (i > 0 ? ", " : "") + mark(findings.as_far[i]);
  return names.empty() ? "" : fmt::format("Shown as far: {}.", names);
}

/// What a method does at the greatest length.
std::string verdict_sentence(const ReportData& data, const std::string& method, const std::string& name) {
  const SummaryCell* cell = cell_at(data, method, data.cells.back().length);
  if (!cell) return "";
  return fmt::format(
      "{} at {}: {} ({}).", name, k_tokens(cell->length), in_words(cell->verdict),
      std::isfinite(cell->difference.mean)
          ? fmt::format("{} with {} alone, per token", more_or_less(cell->difference.mean), last_tokens(data))
      : cell->by_document.empty() ? "no document in common with the reference"
                                  : "no finite loss");
}

/// Of other engines each is what was asked about, not the best one alone.
void add_engines(std::vector<std::string>& because, const ReportData& data, const Findings& findings,
                 const Mark& mark) {
  if (!was_remote(data.run)) return;
  for (const std::string& method : methods_of(data)) {
    if (is_baseline(method) || method == kPlain) continue;
    because.push_back(verdict_sentence(data, method, mark(method)));
    for (const Found& f : findings.found.methods)
      if (f.method == method)
        because.push_back(fmt::format("{} found {} of {} at {}, truncation {}.", mark(method),
                                      share_text(f.own), counted(f.own.n, "question"),
                                      k_tokens(findings.found.length), share_text(f.truncated)));
  }
}

std::string scope_sentence(const ReportData& data, const Findings& findings) {
  const Units units = units_of_answer(data, findings);
  if (!units.by_text())
    return fmt::format("Measured on {}: it speaks for {}, not for others ({} texts would).", units.scope(),
                       units.only(), kEnoughUnits);
  if (units.n_documents() > units.n_texts())
    return fmt::format("Measured on {}: a text counts once, so that it speaks for texts like these.",
                       units.scope());
  return fmt::format("Measured on {}.", units.scope());
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

std::string retrieval_missing(const ReportData& data) {
  if (asks_for_masked(data))  // of an encoder, which no task of retrieval is for
    return "A loss that holds does not prove that the far text is used.";
  return retrieval_scores(data).empty()
             ? "Retrieval was not measured: a loss that holds does not prove that the far text is used."
             : "How far it retrieves is not known: the model's own score in short texts is missing.";
}

void add_loss(std::vector<std::string>& because, const ReportData& data, const Findings& findings,
              const Mark& mark) {
  if (findings.kind == Kind::kNoMethod) because.push_back(nearest_sentence(data, findings, mark));
  if (findings.best) {
    because.push_back(loss_sentence(data, *findings.best));
    because.push_back(use_sentence(*findings.best));
    because.push_back(retrieval_sentence(*findings.best));
    because.push_back(speed_sentence(data, *findings.best));
    because.push_back(others_sentence(findings, mark));
  }
}

}  // namespace

Answer answer_of(const ReportData& data, const Mark& mark) {
  const Findings findings = findings_of(data);
  Answer answer{lead_of(data, findings, mark), {}, {}};
  std::vector<std::string>& because = answer.because;
  if (std::string part = missing_shards(data.records); !part.empty()) because.push_back(std::move(part));
  if (findings.kind == Kind::kWithin || findings.kind == Kind::kNotFinite || findings.kind == Kind::kNotRead)
    return answer;
  if (findings.kind == Kind::kTooFew)
    answer.next = data.next ? *data.next
                            : NextStep{fmt::format("To decide, measure {0} texts, or {0} stretches of "
                                                   "fewer ({1}).",
                                                   kEnoughUnits, option("n_documents", "--documents")),
                                       ""};
  const bool windows = std::any_of(data.records.begin(), data.records.end(),
                                   [](const Record& r) { return r.task == "sliding" || r.task == "llama"; });
  if (findings.kind == Kind::kNoLoss && windows)
    because.emplace_back(
        "Losses over windows score other tokens at each length: they compare methods, and give no verdict.");
  add_loss(because, data, findings, mark);
  const bool asked = std::all_of(data.records.begin(), data.records.end(),
                                 [](const Record& r) { return r.task == "questions"; });
  if (findings.kind != Kind::kNoLoss)
    because.push_back(found_sentence(data, findings, mark));
  else if (findings.finder && !asked)
    because.emplace_back("Whether its loss holds was not measured (" + option("the task", "--tasks") +
                         " tail).");
  if (findings.kind == Kind::kNoLoss && findings.top_seen && !asked)
    because.push_back(scope_sentence(data, findings));
  const bool known = std::any_of(findings.reaches.begin(), findings.reaches.end(),
                                 [](const Reach& r) { return r.retrieval_known; });
  if (findings.kind != Kind::kNoLoss) {
    because.push_back(verdict_sentence(data, kPlain, "Plain RoPE"));
    add_engines(because, data, findings, mark);
    if (findings.kind != Kind::kTooFew) because.push_back(scope_sentence(data, findings));
  }
  because.push_back(measured_on_text(data.cells, mark));
  const std::string left_out = left_out_sentence(data, known, mark);
  because.push_back(!left_out.empty() || known || findings.kind == Kind::kNoLoss ? left_out
                                                                                 : retrieval_missing(data));
  std::erase(because, "");
  return answer;
}

namespace {

std::string words_of(const Answer& answer) {
  std::string words = answer.lead;
  for (const std::string& sentence : answer.because) words += " " + sentence;
  return words;
}

}  // namespace

std::string answer_line(const ReportData& data) {
  const Answer answer = answer_of(data, printable);
  return words_of(answer) +
         (answer.next && answer.next->command.empty() ? " " + answer.next->words : std::string());
}

std::string answer_text(const ReportData& data) {
  const Answer answer = answer_of(data, printable);
  std::string text = wrapped(words_of(answer));
  if (!answer.next) return text;
  text += wrapped(answer.next->words);
  return answer.next->command.empty() ? text : text + "  " + printable(answer.next->command) + "\n";
}

}  // namespace rw
