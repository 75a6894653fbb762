// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_texts.h"

#include <algorithm>

#include "cli/command.h"
#include "cli/documents.h"
#include "cli/plain_text.h"
#include "core/error.h"
#include "core/text.h"
#include "evaluation/to_decide.h"
#include "judge/near_copies.h"
#include "results/units.h"

namespace rw {
namespace {

/// A quarter of a text at most is kept back.
constexpr Index kKeptPart = 4;

TokenTexts read_texts(const Tokenizer& tokenizer, const std::vector<std::string>& typed, bool special) {
  std::vector<NamedText> texts;
  for (const std::string& path : expand_texts(typed)) texts.push_back({path, read_plain_text(path)});
  return tokenize_texts(tokenizer, texts, special, say);
}

int stretches_of_each(int asked, std::size_t n_texts) {
  return asked > 0 ? asked : std::max(1, (kHeldOut - 1) / static_cast<int>(n_texts) + 1);
}

/// Moves the ends of the texts into texts of their own. Errors: Error where none is long enough.
TokenTexts keep_ends(TokenTexts& texts, Index length, Index least, int n_each) {
  TokenTexts ends{{}, {}, texts.bos, texts.unknown};
  Index longest = 0;
  for (std::size_t t = 0; t < texts.tokens.size(); ++t) {
    std::vector<Token>& tokens = texts.tokens[t];
    const auto n = static_cast<Index>(tokens.size());
    longest = std::max(longest, n);
    // What is left must hold a text to train on too.
    Index stretches = std::min<Index>(n_each, n / kKeptPart / (least + 1));
    if (stretches == 0 && n >= 2 * length + 2) stretches = 1;
    if (stretches == 0) continue;
    const Index kept = std::min(stretches * (least + 1) + 1, n - length - 1);
    ends.names.push_back(texts.names[t]);
    ends.tokens.emplace_back(tokens.end() - kept, tokens.end());
    tokens.resize(static_cast<std::size_t>(n - kept));
    say(fmt::format("{}: its last {} tokens of {} are kept back to judge on", printable(texts.names[t]), kept,
                    n));
  }
  if (ends.names.empty())
    throw Error("--text",
                fmt::format("a text of {} tokens or more: {} to train on, and an end of {} to judge on",
                            2 * length + 2, length + 1, length + 1),
                fmt::format("{} tokens in the longest", longest),
                "give longer texts, texts to judge on (--held-out), or a shorter --length");
  return ends;
}

/// Texts that hold no batch's text; the longest does.
void leave_out_short(TokenTexts& training, Index length) {
  for (std::size_t t = training.tokens.size(); t-- > 0;) {
    if (static_cast<Index>(training.tokens[t].size()) > length) continue;
    say(fmt::format("{}: its {} tokens are not trained on; a text of {} does not fit in",
                    printable(training.names[t]), training.tokens[t].size(), length));
    training.names.erase(training.names.begin() + static_cast<std::ptrdiff_t>(t));
    training.tokens.erase(training.tokens.begin() + static_cast<std::ptrdiff_t>(t));
  }
}

/// Errors: UsageError that names both texts.
void require_apart(const TokenTexts& training, const std::vector<Document>& held_out,
                   const std::vector<Token>& unknown) {
  std::vector<Passage> all;
  for (const std::vector<Token>& tokens : training.tokens) all.push_back({tokens, 0});
  for (const Document& document : held_out) all.push_back({document.tokens, 1});
  if (!near_copy(all, unknown)) return;
  for (std::size_t t = 0; t < training.tokens.size(); ++t)
    for (const Document& document : held_out)
      if (const auto copy = near_copy({{training.tokens[t], 0}, {document.tokens, 1}}, unknown))
        throw UsageError("--held-out", "texts that are not trained on",
                         fmt::format("'{}', {:.0f} % of which stand in '{}'", printable(document.name),
                                     100 * copy->share, printable(training.names[t])),
                         "leave one of them out, or give other texts to judge on");
}

/// Units that the kept ends would make, n_each stretches of each text.
std::size_t units_of_ends(const TokenTexts& texts, Index least, int n_each) {
  std::set<std::string> names;
  for (std::size_t t = 0; t < texts.tokens.size(); ++t) {
    const auto n = static_cast<Index>(texts.tokens[t].size());
    for (Index s = 0; s < std::min<Index>(n_each, n / kKeptPart / (least + 1)); ++s)
      names.insert(fmt::format("{}#{}", texts.names[t], s));
  }
  return Units(names).n();
}

/// How more stretches of the texts come to be judged; a text alone that is long enough, where these are not.
std::string enough_of_ends(const TokenTexts& whole, Index least) {
  for (int n = 1; n <= kHeldOut; ++n)
    if (units_of_ends(whole, least, n) >= kEnoughUnits)
      return fmt::format("--documents {} keeps back enough", n);
  Index longest = 0;
  for (const std::vector<Token>& tokens : whole.tokens)
    longest = std::max(longest, static_cast<Index>(tokens.size()));
  const Index needed = kEnoughUnits * kKeptPart * (least + 1);
  return fmt::format(
      "a text of {} tokens, {} more than the longest has, would be enough: a quarter is kept back; or give "
      "others to judge on (--held-out)",
      needed, needed - longest);
}
std::string enough_of_held_out(const TokenTexts& held_out, const FinetuneTextOptions& options) {
  if (const int n = stretches_to_decide(held_out, options.least, Judged::kAll, kEnoughUnits, kEnoughUnits);
      n > 0)
    return fmt::format("--documents {} takes enough of them", n);
  return "to decide, judge on " + text_to_decide(held_out, options.length, kEnoughUnits);
}

std::size_t units_of_documents(const std::vector<Document>& documents) {
  std::set<std::string> names;
  for (const Document& document : documents) names.insert(document.name);
  return Units(names).n();
}

}  // namespace

Index FinetuneTexts::n_training() const {
  Index n = 0;
  for (const std::vector<Token>& tokens : training) n += static_cast<Index>(tokens.size());
  return n;
}

std::string FinetuneTexts::training_scope() const {
  return fmt::format("{} tokens of {}", n_training(), counted(names.size(), "text"));
}

FinetuneTexts finetune_texts(const Tokenizer& tokenizer, const FinetuneTextOptions& options) {
  TokenTexts training = read_texts(tokenizer, options.texts, options.special);
  const bool keep = options.held_out.empty();
  TokenTexts held_out;
  if (!keep) held_out = read_texts(tokenizer, options.held_out, options.special);
  const int n_each =
      stretches_of_each(options.n_documents, keep ? training.names.size() : held_out.names.size());
  std::string enough = keep ? enough_of_ends(training, options.least) : enough_of_held_out(held_out, options);
  if (keep) held_out = keep_ends(training, options.length, options.least, n_each);
  std::size_t longest = 0;
  for (const std::vector<Token>& tokens : training.tokens) longest = std::max(longest, tokens.size());
  if (static_cast<Index>(longest) <= options.length)
    throw Error("--text", fmt::format("a text of more than {} tokens to train on", options.length),
                fmt::format("{} tokens in the longest", longest),
                "give a longer text, or a shorter --length");
  leave_out_short(training, options.length);
  int most = 0;  // of one text: cut_stretches says which hold fewer
  for (const std::vector<Token>& tokens : held_out.tokens)
    most = std::max(most, stretches_of(tokens, options.least, n_each));
  FinetuneTexts texts;
  texts.held_out =
      cut_stretches(held_out, options.least, keep ? std::max(most, 1) : n_each, options.tail, say);
  std::vector<Token> unknown = training.unknown;
  unknown.insert(unknown.end(), held_out.unknown.begin(), held_out.unknown.end());
  std::sort(unknown.begin(), unknown.end());
  require_apart(training, texts.held_out, unknown);
  if (const std::size_t n = units_of_documents(texts.held_out); n < kEnoughUnits)
    texts.too_few = fmt::format("judged on {} alone, this can show nothing: {} or more are needed; {}",
                                counted(n, "document"), kEnoughUnits, enough);
  texts.names = std::move(training.names), texts.training = std::move(training.tokens);
  texts.bos = std::move(training.bos);
  return texts;
}

}  // namespace rw
