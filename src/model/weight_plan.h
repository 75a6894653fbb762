// SPDX-License-Identifier: Apache-2.0
/// Which of a model's mapped weights stay in memory where they do not all fit, and what is then read from the
/// disk.
///
/// Every pass reads the layers in turn. Of a file larger than memory, least recently used pages (what a
/// system keeps and forgets by itself) are just those that the next pass wants first: it would read all of it
/// again. So as many layers as fit are kept, and the others are read ahead of their turn and forgotten behind
/// it: Belady's choice for a cycle. Which experts a written token takes is not known before, and some are
/// taken more often than others: those the system keeps as it does (Experts::ahead).
#pragma once
#include <span>
#include <vector>

#include "formats/model_file.h"
#include "model/config.h"

namespace rw {

/// A part of a mapped file.
struct MappedPart {
  const MappedFile* file = nullptr;
  std::span<const std::byte> bytes;
};

/// What a pass reads at one time: a layer, or behind the last one the output matrix.
struct WeightUnit {
  std::vector<MappedPart> dense;
  std::vector<std::vector<MappedPart>> experts;  ///< of each: its matrices
  std::vector<MappedPart> stacks;                ///< the same, together
  std::size_t dense_bytes = 0, expert_bytes = 0;
  double share_used = 0;  ///< of its experts, by one token
};

struct MappedWeights {
  std::vector<WeightUnit> units;   ///< n_layers + 1
  std::vector<MappedPart> tables;  ///< embeddings, of which a token reads a row
  std::size_t bytes = 0;           ///< of all units
  std::size_t packed_bytes = 0;    ///< of what is laid out in memory of ours, which must fit
};
/// REQUIRES: what check_tensors() lets through.
MappedWeights mapped_weights(const ModelFile& file, const ModelConfig& config);

/// What a pass with many rows reads takes all experts; one that writes takes a few.
enum class Taken { kSomeExperts, kAllExperts };
/// All where n rows will want most of them.
Taken taken_by(const ModelConfig& config, Index n_rows);

struct WeightPlan {
  std::size_t bytes = 0, room = 0;  ///< of all units; memory that they may take
  /// Of each unit: whether a pass reads its dense part, or its experts where it takes all, ahead and forgets
  /// them behind.
  std::vector<bool> streams_dense = {}, streams_experts = {};
  /// From the disk, when the memory is full: for each written token (with experts: as if all were chosen
  /// equally often), and for each chunk of a prompt.
  double written_bytes = 0, chunk_bytes = 0;
  double written_products = 0, chunk_products = 0;  ///< bytes of weights that are multiplied with
  bool fits() const { return bytes <= room; }
  bool streams(std::size_t unit, Taken taken) const {
    return !fits() && (streams_dense[unit] || (taken == Taken::kAllExperts && streams_experts[unit]));
  }
};
/// Dense parts first, since each token reads all of them: the output matrix, then as many layers as leave
/// room for two of those that stream (one is read while the other is used), spread evenly; then experts in
/// the same way.
WeightPlan plan_weights(const MappedWeights& weights, std::size_t room);

/// What was measured.
struct PassSpeeds {
  double disk = 0;                ///< bytes/s
  double written = 0, chunk = 0;  ///< bytes/s of weights that products take: of one row, of a chunk's rows
};
/// Seconds of a pass that writes a token, and of one that reads a chunk. The disk is read while products are
/// made, so that the slower one of both counts; attention and the like are not in it.
struct PassTimes {
  double written = 0, chunk = 0;
};
PassTimes pass_times(const WeightPlan& plan, const PassSpeeds& speeds);

}  // namespace rw
