// SPDX-License-Identifier: Apache-2.0
/// The text of an answer while its tokens are written.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// Turns the bytes of tokens into text that can be shown at once: valid UTF-8 whatever the tokens are, and
/// nothing behind, or of, a stop string. One answer's; used by one thread at a time.
class AnswerText {
 public:
  /// `stops`: texts that end the answer and are no part of it. Empty ones are none.
  explicit AnswerText(std::vector<std::string> stops = {});

  /// What the answer is longer by, as far as it is certain: whole characters, and nothing that a stop string
  /// may begin with. Bytes that are no UTF-8 become U+FFFD. Behind a stop string: nothing.
  std::string add(std::string_view bytes);
  /// What was held back. Nothing is added behind it.
  std::string end();

  /// The stop string that ended the answer, of several at one place the first that was given; none did.
  const std::optional<std::string>& stop() const { return stop_; }

 private:
  std::string certain();

  std::vector<std::string> stops_;
  std::optional<std::string> stop_;
  std::string bytes_, text_;  // held back: of a character; of a stop string
};

}  // namespace rw
