// SPDX-License-Identifier: Apache-2.0
/// Reads the members of a tokenizer.json, each with its type checked.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rw {

class HfJson {
 public:
  /// Not core's Json: its objects look keys up one after the other, quadratic for a vocabulary.
  using Document = nlohmann::json;

  /// Errors: Error naming `place` where `text` is no JSON object or is nested too deep.
  static Document parse(std::string_view text, std::string_view place);

  /// All that follows throws Errors that name `place`.
  explicit HfJson(std::string_view place) : place_(place) {}

  [[noreturn]] void refuse(std::string_view expected, std::string_view found) const;
  /// Member of an object, null when absent.
  const Document& get(const Document& object, const char* key) const;
  std::string text(const Document& object, const char* key) const;
  bool flag(const Document& object, const char* key, bool absent) const;
  /// A component and, for a Sequence, its members under `list`; none for null.
  std::vector<const Document*> components(const Document& part, const char* list) const;
  const std::string& place() const { return place_; }

 private:
  std::string place_;
};

}  // namespace rw
