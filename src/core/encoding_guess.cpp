// SPDX-License-Identifier: Apache-2.0
#include "core/encoding_guess.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ropewalk {
namespace {

using Byte = unsigned char;

double share(std::size_t part, std::size_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

bool in(Byte b, Byte low, Byte high) { return b >= low && b <= high; }

/// Text read as characters of two bytes where the first is 0x80 or more.
struct Pairs {
  std::size_t n = 0, single = 0, wrong = 0, typical = 0, kana = 0, low = 0;  ///< low: trails below 0x80
  bool decodes() const { return n > 4 * single && wrong == 0; }
};
/// What one encoding allows, and what its texts are mostly made of.
struct TwoBytes {
  bool (*single)(Byte);  ///< a byte of its own, from 0x80 on
  bool (*valid)(Byte, Byte);
  bool (*typical)(Byte, Byte);
  bool (*kana)(Byte, Byte);
};

Pairs pairs_of(std::string_view bytes, const TwoBytes& encoding) {
  Pairs pairs;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto lead = static_cast<Byte>(bytes[i]);
    if (lead < 0x80) continue;
    if (encoding.single(lead)) {
      ++pairs.single;
      continue;
    }
    if (++i == bytes.size()) break;  // only a beginning is looked at
    const auto trail = static_cast<Byte>(bytes[i]);
    ++pairs.n;
    if (!encoding.valid(lead, trail)) {
      ++pairs.wrong;
      if (trail < 0x80) --i;
      continue;
    }
    pairs.typical += encoding.typical(lead, trail);
    pairs.kana += encoding.kana(lead, trail);
    pairs.low += trail < 0x80;
  }
  return pairs;
}

bool never(Byte) { return false; }
bool no_kana(Byte, Byte) { return false; }
bool high_pair(Byte lead, Byte trail) { return in(lead, 0xa1, 0xfe) && in(trail, 0xa1, 0xfe); }

constexpr TwoBytes kGbk{
    never, [](Byte l, Byte t) { return in(l, 0x81, 0xfe) && (in(t, 0x40, 0x7e) || in(t, 0x80, 0xfe)); },
    [](Byte l, Byte t) { return in(t, 0xa1, 0xfe) && (in(l, 0xb0, 0xd7) || in(l, 0xa1, 0xa3)); }, no_kana};
constexpr TwoBytes kBig5{
    never, [](Byte l, Byte t) { return in(l, 0xa1, 0xf9) && (in(t, 0x40, 0x7e) || in(t, 0xa1, 0xfe)); },
    [](Byte l, Byte) { return in(l, 0xa1, 0xc6); }, no_kana};
constexpr TwoBytes kShiftJis{
    [](Byte b) { return in(b, 0xa1, 0xdf); },  // katakana of half width
    [](Byte l, Byte t) {
      return (in(l, 0x81, 0x9f) || in(l, 0xe0, 0xfc)) && (in(t, 0x40, 0x7e) || in(t, 0x80, 0xfc));
    },
    [](Byte l, Byte) { return in(l, 0x81, 0x83) || in(l, 0x88, 0x97); },
    [](Byte l, Byte t) { return (l == 0x82 && in(t, 0x9f, 0xf1)) || (l == 0x83 && in(t, 0x40, 0x96)); }};
constexpr TwoBytes kEucJp{never, [](Byte l, Byte t) { return high_pair(l, t) || (l == 0x8e && t >= 0xa1); },
                          [](Byte l, Byte) { return in(l, 0xa1, 0xa5) || in(l, 0xb0, 0xcf); },
                          [](Byte l, Byte) { return l == 0xa4 || l == 0xa5; }};
constexpr TwoBytes kEucKr{never, high_pair,
                          [](Byte l, Byte) { return in(l, 0xb0, 0xc8) || in(l, 0xa1, 0xa3); }, no_kana};

/// How often each byte is there.
using Counts = std::array<std::size_t, 256>;

std::size_t sum(const Counts& counts, std::string_view of) {
  std::size_t n = 0;
  for (const char c : of) n += counts[static_cast<Byte>(c)];
  return n;
}

/// Encodings of one byte for an alphabet of its own, with the four vowels that make up a third of its texts.
struct OneByte {
  const char* name;
  std::string_view vowels;
};
constexpr OneByte kAlphabets[] = {
    {"WINDOWS-1251", "\xee\xe5\xe0\xe8"}, {"KOI8-R", "\xcf\xc5\xc1\xc9"},       {"CP866", "\xae\xa5\xa0\xa8"},
    {"ISO-8859-5", "\xde\xd5\xd0\xd8"},   {"WINDOWS-1253", "\xe1\xef\xe9\xe5"},
};
/// Letters with accents and signs that western, or central European texts have.
constexpr std::string_view kWestern =
    "\xe9\xe8\xea\xe0\xe2\xe7\xf4\xee\xef\xfb\xf9\xe4\xf6\xfc\xdf\xf1\xe1\xed\xf3\xfa\xe3\xf5\xe5\xf8\xe6\xc9"
    "\xc4"
    "\xd6\xdc\xc5\xd8\xc0\xc7\x91\x92\x93\x94\x96\x97\x85\xab\xbb\xa0\xb0\xa7";
constexpr std::string_view kCentral = "\xb3\xb9\xbf\x9c\x9f\xec\x9a\x9e\xf9\xf8\xfd";

std::vector<std::string> one_byte(std::string_view bytes) {
  Counts counts{};
  std::size_t high = 0, letters = 0;
  for (const char c : bytes) {
    const auto b = static_cast<Byte>(c);
    ++counts[b];
    high += b >= 0x80;
    letters += (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
  }
  if (high > letters) {
    std::vector<std::string> names;
    double best = 0;
    for (const OneByte& alphabet : kAlphabets) {
      const double vowels = share(sum(counts, alphabet.vowels), high);
      names.insert(vowels > best ? names.begin() : names.end(), alphabet.name);
      best = std::max(best, vowels);
    }
    if (best >= 0.25) return {names[0]};
    return names;
  }
  const double western = share(sum(counts, kWestern), high), central = share(sum(counts, kCentral), high);
  if (high >= 4 && western >= 0.8 && central < 0.2) return {"WINDOWS-1252"};
  if (high >= 4 && central >= 0.4) return {"WINDOWS-1250"};
  return {"WINDOWS-1252", "WINDOWS-1250", "MACINTOSH", "CP850"};
}

/// Nothing where the high bytes do not stand in pairs.
std::vector<std::string> two_bytes(std::string_view bytes) {
  const Pairs gbk = pairs_of(bytes, kGbk), big5 = pairs_of(bytes, kBig5), jis = pairs_of(bytes, kShiftJis),
              euc_jp = pairs_of(bytes, kEucJp), euc_kr = pairs_of(bytes, kEucKr);
  const auto typical = [](const Pairs& p) { return p.decodes() && share(p.typical, p.n) >= 0.9; };
  if (typical(euc_jp) && share(euc_jp.kana, euc_jp.n) >= 0.2) return {"EUC-JP"};
  if (typical(jis) && share(jis.kana, jis.n) >= 0.2) return {"SHIFT_JIS"};
  if (typical(euc_kr) && euc_kr.n >= 20 && share(euc_kr.typical, euc_kr.n) >= 0.97) return {"EUC-KR"};
  if (typical(gbk) && share(gbk.low, gbk.n) < 0.05 && gbk.n >= 8) return {"GBK"};
  if (typical(big5) && share(big5.low, big5.n) >= 0.15 && big5.n >= 8) return {"BIG5"};
  std::vector<std::string> names;
  if (gbk.decodes()) names.emplace_back("GBK");
  if (big5.decodes()) names.emplace_back("BIG5");
  if (jis.decodes()) names.emplace_back("SHIFT_JIS");
  if (euc_jp.decodes()) names.emplace_back("EUC-JP");
  if (euc_kr.decodes()) names.emplace_back("EUC-KR");
  return names;
}

}  // namespace

std::vector<std::string> guess_encodings(std::string_view bytes) {
  bytes = bytes.substr(0, 1 << 20);
  if (bytes.starts_with(std::string_view("\xff\xfe\0\0", 4))) return {"UTF-32"};
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) return {"UTF-16"};
  std::size_t even = 0, odd = 0, high = 0, letters = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto b = static_cast<Byte>(bytes[i]);
    if (b == 0) ++(i % 2 == 0 ? even : odd);
    high += b >= 0x80;
    letters += b > ' ';
  }
  // Text in Latin letters has a NUL in nearly every pair, on one side.
  if (odd > bytes.size() / 8 && even <= odd / 8) return {"UTF-16LE"};
  if (even > bytes.size() / 8 && odd <= even / 8) return {"UTF-16BE"};
  if (even + odd > 0) return {};
  // Letters with accents stand alone among others; characters of two bytes are most of their text.
  std::vector<std::string> names = two_bytes(bytes), others = one_byte(bytes);
  if (names.size() == 1 && share(high, letters) >= 0.4) return names;
  if (names.empty() || others.size() == 1) return others;
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

}  // namespace ropewalk
