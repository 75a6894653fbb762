// SPDX-License-Identifier: Apache-2.0
/// Packed matrices as rows of blocks (packed.h).
#include "formats/relaid.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/checked.h"
#include "core/parallel.h"
#include "formats/packed.h"
#include "quant/encode.h"

namespace ropewalk {
namespace {

constexpr Index kGroup = 32;  // weights of a block of every format below

bool in_groups_of_32(const PackedMatrix& m) {
  if (m.n_in % kGroup != 0) return false;
  for (std::size_t i = 0; i < m.group.size(); ++i)
    if (m.group[i] != m.group[i / kGroup * kGroup]) return false;
  return true;
}

/// The format of its rows in memory.
const WeightFormat& format_of(const PackedMatrix& m) {
  const auto named = [](const char* name) -> const WeightFormat& {
    return Registry<WeightFormat>::get(name, "weight format");
  };
  if (!in_groups_of_32(m)) return *m.scales;
  if (m.code == PackedMatrix::Code::kE4M3) return named("F8_E4M3_G32");
  if (m.code == PackedMatrix::Code::kInteger && m.bits <= 4) return named("INT4_G32");
  if (m.code == PackedMatrix::Code::kInteger && m.centred) return named("INT8_G32");
  return *m.scales;
}

/// One row, (n_in / 32) blocks of INT4_G32, INT8_G32 or F8_E4M3_G32.
void put_blocks(const PackedMatrix& m, const WeightFormat& format, const std::uint8_t* q, const float* scale,
                const std::int16_t* zero, std::byte* to) {
  const bool four = format.name == "INT4_G32", eight = format.name == "INT8_G32";
  for (Index at = 0; at < m.n_in; at += kGroup, to += format.block_bytes) {
    const std::int32_t g = m.group[static_cast<std::size_t>(at)];
    std::memcpy(to, &scale[g], 4);
    const std::uint8_t* from = q + at;
    if (four) {
      to[4] = static_cast<std::byte>(zero[g]);
      for (Index i = 0; i < kGroup / 2; ++i)
        to[5 + i] = static_cast<std::byte>(from[i] | from[i + kGroup / 2] << 4);
    } else {
      for (Index i = 0; i < kGroup; ++i) to[4 + i] = static_cast<std::byte>(eight ? from[i] ^ 0x80 : from[i]);
    }
  }
}

/// One row, expanded.
void put_floats(const PackedMatrix& m, const std::uint8_t* q, const float* scale, const std::int16_t* zero,
                const std::string& place, std::byte* to) {
  std::vector<float> w(static_cast<std::size_t>(m.n_in));
  if (m.code == PackedMatrix::Code::kInteger) {
    for (Index i = 0; i < m.n_in; ++i)
      w[static_cast<std::size_t>(i)] = static_cast<float>(q[i] - zero[m.group[static_cast<std::size_t>(i)]]);
  } else {
    const char* name = m.code == PackedMatrix::Code::kE4M3 ? "F8_E4M3" : "F8_E5M2";
    Registry<WeightFormat>::get(name, "weight format")
        .dequantize(reinterpret_cast<const std::byte*>(q), w.data(), m.n_in);
  }
  for (Index i = 0; i < m.n_in; ++i) {
    float& value = w[static_cast<std::size_t>(i)];
    value *= scale[m.group[static_cast<std::size_t>(i)]];
    if (!std::isfinite(value))
      throw Error(place, "finite weights", fmt::format("{} at input {}", value, i), "the file is damaged");
  }
  encode(*m.scales, w.data(), to, m.n_in, place);
}

void make_rows(const PackedMatrix& m, const WeightFormat& format, const std::string& place, std::byte* to) {
  const bool blocks = format.block_size == kGroup;
  const auto row_bytes = static_cast<std::size_t>(m.n_in / format.block_size * format.block_bytes);
  Threads threads;
  std::vector<PackedRows> room(static_cast<std::size_t>(threads.count()));
  constexpr Index kRows = PackedMatrix::kRowsAtOnce;
  threads.parallel_for((m.n_out + kRows - 1) / kRows, [&](Index part, int thread) {
    PackedRows& rows = room[static_cast<std::size_t>(thread)];
    rows.q.resize(static_cast<std::size_t>(std::min(kRows, m.n_out) * m.n_in));
    rows.scale.resize(static_cast<std::size_t>(std::min(kRows, m.n_out) * m.n_groups));
    rows.zero.resize(rows.scale.size());
    const Index first = part * kRows, n = std::min(kRows, m.n_out - first);
    m.read(first, n, rows);
    for (Index r = 0; r < n; ++r) {
      const std::uint8_t* q = rows.q.data() + r * m.n_in;
      const float* scale = rows.scale.data() + r * m.n_groups;
      const std::int16_t* zero = rows.zero.data() + r * m.n_groups;
      std::byte* row = to + static_cast<std::size_t>(first + r) * row_bytes;
      if (blocks)
        put_blocks(m, format, q, scale, zero, row);
      else
        put_floats(m, q, scale, zero, place, row);
    }
  });
}

}  // namespace

TensorInfo relay(const std::string& name, std::shared_ptr<const PackedMatrix> matrix, std::string place) {
  const WeightFormat& format = format_of(*matrix);
  TensorInfo info;
  info.name = name;
  info.format = &format;
  info.type = format.block_size == 1 ? fmt::format("{} as {}", matrix->kind, format.name) : matrix->kind;
  info.shape = {matrix->n_out, matrix->n_in};
  const Checked n_blocks(static_cast<std::uint64_t>(matrix->n_in / format.block_size), place);
  const std::size_t n_bytes =
      (n_blocks * static_cast<std::uint64_t>(format.block_bytes) * static_cast<std::uint64_t>(matrix->n_out))
          .size();
  auto stored = matrix->stored;
  info.relaid.push_back(std::make_shared<const Relaid>(
      n_bytes,
      [matrix = std::move(matrix), &format, place = std::move(place)](std::byte* to) {
        make_rows(*matrix, format, place, to);
      },
      std::move(stored)));
  info.bytes = info.relaid.front()->bytes();
  return info;
}

}  // namespace ropewalk
