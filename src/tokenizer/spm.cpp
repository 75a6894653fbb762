// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/spm.h"

#include <cmath>
#include <queue>

#include "core/utf8.h"

namespace rw {
SpmMerger::SpmMerger(const Vocabulary& vocabulary, std::vector<float> scores, Token unknown)
    : scores_(std::move(scores)), byte_ids_(byte_pieces(vocabulary)), unknown_(unknown) {
  if (scores_.size() != static_cast<std::size_t>(vocabulary.size()))
    throw Error("tokenizer.ggml.scores", fmt::format("{} scores, one for each token", vocabulary.size()),
                std::to_string(scores_.size()));
  for (std::size_t i = 0; i < scores_.size(); ++i)
    if (!std::isfinite(scores_[i]))
      throw Error("tokenizer.ggml.scores", "finite scores", fmt::format("{} for token {}", scores_[i], i));
}

void SpmMerger::append_bytes(std::string_view bytes, std::vector<Token>& ids) const {
  bool covered = true;
  for (char c : bytes) covered = covered && byte_ids_[static_cast<unsigned char>(c)] >= 0;
  if (covered) {
    for (char c : bytes) ids.push_back(byte_ids_[static_cast<unsigned char>(c)]);
  } else if (unknown_ >= 0) {
    ids.push_back(unknown_);
  } else {
    throw Error("tokenizer", "a piece, byte pieces or an unknown piece for every character",
                fmt::format("none for byte 0x{:02X}", static_cast<unsigned char>(bytes[0])));
  }
}

void SpmMerger::encode(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& ids) const {
  constexpr std::size_t kNone = ~std::size_t{0};
  struct Node {
    std::size_t start, size, previous, next;  // size 0: merged into its left neighbour
  };
  struct Candidate {
    float score;
    std::size_t at, size;  // size of both together: tells a candidate that a merge has overtaken
    bool operator<(const Candidate& other) const {
      return score != other.score ? score < other.score : at > other.at;
    }
  };
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = std::max<std::size_t>(1, utf8_length(text, i));
    nodes.push_back({i, size, nodes.size() - 1, nodes.size() + 1});  // 0 - 1 is kNone
    i += size;
  }
  if (nodes.empty()) return;
  nodes.back().next = kNone;
  std::priority_queue<Candidate> queue;
  const auto offer = [&](std::size_t at) {
    if (at == kNone || nodes[at].next == kNone) return;
    const std::size_t size = nodes[at].size + nodes[nodes[at].next].size;
    if (size > vocabulary.longest()) return;
    const Token id = vocabulary.find(text.substr(nodes[at].start, size));
    if (id >= 0 && is_text(vocabulary.kind(id)))
      queue.push({scores_[static_cast<std::size_t>(id)], at, size});
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) offer(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Node& left = nodes[top.at];
    if (left.size == 0 || left.next == kNone || left.size + nodes[left.next].size != top.size) continue;
    Node& right = nodes[left.next];
    left.size = top.size;
    right.size = 0;
    left.next = right.next;
    if (left.next != kNone) nodes[left.next].previous = top.at;
    offer(left.previous);
    offer(top.at);
  }
  for (std::size_t i = 0; i != kNone; i = nodes[i].next) {
    const std::string_view symbol = text.substr(nodes[i].start, nodes[i].size);
    const Token id = vocabulary.find(symbol);
    if (id >= 0 && is_text(vocabulary.kind(id)))
      ids.push_back(id);
    else
      append_bytes(symbol, ids);
  }
}

}  // namespace rw
