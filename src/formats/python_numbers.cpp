// SPDX-License-Identifier: Apache-2.0
#include "formats/hf_object.h"

namespace ropewalk {

std::string without_python_numbers(std::string text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted) {
      ++i;  // whatever it is, it ends nothing
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    if (quoted) continue;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"})
      if (text.compare(i, word.size(), word) == 0) {
        text.replace(i, word.size(), "null");
        break;
      }
  }
  return text;
}

}  // namespace ropewalk
