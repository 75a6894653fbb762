// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "tokenizer/regex_dialect.h"

namespace rw {
namespace {

/// Takes matches in order and appends what `cut` makes of them and of the gaps.
class Cutter {
 public:
  Cutter(std::string_view text, Cut cut, std::vector<std::string_view>& pieces)
      : text_(text), cut_(cut), pieces_(pieces) {}

  std::size_t done() const { return done_; }

  void match(std::size_t begin, std::size_t end) {
    const bool gap = begin > done_;
    if (cut_ == Cut::kJoinMatches && pending_ && !gap) {
      done_ = end;
      return;
    }
    if (cut_ != Cut::kWithPrevious) before(begin);
    const bool holds = cut_ == Cut::kWithNext || cut_ == Cut::kJoinMatches;
    pending_ = holds;
    if (holds)
      from_ = begin;
    else if (cut_ != Cut::kDropMatches)
      push(cut_ == Cut::kWithPrevious ? done_ : begin, end);
    done_ = end;
  }
  void end() { before(text_.size()); }

 private:
  /// What stands before `begin`: a match that was held back, and the gap.
  void before(std::size_t begin) {
    if (pending_ && cut_ == Cut::kWithNext) return push(from_, begin);
    if (pending_) push(from_, done_);
    if (cut_ != Cut::kKeepMatches) push(done_, begin);
  }
  void push(std::size_t begin, std::size_t end) {
    if (end > begin) pieces_.push_back(text_.substr(begin, end - begin));
  }

  std::string_view text_;
  Cut cut_;
  std::vector<std::string_view>& pieces_;
  std::size_t done_ = 0, from_ = 0;
  bool pending_ = false;  ///< whether the match from `from_` to `done_` waits for what follows
};

}  // namespace

struct Regex::Scratch::State {
  ~State() { pcre2_match_data_free(data); }
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);  // one pair: where a match begins and ends
};

Regex::Scratch::Scratch() : state_(std::make_unique<State>()) { RW_CHECK(state_->data != nullptr); }
Regex::Scratch::~Scratch() = default;

struct Regex::State {
  struct Delete {
    void operator()(pcre2_code* p) const { pcre2_code_free(p); }
    void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  };
  std::unique_ptr<pcre2_code, Delete> code;
  std::unique_ptr<pcre2_match_context, Delete> limits;
  std::string place;

  /// Match from `start` on; false when there is none. The caller has checked the UTF-8.
  bool find(std::string_view text, std::size_t start, pcre2_match_data* data) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    int rc = pcre2_match(code.get(), subject, text.size(), start, PCRE2_NO_UTF_CHECK, data, limits.get());
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)  // the interpreter works on the heap
      rc = pcre2_match(code.get(), subject, text.size(), start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data,
                       limits.get());
    if (rc == PCRE2_ERROR_NOMATCH) return false;
    if (rc < 0)
      throw Error(place, "a text that the pattern cuts within its limits", fmt::format("PCRE2 error {}", rc),
                  "the pattern backtracks too much on this text");
    return true;
  }
};

Regex::Regex(std::string_view pattern, std::string_view place)
    : state_(std::make_unique<State>()), pattern_(pattern) {
  if (pattern.size() > 16384)
    throw Error(place, "a pattern of at most 16384 bytes", std::to_string(pattern.size()));
  if (pattern.find("(*") != std::string_view::npos)
    throw Error(place, "a pattern without verbs", std::string(pattern));
  const std::string exact = pcre2_spelling(pattern, place);
  int error = 0;
  PCRE2_SIZE offset = 0;
  const std::uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
  state_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(exact.data()), exact.size(), flags, &error,
                                   &offset, nullptr));
  if (!state_->code) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    throw Error(place, "a regular expression that PCRE2 reads",
                fmt::format("{} ({})", pattern, reinterpret_cast<const char*>(message.data())));
  }
  pcre2_jit_compile(state_->code.get(), PCRE2_JIT_COMPLETE);  // where there is no JIT, the interpreter serves
  state_->limits.reset(pcre2_match_context_create(nullptr));
  RW_CHECK(state_->limits != nullptr);
  pcre2_set_heap_limit(state_->limits.get(), 256 * 1024);  // KiB
  state_->place = place;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::string Regex::escaped(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && static_cast<unsigned char>(c) < 0x80) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

void Regex::split(std::string_view text, Cut cut, Scratch& scratch,
                  std::vector<std::string_view>& pieces) const {
  pcre2_match_data* data = scratch.state_->data;
  const PCRE2_SIZE* span = pcre2_get_ovector_pointer(data);
  Cutter cutter(text, cut, pieces);
  std::size_t from = 0;
  while (from < text.size() && state_->find(text, from, data)) {
    const std::size_t begin = std::max(span[0], cutter.done()), end = span[1];
    if (end <= begin) {  // an empty match cuts where it stands: look on behind the next character
      if (begin > cutter.done()) cutter.match(begin, begin);
      from = std::max(from, end) + 1;
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0u) == 0x80u) ++from;
      continue;
    }
    cutter.match(begin, end);
    from = end;
  }
  cutter.end();
}

}  // namespace rw
