// SPDX-License-Identifier: Apache-2.0
/// Any two texts, as bytes: every metric is a finite number in its range.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "metrics/metrics.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t cut = text.size() * data[0] / 255;
  const std::string hypothesis = text.substr(0, cut), reference = text.substr(cut);
  for (const rw::Tokenize tokenize :
       {rw::Tokenize::kAuto, rw::Tokenize::k13a, rw::Tokenize::kZh, rw::Tokenize::kChar}) {
    const rw::Scores s =
        rw::score(std::span(&hypothesis, 1), std::span(&reference, 1), {tokenize, (data[0] & 1) != 0});
    for (const double x : {s.bleu / 100, s.chrf / 100, s.chrf_words / 100, s.rouge1, s.rouge2, s.rouge_l,
                           s.rouge_lsum, s.token_f1, s.edit_similarity})
      if (!(x >= 0 && x <= 1 + 1e-9)) std::abort();
  }
  return 0;
}
