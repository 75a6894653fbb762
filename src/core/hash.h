// SPDX-License-Identifier: Apache-2.0
/// SHA-256 (OpenSSL): which model, which text, and whether a line of results is as it was written.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rw {

/// The hash of all that was added, in order. One thread.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view bytes);
  void add(std::span<const std::byte> bytes);
  /// 64 hexadecimal digits; ends the hash.
  std::string text();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// 64 hexadecimal digits.
std::string sha256(std::string_view bytes);
/// Of a file's bytes, what `sha256sum` prints. Errors: Error when it cannot be read.
std::string sha256_file(const std::string& path);

}  // namespace rw
