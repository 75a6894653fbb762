// SPDX-License-Identifier: Apache-2.0
/// Any bytes as a file of questions, and any text as an answer: a result or an Error, nothing else.
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "judge/import/longbench.h"
#include "judge/import/longbench_v2.h"
#include "judge/import/ruler.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto run = [](const auto& read) {
    try {
      for (const rw::FileQuestion& question : read()) {
        question.score(question.prompt), question.score("");
        for (const std::string& reference : question.references) question.score(reference);
      }
    } catch (const rw::Error&) {
    }
  };
  run([&] { return rw::read_ruler(text, "fuzz", {}); });
  run([&] { return rw::read_longbench(text, "fuzz", {}); });
  run([&] { return rw::read_longbench_v2(text, "fuzz", {}); });
  return 0;
}
