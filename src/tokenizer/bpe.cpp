// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.h"

#include <queue>

namespace rw {
namespace {

/// Below this many symbols scanning all pairs each time beats the queue.
constexpr std::size_t kShortWord = 24;

}  // namespace

void Merges::add(const Vocabulary& vocabulary, std::string_view left, std::string_view right) {
  const std::string whole = std::string(left) + std::string(right);
  const Token left_id = vocabulary.find(left), right_id = vocabulary.find(right),
              result = vocabulary.find(whole);
  if (left_id < 0 || right_id < 0 || result < 0)
    throw Error(fmt::format("merge rule {}", next_rank_), "two tokens of the vocabulary that join to a third",
                fmt::format("'{}' and '{}'", left.substr(0, 64), right.substr(0, 64)));
  rules_.insert_or_assign(key(left_id, right_id), Rule{next_rank_++, result});
}

void Merges::add(const Vocabulary& vocabulary, std::string_view rule) {
  const std::size_t space = rule.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == rule.size())
    throw Error(fmt::format("merge rule {}", next_rank_), "'left right'",
                fmt::format("'{}'", rule.substr(0, 64)));
  add(vocabulary, rule.substr(0, space), rule.substr(space + 1));
}

void Merges::add(std::span<const std::pair<Token, Token>> pairs, Token result) {
  for (const auto& [left, right] : pairs) rules_.insert_or_assign(key(left, right), Rule{next_rank_, result});
  ++next_rank_;
}

void Merges::apply(std::vector<Token>& symbols) const {
  if (symbols.size() < 2 || rules_.empty()) return;
  if (symbols.size() <= kShortWord)
    apply_short(symbols);
  else
    apply_long(symbols);
}

void Merges::apply_short(std::vector<Token>& symbols) const {
  std::array<const Rule*, kShortWord> rule{};  // rule[i]: of symbols i and i + 1
  std::size_t n = symbols.size();
  for (std::size_t i = 0; i + 1 < n; ++i) rule[i] = find(symbols[i], symbols[i + 1]);
  while (n > 1) {
    std::size_t best = n;
    for (std::size_t i = 0; i + 1 < n; ++i)
      if (rule[i] != nullptr && (best == n || rule[i]->rank < rule[best]->rank)) best = i;
    if (best == n) break;
    symbols[best] = rule[best]->result;
    for (std::size_t i = best + 1; i + 1 < n; ++i) {
      symbols[i] = symbols[i + 1];
      rule[i] = i + 2 < n ? rule[i + 1] : nullptr;
    }
    --n;
    rule[best] = best + 1 < n ? find(symbols[best], symbols[best + 1]) : nullptr;
    if (best > 0) rule[best - 1] = find(symbols[best - 1], symbols[best]);
  }
  symbols.resize(n);
}

void Merges::apply_long(std::vector<Token>& symbols) const {
  constexpr std::size_t kNone = ~std::size_t{0};
  constexpr Token kDead = -2;
  struct Node {
    Token id;
    std::size_t previous, next;
  };
  struct Candidate {
    std::uint32_t rank;
    std::size_t at;
    Token result;
    bool operator<(const Candidate& other) const {  // the top of the queue is the greatest
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  const std::size_t n = symbols.size();
  std::vector<Node> nodes(n);
  for (std::size_t i = 0; i < n; ++i)
    nodes[i] = {symbols[i], i == 0 ? kNone : i - 1, i + 1 == n ? kNone : i + 1};
  std::priority_queue<Candidate> queue;
  const auto offer = [&](std::size_t at) {
    if (at == kNone || nodes[at].next == kNone) return;
    if (const Rule* rule = find(nodes[at].id, nodes[nodes[at].next].id))
      queue.push({rule->rank, at, rule->result});
  };
  for (std::size_t i = 0; i + 1 < n; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Node& left = nodes[top.at];
    if (left.id == kDead || left.next == kNone) continue;
    Node& right = nodes[left.next];
    const Rule* rule = find(left.id, right.id);
    if (rule == nullptr || rule->rank != top.rank) continue;  // a neighbour has changed since
    left.id = top.result;
    right.id = kDead;
    left.next = right.next;
    if (left.next != kNone) nodes[left.next].previous = top.at;
    offer(left.previous);
    offer(top.at);
  }
  symbols.clear();
  for (std::size_t i = 0; i != kNone; i = nodes[i].next) symbols.push_back(nodes[i].id);
}

}  // namespace rw
