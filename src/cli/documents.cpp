// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/parallel.h"

namespace ropewalk {
namespace {

/// Records are paired by a document's name: file names where they differ, else paths. Errors: UsageError for
/// a text given twice, which would count as two independent documents.
std::vector<std::string> document_names(const std::vector<std::string>& paths,
                                        const std::vector<std::string>& texts) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (std::find(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(i), texts[i]) !=
        texts.begin() + static_cast<std::ptrdiff_t>(i))
      throw UsageError("--text", "texts that differ", "'" + paths[i] + "' twice",
                       "documents must be independent");
    names.push_back(std::filesystem::path(paths[i]).filename().string());
  }
  const std::vector<std::string> file_names = names;
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (std::count(file_names.begin(), file_names.end(), file_names[i]) > 1) names[i] = paths[i];
  return names;
}

std::vector<Token> first_tokens(const Tokenizer& tokenizer) {
  if (tokenizer.add_bos && tokenizer.bos) return {*tokenizer.bos};
  return {};
}

}  // namespace

std::vector<Document> read_documents(const Tokenizer& tokenizer, const std::vector<std::string>& paths,
                                     const std::vector<std::string>& texts, int n, Index least) {
  std::vector<Document> documents;
  const std::vector<std::string> names = document_names(paths, texts);
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (Document& d :
         split_document(names[i], tokenizer.encode(texts[i]), first_tokens(tokenizer), n, least))
      documents.push_back(std::move(d));
  return documents;
}

std::vector<Document> documents_to_tune(const Tokenizer& tokenizer, const std::vector<std::string>& paths,
                                        const std::vector<std::string>& texts, Index least, int n, int most) {
  if (n > 0) return read_documents(tokenizer, paths, texts, n, least);
  std::vector<Document> documents;
  const std::vector<std::string> names = document_names(paths, texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<Token> tokens = tokenizer.encode(texts[i]);
    const Index fitting = (static_cast<Index>(tokens.size()) - 1) / (least + 1);
    for (Document& d : split_document(names[i], std::move(tokens), first_tokens(tokenizer),
                                      static_cast<int>(std::clamp<Index>(fitting, 1, most)), least))
      documents.push_back(std::move(d));
  }
  return documents;
}

RunInfo run_info(const std::string& model_path, const BackendOptions& backend, const LoadedModel& loaded) {
  RunInfo info;
  info.version = ROPEWALK_VERSION;
  info.model = std::filesystem::path(model_path).filename().string();
  info.model_id = model_identity(model_path);
  info.precision = backend.precision, info.kv = backend.kv_type(), info.isa = active_isa();
  info.n_ctx_train = loaded.model->config().n_ctx_train;
  info.threads = threads();
  return info;
}

/// "90s", "8m", "2h" or seconds.
double parse_seconds(const std::string& text) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (used == 0 || scale == 0 || !(value >= 0 && value < 1e7))
    throw UsageError("--budget", "a time such as 90s, 8m or 2h", "'" + text + "'");
  return value * scale;
}

}  // namespace ropewalk
