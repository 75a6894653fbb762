// SPDX-License-Identifier: Apache-2.0
/// What a Sequence holds, for those who run it.
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "model/layer_methods.h"
#include "model/recurrent_states.h"
#include "model/sequence.h"

namespace rw {

/// Rows [begin, end) by position.
struct RowRange {
  Index begin = 0, end = 0;
  Index n() const { return end - begin; }
};

/// Heads of layers with equal attention share a method and its plans.
struct LayerClass {
  Method method;
  KeyPlan keys;             // of the rows of the pass
  AttentionPlan plan;       // of all of them
  AttentionPlan last_plan;  // where only those that are wanted go on: from the last layer that keeps keys
  bool in_last = false;     // whether it is of a layer through which only wanted rows go
  KeyPlan rotated_keys;     // grow=1: of all keys, at this pass's length
  Pointwise pointwise;      // the same by definition, for the reference backend
  std::unique_ptr<KvLayer> scratch;  // grow=1: where they are rotated to
  /// Whether keys are forgotten that a window has passed; `keys` has been lowered.
  bool drops() const {
    return !method.grows() &&
           std::any_of(keys.variants.begin(), keys.variants.end(),
                       [](const KeyPlan::Variant& variant) { return variant.window < kForever; });
  }
};

/// Heads of one layer that have a plan and a cache in common: all of them, or, under a method that is not the
/// same for all heads, those that share keys.
struct HeadGroup {
  std::size_t plans = 0;  // index of their LayerClass
  std::unique_ptr<KvLayer> kv;
};
using HeadGroups = std::vector<HeadGroup>;

struct Sequence::State {
  State(const Model& m, const MethodSpec& spec, const SequenceOptions& o, Index chunk);
  State(const State& other, Index n_prefix, const SequenceOptions& o);  // fork

  void bind();
  /// Whether these methods give the keys that this one's give.
  bool same(const LayerMethods& bound, Index n) const;
  std::unique_ptr<KvLayer> make_kv(std::size_t layer, std::size_t n_groups) const;
  void make_scratch();
  void reserve();
  Index n_scratch_layers() const;
  /// Errors: Error where the machine has not the memory for the whole length beside what it shares and what
  /// other sequences will take.
  void require_room_for_all();
  /// Bytes of keys and values held, those shared with others too.
  std::size_t held() const;
  /// The promise is of what is not held yet: whoever ends, what others hold or will take stays counted.
  void promise_rest();
  template <class F>
  void for_each_kv(const F& body) {
    for (HeadGroups& groups : layers)
      for (HeadGroup& group : groups) body(group);
  }
  template <class F>
  void for_each_kv(const F& body) const {
    for (const HeadGroups& groups : layers)
      for (const HeadGroup& group : groups) body(group);
  }
  /// Lowers every class's plans for the next n rows, of which `wanted` go through the last layer.
  void lower(Index n, RowRange wanted);
  /// How many of the next `left` tokens may go in one pass of up to `most` rows: with grow=1 a generated row
  /// has frequencies of its own, so it goes alone.
  Index rows_now(Index left, Index most) const;
  /// The pass is done: its keys are in every layer.
  void commit(std::span<const Token> read, bool by_writing);
  /// As if nothing had been read from `position` on. Never throws: where it cannot, usable becomes false.
  void take_back(Index position) noexcept;
  /// The same; what fails is thrown on, and usable is false then.
  void truncate(Index position);
  void keep_state(bool by_writing);
  /// Of a prefix of so many tokens, those that need not be read again.
  Index resumes_at(Index n_prefix) const;
  /// Errors: Error unless n more tokens fit the length asked for, and it is usable.
  void require_room(Index n) const;
  /// Some class's frequencies grow with the text.
  bool grows() const {
    return std::any_of(classes.begin(), classes.end(), [](const LayerClass& c) { return c.method.grows(); });
  }
  /// The class of the first layer that the method acts on.
  const LayerClass& acting() const {
    return classes[layers[static_cast<std::size_t>(model->config().acting_layer())][0].plans];
  }

  std::shared_ptr<const Model> model;
  MethodSpec spec;
  SequenceOptions options;
  Index chunk;
  std::shared_ptr<const void> promise;  // of the cache's memory that is yet to be taken
  std::size_t whole = 0;                // bytes of the cache at most
  std::size_t held_then = 0;            // when it was promised
  std::vector<LayerClass> classes;
  std::vector<HeadGroups> layers;
  RecurrentStates states;
  std::optional<Index> asked_state_at;  // Sequence::keep_state_at
  Index state_at() const { return asked_state_at.value_or(options.rewind_to); }
  bool last_in_part = false;  // whether only some rows of this pass are wanted
  std::vector<Token> tokens;  // read, or to be read again
  std::vector<bool> written;  // (tokens): with the products of Stage::kDecode
  Index n_read = 0;           // of them, in the cache
  Index kept_from = 0;        // rows before it miss keys that a window has passed
  bool in_pass = false;       // states may be of rows beyond n_read
  bool usable = true;
};

}  // namespace rw
