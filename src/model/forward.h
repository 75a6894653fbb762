// SPDX-License-Identifier: Apache-2.0
/// The model: one function that reads like the paper, for the rows of many sequences.
#pragma once
#include <span>
#include <vector>

#include "model/sequence_state.h"
#include "model/weights.h"

namespace rw {

/// The new rows of one sequence in a pass, whose plans are lowered for them.
struct Piece {
  Sequence::State* sequence = nullptr;
  std::span<const Token> tokens;
  Stage stage = Stage::kPrefill;
  /// Of the rows, by position: those that go through the last layer behind its keys and values. Nobody reads
  /// what it would make of the others.
  RowRange wanted;
  Index row = 0;         // of the pass: where its rows begin
  Index wanted_row = 0;  // of the pass's wanted rows: where its own begin
  Index n() const { return static_cast<Index>(tokens.size()); }
};

/// Rows of hidden states, those that are read before those that were written: each kind has its products.
struct Rows {
  float* x = nullptr;  // (n(), d_model)
  Index n_read = 0, n_written = 0;
  Index n() const { return n_read + n_written; }
};

/// Floats in the backend's memory, grown when a pass needs more.
struct Scratch {
  std::shared_ptr<float> owner;
  Index size = 0;
  float* reserve(const Backend& backend, Index n);
};

/// What a pass needs beside the sequences; kept for the next one.
struct Activations {
  Scratch x;            // (n_rows, d_model)
  Scratch wanted;       // (n_wanted, d_model), where they do not lie together in x
  Scratch beside;       // (n_wanted, d_model), of experts that stand beside a dense part
  Scratch per_layer;    // (n_rows, n_layers, per_layer_width): each layer's embeddings of the rows
  Scratch projected;    // the same
  Scratch gated, own;   // (n_wanted, per_layer_width)
  Scratch part;         // (n_wanted, d_model), of layers that do not add what they compute at once
  Scratch embedded;     // (n_rows, embedding width), where it is projected or behind a head's transform
  Scratch q, attended;  // (n_rows, n_heads, head_dim), (n_rows, n_heads, value_dim)
  Scratch k, v;         // (n_rows, n_kv_heads, head_dim), (n_rows, n_kv_heads, value_dim)
  Scratch latent, shared_key, own_key, q_latent;  // of model/latent.h
  Scratch gate;          // (n_rows, n_heads, head_dim): of what attention gives, or of a recurrent layer
  Scratch step, weight;  // (n_rows, n_heads) of a recurrent layer
  std::vector<AttentionTask> tasks;
  std::vector<ConvolutionTask> convolutions;
  std::vector<RecurrenceTask> recurrences;
};

/// The hidden states, after all layers, of the rows that are wanted, in the order of the pieces; the keys and
/// values of all rows are appended to the sequences' caches. REQUIRES: pieces that read stand before those
/// that were written, in the order of their rows; ids below n_vocab. Errors: those of the backend; then
/// caches of some layers may have keys that others have not.
Rows forward(const Model& model, std::span<const Piece> pieces, Activations& a);

/// logits (n_rows, n_vocab) of hidden states x (n_rows, d_model).
void output_logits(const Model& model, const float* x, Index n_rows, Stage stage, Activations& a,
                   float* logits);

}  // namespace rw
