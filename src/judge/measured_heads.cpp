// SPDX-License-Identifier: Apache-2.0
/// Emma is the text of the Debian package r-cran-janeaustenr. short-256 was trained on it but for its last
/// 20,000 tokens (the file's last 60,000 bytes), so those are what it is measured on; no study has Emma.
#include "judge/measured_heads.h"

#include <fmt/ranges.h>

#include "core/option.h"

namespace rw {

const std::vector<MeasuredHeads>& all_measured_heads() {
  static const std::vector<MeasuredHeads> all = {
      // tail -c 60000 emma.txt >emma_end.txt; tools/measure_heads.py models/short-256.gguf emma_end.txt
      // --length 1024
      {.model_id = "31df054cc6c91a74b62203d7f5cc421c7aeb4064ffb58aefc6befc4fe129626d",
       .model = "short-256",
       .ranks = "2.1.0/0.2.1",
       .heads = "0.0/2.0/2.1",
       .on = "the end of Emma, 1,024 tokens"},
      // tools/measure_heads.py models/SmolLM2-135M-Instruct.Q4_1.gguf emma.txt --length 4096
      {.model_id = "95a69b576b02c740305b8746d6acdc56daf591daad3ba1aa52efa71f9df6ae9e",
       .model = "SmolLM2-135M-Instruct, Q4_1",
       .ranks = "2.1.0/1.0.2/0.2.1/0.2.1/2.0.1/2.0.1/2.0.1/2.0.1/0.2.1/0.2.1/1.0.2/2.0.1/0.2.1/1.0.2/2.0.1/"
                "0.2.1/1.0.2/1.2.0/0.2.1/1.0.2/2.1.0/2.0.1/2.1.0/0.1.2/1.0.2/1.0.2/2.1.0/0.2.1",
       .heads = "2.0/11.0/11.2",
       .on = "Emma, 4,096 tokens"},
  };
  return all;
}

const MeasuredHeads* find_measured_heads(std::string_view model_id) {
  for (const MeasuredHeads& measured : all_measured_heads())
    if (measured.model_id == model_id) return &measured;
  return nullptr;
}

std::string why_unmeasured(std::string_view model_id) {
  if (find_measured_heads(model_id) != nullptr) return "";
  return fmt::format(
      "{} are no candidates: the heads of this model are not measured (tools/measure_heads.py measures them; "
      "{} takes what it prints)",
      fmt::join(kMeasuredMethods, " and "), option("candidates"));
}

}  // namespace rw
