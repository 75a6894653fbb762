// SPDX-License-Identifier: Apache-2.0
/// What people keep texts in is told apart, and where it is not it says so.
#include "core/encoding_guess.h"

#include <gtest/gtest.h>
#include <iconv.h>

#include <algorithm>

namespace rw {
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

/// UTF-8 again; empty where the bytes are not this encoding's.
std::string decoded(std::string bytes, const char* encoding) {
  const iconv_t converter = iconv_open("UTF-8", encoding);
  EXPECT_NE(converter, reinterpret_cast<iconv_t>(-1)) << encoding;
  std::string out(4 * bytes.size() + 8, '\0');
  char *from = bytes.data(), *to = out.data();
  std::size_t n_from = bytes.size(), n_to = out.size();
  const bool whole = iconv(converter, &from, &n_from, &to, &n_to) == 0;
  iconv_close(converter);
  out.resize(whole ? out.size() - n_to : 0);
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

const std::string kSpanish =
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo; "
    "años después, también él soñó con dragones. ¿Qué más, señor? Así terminó aquella canción según él.";
const std::string kGerman =
    "Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett zu einem "
    "ungeheueren Ungeziefer verwandelt. Die vielen, kläglich dünnen Beine flimmerten größer und öfter.";
const std::string kHungarian =
    "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, ésszel és "
    "lelkiismerettel "
    "bírván, egymással szemben testvéri szellemben kell hogy viseltessenek; űrhajó, tükörfúrógép, őszintén.";
const std::string kTurkish =
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve "
    "birbirlerine "
    "karşı kardeşlik zihniyeti ile hareket etmelidirler; ağaç, ışık, çığlık.";
const std::string kHebrew =
    "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג "
    "איש "
    "ברעהו ברוח של אחווה.";
const std::string kArabic =
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا "
    "بروح "
    "الإخاء.";
const std::string kThai = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม";
const std::string kLithuanian =
    "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir sąžinė ir jie turi "
    "elgtis "
    "vienas kito atžvilgiu kaip broliai; šviesą, įrašų, vėžys.";
const std::string kCzech =
    "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a "
    "mají "
    "spolu jednat v duchu bratrství; příliš žluťoučký kůň.";

TEST(EncodingGuess, AWrongNameIsNeverSure) {
  const struct {
    const std::string& text;
    std::vector<const char*> encodings;
  } cases[] = {{kFrench, {"WINDOWS-1252", "MACINTOSH", "CP850", "CP437"}},
               {kSpanish, {"WINDOWS-1252", "MACINTOSH", "CP850", "CP437"}},
               {kGerman, {"WINDOWS-1252", "MACINTOSH", "CP850", "CP437"}},
               {kPolish, {"WINDOWS-1250", "ISO-8859-2", "CP852", "MAC-CENTRALEUROPE"}},
               {kCzech, {"WINDOWS-1250", "ISO-8859-2", "CP852", "MAC-CENTRALEUROPE"}},
               {kHungarian, {"WINDOWS-1250", "ISO-8859-2", "CP852"}},
               {kTurkish, {"WINDOWS-1254", "CP857"}},
               {kLithuanian, {"WINDOWS-1257", "ISO-8859-13"}},
               {kHebrew, {"WINDOWS-1255", "ISO-8859-8", "CP862"}},
               {kArabic, {"WINDOWS-1256", "ISO-8859-6"}},
               {kThai, {"TIS-620"}},
               {kRussian, {"WINDOWS-1251", "KOI8-R", "CP866", "ISO-8859-5", "MAC-CYRILLIC"}},
               {kGreek, {"WINDOWS-1253", "ISO-8859-7"}}};
  for (const auto& c : cases)
    for (const char* encoding : c.encodings) {
      const std::string bytes = encoded(c.text, encoding);
      const std::vector<std::string> names = guess_encodings(bytes);
      ASSERT_FALSE(names.empty()) << encoding;
      std::string list;
      for (const std::string& name : names) list += name + " ";
      if (names.size() == 1) {
        EXPECT_EQ(decoded(bytes, names[0].c_str()), c.text) << encoding << " is taken for " << list;
      }
    }
}

TEST(EncodingGuess, WhatIsNotSureIsNotSaidToBe) {
  // A sign or two can be much: the true one is among those that are named.
  const struct {
    std::string text;
    const char* encoding;
  } cases[] = {{"年底", "GBK"},
               {"年底", "BIG5"},
               {"猫", "SHIFT_JIS"},
               {"the 年底 of it", "GBK"},
               {"caf\xc3\xa9", "MACINTOSH"},
               {"d\xc3\xa9j\xc3\xa0", "CP850"}};
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
}  // namespace rw
