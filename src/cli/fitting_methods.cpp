// SPDX-License-Identifier: Apache-2.0
#include "cli/fitting_methods.h"

#include <algorithm>

#include "cli/command.h"

namespace rw {
namespace {

bool fits(const std::string& method, BoundMethods& bound, const std::vector<Index>& lengths) {
  try {
    for (const Index length : lengths) bound.at(method, length);
    return true;
  } catch (const UsageError&) {  // another model's, or for other lengths
    return false;
  }
}

}  // namespace

std::vector<std::string> fitting(const std::vector<std::string>& methods, BoundMethods& bound,
                                 const std::vector<Index>& lengths) {
  std::vector<std::string> those;
  for (const std::string& method : methods)
    if (fits(method, bound, lengths)) those.push_back(method);
  return those;
}

std::vector<std::string> expand_all(std::vector<std::string>& methods, BoundMethods& bound,
                                    const std::vector<Index>& lengths) {
  const auto at = std::find(methods.begin(), methods.end(), "all");
  if (at == methods.end()) return {};
  std::vector<std::string> every;
  std::string others;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    if (!fits(info.name, bound, lengths))
      others += " " + info.name;
    else if (std::find(methods.begin(), methods.end(), info.name) == methods.end())
      every.push_back(info.name);
  methods.insert(methods.erase(at), every.begin(), every.end());
  if (!others.empty()) say("all, but those that need a value, another model or other lengths:" + others);
  return every;
}

}  // namespace rw
