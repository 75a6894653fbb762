// SPDX-License-Identifier: Apache-2.0
/// A text that was read, kept in a file with its keys and values: what is asked of it next starts at once.
///
///   "ropewalk sequence 1\n", the head's length in 8 bytes, the head (JSON), ids (int32), a byte for each: 1
///   where it was written, keys and values as Backend::save gives them, SHA-256 of all before (64 digits)
///
/// A file is of one model, one kind of cache and one method, bound to one length. What this machine's
/// instruction set rounds differently is as it was when the text was read.
#pragma once
#include <string>
#include <vector>

#include "model/sequence.h"

namespace rw {

struct SavedHead {
  std::string model_id;             ///< model/identity.h
  std::string method, fingerprint;  ///< as typed; of the first layer that it acts on, at n
  std::string backend;              ///< what computed the cache, and what it holds: "cpu bf16 q8"
  SequenceOptions options = {};
  Index n_read = 0;                ///< tokens in the cache, of which those
  Index kept_from = 0;             ///< before this one miss keys that a window has passed
  std::vector<Index> kept_states;  ///< positions whose states were kept, rising
};

/// Writes PATH, whole or not at all, and replaces what is there. Errors: Error where it cannot be written, or
/// the sequence is not usable.
void save_sequence(const std::string& path, const Sequence& sequence, const std::string& model_id);

/// Whether the file begins as one of ours.
bool is_saved_sequence(std::string_view first_bytes);

struct SavedSequence {
  SavedHead head;
  std::vector<Token> tokens;
};
/// Head and tokens alone. Errors: Error for what is no such file, or damaged there.
SavedSequence read_saved_head(const std::string& path);

/// The sequence, with the same bits as if it had read its tokens here. Errors: Error naming what differs
/// where it is of another model, cache or method; for a damaged file; where there is no memory for it.
Sequence load_sequence(const std::string& path, const Model& model, const std::string& model_id,
                       Index chunk = kDefaultChunk);

}  // namespace rw
