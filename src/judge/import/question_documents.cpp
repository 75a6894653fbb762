// SPDX-License-Identifier: Apache-2.0
#include "judge/import/question_documents.h"

#include <bit>
#include <filesystem>
#include <map>

#include "core/hash.h"

namespace rw {
namespace {

constexpr Index kLeastClass = 256;

Index length_class(Index n) {
  return std::max(kLeastClass, static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(n))));
}

/// A template may begin the model's thoughts itself; a start of the answer stands behind them.
bool ends_in_thoughts(const Tokenizer& tokenizer, const std::vector<Token>& prompt) {
  constexpr std::ptrdiff_t kLast = 16;
  const auto n = std::min(kLast, static_cast<std::ptrdiff_t>(prompt.size()));
  const std::string end = tokenizer.decode(std::vector<Token>(prompt.end() - n, prompt.end()), true);
  const std::size_t begun = end.rfind("<think>"), ended = end.rfind("</think>");
  return begun != std::string::npos && (ended == std::string::npos || ended < begun);
}

/// Which question it is, however it is asked.
std::string text_id(const FileQuestion& q) {
  return sha256(dump_json(Json{q.id, q.group, q.references, q.classes, q.file_length}));
}

std::string prompt_id(const FileQuestion& q, const std::vector<Token>& prompt) {
  const std::string_view bytes(reinterpret_cast<const char*>(prompt.data()), prompt.size() * sizeof(Token));
  return sha256(dump_json(Json{sha256(bytes), q.n_predict, q.rule}));
}

}  // namespace

std::vector<Document> question_documents(const Tokenizer& tokenizer,
                                         const std::vector<FileQuestion>& questions, const std::string& path,
                                         const QuestionOptions& options) {
  const std::string file = std::filesystem::path(path).filename().string();
  std::map<std::string, int> seen;
  std::vector<Document> documents;
  documents.reserve(questions.size());
  for (const FileQuestion& question : questions) {
    const int repeat = ++seen[question.id];
    FilePrompt prompt = file_prompt(tokenizer, question, options.length, options.raw, options.truncate,
                                    fmt::format("{}, question {}", path, question.id));
    const Index needed = static_cast<Index>(prompt.tokens.size()) + question.n_predict;
    const auto asked = std::make_shared<AskedQuestion>(AskedQuestion{
        .question = question,
        .prompt_id = prompt_id(question, prompt.tokens),
        .length = options.length > 0 ? options.length : needed,
        .length_class = options.length > 0 ? options.length : length_class(needed),
        .n_cut = prompt.n_cut,
        .chat = prompt.chat,
        .thinking = prompt.chat && question.prefix.empty() && ends_in_thoughts(tokenizer, prompt.tokens)});
    Document document;
    document.name = fmt::format("{}:{}", file, question.id);
    if (repeat > 1) document.name += fmt::format(" ({})", repeat);
    document.tokens = std::move(prompt.tokens);
    document.bos = tokenizer.text_begin();
    document.text_id = text_id(question);
    document.asked = asked;
    documents.push_back(std::move(document));
  }
  return documents;
}

}  // namespace rw
