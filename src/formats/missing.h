// SPDX-License-Identifier: Apache-2.0
/// Known families that this engine does not compute, by what is missing: one list for both containers, since
/// a family is refused by the part it lacks, not by a list of those that run.
#pragma once
#include <span>
#include <string_view>
#include <vector>

namespace rw {

struct Missing {
  const char* models;                         ///< as people call them
  std::vector<std::string_view> names;        ///< general.architecture of a GGUF
  std::vector<std::string_view> model_types;  ///< of config.json
  const char* what;                           ///< a noun phrase: what this engine does not compute
};

/// In the order of docs/models.md.
std::span<const Missing> all_missing();
/// By general.architecture or model_type; nullptr for a name that is not in the list.
const Missing* find_missing(std::string_view name);
/// Errors: Error that names the family and what is missing, always. `place`: the file.
[[noreturn]] void refuse_missing(std::string_view place, std::string_view name, const Missing& missing);

}  // namespace rw
