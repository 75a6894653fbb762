// SPDX-License-Identifier: Apache-2.0
/// The whole page: answer, curves, verdicts, retrieval, continuation, cost, methods.
#include <algorithm>

#include "core/error.h"
#include "report/origin.h"
#include "report/sections.h"
#include "results/answer.h"

namespace ropewalk {
namespace {

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--ink:#111;--paper:#fff;--soft:#444;--faint:#555;--rule:#ddd;--edge:#888;--box:#ccc;--lead:#f2f7fb;--shade:#0005;
--explodes:#d55e002b;--degrades:#e69f0026;--stable:#0072b21a;--improves:#009e7321;--none:#bbb}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#15181c;--soft:#bbb;--faint:#aaa;--rule:#3a3f45;--edge:#777;--box:#555;--lead:#1b2a36;--shade:#fff4;
--explodes:#d55e0048;--degrades:#e69f003b;--stable:#0072b236;--improves:#009e7340;--none:#666}
.chart svg,.legend svg{filter:invert(1) hue-rotate(180deg)}.chart .grid{stroke:#b8b8b8}}
body{font:16px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:var(--ink);background:var(--paper)}
h1{font-size:1.5em;line-height:1.25;margin-bottom:.3em;overflow-wrap:anywhere}h2{margin-top:2em}h3{margin-bottom:.3em}
.answer{font-size:1.3em;border-left:.3em solid #0072b2;padding:.5em .8em;background:var(--lead);margin:.8em 0;overflow-wrap:anywhere}
.because{margin:.4em 0 1.5em;padding-left:1.2em;overflow-wrap:anywhere}.note{color:var(--soft);overflow-wrap:anywhere}
.chart svg{width:100%;max-width:52em;height:auto;display:block}.chart text{font-size:13px;fill:#222}.chart .above{font-size:12px;font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:4px}
.chart .mid{text-anchor:middle}.chart .end{text-anchor:end}.chart .start{text-anchor:start}
.grid{stroke:#e3e3e3}.axis{stroke:#555}.trained{stroke:#666;stroke-dasharray:4 4}
.point{outline:none}.point .tip{display:none;pointer-events:none;font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:6px;stroke-linejoin:round}
.point:hover .tip,.point:focus .tip{display:inline}.point:hover circle,.point:focus circle{stroke:#111}
.legend{list-style:none;margin:.2em 0 1em;padding:0;display:flex;flex-wrap:wrap;gap:.1em 1.4em}
.legend li{display:flex;align-items:center;gap:.5em;overflow-wrap:anywhere}.legend svg{width:44px;height:14px;flex:none}
.scroll{overflow-x:auto;margin:.8em 0;background:linear-gradient(to left,var(--paper) 50%,transparent) right/3em 100% no-repeat local,linear-gradient(to left,var(--shade),transparent) right/1.2em 100% no-repeat scroll}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.25em .7em;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th{border-bottom-color:var(--edge);white-space:nowrap}.number{white-space:nowrap}.name{overflow-wrap:break-word;min-width:8em;max-width:22em}
caption{text-align:left;font-weight:600;padding-bottom:.3em;overflow-wrap:anywhere}
.share,.less,.seen{white-space:pre}.less,.seen{color:var(--faint)}
.explodes,.degrades,.stable,.improves,.inconclusive,.equal{white-space:pre;border-left:.4em solid #999}
.explodes{border-left-color:#d55e00;background:var(--explodes);font-weight:600}.degrades{border-left-color:#e69f00;background:var(--degrades)}
.stable,.equal{border-left-color:#0072b2;background:var(--stable)}.improves{border-left-color:#009e73;background:var(--improves)}
.maps{display:flex;flex-wrap:wrap;gap:.5em 2em}.maps .scroll{max-width:100%}.heat td,.heat th{padding:.2em .5em}.heat td{text-align:center;min-width:2.2em;border:1px solid var(--paper)}
.heat .depth{text-align:right;white-space:nowrap}.heat th{text-align:center}.heat .none{background:var(--paper);border:1px dashed var(--none)}
.side{display:grid;grid-template-columns:repeat(auto-fit,minmax(15em,1fr));gap:1em}
.side div{border:1px solid var(--box);padding:.4em .8em;border-radius:.3em;break-inside:avoid}.side div:first-child{border-color:var(--ink)}
.side h4{margin:0 0 .3em;overflow-wrap:anywhere}.side p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.92em}
.pair .chart text{font-size:18px}.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(22em,1fr));gap:1em}
code,.formula{font-family:ui-monospace,monospace;font-size:.86em}.formula,.source{min-width:11em;overflow-wrap:anywhere}code{overflow-wrap:anywhere}
@media(min-width:66em){section>.scroll{width:max-content;min-width:100%;max-width:calc(100vw - 3em);margin-left:50%;transform:translateX(-50%)}}
@media(max-width:640px){body{margin:1em auto}.chart text,.pair .chart text{font-size:20px}.chart .above{font-size:15px}.answer{font-size:1.15em}.pair{grid-template-columns:1fr}table{font-size:.84em}td,th{padding:.25em .45em}th{white-space:normal}.name{min-width:7em}
td.name:first-child{position:sticky;left:0;background:var(--paper)}}
@media print{*{print-color-adjust:exact;-webkit-print-color-adjust:exact}body{margin:0;max-width:none;font-size:11px}.scroll{overflow:visible;background:none}
h2,h3{break-after:avoid}.chart,tr,.maps .scroll{break-inside:avoid}.chart svg{max-width:38em}.note{color:#111}.name{min-width:5em}.formula,.source{min-width:0}}
)";

std::string chart(const std::vector<ChartSeries>& series, const ChartOptions& options) {
  return "<div class='chart'>" + svg_chart(series, options) + "</div>" + chart_legend(series);
}

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
    html += "<section id='loss'><h2>Loss against length</h2>" + chart(loss_series(data), options);
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
            chart(positions, {.title = "loss by position",
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
  const std::vector<Sample> list = samples(data, where);
  if (table.rows.empty() && list.empty()) return "";
  std::string html = "<section id='continuation'><h2>Continuation against the true text</h2>" +
                     html_table(table) + "<p class='note'>" + escape_html(continuation_note(table)) +
                     " All metrics are in --format csv.</p>";
  if (!list.empty()) html += "<h3>" + escape_html(where) + "</h3><div class='side'>";
  for (const Sample& s : list)
    html += fmt::format("<div><h4>{}</h4><p>{}</p></div>", escape_name(s.name),
                        s.text.empty() ? "(nothing)" : escape_html(s.text));
  return html + (list.empty() ? "" : "</div>") + "</section>\n";
}

std::string cost_section(const ReportData& data) {
  const auto seconds = cost_series(data, Cost::kSeconds), memory = cost_series(data, Cost::kMegabytes);
  if (seconds.empty() && memory.empty()) return "";
  std::string html = "<section id='cost'><h2>Time and memory</h2><div class='pair'>";
  ChartOptions options{.title = "",
                       .x_title = "total tokens (log scale)",
                       .y_title = "",
                       .trained = data.run.n_ctx_train,
                       .log_y = true};
  options.title = "seconds against length", options.y_title = "seconds to read", options.format = "{:.3g} s";
  if (!seconds.empty()) html += "<div class='chart'>" + svg_chart(seconds, options) + "</div>";
  options.title = "memory against length", options.y_title = "peak memory, MB", options.format = "{:.0f} MB";
  if (!memory.empty()) html += "<div class='chart'>" + svg_chart(memory, options) + "</div>";
  return html + "</div>" + chart_legend(seconds.empty() ? memory : seconds) +
         "<p class='note'>Reading a document once, mean over documents; in brackets: times plain RoPE. "
         "Methods that "
         "compute the same share one run.</p>" +
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
  // The policy: should anything get past the escapes, the browser neither runs nor fetches it.
  std::string html = fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
      "<meta name='viewport' content='width=device-width'><meta http-equiv='Content-Security-Policy' "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>ropewalk: {0}</title>"
      "<style>{1}</style></head><body><h1>How far does {0} reach?</h1>\n",
      escape_html(data.run.model), kStyle);
  html += answer_section(data) + loss_sections(data) + reach_section(data) + retrieval_section(data) +
          continuation_section(data) + cost_section(data) + numbers_section(data);
  const Table resolved = resolved_table(data);
  if (!data.notes.empty())
    html += "<section id='methods'><h2>What the methods are</h2>" + html_table(method_table(data)) +
            (resolved.rows.empty() ? "" : html_table(resolved)) + "</section>\n";
  return html + origin_section(data) + "</body></html>\n";
}

}  // namespace ropewalk
