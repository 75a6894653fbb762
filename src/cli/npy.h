// SPDX-License-Identifier: Apache-2.0
/// Writes a float32 matrix as .npy (version 1.0), row slab by row slab.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/output_file.h"
#include "core/types.h"

namespace rw {

/// What our headers end with: other writers pad with spaces alone, and readers take either for white space.
inline constexpr std::string_view kNpyEnd = "\t\n";

/// Whether a file begins as what NpyWriter writes: the mark, version 1.0, the type, and the end.
inline bool is_npy(std::string_view bytes) {
  const std::string_view header = bytes.substr(0, bytes.find('\n') + 1);
  return bytes.starts_with("\x93NUMPY\x01") && header.find("'descr': '<f4'") != header.npos &&
         header.ends_with(kNpyEnd);
}

class NpyWriter {
 public:
  /// Errors: Error when it cannot be written.
  NpyWriter(std::string path, Index n_rows, Index n_columns) : out_(std::move(path)) {
    std::string header =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", n_rows, n_columns);
    header.append(63 - (11 + header.size()) % 64, ' ');
    header += kNpyEnd;
    const std::string start{'\x93',
                            'N',
                            'U',
                            'M',
                            'P',
                            'Y',
                            1,
                            0,
                            static_cast<char>(header.size() & 255),
                            static_cast<char>(header.size() >> 8)};
    out_.write(start + header);
  }
  void write(const float* values, Index n) {
    out_.write({reinterpret_cast<const char*>(values), static_cast<std::size_t>(n) * sizeof(float)});
  }
  void finish() { out_.commit(); }

 private:
  OutputFile out_;
};

}  // namespace rw
