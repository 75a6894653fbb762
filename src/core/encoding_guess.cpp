// SPDX-License-Identifier: Apache-2.0
#include "core/encoding_guess.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace rw {
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

/// First and last byte of each range, one after the other.
bool in_ranges(Byte b, std::string_view ranges) {
  for (std::size_t i = 0; i + 1 < ranges.size(); i += 2)
    if (in(b, static_cast<Byte>(ranges[i]), static_cast<Byte>(ranges[i + 1]))) return true;
  return false;
}

/// Encodings of one byte for an alphabet of its own: four letters that make up a third of its texts, and
/// where its letters are (as ranges).
struct OneByte {
  const char* name;
  std::string_view frequent, letters;
};
constexpr OneByte kAlphabets[] = {
    {"WINDOWS-1251", "\xee\xe5\xe0\xe8",
     "\xc0\xff\xa8\xa8\xb8\xb8\xa5\xa5\xaa\xaa\xaf\xaf\xb2\xb4\xba\xba\xbf\xbf"},
    {"MAC-CYRILLIC", "\xee\xe5\xe0\xe8", "\x80\x9f\xdd\xfe"},  // no \xff, the last letter of 1251
    {"KOI8-R", "\xcf\xc5\xc1\xc9", "\xc0\xff\xa3\xa4\xa6\xa7\xad\xad\xb3\xb4\xb6\xb7\xbd\xbd"},
    {"CP866", "\xae\xa5\xa0\xa8", "\x80\xaf\xe0\xf7"},
    {"ISO-8859-5", "\xde\xd5\xd0\xd8", "\xa1\xac\xae\xef\xf1\xff"},
    {"WINDOWS-1253", "\xe1\xef\xe9\xe5", "\xa2\xa2\xb8\xba\xbc\xbc\xbe\xfe"},
    {"WINDOWS-1255", "\xe5\xe9\xe4\xec", "\xe0\xfa\xc0\xd8"},
    {"CP862", "\x85\x89\x84\x8c", "\x80\x9a"},
    {"WINDOWS-1256", "\xc7\xe1\xed\xe6", "\xc0\xff\x81\x81\x8d\x90\x98\x98\x9a\x9a\x9d\x9f\xaa\xaa"},
    {"ISO-8859-6", "\xc7\xe4\xe8\xea", "\xc1\xda\xe0\xf2"},
    {"TIS-620", "\xd2\xc3\xb9\xa1", "\xa1\xda\xdf\xfb"},
};
/// Quotes, dashes and no-break spaces of Windows' pages, which are in no alphabet.
constexpr std::string_view kWindowsSigns = "\x85\x85\x91\x97\xa0\xa1\xab\xab\xb7\xb7\xb9\xb9\xbb\xbb\xbf\xbf";

/// Encodings of Latin letters with accents. `usual`: the small ones of western, or central European texts and
/// the quotes beside them; `never`: what its texts do not have. Both as bytes.
struct Accents {
  const char* name;
  std::string_view usual, never;
};
constexpr Accents kAccents[] = {
    {"WINDOWS-1252",
     "\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xeb\xed\xee\xef\xf1\xf2\xf3\xf4\xf5\xf6\xf8\xf9\xfa\xfb"
     "\xfc"
     "\xdf\xc9\xc4\xd6\xdc\xc5\xd8\xc0\xc7\x91\x92\x93\x94\x96\x97\x85\xab\xbb\xa0\xb0\xa7\xa1\xbf",
     "\x81\x8d\x8f\x90\x9d"},
    {"WINDOWS-1250",
     "\xb3\xb9\xbf\x9c\x9f\xea\xe6\xf1\xf3\xec\x9a\x9e\xf9\xf8\xfd\xe8\xef\xf2\x9d\xe1\xe9\xed\xfa\xe4\xf6"
     "\xfc\xf5"
     "\xfb\xa3\xaf\x8c\x8a\x8e\xd8\xc8\x84\x92\x93\x94\x96\x97\x85\xab\xbb\xa0",
     "\x81\x83\x88\x90\x98\xb1\xb6\xbc\xbe"},
    {"MACINTOSH",
     "\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
     "\xa7\xbe"
     "\xbf\x83\x80\x85\x86\xcb\xd0\xd1\xd2\xd3\xd4\xd5\xc0\xc1\xc7\xc8\xc9\xca\xe7",
     ""},
    {"CP850",
     "\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8c\x8d\x91\x93\x94\x95\x96\x97\x9b\xa0\xa1\xa2\xa3\xa4\xa8"
     "\xad\xae"
     "\xaf\xc6\xe4\xe1\x90\x8e\x99\x9a\x80\xb7",
     "\xfb"},
};
/// Letters that Polish, Czech and their neighbours have, and western languages do not; those of Windows'
/// pages for Turkish, Icelandic and the Baltic.
constexpr std::string_view kCentral = "\xb3\xb9\xbf\x9c\x9f\xec\x9a\x9e\xf9\xf8\xfd\x9d";
constexpr std::string_view kOtherLatin = "\xf0\xfd\xfe";

