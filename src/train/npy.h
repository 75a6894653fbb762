// SPDX-License-Identifier: Apache-2.0
/// Reads matrices that numpy wrote (numpy.save): .npy, versions 1.0 and 2.0, little-endian, C order.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/types.h"

namespace rw {

template <class T>
struct NpyMatrix {
  Index n_rows = 0, n_columns = 0;
  std::vector<T> values;  // (n_rows, n_columns)
  const T* row(Index r) const { return values.data() + r * n_columns; }
};

/// T: std::int32_t ('<i4') or float ('<f4'). Errors: Error for another type, order or number of dimensions,
/// a damaged header, and a file of another size than it says.
template <class T>
NpyMatrix<T> read_npy(const std::string& path);

extern template NpyMatrix<std::int32_t> read_npy(const std::string& path);
extern template NpyMatrix<float> read_npy(const std::string& path);

}  // namespace rw
