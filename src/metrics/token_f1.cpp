// SPDX-License-Identifier: Apache-2.0
#include "metrics/sequence.h"
#include "metrics/text.h"

namespace rw {
namespace {

/// SQuAD's normalize_answer: lower case, then punctuation deleted, then articles, which are whole runs of \w.
std::vector<std::u32string> normalized_words(std::string_view utf8, bool han_words) {
  std::u32string text = code_points(utf8);
  if (han_words) text = space_han_words(text);
  text = lower(text);
  std::erase_if(text, is_ascii_punctuation);
  for (std::size_t start = 0, end = 0; start < text.size(); start = end + 1) {
    for (end = start; end < text.size() && is_alphanumeric(text[end]);) ++end;
    const std::u32string_view run(text.data() + start, end - start);
    if (run == U"a" || run == U"an" || run == U"the") text.replace(start, run.size(), run.size(), U' ');
  }
  return split_words(text);
}

}  // namespace

double token_f1(std::string_view hypothesis, std::string_view reference, bool han_words) {
  Numbering<std::u32string> number;
  const Ids hyp = number(normalized_words(hypothesis, han_words));
  const Ids ref = number(normalized_words(reference, han_words));
  const auto shared = static_cast<double>(count_ngrams(hyp, ref, 1)[0].matches);
  return shared == 0 ? 0 : 2 * shared / static_cast<double>(hyp.size() + ref.size());
}

}  // namespace rw