/// An alphabet that is not Latin.
std::vector<std::string> alphabets(const Counts& counts, std::size_t high) {
  std::vector<std::pair<double, const char*>> found;
  for (const OneByte& alphabet : kAlphabets) {
    std::size_t own = 0;
    for (std::size_t b = 0x80; b < 256; ++b)
      if (in_ranges(static_cast<Byte>(b), alphabet.letters) || in_ranges(static_cast<Byte>(b), kWindowsSigns))
        own += counts[b];
    const double frequent = share(sum(counts, alphabet.frequent), high);
    found.emplace_back(share(own, high) >= 0.98 ? frequent : frequent / 2, alphabet.name);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (high >= 20 && found[0].first >= 0.25 && found[0].first >= 1.2 * found[1].first)
    return {found[0].second};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < 4; ++i) names.emplace_back(found[i].second);
  return names;
}

/// Latin letters with accents: sure where one encoding makes all of them usual, and no other does.
std::vector<std::string> accents(const Counts& counts, std::size_t high) {
  std::vector<std::pair<double, const char*>> found;
  for (const Accents& encoding : kAccents)
    found.emplace_back(sum(counts, encoding.never) > 0 ? 0 : share(sum(counts, encoding.usual), high),
                       encoding.name);
  const double central = share(sum(counts, kCentral), high);
  if (central >= 0.3) std::swap(found[0], found[1]);
  std::stable_sort(found.begin() + (central >= 0.3), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  const std::string_view first = found[0].second;
  const bool windows = first.starts_with("WINDOWS");
  // Hungarian: what is o and u with two strokes in one is a usual letter in the other.
  const bool hungarian = share(counts[0xf5], high) > 0.02 && counts[0xe3] < counts[0xf5] && counts[0xe1] > 0;
  const bool others = share(sum(counts, kOtherLatin), high) >= 0.04 && first == "WINDOWS-1252";
  bool sure = high >= 4 && found[0].first >= 0.95 && !hungarian && !others;
  for (std::size_t i = 1; i < found.size(); ++i)
    sure =
        sure && (found[i].first <= 0.75 || (windows && std::string_view(found[i].second).starts_with("WIN")));
  // Turkish small letters are among those of 1250; one that only 1250 has must be there.
  if (first == "WINDOWS-1250")
    sure = sure && sum(counts, "\xb9\x9c\x9f\x9a\x9e\x9d") > 0 && counts[0xfe] == 0;
  if (first == "WINDOWS-1252") sure = sure && central < 0.2;
  if (sure) return {found[0].second};
  std::vector<std::string> names;
  names.reserve(found.size() + 2);
  for (const auto& [fit, name] : found) names.emplace_back(name);
  if (others) names.emplace_back("WINDOWS-1254");
  if (central >= 0.15) names.emplace_back("ISO-8859-2");
  return names;
}

std::vector<std::string> one_byte(std::string_view bytes) {
  Counts counts{};
  std::size_t high = 0, letters = 0;
  for (const char c : bytes) {
    const auto b = static_cast<Byte>(c);
    ++counts[b];
    high += b >= 0x80;
    letters += (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
  }
  return high > letters ? alphabets(counts, high) : accents(counts, high);
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

}  // namespace rw
