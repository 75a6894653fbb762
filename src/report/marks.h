// SPDX-License-Identifier: Apache-2.0
/// What a method looks like in every chart: `style` is its number on the page.
#pragma once
#include <cstddef>
#include <string>

namespace rw {

/// "#0072b2".
const char* colour_of(std::size_t style);
/// A mark around (x, y) as SVG, 10 wide at most. Shapes, not letters: fonts differ.
std::string mark(std::size_t style, double x, double y);

}  // namespace rw
