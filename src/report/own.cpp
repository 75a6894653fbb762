// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "report/report.h"

namespace rw {

bool is_report(std::string_view bytes) {
  const auto holds = [&](std::string_view words) { return bytes.find(words) != std::string_view::npos; };
  return bytes.substr(0, 1024).find("<title>ropewalk: ") != std::string_view::npos ||  // html
         (bytes.starts_with("# How far does ") && holds("\n## How it was made\n")) ||  // markdown
         bytes.starts_with("task,part,method,resolved,document,") ||                   // csv
         (bytes.starts_with('{') && holds("\"findings\":{\"kind\":")) ||               // json
         holds("; difference from plain RoPE at ") || holds(": right answers in %, with their 95 %") ||
         bytes.starts_with("These results alone give no advice");  // text
}

}  // namespace rw
