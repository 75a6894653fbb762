// SPDX-License-Identifier: Apache-2.0
/// The decoder: one function that reads like the paper.
#pragma once
#include <span>
#include <vector>

#include "core/buffer.h"
#include "model/model.h"
#include "model/weights.h"

namespace ropewalk {

/// Scratch of one step of up to n_rows tokens; all float32.
struct Activations {
  Activations(const ModelConfig& config, Index n_rows);
  Buffer<float> x;            // (n_rows, d_model)
  Buffer<float> q, attended;  // (n_rows, n_heads, head_dim)
  Buffer<float> k, v;         // (n_rows, n_kv_heads, head_dim)
};

/// How one layer's keys are written and read in this step. Of the new rows, only those of `plan` go on behind
/// the keys and values: in the last layer nobody may read the others.
struct LayerStep {
  const KeyPlan* keys = nullptr;          // of the new keys
  const AttentionPlan* plan = nullptr;    // of the new rows, or of some of them
  const Pointwise* pointwise = nullptr;   // the same, by definition
  const KeyPlan* rotated_keys = nullptr;  // grow=1: the plan of all keys at this step's length
  KvLayer* scratch = nullptr;             // grow=1: where they are rotated to
  Stage stage = Stage::kPrefill;
};

/// a.x = the hidden state after all layers of `tokens`, whose keys and values are appended to `cache`
/// (one KvLayer per layer); meaningless in rows that the last layer's plan leaves out.
/// REQUIRES: tokens.size() rows in `a`, ids below n_vocab; the other layers' plans leave out none.
void forward(const Model& model, std::span<const Token> tokens, std::span<const LayerStep> steps,
             std::span<const std::unique_ptr<KvLayer>> cache, Activations& a);

/// logits (n_rows, n_vocab) of hidden states x (n_rows, d_model).
void output_logits(const Model& model, const float* x, Index n_rows, Stage stage, float* logits);

}  // namespace ropewalk
