// SPDX-License-Identifier: Apache-2.0
#include "server/reasoning.h"

#include <algorithm>
#include <utility>

namespace rw::server {
namespace {

constexpr std::string_view kBegin = "<think>", kEnd = "</think>", kSpace = " \t\r\n";

std::string_view without_space(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kSpace), text.size()));
}

/// Bytes at the end of a text that a mark may begin with.
std::size_t begun(std::string_view text, std::string_view mark) {
  for (std::size_t n = std::min(text.size(), mark.size() - 1); n > 0; --n)
    if (text.ends_with(mark.substr(0, n))) return n;
  return 0;
}

}  // namespace

bool marks_thoughts(std::string_view chat_template) {
  return chat_template.find(kEnd) != std::string_view::npos;
}

Reasoning::Reasoning(std::string_view prompt, bool marked)
    : state_(marked ? State::kBegin : State::kAnswers) {
  const std::size_t last = prompt.find_last_not_of(kSpace);
  const bool opened = last != std::string_view::npos && prompt.substr(0, last + 1).ends_with(kBegin);
  if (marked && opened) state_ = State::kThinks;
  if (!marked) first_ = false;
}

Reasoning::Part Reasoning::add(std::string_view text) {
  held_ += text;
  return split(false);
}

Reasoning::Part Reasoning::end() { return split(true); }

Reasoning::Part Reasoning::split(bool all) {
  Part part;
  if (state_ == State::kBegin) {
    const std::string_view text = without_space(held_);
    if (!all && (text.empty() || (text.size() < kBegin.size() && kBegin.starts_with(text)))) return part;
    if (text.starts_with(kBegin)) {
      held_ = std::string(text.substr(kBegin.size()));
      state_ = State::kThinks;
    } else {
      state_ = State::kAnswers, first_ = false;
    }
  }
  if (state_ == State::kThinks) {
    const std::size_t end = held_.find(kEnd);
    const std::size_t n = end != std::string::npos ? end : held_.size() - (all ? 0 : begun(held_, kEnd));
    part.thought = held_.substr(0, n);
    held_.erase(0, n);
    if (end == std::string::npos) return part;
    held_.erase(0, kEnd.size());
    state_ = State::kAnswers;
  }
  if (first_) held_ = without_space(held_);
  first_ = first_ && held_.empty();
  part.answer = std::exchange(held_, "");
  return part;
}

}  // namespace rw::server
