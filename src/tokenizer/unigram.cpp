// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/utf8.h"

namespace rw {

UnigramModel::UnigramModel(const Vocabulary& vocabulary, std::vector<double> scores, UnigramOptions options)
    : scores_(std::move(scores)), options_(options), byte_ids_(byte_pieces(vocabulary)) {
  if (scores_.size() != static_cast<std::size_t>(vocabulary.size()))
    throw Error("tokenizer", fmt::format("{} scores, one for each token", vocabulary.size()),
                std::to_string(scores_.size()));
  double least = 0, greatest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < scores_.size(); ++i) {
    if (!std::isfinite(scores_[i]))
      throw Error("tokenizer", "finite scores", fmt::format("{} for token {}", scores_[i], i));
    if (vocabulary.kind(static_cast<Token>(i)) != PieceKind::kNormal) continue;
    least = std::min(least, scores_[i]), greatest = std::max(greatest, scores_[i]);
  }
  for (std::size_t i = 0; i < scores_.size(); ++i)
    if (const Token id = static_cast<Token>(i); vocabulary.kind(id) == PieceKind::kUserDefined)
      scores_[i] = static_cast<double>(vocabulary.piece(id).size()) * std::min(greatest, 0.0) - 0.1;
  constexpr double kPenalty = 10;
  unknown_score_ = least - kPenalty;
  build(vocabulary);
}

void UnigramModel::build(const Vocabulary& vocabulary) {
  std::vector<Token> sorted;
  for (Token id = 0; id < vocabulary.size(); ++id)
    if (is_text(vocabulary.kind(id)) && !vocabulary.piece(id).empty()) sorted.push_back(id);
  std::sort(sorted.begin(), sorted.end(), [&](Token a, Token b) {
    const int order = vocabulary.piece(a).compare(vocabulary.piece(b));
    return order != 0 ? order < 0 : a < b;
  });
  struct Range {
    std::size_t node, low, high, depth;  // sorted[low, high) begin with the node's `depth` bytes
  };
  std::vector<Range> level{{0, 0, sorted.size(), 0}};
  nodes_.emplace_back();
  while (!level.empty()) {
    std::vector<Range> next;
    for (const Range& range : level) {
      std::size_t at = range.low;
      for (; at < range.high && vocabulary.piece(sorted[at]).size() == range.depth; ++at)
        if (nodes_[range.node].id < 0) nodes_[range.node].id = sorted[at];
      nodes_[range.node].first_child = static_cast<std::uint32_t>(nodes_.size());
      while (at < range.high) {
        const auto byte = static_cast<std::uint8_t>(vocabulary.piece(sorted[at])[range.depth]);
        const std::size_t low = at;
        while (at < range.high &&
               static_cast<std::uint8_t>(vocabulary.piece(sorted[at])[range.depth]) == byte)
          ++at;
        next.push_back({nodes_.size(), low, at, range.depth + 1});
        nodes_.push_back({0, 0, byte, -1});
        ++nodes_[range.node].n_children;
      }
    }
    level = std::move(next);
  }
  if (nodes_.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error("tokenizer", "pieces of at most 4 GB in all", "more");
}

const UnigramModel::Node* UnigramModel::child(const Node& node, unsigned char byte) const {
  const Node* low = nodes_.data() + node.first_child;
  const Node* high = low + node.n_children;
  const Node* found =
      std::lower_bound(low, high, byte, [](const Node& a, unsigned char b) { return a.byte < b; });
  return found != high && found->byte == byte ? found : nullptr;
}

void UnigramModel::append_unknown(std::string_view text, std::vector<Token>& ids) const {
  const bool spelled = options_.byte_fallback && std::all_of(text.begin(), text.end(), [&](char c) {
                         return byte_ids_[static_cast<unsigned char>(c)] >= 0;
                       });
  if (spelled) {
    for (const char c : text) ids.push_back(byte_ids_[static_cast<unsigned char>(c)]);
  } else if (options_.unknown >= 0) {
    ids.push_back(options_.unknown);
  } else {
    throw Error("tokenizer", "a piece, byte pieces or an unknown piece for every character",
                fmt::format("none for '{}'", text.substr(0, 16)));
  }
}

void UnigramModel::encode(std::string_view text, std::vector<Token>& ids) const {
  constexpr Token kUnknown = -1;
  struct Best {
    double score = -std::numeric_limits<double>::infinity();
    std::size_t start = 0;  // of the last piece
    Token id = kUnknown;
  };
  std::vector<Best> best(text.size() + 1);  // of the text up to each byte
  best[0].score = 0;
  for (std::size_t i = 0, size; i < text.size(); i += size) {
    size = std::max<std::size_t>(1, utf8_length(text, i));
    const double before = best[i].score;
    const auto offer = [&](std::size_t end, double score, Token id) {
      const double whole = sum(before, score);
      if (whole > best[end].score) best[end] = {whole, i, id};
    };
    bool single = false;
    const Node* node = nodes_.data();
    for (std::size_t end = i; end < text.size();) {
      node = child(*node, static_cast<unsigned char>(text[end++]));
      if (node == nullptr) break;
      if (node->id < 0) continue;
      offer(end, scores_[static_cast<std::size_t>(node->id)], node->id);
      single = single || end == i + size;
    }
    if (!single) offer(i + size, unknown_score_, kUnknown);
  }
  std::vector<std::pair<std::size_t, Token>> pieces;  // where each ends, the last first
  for (std::size_t end = text.size(); end > 0; end = best[end].start) pieces.emplace_back(end, best[end].id);
  for (std::size_t start = 0; !pieces.empty();) {
    auto [end, id] = pieces.back();
    pieces.pop_back();
    for (; id == kUnknown && !pieces.empty() && pieces.back().second == kUnknown; pieces.pop_back())
      end = pieces.back().first;
    if (id == kUnknown)
      append_unknown(text.substr(start, end - start), ids);
    else
      ids.push_back(id);
    start = end;
  }
}

}  // namespace rw
