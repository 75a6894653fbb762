// SPDX-License-Identifier: Apache-2.0
/// A comparison of starts that nobody measured.
#pragma once
#include <fmt/format.h>

#include "made_up_noise.h"
#include "results/recovery.h"

namespace rw {

inline constexpr Index kTrained = 256, kLong = 4096;

inline Record record(const std::string& task, const std::string& method, Index length, int document) {
  Record r;
  r.task = task, r.method = method, r.length = length, r.document = fmt::format("text{}", document);
  r.n_targets = task == "tail" ? 128 : 0;
  return r;
}

/// Texts differ by far more than starts do; each measurement has noise of its own, fixed by its place.
struct MadeUpRecovery {
  int documents = 8;
  RecoveryInput input = {kTrained, kLong, {}, {}, {}};
  Random random{17};

  double text(int document) const { return 3 + 0.2 * document; }
  void losses(std::vector<Record>& records, const std::string& method, Index length, double added,
              double noise = 0.01) {
    for (int d = 0; d < documents; ++d)
      records.emplace_back(record("tail", method, length, d)).loss = text(d) + added + noise * normal(random);
  }
  /// Truncation reads what plain RoPE reads at the trained length: the same losses.
  void untrained(const std::vector<std::pair<std::string, double>>& methods) {
    losses(input.untrained, kPlain, kTrained, 0, 0), losses(input.untrained, kTruncated, kLong, 0, 0);
    for (const auto& [method, added] : methods) losses(input.untrained, method, kLong, added);
  }
  void start(const std::string& name, const std::vector<std::pair<Index, double>>& curve,
             double seconds_a_step = 1) {
    input.starts.push_back({name, name});
    for (const auto& [step, added] : curve) {
      Look look{input.starts.size() - 1, step, seconds_a_step * static_cast<double>(step), {}};
      losses(look.records, name, kLong, added), losses(look.records, name, kTrained, 0.1 * added);
      input.looks.push_back(std::move(look));
    }
  }
  Recovery recovery() const { return recover(input); }
};

/// pi and yarn pass truncation, plain RoPE never does.
inline MadeUpRecovery usual() {
  MadeUpRecovery made;
  made.untrained({{"none", 2}, {"pi", 1}, {"yarn", 0.3}});
  made.start("pi", {{0, 1}, {10, 0.5}, {25, 0.1}, {50, -0.1}, {100, -0.2}}, 2);
  made.start("yarn", {{0, 0.3}, {10, 0.1}, {25, -0.1}, {50, -0.15}, {100, -0.2}}, 5);
  made.start("none", {{0, 2}, {10, 1.5}, {25, 1.2}, {50, 1.1}, {100, 1}}, 2);
  return made;
}

}  // namespace rw
