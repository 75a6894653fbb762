// SPDX-License-Identifier: Apache-2.0
/// What people keep texts in is told apart, and where it is not it says so.
#include "core/encoding_guess.h"

#include <gtest/gtest.h>
#include <iconv.h>

#include <algorithm>

namespace ropewalk {
namespace {

/// UTF-8 text in another encoding.
std::string encoded(std::string text, const char* encoding) {
  const iconv_t converter = iconv_open(encoding, "UTF-8");
  EXPECT_NE(converter, reinterpret_cast<iconv_t>(-1)) << encoding;
  std::string out(4 * text.size() + 8, '\0');
  char *from = text.data(), *to = out.data();
  std::size_t n_from = text.size(), n_to = out.size();
  EXPECT_EQ(iconv(converter, &from, &n_from, &to, &n_to), 0u) << encoding << ": " << text;
  iconv_close(converter);
  out.resize(out.size() - n_to);
  return out;
}

const std::string kChinese =
    "旧历的年底毕竟最像年底，村镇上不必说，就在天空中也显出将到新年的气象来。灰白色的沉重的晚云中间时时发出闪"
    "光。";
const std::string kTraditional =
    "舊曆的年底畢竟最像年底，村鎮上不必說，就在天空中也顯出將到新年的氣象來。灰白色的沉重的晚雲中間時時發出閃"
    "光。";
const std::string kJapanese =
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた"
    "。";
const std::string kKorean =
    "모든 사람은 태어날 때부터 자유롭고, 존엄과 권리에 있어 동등하다. 인간은 이성과 양심을 부여받았다.";
const std::string kRussian =
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.";
const std::string kGreek =
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.";
const std::string kFrench =
    "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, où était-il passé ?";
const std::string kPolish =
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Żółty łabędź płynął.";

TEST(EncodingGuess, TextsOfManyScriptsAreToldApart) {
  const struct {
    const std::string& text;
    const char* encoding;
  } cases[] = {{kChinese, "GBK"},        {kTraditional, "BIG5"},    {kJapanese, "SHIFT_JIS"},
               {kJapanese, "EUC-JP"},    {kKorean, "EUC-KR"},       {kRussian, "WINDOWS-1251"},
               {kRussian, "KOI8-R"},     {kRussian, "CP866"},       {kRussian, "ISO-8859-5"},
               {kGreek, "WINDOWS-1253"}, {kFrench, "WINDOWS-1252"}, {kPolish, "WINDOWS-1250"},
               {kFrench, "UTF-16LE"},    {kFrench, "UTF-16BE"},     {kFrench, "UTF-16"}};
  for (const auto& c : cases)
    EXPECT_EQ(guess_encodings(encoded(c.text, c.encoding)), std::vector<std::string>{c.encoding})
        << c.encoding << " " << c.text;
}

TEST(EncodingGuess, WhatIsNotSureIsNotSaidToBe) {
  // A sign or two can be much: the true one is among those that are named.
  const struct {
    std::string text;
    const char* encoding;
  } cases[] = {{"年底", "GBK"},           {"年底", "BIG5"},       {"猫", "SHIFT_JIS"},
               {"the 年底 of it", "GBK"}, {kFrench, "MACINTOSH"}, {kFrench, "CP850"}};
  for (const auto& c : cases) {
    const std::vector<std::string> names = guess_encodings(encoded(c.text, c.encoding));
    EXPECT_GT(names.size(), 1u) << c.encoding;
    EXPECT_NE(std::find(names.begin(), names.end(), c.encoding), names.end()) << c.encoding;
  }
}

TEST(EncodingGuess, BinaryDataIsNoText) {
  EXPECT_TRUE(guess_encodings(std::string_view("ELF\0\1\2\3abcdefghijklmnopqrstuvwxyz", 33)).empty());
}

}  // namespace
}  // namespace ropewalk
