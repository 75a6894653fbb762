// SPDX-License-Identifier: Apache-2.0
#include "report/recovery.h"

#include <algorithm>

#include "core/option.h"
#include "report/recovery_tables.h"
#include "report/sections.h"
#include "results/summary.h"

namespace rw {
namespace {

constexpr std::size_t kTruncationAt = static_cast<std::size_t>(Target::kTruncation);

const RecoveryAt* look_of(const StartRecovery& start, Index step) {
  for (const RecoveryAt& look : start.at)
    if (look.step == step) return &look;
  return nullptr;
}

/// "after 25 steps (12 s)"
std::string after_text(const StartRecovery& start) {
  const Passed& passed = *start.passes[kTruncationAt];
  return fmt::format("after {} ({})", counted(passed.step, "step"),
                     passed.seconds ? time_text(*passed.seconds) : "its time is not known");
}
std::string passed_text(const StartRecovery& start) { return start.start.name + " " + after_text(start); }

/// "pi at step 12, yarn at step 3"
std::string ended_text(const Recovery& r) {
  std::string text;
  for (const StartRecovery& start : r.starts)
    if (start.ended)
      text += fmt::format("{}{} at step {}", text.empty() ? "" : ", ", start.start.name, *start.ended);
  return text;
}

/// "pi", "pi and yarn", "pi, yarn and none"
std::string joined_names(const Recovery& r, const std::vector<std::size_t>& starts) {
  std::string text;
  for (std::size_t i = 0; i < starts.size(); ++i)
    text += (i == 0 ? "" : i + 1 == starts.size() ? " and " : ", ") + r.starts[starts[i]].start.name;
  return text;
}

/// "; then pi after 50 steps (2 minutes)": those that passed later.
std::string later_text(const Recovery& r) {
  std::string others;
  for (std::size_t s = 0; s < r.starts.size(); ++s)
    if (r.starts[s].passes[kTruncationAt] &&
        std::find(r.first_by_step.begin(), r.first_by_step.end(), s) == r.first_by_step.end())
      others += (others.empty() ? "; then " : ", ") + passed_text(r.starts[s]);
  return others;
}

bool uses_far_when_passing(const StartRecovery& start) {
  const RecoveryAt* look = look_of(start, start.passes[kTruncationAt]->step);
  return look && look->uses_far();
}

/// Several that were first shown to pass at the same look: which of them is faster was not measured.
std::string equals_text(const Recovery& r) {
  std::string times;
  for (const std::size_t s : r.first_by_step)
    if (const auto& seconds = r.starts[s].passes[kTruncationAt]->seconds)
      times += fmt::format("{}{} {}", times.empty() ? "" : ", ", r.starts[s].start.name, time_text(*seconds));
  return fmt::format("{} are equally fast: each was first shown to be below truncation at {} after {}{}{}.",
                     joined_names(r, r.first_by_step), k_tokens(r.length),
                     counted(r.starts[r.first_by_step[0]].passes[kTruncationAt]->step, "step"),
                     times.empty() ? "" : " (" + times + " of training)", later_text(r));
}

std::string none_passes_text(const Recovery& r) {
  if (r.all_ended())
    return fmt::format("No start was shown to pass truncation at {}: each ended early, {}.",
                       k_tokens(r.length), ended_text(r));
  std::string text = fmt::format("{} shown to pass truncation at {} within {}",
                                 r.starts.size() == 1 ? r.starts[0].start.name + " was not" : "No start was",
                                 k_tokens(r.length), counted(r.last_step, "step"));
  if (r.more_units == kManyDocuments)
    text += fmt::format("; more than {} would decide it", r.units.count(kManyDocuments));
  else if (r.more_units > 0)
    text +=
        fmt::format("; about {} more would decide it for {}, if mean and spread stay",
                    r.units.count(static_cast<std::size_t>(r.more_units)), r.starts[*r.nearest].start.name);
  return text + ".";
}

/// Starts whose loss training was shown to have raised.
std::vector<std::size_t> harmed_starts(const Recovery& r) {
  std::vector<std::size_t> starts;
  for (std::size_t s = 0; s < r.starts.size(); ++s)
    if (r.starts[s].harmed()) starts.push_back(s);
  return starts;
}

/// "Training made pi worse: ..."; empty: it was not shown of any.
std::string harm_text(const Recovery& r) {
  const std::vector<std::size_t> harmed = harmed_starts(r);
  if (harmed.empty()) return "";
  std::string by;
  for (const std::size_t s : harmed)
    by += fmt::format("{}{}", by.empty() ? "" : ", ", interval_text(*r.starts[s].change, true));
  return fmt::format(
      "Training made {} worse: the loss at {} changed by {} from step 0 to the last look. Lower {}; what was "
      "written of {} is not to be used.",
      joined_names(r, harmed), k_tokens(r.length), by, option("rate"), harmed.size() == 1 ? "it" : "them");
}

std::string lead_of(const Recovery& r) {
  if (!r.nearest && !r.best_start) return "Nothing was measured yet.";
  if (r.n_unread > 0)
    return "No advice: " + not_read_text(r.n_unread, counted(r.units.n_documents(), "document")) + ".";
  if (!r.enough)
    return fmt::format(
        "{} are too few to say anything: {} or more are needed. What follows is what was seen on them.",
        r.units.scope(), kEnoughUnits);
  if (harmed_starts(r).size() == r.starts.size()) return harm_text(r);
  if (!r.fastest_by_step) return none_passes_text(r);
  if (r.first_by_step.size() > 1) return equals_text(r);
  const StartRecovery& first = r.starts[*r.fastest_by_step];
  if (first.harmed() || !uses_far_when_passing(first))
    return fmt::format(
        "{} was shown to be below truncation at {} {}{}{}.", first.start.name, k_tokens(r.length),
        after_text(first),
        first.harmed() ? ", and was made worse by training on" : ", but not to use what lies further back",
        later_text(r));
  const std::string later = later_text(r);
  return fmt::format("{}{}: its loss at {} was shown to be below truncation {}{}.",
                     r.starts.size() == 1 ? "" : "Start from ", first.start.name, k_tokens(r.length),
                     after_text(first),
                     r.starts.size() == 1 ? ""
                     : later.empty()      ? ", no other start's"
                                          : later);
}

std::string best_start_line(const Recovery& r) {
  const StartRecovery& best = r.starts[*r.best_start];
  const RecoveryAt* look = look_of(best, 0);
  std::string line =
      fmt::format("Before training {} has the least loss at {}", best.start.name, k_tokens(r.length));
  if (look && look->loss) line += fmt::format(", {:.3f}", look->loss->mean);
  if (look && look->versus[kTruncationAt].difference)
    line +=
        fmt::format(" ({} from truncation)", interval_text(*look->versus[kTruncationAt].difference, true));
  if (r.starts.size() == 1) return line + ".";
  return line + (r.best_start_shown ? "; shown against every other start."
                 : r.enough         ? "; not shown against every other start."
                                    : ".");
}

/// How far the last step came, and whether the length is what is gained.
std::string nearest_line(const Recovery& r) {
  const StartRecovery& nearest = r.starts[*r.nearest];
  const RecoveryAt* look = look_of(nearest, r.last_step);
  std::string line =
      fmt::format("After {} {} has the least loss", counted(r.last_step, "step"), nearest.start.name);
  if (!look) return line + ".";
  if (look->loss) line += fmt::format(", {:.3f}", look->loss->mean);
  if (look->versus[kTruncationAt].difference)
    line +=
        fmt::format(" ({} from truncation)", interval_text(*look->versus[kTruncationAt].difference, true));
  if (look->far)
    line += fmt::format(". With {} tokens instead of {} the loss of the model so trained changes by {}{}",
                        k_tokens(r.length), k_tokens(r.n_ctx_train), interval_text(*look->far, true),
                        look->uses_far()    ? ": it uses what lies further back"
                        : look->far_hurts() ? ": more text makes it worse"
                        : look->p_uses_far  ? ": no use of what lies further back was shown"
                                            : "");
  return line + ".";
}

/// Passing truncation may be learning what such texts are like, and not reading further back: then says so.
std::string doubt_line(const Recovery& r) {
  const StartRecovery& fastest = r.starts[*r.fastest_by_step];
  const RecoveryAt* look = look_of(fastest, fastest.passes[kTruncationAt]->step);
  if (!look || !look->far || look->uses_far()) return "";
  return fmt::format(
      "At that step {} tokens were not shown to be better than {} for the model so trained ({}): what it "
      "gained "
      "may be the training on such texts, not the length.",
      k_tokens(r.length), k_tokens(r.n_ctx_train), interval_text(*look->far, true));
}

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json interval_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return {{"mean", interval->mean},
          {"low", number(interval->low)},
          {"high", number(interval->high)},
          {"n", interval->n}};
}

Json found_json(const std::optional<Proportion>& p) {
  if (!p) return nullptr;
  return {{"share", p->value}, {"low", p->low}, {"high", p->high}, {"n", p->n}};
}

Json look_json(const RecoveryAt& look) {
  Json json{{"step", look.step},
            {"seconds", number(look.seconds)},
            {"finite", look.finite},
            {"loss", interval_json(look.loss)},
            {"short_loss", interval_json(look.short_loss)},
            {"long_minus_short", interval_json(look.far)},
            {"uses_far", {{"p", number(look.p_uses_far)}, {"shown", look.uses_far()}}},
            {"far_hurts", {{"p", number(look.p_far_hurts)}, {"shown", look.far_hurts()}}},
            {"short_from_before", interval_json(look.kept)},
            {"found", found_json(look.found)},
            {"short_found", found_json(look.short_found)}};
  for (const Target target : kAllTargets) {
    const Versus& versus = look.versus[static_cast<std::size_t>(target)];
    json["from"][target_name(target)] = {{"difference", interval_json(versus.difference)},
                                         {"p", number(versus.p)},
                                         {"passes", versus.shown()}};
  }
  return json;
}

Json start_json(const StartRecovery& start) {
  Json json{{"start", start.start.name},
            {"method", start.start.method},
            {"ended", start.ended ? Json(*start.ended) : Json(nullptr)},
            {"change", interval_json(start.change)},
            {"harmed", {{"p", number(start.p_harmed)}, {"shown", start.harmed()}}},
            {"looks", Json::array()}};
  for (const RecoveryAt& look : start.at) json["looks"].push_back(look_json(look));
  for (const Target target : kAllTargets) {
    const auto& passed = start.passes[static_cast<std::size_t>(target)];
    json["passes"][target_name(target)] = passed ? Json{{"step", passed->step},
                                                        {"seconds", number(passed->seconds)},
                                                        {"still_at_the_end", passed->still}}
                                                 : Json(nullptr);
  }
  return json;
}

}  // namespace

