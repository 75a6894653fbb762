// SPDX-License-Identifier: Apache-2.0
#include "evaluation/texts.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/option.h"
#include "core/text.h"
#include "judge/near_copies.h"
#include "judge/runner.h"
#include "judge/text_tokens.h"

namespace rw {
namespace {

/// Records are paired by a document's name: file names where they differ, else paths. Errors: UsageError for
/// a text given twice, which would count as two independent documents.
std::vector<std::string> document_names(std::span<const NamedText> texts) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string& own = texts[i].name;
    for (const NamedText& other : texts.first(i))
      if (other.text == texts[i].text)
        throw UsageError(option("texts", "--text"), "texts that differ",
                         other.name == own
                             ? fmt::format("'{}' twice", own)
                             : fmt::format("'{}' and '{}', which are the same", other.name, own),
                         "documents must be independent");
    names.push_back(std::filesystem::path(own).filename().string());
  }
  const std::vector<std::string> file_names = names;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (std::count(file_names.begin(), file_names.end(), file_names[i]) > 1) names[i] = texts[i].name;
  return names;
}

/// Errors: UsageError where two texts, the parts of them that are read, or only their ends, which are scored,
/// are copies but for a little.
void require_texts_apart(const TokenTexts& texts, const std::vector<std::vector<Document>>& by_text,
                         Index least, Index tail) {
  const auto require = [&](const std::vector<Passage>& passages, const char* what, const char* hint) {
    const std::optional<NearCopy> copy = near_copy(passages, texts.unknown);
    if (!copy) return;
    throw UsageError(option("texts", "--text"), "texts that differ",
                     fmt::format("'{}' and '{}', {} of which are {:.0f} % the same", texts.names[copy->first],
                                 texts.names[copy->second], what, 100 * copy->share),
                     fmt::format("documents must be independent: {}", hint));
  };
  std::vector<Passage> whole, read, ends;
  const std::size_t end = std::max(static_cast<std::size_t>(tail), kCopyWindow);
  for (std::size_t t = 0; t < by_text.size(); ++t) {
    whole.push_back({texts.tokens[t], t});
    for (const Document& document : by_text[t]) {
      const std::span<const Token> tokens(document.tokens);
      read.push_back({tokens.last(std::min(tokens.size(), static_cast<std::size_t>(least) + 1)), t});
      ends.push_back({tokens.last(std::min(tokens.size(), end)), t});
    }
  }
  require(whole, "the words", "leave one of them out");
  require(read, "the parts that are read", "leave one out, or cut off what they share");
  require(ends, "the ends, which are scored,", "cut off what they share, such as a licence");
}

}  // namespace

TokenTexts tokenize_texts(const Tokenizer& tokenizer, std::span<const NamedText> texts, bool special,
                          const Says& say, bool check_words) {
  TokenTexts result{{}, {}, tokenizer.text_begin()};
  const std::vector<std::string> names = document_names(texts);
  std::string unknown_share;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<Token> tokens = tokenizer.encode(texts[i].text, special);
    const std::vector<Token> unknown = check_words ? unknown_among(tokenizer, tokens) : std::vector<Token>();
    if (const double share = share_unknown(tokens, unknown); share > 0.5) {
      unknown_share =
          fmt::format("{:.0f} % of its tokens are unknown to the model's vocabulary", 100 * share);
      say(fmt::format("{} is left out: {}", printable(names[i]), unknown_share));
      continue;
    }
    result.unknown.insert(result.unknown.end(), unknown.begin(), unknown.end());
    result.names.push_back(names[i]), result.tokens.push_back(std::move(tokens));
  }
  if (result.names.empty() && !names.empty())
    throw Error(names.back(), "a text that the model's vocabulary knows", unknown_share,
                "give one in a language of the model's");
  std::sort(result.unknown.begin(), result.unknown.end());
  return result;
}

int stretches_of(const std::vector<Token>& tokens, Index least, int most) {
  return static_cast<int>(std::clamp<Index>((static_cast<Index>(tokens.size()) - 1) / (least + 1), 0, most));
}

int count_stretches(const TokenTexts& texts, Index least, int most) {
  int n = 0;
  for (const std::vector<Token>& tokens : texts.tokens) n += stretches_of(tokens, least, most);
  return n;
}

std::vector<Document> cut_stretches(const TokenTexts& texts, Index least, int n, Index tail,
                                    const Says& say) {
  std::vector<std::vector<Document>> by_text;
  const std::size_t longest = static_cast<std::size_t>(
      std::max_element(texts.tokens.begin(), texts.tokens.end(),
                       [](const auto& a, const auto& b) { return a.size() < b.size(); }) -
      texts.tokens.begin());
  if (count_stretches(texts, least, n) == 0)
    throw Error(texts.names[longest], fmt::format("more than {} tokens", least),
                fmt::format("{} tokens", texts.tokens[longest].size()),
                "give a longer text, or shorter " + option("lengths"));
  std::size_t most = 0;
  for (std::size_t i = 0; i < texts.tokens.size(); ++i) {
    const int fitting = stretches_of(texts.tokens[i], least, n);
    if (fitting < n)
      say(fmt::format("{}: {} tokens hold {} of {} of more than {} tokens", printable(texts.names[i]),
                      texts.tokens[i].size(), fitting == 0 ? "none" : fmt::format("{}", fitting),
                      counted(n, "stretch"), least));
    by_text.emplace_back();
    if (fitting > 0)
      by_text.back() = split_document(texts.names[i], texts.tokens[i], texts.bos, fitting, least);
    most = std::max(most, by_text.back().size());
  }
  require_texts_apart(texts, by_text, least, tail);
  std::vector<Document> documents;  // a run that a budget ends early has read of every text
  for (std::size_t k = 0; k < most; ++k)
    for (std::vector<Document>& own : by_text)
      if (k < own.size()) documents.push_back(std::move(own[k]));
  return documents;
}

std::map<std::string, std::string> texts_by_name(const std::vector<Document>& documents) {
  std::map<std::string, std::string> texts;
  for (const Document& document : documents) texts.emplace(document.name, document.text_id);
  return texts;
}

}  // namespace rw
