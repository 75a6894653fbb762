// SPDX-License-Identifier: Apache-2.0
#include "report/page_frame.h"

#include "report/page_style.h"
#include "report/table.h"

namespace rw {
std::string html_page(const std::string& title, const std::string& heading, const std::string& body) {
  // The policy: should anything get past the escapes, the browser neither runs nor fetches it.
  return fmt::format(
             "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
             "<meta name='viewport' content='width=device-width'><meta http-equiv='Content-Security-Policy' "
             "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>{}</title>"
             "<style>{}</style></head><body><h1>{}</h1>\n",
             escape_html(title), kPageStyle, escape_html(heading)) +
         body + "</body></html>\n";
}

std::string html_chart(const std::vector<ChartSeries>& series, const ChartOptions& options) {
  return "<div class='chart'>" + svg_chart(series, options) + "</div>" + chart_legend(series);
}

}  // namespace rw
