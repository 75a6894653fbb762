// SPDX-License-Identifier: Apache-2.0
#include "train/npy.h"

#include <charconv>
#include <string_view>

#include "core/bytes.h"
#include "core/checked.h"
#include "core/text_file.h"

namespace rw {
namespace {

constexpr std::string_view kMark("\x93NUMPY", 6);

/// What stands behind 'key': in the header, up to the comma (of a shape: up to the bracket).
std::string_view entry(std::string_view header, std::string_view key, const std::string& path) {
  const std::size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos)
    throw Error(path, fmt::format("'{}' in the header", key), std::string(header.substr(0, 80)));
  std::string_view value = header.substr(at + key.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value.substr(0, value.find_first_of(value.starts_with('(') ? ")" : ",}"));
}

std::uint64_t dimension(std::string_view& shape, const std::string& path) {
  shape.remove_prefix(std::min(shape.find_first_not_of("( ,"), shape.size()));
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(shape.data(), shape.data() + shape.size(), n);
  if (error != std::errc()) throw Error(path, "a matrix: a shape of two numbers", std::string(shape));
  shape.remove_prefix(static_cast<std::size_t>(end - shape.data()));
  return n;
}

}  // namespace

template <class T>
NpyMatrix<T> read_npy(const std::string& path) {
  constexpr std::string_view kType = std::is_same_v<T, float> ? "'<f4'" : "'<i4'";
  const std::string bytes = read_bytes(path);
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  if (bytes.size() < 12 || !bytes.starts_with(kMark) || (byte(6) != 1 && byte(6) != 2))
    throw Error(path, "what numpy.save writes (.npy, version 1 or 2)", "another beginning");
  const bool first = byte(6) == 1;
  const std::size_t start = first ? 10 : 12,
                    size = byte(8) | byte(9) << 8 | (first ? 0 : byte(10) << 16 | byte(11) << 24);
  if (size > bytes.size() - start)
    throw Error(path, fmt::format("a header of {} bytes", size), fmt::format("{} bytes", bytes.size()));
  const std::string_view header = std::string_view(bytes).substr(start, size);
  if (const std::string_view type = entry(header, "descr", path); type != kType)
    throw Error(path, fmt::format("numbers of type {}", kType), std::string(type),
                std::is_same_v<T, float> ? "weights.astype(numpy.float32)" : "tokens.astype(numpy.int32)");
  if (const std::string_view order = entry(header, "fortran_order", path); order != "False")
    throw Error(path, "rows behind each other (fortran_order False)", std::string(order),
                "numpy.ascontiguousarray");
  std::string_view shape = entry(header, "shape", path);
  const Checked n_rows(dimension(shape, path), path), n_columns(dimension(shape, path), path);
  if (shape.find_first_of("0123456789") != std::string_view::npos)
    throw Error(path, "a matrix: a shape of two numbers", "more of them");
  const std::size_t expected = (n_rows * n_columns * sizeof(T)).size();
  if (expected != bytes.size() - start - size)
    throw Error(path, fmt::format("{} bytes of numbers", expected),
                fmt::format("{}", bytes.size() - start - size));
  NpyMatrix<T> matrix{n_rows.index(), n_columns.index(), {}};
  matrix.values.resize((n_rows * n_columns).size());
  copy_bytes(matrix.values.data(), bytes.data() + start + size, expected);
  return matrix;
}

template NpyMatrix<std::int32_t> read_npy(const std::string& path);
template NpyMatrix<float> read_npy(const std::string& path);

}  // namespace rw
