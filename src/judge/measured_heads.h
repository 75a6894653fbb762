// SPDX-License-Identifier: Apache-2.0
/// What tools/measure_heads.py measured of models: the heads that ms-poe and dope treat differently. A choice
/// is of one model, so each stands under a model's identity, and is no other's: not of another quantisation.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rw {

struct MeasuredHeads {
  std::string_view model_id;  ///< model/identity.h
  std::string_view model;     ///< as people call it
  std::string_view ranks;     ///< of ms-poe
  std::string_view heads;     ///< of dope
  std::string_view on;        ///< text and length
};

/// Of all models that were measured.
const std::vector<MeasuredHeads>& all_measured_heads();
/// nullptr for a model that was not. Any thread.
const MeasuredHeads* find_measured_heads(std::string_view model_id);

/// The methods that need it: no candidates of tune without.
inline constexpr const char* kMeasuredMethods[] = {"ms-poe", "dope"};
/// Why they are none for this model, in a line; empty where they are.
std::string why_unmeasured(std::string_view model_id);

}  // namespace rw
