// SPDX-License-Identifier: Apache-2.0
/// Reads on in many sequences at once: the products of all rows together, attention by sequence. A row's bits
/// are those that its sequence has alone, whatever stands beside it.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "model/sequence.h"

namespace rw {

/// Rows [first, first + n_rows) of logits (n_rows, n_vocab) on the host; `first` is the position of the token
/// that was read.
using LogitsSink = std::function<void(Index first, Index n_rows, const float* logits)>;
/// Tokens read so far in this call.
using TokensDone = std::function<void(Index n_done)>;

/// What is wanted of the rows at positions [begin, end): each of these that is given. None is computed for
/// other rows.
struct Wanted {
  Index begin = 0, end = 0;
  const LogitsSink* logits = nullptr;   ///< called with slabs of rows in order
  std::span<const Token> targets = {};  ///< (end - begin): what should follow each row
  double* losses = nullptr;             ///< (end - begin): -log p(target), nats
  Token* greatest = nullptr;            ///< (end - begin): the likeliest token; kNoToken where a logit is NaN
  Index k = 0;                          ///< of the next two
  Token* top_ids = nullptr;             ///< (end - begin, k): the k likeliest tokens, the likeliest first
  float* top_logits = nullptr;          ///< (end - begin, k): their logits; both or none
  /// Where given: of these rows alone, rising; results are as many, and the sink gets places in it.
  std::span<const Index> only = {};
  Index n() const { return only.empty() ? end - begin : static_cast<Index>(only.size()); }
};

struct StepInput {
  Sequence* sequence = nullptr;
  std::span<const Token> tokens = {};
  /// kPrefill: a text is read. kDecode: tokens that the model itself wrote, the same but for rounding, and
  /// several times as fast where they are few.
  Stage stage = Stage::kPrefill;
  Wanted wanted = {};
};

/// Errors: Error unless each id is from 0 to n_vocab - 1.
void require_targets(std::span<const Token> targets, Index n_vocab);

class Engine {
 public:
  /// `chunk`: rows that go through the layers together at most. It does not change results.
  explicit Engine(std::shared_ptr<const Model> model, Index chunk = kDefaultChunk);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// Reads each input's tokens after those that its sequence has read, in as many passes as they take.
  /// Errors: Error for an id without a row, a sequence that is full, of another model or twice in one step,
  /// targets that do not fit, before anything is read. An error while it reads (memory, a sink, a backend)
  /// is thrown on, and every sequence of the step is then as it was before, or says that it is not usable.
  /// Steps of one engine take turns by their caller; engines of one model may work side by side.
  void step(std::span<const StepInput> inputs, const TokensDone& done = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rw
