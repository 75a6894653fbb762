// SPDX-License-Identifier: Apache-2.0
#include "metrics/sequence.h"
#include "metrics/text.h"

namespace rw {

double edit_similarity(std::string_view hypothesis, std::string_view reference) {
  Numbering<char32_t> number;
  const Ids hyp = number(code_points(hypothesis)), ref = number(code_points(reference));
  if (hyp.empty() && ref.empty()) return 1;
  const std::size_t common = CommonSubsequence(number.size()).length(ref, hyp);
  return 2 * static_cast<double>(common) / static_cast<double>(hyp.size() + ref.size());
}

}  // namespace rw
