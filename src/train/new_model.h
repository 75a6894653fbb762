// SPDX-License-Identifier: Apache-2.0
/// A model of Llama's kind that nobody has trained yet: its file, and the weights it starts from.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tokenizer/tokenizer.h"
#include "train/llama_sizes.h"
#include "train/parameters.h"

namespace rw {

/// The tokenizer of a GGUF file, of a folder, or a tokenizer.json. Errors: Error.
std::unique_ptr<const Tokenizer> open_tokenizer_of(const std::string& path);

/// Of the files that such a tokenizer is read from, a hash; of a GGUF its identity (model/identity.h).
/// Errors: Error.
std::string tokenizer_id(const std::string& path);

/// Writes a model of these sizes whose matrices are zeros, and returns its path: FOLDER/start.gguf where
/// `tokenizer` is a GGUF file, whose tokenizer it takes, else the folder FOLDER/start with the tokenizer.json
/// (`tokenizer`: this file, or a folder that has it). sizes.n_vocab is set to the tokenizer's ids. What is
/// there already is replaced, once the tokenizer was read and the new one is whole. Errors: Error.
std::string write_untrained(LlamaSizes& sizes, const std::string& tokenizer, const std::string& name,
                            const std::string& folder);

/// Random weights, the same for the same seed: embeddings normal with `embedding_std`, matrices with 1 /
/// sqrt(n_in), norms 1; what a layer adds to the stream (attn_output, ffn_down) 0, so that the first layers
/// see the tokens.
void start_random(LearningModel& model, std::uint64_t seed, double embedding_std);

/// The same, and then two heads that find something again are there from the first step on. A model learns
/// it only after two heads have formed that are of use together alone (induction heads: Olsson et al. 2022,
/// arXiv:2209.11895): one that brings each token the token before it, and one, a layer later, that looks for
/// places whose token before is the token now, and copies what stands there. They are set by hand: head 0 of
/// layers 0 and 1; training may change everything. In the spirit of "mimetic initialization" (Trockman and
/// Kolter 2023, arXiv:2305.09828). Errors: UsageError for a model of fewer than two layers, of fewer than 36
/// dims a head, not as wide as a head and one more, or with fewer key heads than heads.
void start_with_finding(LearningModel& model, std::uint64_t seed, double embedding_std);
/// Errors: this UsageError, before there is a model.
void require_room_to_find(const ModelConfig& config);

}  // namespace rw
