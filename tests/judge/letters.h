// SPDX-License-Identifier: Apache-2.0
/// A tokenizer for the tiny models (64 tokens, none with a text), and what is said of a run with one.
#pragma once
#include "results/record.h"
#include "tokenizer/tokenizer.h"

namespace rw {

/// A token for each letter; the tiny models have none of their own.
class Letters : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text, bool) const override {
    std::vector<Token> tokens;
    for (char c : text) tokens.push_back(static_cast<unsigned char>(c) % 64);
    return tokens;
  }
  std::string decode(Token id, bool) const override {
    return std::string(1, static_cast<char>(' ' + id % 64));
  }
  Index n_vocab() const override { return 64; }
  std::string kind() const override { return "letters"; }
};

inline RunInfo tiny_info() {
  RunInfo info;
  info.model_id = "tiny";
  return info;
}

}  // namespace rw
