// SPDX-License-Identifier: Apache-2.0
/// LongBench's metrics (Bai et al. 2023, arXiv:2308.14508; its metrics.py), each of one answer and one
/// reference, 0 to 1. Differences from there:
///   - zh metrics count characters (a run of ASCII letters or digits is one unit) where LongBench counts the
///     words of jieba, whose dictionary is not here: their scores cannot be compared with published ones.
///   - code_sim is the similarity by insertions and deletions, unrounded. fuzzywuzzy gives this one, rounded,
///     where python-Levenshtein is installed, and difflib's where it is not.
///   - rouge has no limit of recursion; the original scores 0 where Python's is passed.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rw::longbench {

/// F1 of the bags of words, after lower case, without punctuation and articles.
double qa_f1(std::string_view written, std::string_view reference);
double qa_f1_zh(std::string_view written, std::string_view reference);
/// rouge-l "f" of the package `rouge` 1.0.1, which is not Google's: sentences end at every '.', words keep
/// case and punctuation and count once, and the common subsequences of all pairs of sentences are united.
/// 0 where a side has no sentence. Errors: Error for two sentences with more than 10^8 pairs of words.
double rouge_l(std::string_view written, std::string_view reference);
double rouge_l_zh(std::string_view written, std::string_view reference);
/// 1 / classes named in the answer, where the reference is one of them. A class that is a part of the
/// reference does not count; of two such in a row the second does, since the original removes while it walks.
double classification(std::string_view written, std::string_view reference,
                      const std::vector<std::string>& classes);
/// Share of the numbers written that are the reference's.
double count(std::string_view written, std::string_view reference);
/// The same with the number behind "Paragraph " or, zh, behind its Chinese word. REQUIRES: paragraph_number.
double retrieval(std::string_view written, std::string_view reference);
/// Empty where the reference has none.
std::string paragraph_number(std::string_view reference);
/// Of the first line without `, # or //, and the reference.
double code_sim(std::string_view written, std::string_view reference);

}  // namespace rw::longbench