std::vector<std::string> recovery_answer(const Recovery& r) {
  std::vector<std::string> sentences{lead_of(r)};
  if (std::string harm = harm_text(r); !harm.empty() && harm != sentences[0])
    sentences.push_back(std::move(harm));
  if (r.fastest_by_step)
    if (std::string doubt = doubt_line(r); !doubt.empty()) sentences.push_back(std::move(doubt));
  if (r.fastest_by_time && r.fastest_by_time != r.fastest_by_step)
    sentences.push_back(fmt::format("In time the first is {}.", passed_text(r.starts[*r.fastest_by_time])));
  if (const std::string ended = ended_text(r); !ended.empty() && (r.fastest_by_step || !r.all_ended()))
    sentences.push_back(fmt::format("Ended early, and no part of what is said of later steps: {}.", ended));
  if (r.best_start) sentences.push_back(best_start_line(r));
  if (r.nearest) sentences.push_back(nearest_line(r));
  return sentences;
}

std::string start_line(const Start& start) {
  constexpr std::size_t kWidth = 80;
  std::string text, line = start.method == start.name ? start.name : start.name + ": ";
  for (std::size_t at = 0; at < start.method.size() && start.method != start.name;) {
    const std::size_t end = std::min(start.method.find(',', at), start.method.size() - 1) + 1;
    const std::string part = start.method.substr(at, end - at);
    if (line.size() + part.size() > kWidth) text += line + "\n", line = "    ";
    line += part, at = end;
  }
  return text + line + "\n";
}

