// SPDX-License-Identifier: Apache-2.0
#include "serving/prefix_cache.h"

#include <algorithm>

#include "core/progress.h"

namespace rw::serving {

Index common_prefix(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<Index>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

PrefixCache::Found PrefixCache::longest(const Model& model, const MethodSpec& spec,
                                        std::span<const Token> prompt, const SequenceOptions& options) {
  Found found;
  for (Entry& entry : entries_) {
    if (&entry.sequence.model() != &model || entry.sequence.spec().text() != spec.text()) continue;
    const Index n = std::min(common_prefix(entry.tokens, prompt), static_cast<Index>(prompt.size()) - 1);
    // What a window has passed, or lies behind the nearest state that was kept, would be read again.
    const Index resumes = entry.sequence.resumes_at(n);
    if (resumes <= found.resumes || !entry.sequence.same_at(options)) continue;
    found = {&entry, n, resumes};
  }
  return found;
}

std::optional<Sequence> PrefixCache::find(const Model& model, const MethodSpec& spec,
                                          std::span<const Token> prompt, const SequenceOptions& options) {
  const Found found = longest(model, spec, prompt, options);
  if (found.entry == nullptr) return std::nullopt;
  found.entry->used = now_seconds();
  return found.entry->sequence.fork(found.resumes, options);  // the rest is read as a prompt is
}

void PrefixCache::keep(const Sequence& sequence, const std::vector<Token>& tokens,
                       const SequenceOptions& options) {
  const Index n = sequence.position();
  if (sequence.cache_bytes() > most_bytes_ || n != static_cast<Index>(tokens.size())) return;
  const SequenceOptions exact{.n = n, .n_prompt = n, .rewind_to = sequence.kept_from()};
  // As short as it may be: no room is promised to what nobody will write.
  Entry entry{sequence.same_at(exact) ? sequence.fork(n, exact) : sequence.fork(n), tokens,
              sequence.cache_bytes(), now_seconds()};
  std::erase_if(entries_, [&](const Entry& old) {
    return &old.sequence.model() == &sequence.model() &&
           old.sequence.spec().text() == sequence.spec().text() &&
           common_prefix(old.tokens, tokens) == static_cast<Index>(old.tokens.size()) &&
           static_cast<Index>(old.tokens.size()) >= sequence.kept_from() && old.sequence.same_at(options);
  });
  entries_.push_back(std::move(entry));
  while (bytes() > most_bytes_ && drop_oldest()) {
  }
}

bool PrefixCache::holds(const Sequence& sequence, Index n) const {
  const Model& model = sequence.model();
  return most_cache_bytes(model.config(), model.backend().kv_type(), sequence.method(), n, n) <= most_bytes_;
}

bool PrefixCache::drop_oldest() {
  if (entries_.empty()) return false;
  entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                  [](const Entry& a, const Entry& b) { return a.used < b.used; }));
  return true;
}

void PrefixCache::forget(const Model& model) {
  std::erase_if(entries_, [&](const Entry& entry) { return &entry.sequence.model() == &model; });
}

std::size_t PrefixCache::bytes() const {
  std::size_t total = 0;
  for (const Entry& entry : entries_) total += entry.bytes;
  return total;
}

}  // namespace rw::serving
