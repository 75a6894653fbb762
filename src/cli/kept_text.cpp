// SPDX-License-Identifier: Apache-2.0
#include "cli/kept_text.h"

#include <algorithm>
#include <filesystem>

#include "core/output_file.h"
#include "core/text.h"

namespace rw {
namespace {

constexpr Index kLeastRoom = 128;  // tokens

bool is_there(const std::string& path) {
  std::error_code none;
  return std::filesystem::is_regular_file(path, none) && std::filesystem::file_size(path, none) > 0;
}

/// No device or pipe: there are no parts of those, and nothing to try before.
bool is_plain(const std::string& path) {
  std::error_code none;
  const std::filesystem::file_status status = std::filesystem::status(path, none);
  return !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
}

}  // namespace

KeptText::KeptText(std::string path, const Model& model, const std::string& model_path)
    : path_(std::move(path)), model_path_(model_path), model_(model) {
  if (path_.empty()) return;
  if (std::error_code none; std::filesystem::is_directory(path_, none))
    throw Error("--cache", "the name of a file", "a folder: " + path_, "such as " + path_ + "/text.cache");
  require_own(path_, "a text that generate --cache kept", is_saved_sequence);
  model_id_ = model_identity(model_path);
  if (is_plain(path_)) remove_parts_of(behind_links(path_), is_saved_sequence);
}

Index KeptText::length_for(Index n, Index bound, const FittingLength& fitting) const {
  if (path_.empty()) return bound;
  for (Index room = std::min(std::max(kLeastRoom, bound / 8), kMostTokens - bound); room > 0; room /= 2)
    if (fitting.same_at(bound, bound + room)) return bound + room;
  if (bound > n) return bound;
  say(
      fmt::format("{}: bound to {}: at another length the method would be another one, or the memory does "
                  "not hold more; a longer question is read anew",
                  printable(path_), counted(n, "token")));
  return n;
}

void KeptText::require_writable(std::size_t bytes) const {
  if (path_.empty() || !is_plain(path_)) return;
  { const OutputFile tried(path_); }  // may it be written? The part goes at once
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder = fs::path(behind_links(path_)).parent_path();
  const fs::space_info space = fs::space(folder.empty() ? "." : folder, error);
  if (!error && space.available < bytes)
    throw Error(path_, fmt::format("{} MB of free disk, to keep what is read", bytes / 1000000 + 1),
                fmt::format("{} MB", space.available / 1000000),
                "make room on the disk, take --kv q8, or leave --cache out");
}

std::optional<Sequence> KeptText::find(std::span<const Token> prompt, Index n, const std::string& method,
                                       Index chunk, AutoChoice& choice) const {
  if (path_.empty() || !is_there(path_)) return {};
  const auto anew = [&](const std::string& why) {
    say(fmt::format("{}: {}; the text is read anew, and kept there", printable(path_), why));
    return std::optional<Sequence>();
  };
  const auto [head, tokens] = read_saved_head(path_);
  if (head.model_id != model_id_) return anew("of another model");
  const Index common =
      std::mismatch(tokens.begin(), tokens.end(), prompt.begin(), prompt.end()).first - tokens.begin();
  if (2 * common < head.n_read)
    return anew(fmt::format("another text ({} of its {} tokens are this one's)", common, head.n_read));
  if (n > head.options.n) return anew(fmt::format("bound to {} tokens, {} are needed", head.options.n, n));
  if (common < head.kept_from && common < head.n_read)
    return anew("its window has passed where the texts part");
  choice = method_for(method, model_path_, model_.config(), n);
  if (const std::string now = choice.spec.text(); now != head.method)
    return anew(fmt::format("read under {}, asked for is {}", printable(head.method), now));
  Sequence sequence = load_sequence(path_, model_, model_id_, chunk);
  const Index begin = std::min(common, static_cast<Index>(prompt.size()) - 1);
  const Index resumes = sequence.resumes_at(begin);
  sequence.truncate(begin);
  say(fmt::format("{}: {} of {} were read before", printable(path_), resumes,
                  counted(prompt.size(), "token")));
  return sequence;
}

void KeptText::keep(const Sequence& sequence) const {
  if (path_.empty()) return;
  save_sequence(path_, sequence, model_id_);
  std::error_code none;
  const auto bytes = static_cast<double>(std::filesystem::file_size(path_, none));
  say(fmt::format("{}: {} kept, {:.1f} MB", printable(path_), counted(sequence.position(), "token"),
                  bytes / 1e6));
}

}  // namespace rw
