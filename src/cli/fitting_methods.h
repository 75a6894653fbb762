// SPDX-License-Identifier: Apache-2.0
/// Which methods there are for a model at lengths, and what "all" stands for.
#pragma once
#include <string>
#include <vector>

#include "judge/bound_methods.h"

namespace rw {

/// Of the methods, in their order, those that need no value and fit the model at every one of the lengths.
std::vector<std::string> fitting(const std::vector<std::string>& methods, BoundMethods& bound,
                                 const std::vector<Index>& lengths);

/// "all" among the methods becomes every method that fits such lengths and was not named beside it: these are
/// returned. The others are named on stderr. Without "all" nothing happens.
std::vector<std::string> expand_all(std::vector<std::string>& methods, BoundMethods& bound,
                                    const std::vector<Index>& lengths);

}  // namespace rw
