// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/jobs.h"
#include "core/error.h"
#include "core/text.h"
#include "judge/near_copies.h"
#include "judge/text_tokens.h"
#include "model/identity.h"

namespace rw {
namespace {

/// Records are paired by a document's name: file names where they differ, else paths. Errors: UsageError for
/// a text given twice, which would count as two independent documents.
std::vector<std::string> document_names(const std::vector<std::string>& paths,
                                        const std::vector<std::string>& texts) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (const auto same = std::find(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(i), texts[i]) -
                          texts.begin();
        same < static_cast<std::ptrdiff_t>(i))
      throw UsageError("--text", "texts that differ",
                       paths[i] == paths[static_cast<std::size_t>(same)]
                           ? fmt::format("'{}' twice", paths[i])
                           : fmt::format("'{}' and '{}', which are the same",
                                         paths[static_cast<std::size_t>(same)], paths[i]),
                       "documents must be independent");
    names.push_back(std::filesystem::path(paths[i]).filename().string());
  }
  const std::vector<std::string> file_names = names;
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (std::count(file_names.begin(), file_names.end(), file_names[i]) > 1) names[i] = paths[i];
  return names;
}

/// Errors: UsageError where two texts, the parts of them that are read, or only their ends, which are scored,
/// are copies but for a little.
void require_texts_apart(const TokenTexts& texts, const std::vector<std::vector<Document>>& by_text,
                         Index least, Index tail) {
  const auto require = [&](const std::vector<Passage>& passages, const char* what, const char* hint) {
    const std::optional<NearCopy> copy = near_copy(passages, texts.unknown);
    if (!copy) return;
    throw UsageError("--text", "texts that differ",
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

std::vector<std::string> expand_texts(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code none;
    if (!fs::is_directory(path, none)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    std::size_t n_folders = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      n_folders += entry.is_directory(none);
      if (entry.is_regular_file(none) &&
          (entry.path().extension() == ".txt" || entry.path().extension() == ".md") &&
          entry.path().stem() != "README")  // speaks of the texts
        inside.push_back(entry.path().string());
    }
    if (n_folders > 0)
      say(fmt::format("{}: {} in it {} not read", printable(path), counted(n_folders, "folder"),
                      n_folders == 1 ? "is" : "are"));
    if (inside.empty()) throw Error(path, "a folder with .txt or .md files", "none", "name the files");
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::size_t bytes_of_documents(int n, Index length) {
  constexpr std::size_t kLeast = std::size_t{64} << 20, kBytesPerToken = 16;
  return std::max(kLeast,
                  static_cast<std::size_t>(n) * static_cast<std::size_t>(length + 1) * kBytesPerToken);
}

TokenTexts tokenize_texts(const Tokenizer& tokenizer, const std::vector<std::string>& paths,
                          const std::vector<std::string>& texts, bool special) {
  TokenTexts result{{}, {}, tokenizer.text_begin()};
  const std::vector<std::string> names = document_names(paths, texts);
  std::string unknown_share;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<Token> tokens = tokenizer.encode(texts[i], special);
    const std::vector<Token> unknown = unknown_among(tokenizer, tokens);
    if (const double share = share_unknown(tokens, unknown); share > 0.5) {
      unknown_share =
          fmt::format("{:.0f} % of its tokens are unknown to the model's vocabulary", 100 * share);
      if (!is_job()) say(fmt::format("{} is left out: {}", printable(names[i]), unknown_share));
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

std::vector<Document> cut_stretches(const TokenTexts& texts, Index least, int n, Index tail) {
  std::vector<std::vector<Document>> by_text;
  const std::size_t longest = static_cast<std::size_t>(
      std::max_element(texts.tokens.begin(), texts.tokens.end(),
                       [](const auto& a, const auto& b) { return a.size() < b.size(); }) -
      texts.tokens.begin());
  if (count_stretches(texts, least, n) == 0)
    throw Error(texts.names[longest], fmt::format("more than {} tokens", least),
                fmt::format("{} tokens", texts.tokens[longest].size()),
                "give a longer text, or shorter --lengths");
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

std::string piped(const std::vector<std::string>& inputs) {
  return std::find(inputs.begin(), inputs.end(), "-") == inputs.end()
             ? ""
             : "  # - was standard input: pipe it in";
}

std::map<std::string, std::string> texts_by_name(const std::vector<Document>& documents) {
  std::map<std::string, std::string> texts;
  for (const Document& document : documents) texts.emplace(document.name, document.text_id);
  return texts;
}

RunInfo run_info(const std::string& model_path, const BackendOptions& backend,
                 const std::shared_ptr<const Model>& loaded) {
  RunInfo info;
  info.version = ROPEWALK_VERSION;
  info.model = std::filesystem::path(model_path).filename().string();
  info.model_id = model_id(loaded->file());
  info.precision = backend.precision, info.kv = backend.kv_type(),
  info.isa = isa_name(*loaded->backend().context());
  info.n_ctx_train = loaded->config().n_ctx_train;
  info.n_vocab = loaded->config().n_vocab;
  info.threads = loaded->backend().context()->threads();
  info.n_layers = loaded->config().n_layers(), info.n_acting_layers = loaded->config().n_acting_layers();
  return info;
}

std::string no_acting_layers(const ModelConfig& config) {
  return fmt::format("methods act on {} layers: each is this model unchanged", config.acting_layers());
}

void say_acting_layers(const ModelConfig& config) {
  static bool said = false;
  if (config.n_acting_layers() == config.n_layers() || std::exchange(said, true)) return;
  const bool states = std::any_of(config.layers.begin(), config.layers.end(),
                                  [](const LayerSpec& layer) { return layer.recurs(); });
  say(fmt::format("methods act on {} layers: {}have a window{} or no positions, and stay as they are{}",
                  config.acting_layers(), config.n_acting_layers() == 0 ? "all " : "the others ",
                  states ? ", a state" : "",
                  config.n_acting_layers() == 0 ? "; each method is this model unchanged" : ""));
}

double parse_seconds(const std::string& text, const char* option) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const double scale = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (used > 0 && unit.empty() && value == 0) return 0;
  if (used == 0 || scale == 0 || !(value >= 0 && value < 1e7))
    throw UsageError(option, "a time such as 90s, 8m or 2h", "'" + text + "'",
                     used > 0 && unit.empty() ? "say its unit: " + text + "s or " + text + "m"
                                              : "s, m and h are its units; 0 is no limit");
  return value * scale;
}

}  // namespace rw
