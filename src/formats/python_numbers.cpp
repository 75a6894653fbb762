// SPDX-License-Identifier: Apache-2.0
#include "formats/hf_object.h"

namespace rw {

std::string without_python_numbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = 1;
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\') n = 2;  // whatever it is, it ends nothing
    std::string_view written = text.substr(i, n);
    if (!quoted)
      for (const std::string_view string : {R"("-Infinity")", R"("Infinity")", R"("NaN")"})
        if (const std::string_view word = string.substr(1, string.size() - 2);
            text.substr(i).starts_with(word))
          n = word.size(), written = string;
    out += written;
    i += n;
  }
  return out;
}

}  // namespace rw
