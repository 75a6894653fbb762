// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "report/origin.h"
#include "report/sections.h"
#include "results/answer.h"

namespace rw {
namespace {

std::string section(const std::string& title, const Table& table) {
  return table.rows.empty() ? "" : "## " + title + "\n\n" + markdown_table(table);
}

/// A note of ours as its own paragraph; names in it may come from a file.
std::string note(const std::string& text) { return text.empty() ? "" : escape_markdown(text) + "\n\n"; }

std::string retrieval_part(const ReportData& data) {
  const Table scores = retrieval_table(data);
  const std::vector<std::string> failed = cannot_tell_lines(data);
  if (scores.rows.empty() && failed.empty()) return "";
  std::string text = "## Retrieval\n\n" + note(chat_note(data));
  for (const std::string& line : failed) text += note(line);
  if (!scores.rows.empty()) text += note(kRetrievalNote) + markdown_table(scores);
  for (const TaskMaps& task : heat_maps(data)) {
    text += fmt::format("### {}: per cent found by depth and tokens\n\n", escape_markdown(task.task));
    for (const Table& map : task.maps) text += markdown_table(map);
  }
  return text;
}

std::string origin_part(const ReportData& data) {
  const Origin origin = origin_of(data);
  std::string text = "## How it was made\n\n", texts;
  // To be copied: a block of its own, in which nothing is markup and nothing is escaped.
  for (const std::string& command : origin.commands) text += "    " + printable(command) + "\n\n";
  for (const std::string& name : origin.texts) texts += (texts.empty() ? "" : "; ") + name;
  return text +
         escape_markdown(fmt::format("Texts: {}.{} {}{}{}; trained length {}; model {}, id {}.", texts,
                                     origin.dates.empty() ? "" : " Measured on " + origin.dates + ".",
                                     origin.machine, origin.layers.empty() ? "" : "; ", origin.layers,
                                     k_tokens(data.run.n_ctx_train), data.run.model, data.run.model_id)) +
         "\n";
}

}  // namespace

std::string markdown_report(const ReportData& data) {
  std::string text = fmt::format("# How far does {} reach?\n\n", escape_markdown(data.run.model));
  const Answer answer =
      answer_of(data, [](const std::string& name) { return "**" + escape_markdown(name) + "**"; });
  text += answer.lead + "\n\n";
  for (const std::string& sentence : answer.because) text += "- " + sentence + "\n";
  if (answer.next) text += "- " + escape_markdown(answer.next->words) + "\n";
  if (answer.next && !answer.next->command.empty())
    text += "\n      " + printable(answer.next->command) + "\n";
  if (!answer.because.empty() || answer.next) text += "\n";
  if (!data.cells.empty())
    text += section("Verdicts", verdict_grid(data)) + how_measured(data) + "\n\n" + note(verdict_note(data));
  if (const Table reach = reach_table(data); !reach.rows.empty())
    text += section("How far each method goes", reach) + note(reach_note(reach));
  if (const Table far = far_use_table(data); !far.rows.empty())
    text += section("Is the far text used?", far) + note(far_use_note(data));
  if (const Table windows = windows_table(data); !windows.rows.empty())
    text += section("Loss over windows", windows) + note(kWindowsNote);
  text += retrieval_part(data);
  if (const Table scores = continuation_table(data); !scores.rows.empty())
    text += section("Continuation", scores) + note(continuation_note(scores));
  std::string where;
  Table side{"", {"by", "text"}, {}};
  for (const WrittenSample& s : samples(data, where)) side.rows.push_back({{s.name}, {s.text}});
  side.caption = where;
  if (!side.rows.empty()) text += markdown_table(side);
  text += section(cost_title(data.run), cost_table(data));
  text += section("All numbers of the loss", numbers_table(data));
  text += section("Methods", method_table(data)) + section("Parameters", resolved_table(data));
  return text + origin_part(data);
}

}  // namespace rw
