// SPDX-License-Identifier: Apache-2.0
#include "metrics/longbench_metrics.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "core/error.h"
#include "metrics/text.h"

namespace rw::longbench {
namespace {

/// Signs that are neither letters nor spaces: the blocks of general, CJK and full-width punctuation.
bool other_punctuation(char32_t c) {
  return (c >= 0xa1 && c <= 0xbf && c != 0xaa && c != 0xb5 && c != 0xba) || (c >= 0x2010 && c <= 0x206f) ||
         (c >= 0x3001 && c <= 0x303f) || (c >= 0xff01 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20) ||
         (c >= 0xff3b && c <= 0xff40) || (c >= 0xff5b && c <= 0xff65);
}

bool ascii_word(char32_t c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

using Words = std::vector<std::u32string>;

/// Articles go where they stand between what is neither letter nor digit: re's \b, which knows no accents.
Words english_words(std::string_view text) {
  std::u32string kept, word;
  const auto end_word = [&] {
    kept += word == U"a" || word == U"an" || word == U"the" ? U" " : word;
    word.clear();
  };
  for (const char32_t c : lower(code_points(text))) {
    if (is_ascii_punctuation(c)) continue;
    if (is_alphanumeric(c)) {
      word += c;
    } else {
      end_word(), kept += c;
    }
  }
  end_word();
  return split_words(kept);
}

/// Characters, and runs of ASCII letters and digits. `clean`: without punctuation and spaces, in lower case.
Words chinese_units(std::string_view text, bool clean) {
  Words units;
  bool in_run = false;
  const std::u32string codes = code_points(text);
  for (const char32_t c : clean ? lower(codes) : codes) {
    const bool run = ascii_word(c);
    if (clean && (is_space(c) || is_ascii_punctuation(c) || other_punctuation(c))) {
      in_run = false;
      continue;
    }
    if (run && in_run)
      units.back() += c;
    else
      units.emplace_back(1, c);
    in_run = run;
  }
  return units;
}

double f1(const Words& written, const Words& reference) {
  std::map<std::u32string, int> left;
  for (const std::u32string& word : reference) ++left[word];
  int same = 0;
  for (const std::u32string& word : written) same += left[word]-- > 0;
  if (same == 0) return 0;
  const double p = same / static_cast<double>(written.size()),
               r = same / static_cast<double>(reference.size());
  return 2 * p * r / (p + r);
}

/// Sentences as `rouge` has them: between dots, inner space squeezed, split at single spaces, so that a
/// sentence of nothing but space has one empty word.
std::vector<Words> sentences(const std::u32string& text) {
  std::vector<Words> list;
  std::u32string sentence;
  for (const char32_t c : text + U".") {
    if (c != '.') {
      sentence += c;
    } else if (!sentence.empty()) {
      list.push_back(split_words(sentence)), sentence.clear();
      if (list.back().empty()) list.back().emplace_back();
    }
  }
  return list;
}

/// Adds the words of the longest common subsequence of x and y that the package's walk back finds.
void add_common(const Words& x, const Words& y, std::set<std::u32string>& common) {
  const std::size_t n = x.size(), m = y.size();
  if (n * m > 100'000'000)
    throw Error("rouge", "sentences with at most 10^8 pairs of words", fmt::format("{} x {}", n, m),
                "shorten the reference");
  std::vector<std::uint32_t> table((n + 1) * (m + 1));
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return table[i * (m + 1) + j]; };
  for (std::size_t i = 1; i <= n; ++i)
    for (std::size_t j = 1; j <= m; ++j)
      at(i, j) = x[i - 1] == y[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
  for (std::size_t i = n, j = m; i > 0 && j > 0;) {
    if (x[i - 1] == y[j - 1])
      common.insert(x[i - 1]), --i, --j;
    else if (at(i - 1, j) > at(i, j - 1))
      --i;
    else
      --j;
  }
}

double rouge_of(const std::u32string& written, const std::u32string& reference) {
  const std::vector<Words> hypothesis = sentences(written), truth = sentences(reference);
  if (hypothesis.empty() || truth.empty()) return 0;
  std::set<std::u32string> common, written_words, true_words;
  for (const Words& s : hypothesis) written_words.insert(s.begin(), s.end());
  for (const Words& s : truth) true_words.insert(s.begin(), s.end());
  for (const Words& r : truth)
    for (const Words& h : hypothesis) add_common(r, h, common);
  const auto n = static_cast<double>(common.size());
  const double r = n / static_cast<double>(true_words.size()),
               p = n / static_cast<double>(written_words.size());
  return 2 * (p * r / (p + r + 1e-8));
}

std::u32string joined(const Words& words) {
  std::u32string text;
  for (const std::u32string& word : words) text += (text.empty() ? U"" : U" ") + word;
  return text;
}

/// Runs of ASCII digits.
std::vector<std::string> numbers(std::string_view text) {
  std::vector<std::string> list;
  bool in_run = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !in_run) list.emplace_back();
    if (digit) list.back() += c;
    in_run = digit;
  }
  return list;
}

}  // namespace

