// SPDX-License-Identifier: Apache-2.0
/// What a Sequence holds, for those who run it.
#pragma once
#include <span>
#include <vector>

#include "model/sequence.h"

namespace ropewalk {

/// Rows [begin, end) by position.
struct RowRange {
  Index begin = 0, end = 0;
  Index n() const { return end - begin; }
};

/// Layers with equal attention share a method and its plans.
struct LayerClass {
  Method method;
  KeyPlan keys;                      // of the rows of the pass
  AttentionPlan plan;                // of all of them
  KeyPlan rotated_keys;              // grow=1: of all keys, at this pass's length
  Pointwise pointwise;               // the same by definition, for the reference backend
  std::unique_ptr<KvLayer> scratch;  // grow=1: where they are rotated to
};

struct Sequence::State {
  State(const Model& m, const MethodSpec& spec, const SequenceOptions& o, Index chunk);
  State(const State& other, Index n_prefix);  // fork

  /// Lowers every class's plans for the next n rows, of which `wanted` go through the last layer.
  void lower(Index n, RowRange wanted);
  /// How many of the next `left` tokens may go in one pass of up to `most` rows: with grow=1 a generated row
  /// has frequencies of its own, so it goes alone.
  Index rows_now(Index left, Index most) const;
  /// The pass is done: its keys are in every layer.
  void commit(std::span<const Token> read, bool by_writing);
  /// As if nothing had been read from `position` on. Never throws: where it cannot, usable becomes false.
  void take_back(Index position) noexcept;
  void truncate(Index position);
  /// Errors: Error unless n more tokens fit the length asked for, and it is usable.
  void require_room(Index n) const;
  bool grows() const { return classes[0].method.grows(); }

  std::shared_ptr<const Model> model;
  SequenceOptions options;
  std::vector<LayerClass> classes;
  std::vector<std::size_t> class_of;  // (n_layers)
  AttentionPlan last_plan;            // of the last layer, where only some rows go through it
  bool last_in_part = false;          // whether that is so in this pass
  std::vector<std::unique_ptr<KvLayer>> cache;
  std::vector<Token> tokens;  // read, or to be read again
  std::vector<bool> written;  // (tokens): with the products of Stage::kDecode
  Index n_read = 0;           // of them, in the cache
  Index kept_from = 0;        // rows before it miss keys that a window has passed
  bool usable = true;
};

}  // namespace ropewalk
