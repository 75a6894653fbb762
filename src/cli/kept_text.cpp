// SPDX-License-Identifier: Apache-2.0
#include "cli/kept_text.h"

#include <algorithm>
#include <filesystem>

#include "core/text.h"

namespace ropewalk {
namespace {

constexpr Index kLeastRoom = 128;  // tokens

bool is_there(const std::string& path) {
  std::error_code none;
  return std::filesystem::is_regular_file(path, none) && std::filesystem::file_size(path, none) > 0;
}

}  // namespace

KeptText::KeptText(std::string path, const Model& model, const std::string& model_path)
    : path_(std::move(path)), model_path_(model_path), model_(model) {
  if (path_.empty()) return;
  require_own(path_, "a text that generate --cache kept", is_saved_sequence);
  model_id_ = model_identity(model_path);
}

Index KeptText::length_for(Index n, const FittingLength& fitting) const {
  if (path_.empty()) return n;
  const Index proven = fitting.proven();
  const Index more = std::min(n + std::max(kLeastRoom, n / 8), kMostTokens);
  return n <= proven ? std::min(proven, more) : more;
}

std::optional<Sequence> KeptText::find(std::span<const Token> prompt, Index n, const std::string& method,
                                       Index chunk) const {
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
  const std::string now = method_for(method, model_path_, model_.config(), head.options.n).spec.text();
  if (now != head.method) return anew(fmt::format("read under {}, asked for is {}", head.method, now));
  Sequence sequence = load_sequence(path_, model_, model_id_, chunk);
  const Index begin = std::min(common, static_cast<Index>(prompt.size()) - 1);
  sequence.truncate(begin);
  say(fmt::format("{}: {} of {} were read before", printable(path_), begin, counted(prompt.size(), "token")));
  return sequence;
}

void KeptText::keep(const Sequence& sequence) const {
  if (path_.empty()) return;
  save_sequence(path_, sequence, model_id_);
  std::error_code none;
  say(fmt::format("{}: {} kept, {} MB", printable(path_), counted(sequence.position(), "token"),
                  std::filesystem::file_size(path_, none) / 1000000));
}

}  // namespace ropewalk
