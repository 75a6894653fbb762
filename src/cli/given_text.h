// SPDX-License-Identifier: Apache-2.0
/// What a user gives to read and to answer: files in order, and a prompt behind them.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "chat/turn.h"
#include "cli/command.h"
#include "cli/truncate.h"

namespace rw {

class GivenText {
 public:
  /// Files are known by their names to the model where there are several.
  GivenText(std::vector<std::string> files, std::string prompt, const ChatSettings& chat)
      : files_(std::move(files)), prompt_(std::move(prompt)), chat_(chat) {}

  struct Part {
    std::vector<Token> tokens;  ///< the chat template around all
    Index n_left_out = 0;       ///< of the files', or of the prompt where there are none
    Index n_text = 0;           ///< tokens of those, all; of part()
    Index n_common = 0;     ///< of `tokens`, those that another prompt would begin with too; with `common`
    std::string text = {};  ///< of the files, as far as it is read; the prompt where there are none
  };
  /// The whole. `common`: whether n_common is asked for. Errors: those of read_text_pieces; Error where there
  /// is no memory for it.
  Part whole(const Tokenizer& tokenizer, bool common) const;
  /// The same in `limit` tokens, in memory of those, however long the files are. Errors: as whole; Error
  /// where not even the prompt fits.
  Part part(const Tokenizer& tokenizer, LeftOut left_out, Index limit, bool common) const;

 private:
  void for_pieces(const char* doing, const std::function<void(std::string_view)>& piece) const;
  std::vector<Token> around(const Tokenizer& tokenizer, const std::string& text,
                            const std::string& prompt) const;
  Index common_with_others(const Tokenizer& tokenizer, const std::string& text,
                           const std::vector<Token>& tokens) const;

  std::vector<std::string> files_;
  std::string prompt_;
  ChatSettings chat_;
};

}  // namespace rw
