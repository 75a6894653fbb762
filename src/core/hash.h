// SPDX-License-Identifier: Apache-2.0
/// SHA-256 (OpenSSL): which model, which text, and whether a line of results is as it was written.
#pragma once
#include <string>
#include <string_view>

namespace ropewalk {

/// 64 hexadecimal digits.
std::string sha256(std::string_view bytes);
/// Of a file; of a folder: of its files' names and hashes, by name. Errors: Error when it cannot be read.
std::string sha256_file(const std::string& path);

}  // namespace ropewalk