double qa_f1(std::string_view written, std::string_view reference) {
  return f1(english_words(written), english_words(reference));
}

double qa_f1_zh(std::string_view written, std::string_view reference) {
  return f1(chinese_units(written, true), chinese_units(reference, true));
}

double rouge_l(std::string_view written, std::string_view reference) {
  return rouge_of(code_points(written), code_points(reference));
}

double rouge_l_zh(std::string_view written, std::string_view reference) {
  return rouge_of(joined(chinese_units(written, false)), joined(chinese_units(reference, false)));
}

double classification(std::string_view written, std::string_view reference,
                      const std::vector<std::string>& classes) {
  std::vector<std::string> named;
  for (const std::string& name : classes)
    if (written.find(name) != std::string_view::npos) named.push_back(name);
  for (std::size_t i = 0; i < named.size(); ++i) {
    const std::string name = named[i];
    if (name != reference && reference.find(name) != std::string_view::npos)
      named.erase(std::find(named.begin(), named.end(), name));
  }
  const bool right = std::find(named.begin(), named.end(), reference) != named.end();
  return right ? 1.0 / static_cast<double>(named.size()) : 0;
}

double count(std::string_view written, std::string_view reference) {
  const std::vector<std::string> found = numbers(written);
  const auto right = std::count(found.begin(), found.end(), reference);
  return found.empty() ? 0 : static_cast<double>(right) / static_cast<double>(found.size());
}

std::string paragraph_number(std::string_view reference) {
  for (const std::string_view word : {std::string_view("Paragraph "), std::string_view("段落")})
    for (std::size_t at = 0; (at = reference.find(word, at)) != std::string_view::npos;) {
      at += word.size();
      const std::size_t end = std::min(reference.find_first_not_of("0123456789", at), reference.size());
      if (end > at) return std::string(reference.substr(at, end - at));
    }
  return {};
}

double retrieval(std::string_view written, std::string_view reference) {
  return count(written, paragraph_number(reference));
}

double code_sim(std::string_view written, std::string_view reference) {
  written.remove_prefix(std::min(written.find_first_not_of('\n'), written.size()));
  std::string_view line;
  for (std::size_t begin = 0; begin <= written.size();) {
    const std::size_t end = std::min(written.find('\n', begin), written.size());
    const std::string_view candidate = written.substr(begin, end - begin);
    begin = end + 1;
    if (candidate.find_first_of("`#") != candidate.npos || candidate.find("//") != candidate.npos) continue;
    line = candidate;
    break;
  }
  const std::u32string x = code_points(line), y = code_points(reference);
  if (x.empty() || y.empty()) return 0;
  std::vector<std::size_t> row(y.size() + 1);  // of the longest common subsequence
  for (const char32_t c : x) {
    std::size_t diagonal = 0;
    for (std::size_t j = 1; j <= y.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = c == y[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
      diagonal = above;
    }
  }
  return 2 * static_cast<double>(row.back()) / static_cast<double>(x.size() + y.size());
}

}  // namespace rw::longbench
