// SPDX-License-Identifier: Apache-2.0
/// What bytes that are no UTF-8 may be. For people: nothing is converted by it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// Encodings as iconv knows them. One: the bytes decode without an error, and its letters come as often as
/// they do in texts. Several: that is not sure, the likelier ones first. None: binary data. Source of the
/// ranges: the code charts of GB 2312, Big5, KS X 1001, JIS X 0208 and of the pages of one byte; differences
/// from uchardet or chardet: ranges and a few letters instead of trained tables.
std::vector<std::string> guess_encodings(std::string_view bytes);

}  // namespace rw
