// SPDX-License-Identifier: Apache-2.0
#include "report/page_frame.h"

#include "report/page_style.h"
#include "report/table.h"

namespace ropewalk {
std::string html_page(const std::string& title, const std::string& heading, const std::string& body) {
  return fmt::format("{}<title>{}</title><style>{}</style></head><body><h1>{}</h1>\n", kPageHead,
                     escape_html(title), kPageStyle, escape_html(heading)) +
         body + "</body></html>\n";
}

std::string html_chart(const std::vector<ChartSeries>& series, const ChartOptions& options) {
  return "<div class='chart'>" + svg_chart(series, options) + "</div>" + chart_legend(series);
}

}  // namespace ropewalk
