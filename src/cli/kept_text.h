// SPDX-License-Identifier: Apache-2.0
/// generate --cache FILE: a text is read once, and the next question of it starts at once.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "cli/fitting_length.h"
#include "model/saved_sequence.h"

namespace rw {

class KeptText {
 public:
  /// `path` empty: nothing is kept. What a killed run left of this file is taken away. Errors: Error for a
  /// file that is there and none of ours.
  KeptText(std::string path, const Model& model, const std::string& model_path);

  /// The length that a text of n tokens gets, which the method is bound to `bound` for, so that longer
  /// questions of it find room: with a file an eighth more, 128 at least, as far as the method is the same
  /// there to the bit and the memory holds it. Where there is no room a line on stderr says so.
  Index length_for(Index n, Index bound, const FittingLength& fitting) const;

  /// What was kept of a text that begins as `prompt`, taken back to what both have in common, where it is
  /// bound to n tokens or more by the method that `method` means there; a line on stderr says so, or why not.
  /// None: read it anew. `choice`: what the method was chosen for. Errors: as load_sequence, method_for.
  std::optional<Sequence> find(std::span<const Token> prompt, Index n, const std::string& method, Index chunk,
                               AutoChoice& choice) const;

  /// Before the text is read. Errors: Error where the file cannot be written, or the disk has not these bytes
  /// left.
  void require_writable(std::size_t bytes) const;
  /// Writes the file. Nothing where none is asked for. Errors: as save_sequence.
  void keep(const Sequence& sequence) const;
  bool asked() const { return !path_.empty(); }

 private:
  std::string path_, model_path_, model_id_;
  const Model& model_;
};

}  // namespace rw
