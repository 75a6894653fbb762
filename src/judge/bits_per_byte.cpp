// SPDX-License-Identifier: Apache-2.0
#include "judge/bits_per_byte.h"

#include <limits>
#include <numbers>

namespace rw {

double bits_per_byte(const Tokenizer& tokenizer, std::span<const Token> targets, double nats) {
  // Of all at once: a character may stand over several, which another engine's tokenizer does not spell
  // alone.
  const std::size_t bytes = tokenizer.decode(std::vector<Token>(targets.begin(), targets.end())).size();
  if (bytes == 0) return std::numeric_limits<double>::quiet_NaN();
  return nats / std::numbers::ln2 / static_cast<double>(bytes);
}

}  // namespace rw
