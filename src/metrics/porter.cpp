// SPDX-License-Identifier: Apache-2.0
/// Porter's stemmer (1980) with the extensions of NLTK's default mode, which rouge_score uses.
#include <algorithm>
#include <iterator>
#include <vector>

#include "metrics/metrics.h"

namespace rw {
namespace {

struct Irregular {
  std::string_view word, stem;
};
constexpr Irregular kIrregular[] = {
    {"sky", "sky"},        {"skies", "sky"},       {"dying", "die"},        {"lying", "lie"},
    {"tying", "tie"},      {"news", "news"},       {"innings", "inning"},   {"inning", "inning"},
    {"outings", "outing"}, {"outing", "outing"},   {"cannings", "canning"}, {"canning", "canning"},
    {"howe", "howe"},      {"proceed", "proceed"}, {"exceed", "exceed"},    {"succeed", "succeed"}};

/// For each letter whether it is a consonant: y is one at the start and after a vowel.
std::vector<bool> consonants(std::string_view w) {
  std::vector<bool> result;
  result.reserve(w.size());
  for (char c : w)
    result.push_back(c == 'y' ? result.empty() || !result.back()
                              : std::string_view("aeiou").find(c) == std::string_view::npos);
  return result;
}

/// Porter's m: how often a vowel is followed by a consonant.
int measure(std::string_view w) {
  const std::vector<bool> c = consonants(w);
  int m = 0;
  for (std::size_t i = 1; i < c.size(); ++i) m += c[i] && !c[i - 1];
  return m;
}

bool has_vowel(std::string_view w) {
  const std::vector<bool> c = consonants(w);
  return std::find(c.begin(), c.end(), false) != c.end();
}

bool ends_consonant(std::string_view w) { return consonants(w).back(); }

/// Porter's *o: ends consonant, vowel, consonant other than w, x, y; in NLTK also the two letters vowel,
/// consonant.
bool ends_short(std::string_view w) {
  const std::vector<bool> c = consonants(w);
  const std::size_t n = w.size();
  if (n == 2) return !c[0] && c[1];
  return n > 2 && c[n - 3] && !c[n - 2] && c[n - 1] &&
         std::string_view("wxy").find(w[n - 1]) == std::string_view::npos;
}

using Condition = bool (*)(std::string_view stem);
bool always(std::string_view) { return true; }
bool positive(std::string_view stem) { return measure(stem) > 0; }
bool above_one(std::string_view stem) { return measure(stem) > 1; }
bool ion(std::string_view stem) { return measure(stem) > 1 && (stem.back() == 's' || stem.back() == 't'); }
/// NLTK measures the stem of -logi with its l.
bool logi(std::string_view stem) { return measure(std::string(stem) + "l") > 0; }

struct Rule {
  std::string_view suffix, replacement;
  Condition condition;
};
constexpr Rule kStep1a[] = {
    {"sses", "ss", always}, {"ies", "i", always}, {"ss", "ss", always}, {"s", "", always}};
constexpr Rule kStep2[] = {
    {"ational", "ate", positive}, {"tional", "tion", positive}, {"enci", "ence", positive},
    {"anci", "ance", positive},   {"izer", "ize", positive},    {"bli", "ble", positive},
    {"alli", "al", positive},     {"entli", "ent", positive},   {"eli", "e", positive},
    {"ousli", "ous", positive},   {"ization", "ize", positive}, {"ation", "ate", positive},
    {"ator", "ate", positive},    {"alism", "al", positive},    {"iveness", "ive", positive},
    {"fulness", "ful", positive}, {"ousness", "ous", positive}, {"aliti", "al", positive},
    {"iviti", "ive", positive},   {"biliti", "ble", positive},  {"fulli", "ful", positive},
    {"logi", "log", logi}};
constexpr Rule kStep3[] = {{"icate", "ic", positive}, {"ative", "", positive},  {"alize", "al", positive},
                           {"iciti", "ic", positive}, {"ical", "ic", positive}, {"ful", "", positive},
                           {"ness", "", positive}};
constexpr Rule kStep4[] = {
    {"al", "", above_one},    {"ance", "", above_one}, {"ence", "", above_one}, {"er", "", above_one},
    {"ic", "", above_one},    {"able", "", above_one}, {"ible", "", above_one}, {"ant", "", above_one},
    {"ement", "", above_one}, {"ment", "", above_one}, {"ent", "", above_one},  {"ion", "", ion},
    {"ou", "", above_one},    {"ism", "", above_one},  {"ate", "", above_one},  {"iti", "", above_one},
    {"ous", "", above_one},   {"ive", "", above_one},  {"ize", "", above_one}};

/// The first rule whose suffix fits decides, whether its condition holds or not.
template <std::size_t n>
void apply(const Rule (&rules)[n], std::string& w) {
  for (const Rule& rule : rules) {
    if (!w.ends_with(rule.suffix)) continue;
    const std::size_t stem = w.size() - rule.suffix.size();
    if (rule.condition(std::string_view(w).substr(0, stem)))
      w.replace(stem, std::string::npos, rule.replacement);
    return;
  }
}

void step1b(std::string& w) {
  if (w.ends_with("ied")) {
    w.erase(w.size() - (w.size() == 4 ? 1 : 2));  // died, die; cried, cri
    return;
  }
  if (w.ends_with("eed")) {
    if (positive(std::string_view(w).substr(0, w.size() - 3))) w.pop_back();
    return;
  }
  std::size_t cut = 0;
  for (const std::string_view suffix : {"ed", "ing"})
    if (cut == 0 && w.ends_with(suffix) && has_vowel(std::string_view(w).substr(0, w.size() - suffix.size())))
      cut = suffix.size();
  if (cut == 0) return;
  w.erase(w.size() - cut);
  const std::size_t n = w.size();
  const bool cut_e = w.ends_with("at") || w.ends_with("bl") || w.ends_with("iz");
  if (!cut_e && n >= 2 && w[n - 1] == w[n - 2] && ends_consonant(w)) {
    if (std::string_view("lsz").find(w.back()) == std::string_view::npos) w.pop_back();
  } else if (cut_e || (measure(w) == 1 && ends_short(w))) {
    w += 'e';
  }
}

void step5(std::string& w) {
  if (w.ends_with("e")) {
    const std::string_view stem = std::string_view(w).substr(0, w.size() - 1);
    const int m = measure(stem);
    if (m > 1 || (m == 1 && !ends_short(stem))) w.pop_back();
  }
  if (w.ends_with("ll") && measure(std::string_view(w).substr(0, w.size() - 1)) > 1) w.pop_back();
}

}  // namespace

std::string porter_stem(std::string w) {
  const auto* irregular = std::find_if(std::begin(kIrregular), std::end(kIrregular),
                                       [&](const Irregular& entry) { return entry.word == w; });
  if (irregular != std::end(kIrregular)) return std::string(irregular->stem);
  if (w.size() <= 2) return w;
  if (w.size() == 4 && w.ends_with("ies")) {
    w.pop_back();
  } else {
    apply(kStep1a, w);
  }
  step1b(w);
  if (w.size() > 2 && w.ends_with("y") && ends_consonant(std::string_view(w).substr(0, w.size() - 1)))
    w.back() = 'i';
  if (w.ends_with("alli") && positive(std::string_view(w).substr(0, w.size() - 4))) w.erase(w.size() - 2);
  apply(kStep2, w);
  apply(kStep3, w);
  apply(kStep4, w);
  step5(w);
  return w;
}

}  // namespace rw
