// SPDX-License-Identifier: Apache-2.0
/// The whole page: answer, the picture of both questions, curves, verdicts, retrieval, continuation, cost,
/// methods.
#include <algorithm>

#include "core/error.h"
#include "core/option.h"
#include "report/holds_and_finds.h"
#include "report/origin.h"
#include "report/page_frame.h"
#include "report/sections.h"
#include "results/answer.h"

namespace rw {
namespace {

std::string answer_section(const ReportData& data) {
  const Answer answer =
      answer_of(data, [](const std::string& name) { return "<b>" + escape_name(name) + "</b>"; });
  std::string html = "<p class='answer'>" + answer.lead + "</p>";
  if (answer.because.empty() && !answer.next) return html;
  html += "<ul class='because'>";
  for (const std::string& sentence : answer.because) html += "<li>" + sentence + "</li>";
  if (answer.next) {
    html += "<li>" + escape_html(answer.next->words);
    if (!answer.next->command.empty()) html += " <code>" + escape_html(answer.next->command) + "</code>";
    html += "</li>";
  }
  return html + "</ul>\n";
}

std::string loss_sections(const ReportData& data) {
  std::string html;
  if (!data.cells.empty()) {
    ChartOptions options{.title = "loss against length",
                         .x_title = "total tokens (log scale)",
                         .y_title = "loss, nats per token",
                         .trained = data.run.n_ctx_train};
    options.top = loss_top(data);
    html += "<section id='loss'><h2>Loss against length</h2>" + html_chart(loss_series(data), options);
    html += fmt::format(
        "<p class='note'>{} Lower is better.{} An arrow at the upper edge: the loss lies "
        "above.</p></section>",
        escape_html(how_measured(data)),
        data.units.n() < 3 ? "" : " Whiskers: the 95 % interval of the difference.");
    html += "<section id='verdicts'><h2>Verdicts</h2>" + html_table(verdict_grid(data), "grid-of-verdicts") +
            "<p class='note'>Difference in nats per token; above 0 is worse. Where less than the trained "
            "length is read, there is no verdict. " +
            escape_html(verdict_note(data)) + "</p></section>";
  }
  if (const auto positions = position_series(data); !positions.empty())
    html += "<section id='positions'><h2>Loss by position</h2>" +
            html_chart(positions, {.title = "loss by position",
                                   .x_title = "position (log scale)",
                                   .y_title = "loss, nats per token",
                                   .trained = data.run.n_ctx_train}) +
            "<p class='note'>One pass over the text; a point is the end of a stretch. Other positions are "
            "other text: "
            "compare methods, not positions.</p></section>";
  if (const Table table = far_use_table(data); !table.rows.empty())
    html += "<section id='far-use'><h2>Is the far text used?</h2>" + html_table(table) + "<p class='note'>" +
            escape_html(far_use_note(data)) + "</p></section>";
  if (const Table table = windows_table(data); !table.rows.empty())
    html += "<section id='windows'><h2>Loss over windows</h2>" + html_table(table) + "<p class='note'>" +
            escape_html(kWindowsNote) + "</p></section>";
  return html;
}

std::string reach_section(const ReportData& data) {
  const Table table = reach_table(data);
  if (table.rows.empty()) return "";
  return "<section id='reach'><h2>How far each method goes</h2>" + html_table(table) + "<p class='note'>" +
         escape_html(reach_note(table)) + "</p></section>\n";
}

std::string retrieval_section(const ReportData& data) {
  const Table scores = retrieval_table(data);
  const std::vector<std::string> failed = cannot_tell_lines(data);
  if (scores.rows.empty() && failed.empty()) return "";
  std::string html = "<section id='retrieval'><h2>Retrieval</h2>";
  if (const std::string chat = chat_note(data); !chat.empty())
    html += "<p class='note'>" + escape_html(chat) + "</p>";
  for (const std::string& line : failed) html += "<p>" + escape_html(line) + "</p>";
  if (scores.rows.empty()) return html + "</section>\n";
  const std::vector<TaskMaps> tasks = heat_maps(data);
  if (!tasks.empty())
    html +=
        "<p class='note'>Per cent found, by depth of the needle (0 %: at the beginning) and total tokens. "
        "Dark: "
        "found.</p>";
  for (const TaskMaps& task : tasks) {
    html += "<h3>" + escape_html(task.task) + "</h3><div class='maps'>";
    for (const Table& map : task.maps) html += html_table(map, "heat");
    html += "</div>";
  }
  if (!tasks.empty()) html += "<h3>All depths together</h3>";
  html += "<p class='note'>" + escape_html(kRetrievalNote) + "</p>";
  return html + html_table(scores) + "</section>\n";
}

std::string continuation_section(const ReportData& data) {
  const Table table = continuation_table(data);
  std::string where;
  const std::vector<WrittenSample> list = samples(data, where);
  if (table.rows.empty() && list.empty()) return "";
  std::string html = "<section id='continuation'><h2>Continuation against the true text</h2>" +
                     html_table(table) + "<p class='note'>" + escape_html(continuation_note(table)) +
                     " All metrics are in " + option("csv()", "--format csv") + ".</p>";
  if (!list.empty()) html += "<h3>" + escape_html(where) + "</h3><div class='side'>";
  for (const WrittenSample& s : list)
    html += fmt::format("<div><h4>{}</h4><p>{}</p></div>", escape_name(s.name),
                        s.text.empty() ? "(nothing)" : escape_html(s.text));
  return html + (list.empty() ? "" : "</div>") + "</section>\n";
}

std::string cost_section(const ReportData& data) {
  const auto seconds = cost_series(data, Cost::kSeconds), memory = cost_series(data, Cost::kMegabytes);
  if (seconds.empty() && memory.empty()) return "";
  const bool remote = was_remote(data.run);
  std::string html = fmt::format("<section id='cost'><h2>{}</h2><div class='pair'>", cost_title(data.run));
  ChartOptions options{.title = "",
                       .x_title = "total tokens (log scale)",
                       .y_title = "",
                       .trained = data.run.n_ctx_train,
                       .log_y = true};
  options.title = "seconds against length", options.y_title = remote ? "seconds waited" : "seconds to read",
  options.format = "{:.3g} s";
  if (!seconds.empty()) html += "<div class='chart'>" + svg_chart(seconds, options) + "</div>";
  options.title = "memory against length", options.y_title = "peak memory, MB", options.format = "{:.0f} MB";
  if (!memory.empty()) html += "<div class='chart'>" + svg_chart(memory, options) + "</div>";
  return html + "</div>" + chart_legend(seconds.empty() ? memory : seconds) +
         (remote ? "<p class='note'>Until a server answered, whatever else it did, other requests of this "
                   "run among that: no measure of a method. Mean over documents; in brackets: times plain "
                   "RoPE.</p>"
                 : "<p class='note'>Reading a document once, mean over documents; in brackets: times plain "
                   "RoPE. Methods that compute the same share one run.</p>") +
         html_table(cost_table(data)) + "</section>\n";
}

std::string numbers_section(const ReportData& data) {
  if (data.cells.empty()) return "";
  return "<section id='numbers'><h2>All numbers of the loss</h2>" + html_table(numbers_table(data)) +
         "</section>\n";
}

std::string origin_section(const ReportData& data) {
  const Origin origin = origin_of(data);
  std::string html = "<section id='origin'><h2>How it was made</h2>";
  for (const std::string& command : origin.commands)
    html += "<p><code>" + escape_html(command) + "</code></p>";
  html += "<p class='note'>Texts: ";
  for (std::size_t i = 0; i < origin.texts.size(); ++i)
    html += (i > 0 ? "; " : "") + escape_html(origin.texts[i]);
  if (!origin.dates.empty()) html += ". Measured on " + escape_html(origin.dates);
  return html + fmt::format(". {}{}{}; trained length {}; model {}, id <code>{}</code>.</p></section>\n",
                            escape_html(origin.machine), origin.layers.empty() ? "" : "; ", origin.layers,
                            k_tokens(data.run.n_ctx_train), escape_html(data.run.model),
                            escape_html(data.run.model_id));
}

}  // namespace

std::string html_report(const ReportData& data) {
  std::string html;
  html += answer_section(data) + holds_and_finds_section(data) + loss_sections(data) + reach_section(data) +
          retrieval_section(data) + continuation_section(data) + cost_section(data) + numbers_section(data);
  const Table resolved = resolved_table(data);
  if (!data.notes.empty())
    html += "<section id='methods'><h2>What the methods are</h2>" + html_table(method_table(data)) +
            (resolved.rows.empty() ? "" : html_table(resolved)) + "</section>\n";
  return html_page("ropewalk: " + data.run.model, "How far does " + data.run.model + " reach?",
                   html + origin_section(data));
}

}  // namespace rw
