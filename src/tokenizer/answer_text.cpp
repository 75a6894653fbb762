// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/answer_text.h"

#include <algorithm>
#include <utility>

#include "core/utf8.h"

namespace rw {
namespace {

/// Moves what is decided of `bytes` to `text`; all of it where nothing more comes.
void move_characters(std::string& bytes, std::string& text, bool ended) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    if (const std::size_t length = utf8_length(bytes, i); length > 0) {
      text.append(bytes, i, length);
      i += length;
      continue;
    }
    const BrokenUtf8 broken = broken_utf8(bytes, i);
    if (broken.may_go_on && !ended) break;
    text += kReplacement;
    i += broken.n;
  }
  bytes.erase(0, i);
}

}  // namespace

AnswerText::AnswerText(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& each) { return each.empty(); });
}

/// The part of text_ that no stop string can take back.
std::string AnswerText::certain() {
  std::size_t first = std::string::npos;
  for (const std::string& each : stops_)
    if (const std::size_t at = text_.find(each); at < first) first = at, stop_ = each;
  std::size_t n = text_.size();
  if (stop_) {
    n = first;
  } else {
    for (const std::string& each : stops_) {
      std::size_t held = std::min(each.size() - 1, text_.size());
      while (!text_.ends_with(std::string_view(each).substr(0, held))) --held;
      n = std::min(n, text_.size() - held);
    }
  }
  std::string certain = text_.substr(0, n);
  text_.erase(0, stop_ ? text_.size() : n);
  return certain;
}

std::string AnswerText::add(std::string_view bytes) {
  if (stop_) return "";
  bytes_ += bytes;
  move_characters(bytes_, text_, false);
  return certain();
}

std::string AnswerText::end() {
  if (stop_) return "";
  move_characters(bytes_, text_, true);
  std::string last = certain();
  return last + std::exchange(text_, "");
}

}  // namespace rw
