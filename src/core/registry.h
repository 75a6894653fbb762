// SPDX-License-Identifier: Apache-2.0
/// Registry<T>: named entries that register themselves from their own file, by a static object:
///     const Register<MethodInfo> registered{{.name = "rerope", ...}};
/// T has a member `std::string name` and may have `std::vector<std::string> aliases`.
/// Read-only once main runs; entries are listed by name, so that link order does not show.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace rw {

/// Edit distance of two short names, for "did you mean".
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j - 1] + 1, above + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// ASCII in lower case.
inline std::string in_lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// "did you mean X?" for the nearest of `names`, or the whole list when none is near.
inline std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  std::string best, list;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : names) {
    list += (list.empty() ? "" : ", ") + candidate;
    if (const std::size_t d = edit_distance(in_lower_case(name), in_lower_case(candidate)); d < least)
      least = d, best = candidate;
  }
  return best.empty() ? "known: " + list : "did you mean " + best + "? known: " + list;
}

template <class T>
class Registry {
 public:
  static void add(T entry) { entries().push_back(std::move(entry)); }
  /// All entries, sorted by name.
  static const std::vector<T>& all() {
    static const bool sorted = [] {
      std::sort(entries().begin(), entries().end(), [](const T& a, const T& b) { return a.name < b.name; });
      return true;
    }();
    (void)sorted;
    return entries();
  }
  /// The entry of that name or alias, or nullptr.
  static const T* find(std::string_view name) {
    for (const T& entry : all()) {
      if (entry.name == name) return &entry;
      if constexpr (requires { entry.aliases; })
        for (const auto& alias : entry.aliases)
          if (alias == name) return &entry;
    }
    return nullptr;
  }
  /// Errors: UsageError with the nearest name. `what` is the kind of thing, as in "method".
  static const T& get(std::string_view name, std::string_view what) {
    if (const T* entry = find(name)) return *entry;
    throw UsageError(what, fmt::format("a known {}", what), fmt::format("'{}'", name),
                     did_you_mean(name, names()));
  }
  static std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const T& entry : all()) result.push_back(entry.name);
    return result;
  }

 private:
  static std::vector<T>& entries() {
    static std::vector<T> list;
    return list;
  }
};

template <class T>
struct Register {
  explicit Register(T entry) { Registry<T>::add(std::move(entry)); }
};

}  // namespace rw
