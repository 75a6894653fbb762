// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/nfc.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "core/utf8.h"

namespace rw {
namespace {

struct Decomposition {
  std::uint32_t whole, first, second;  // second 0: a character that is only another spelling of `first`
};
struct ClassRange {
  std::uint32_t low, high, combining_class;
};
constexpr Decomposition kDecompositions[] = {
#include "tokenizer/nfc_decompositions.inc"
};
constexpr ClassRange kClasses[] = {
#include "tokenizer/nfc_classes.inc"
};
/// Decomposable characters that are never composed again (Composition_Exclusion and non-starters).
constexpr std::uint32_t kExcluded[] = {
#include "tokenizer/nfc_excluded.inc"
};

// Hangul syllables are arithmetic.
constexpr std::uint32_t kSyllable = 0xac00, kLead = 0x1100, kVowel = 0x1161, kTail = 0x11a7;
constexpr std::uint32_t kLeads = 19, kVowels = 21, kTails = 28;

std::uint32_t combining_class(std::uint32_t code) {
  const auto* it = std::upper_bound(std::begin(kClasses), std::end(kClasses), code,
                                    [](std::uint32_t c, const ClassRange& range) { return c < range.low; });
  if (it == std::begin(kClasses)) return 0;
  --it;
  return code <= it->high ? it->combining_class : 0;
}

void decompose(std::uint32_t code, std::vector<std::uint32_t>& out) {
  if (code >= kSyllable && code < kSyllable + kLeads * kVowels * kTails) {
    const std::uint32_t index = code - kSyllable;
    out.push_back(kLead + index / (kVowels * kTails));
    out.push_back(kVowel + index / kTails % kVowels);
    if (index % kTails != 0) out.push_back(kTail + index % kTails);
    return;
  }
  const auto* it = std::lower_bound(std::begin(kDecompositions), std::end(kDecompositions), code,
                                    [](const Decomposition& d, std::uint32_t c) { return d.whole < c; });
  if (it == std::end(kDecompositions) || it->whole != code) return out.push_back(code);
  decompose(it->first, out);  // the table's chains are at most four long
  if (it->second != 0) decompose(it->second, out);
}

/// The character that two compose to, 0 if there is none.
std::uint32_t compose(std::uint32_t first, std::uint32_t second) {
  static const auto* pairs = [] {
    auto* map = new std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t>;
    for (const Decomposition& d : kDecompositions)
      if (d.second != 0 && !std::binary_search(std::begin(kExcluded), std::end(kExcluded), d.whole))
        (*map)[{d.first, d.second}] = d.whole;
    return map;
  }();
  if (first - kLead < kLeads && second - kVowel < kVowels)
    return kSyllable + ((first - kLead) * kVowels + (second - kVowel)) * kTails;
  const std::uint32_t syllable = first - kSyllable;
  if (syllable < kLeads * kVowels * kTails && syllable % kTails == 0 && second > kTail &&
      second < kTail + kTails)
    return first + (second - kTail);
  const auto it = pairs->find({first, second});
  return it == pairs->end() ? 0 : it->second;
}

/// Characters in canonical order, composed in place.
void compose_all(std::vector<std::uint32_t>& codes) {
  std::size_t starter = codes.size(), kept = 0;
  std::uint32_t last_class = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::uint32_t code = codes[i], own_class = combining_class(code);
    const bool adjacent = starter + 1 == kept;
    const bool blocked = !adjacent && (last_class >= own_class);
    if (starter < kept && !blocked) {
      if (const std::uint32_t whole = compose(codes[starter], code)) {
        codes[starter] = whole;
        continue;
      }
    }
    if (own_class == 0) starter = kept;
    last_class = own_class;
    codes[kept++] = code;
  }
  codes.resize(kept);
}

}  // namespace

std::vector<std::uint32_t> decompose_nfd(std::string_view text) {
  std::vector<std::uint32_t> codes;
  codes.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_length(text, i);
    decompose(utf8_decode(text, i, size), codes);
    i += size;
  }
  for (std::size_t i = 0; i < codes.size();) {  // order each run of combining characters
    std::size_t end = i;
    while (end < codes.size() && combining_class(codes[end]) != 0) ++end;
    const auto at = [&](std::size_t k) { return codes.begin() + static_cast<std::ptrdiff_t>(k); };
    std::stable_sort(at(i), at(end), [](std::uint32_t a, std::uint32_t b) {
      return combining_class(a) < combining_class(b);
    });
    i = std::max(end, i + 1);
  }
  return codes;
}

std::string compose_nfc(std::string_view text) {
  // Everything below U+0300 is its own NFC unless something above follows.
  const bool plain =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xcc; });
  if (plain) return std::string(text);
  std::vector<std::uint32_t> codes = decompose_nfd(text);
  compose_all(codes);
  std::string result;
  result.reserve(text.size());
  for (std::uint32_t code : codes) utf8_append(result, code);
  return result;
}

}  // namespace rw