std::string recovery_text(const Recovery& recovery) {
  std::string text;
  for (const std::string& sentence : recovery_answer(recovery)) text += wrapped(sentence, "  ");
  if (const Table passes = passes_table(recovery); passes.head.size() > 1)
    text += "\n" + text_table(passes, 80);
  for (const StartRecovery& start : recovery.starts) {
    if (start.at.empty()) continue;
    text += "\n" + start_line(start.start);
    text += text_table(looks_table(recovery, start), 80);
  }
  text += "\n";
  for (const std::string& note : recovery_notes(recovery)) text += wrapped(note);
  for (char& c : text)  // names come from a file: none of them may steer the terminal
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = '?';
  return text;
}

Json recovery_json(const Recovery& r) {
  const auto name = [&](const std::optional<std::size_t>& start) {
    return start ? Json(r.starts[*start].start.name) : Json(nullptr);
  };
  const auto names = [&](const std::vector<std::size_t>& starts) {
    Json list = Json::array();
    for (const std::size_t s : starts) list.push_back(name(s));
    return list;
  };
  Json json{{"answer", recovery_answer(r)},
            {"length", r.length},
            {"n_ctx_train", r.n_ctx_train},
            {"units", r.units.n()},
            {"scope", r.units.scope()},
            {"enough", r.enough},
            {"n_unread", r.n_unread},
            {"best_start", name(r.best_start)},
            {"best_start_shown", r.best_start_shown},
            {"fastest_by_step", name(r.fastest_by_step)},
            {"fastest_by_time", name(r.fastest_by_time)},
            {"first_by_step", names(r.first_by_step)},
            {"pace_noise", number(r.pace_noise)},
            {"more_units", r.more_units},
            {"nearest", name(r.nearest)},
            {"last_step", r.last_step},
            {"truncation_is_original_short", r.same_targets},
            {"original_found", found_json(r.original_found)},
            {"truncated_found", found_json(r.truncated_found)}};
  for (const Target target : kAllTargets) {
    const auto& loss = r.targets[static_cast<std::size_t>(target)];
    json["targets"][target_name(target)] =
        loss ? Json{{"method", loss->method}, {"loss", interval_json(loss->loss)}} : Json(nullptr);
  }
  json["starts"] = Json::array();
  for (const StartRecovery& start : r.starts) json["starts"].push_back(start_json(start));
  return json;
}

}  // namespace rw
