// SPDX-License-Identifier: Apache-2.0
/// Writes a float32 matrix as .npy (version 1.0), row slab by row slab, into a temporary sibling that is
/// renamed when it is complete: nothing half-written is left behind.
#pragma once
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "core/error.h"
#include "core/types.h"

namespace ropewalk {

class NpyWriter {
 public:
  NpyWriter(std::string path, Index n_rows, Index n_columns)
      : path_(std::move(path)), temporary_(path_ + ".part"), out_(temporary_, std::ios::binary) {
    std::string header =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", n_rows, n_columns);
    header.append(63 - (10 + header.size()) % 64, ' ');
    header += '\n';
    const auto size = static_cast<std::uint16_t>(header.size());
    out_ << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(size & 255) << static_cast<char>(size >> 8)
         << header;
    check();
  }
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;
  ~NpyWriter() {
    if (!done_) std::remove(temporary_.c_str());
  }
  void write(const float* values, Index n) {
    out_.write(reinterpret_cast<const char*>(values), static_cast<std::streamsize>(n * 4));
    check();
  }
  void finish() {
    out_.close();
    check();
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
      throw Error(path_, "a file that can be replaced", "none");
    done_ = true;
  }

 private:
  void check() {
    if (!out_) throw Error(path_, "a file that can be written", "a write that failed", "is the disk full?");
  }
  std::string path_, temporary_;
  std::ofstream out_;
  bool done_ = false;
};

}  // namespace ropewalk
