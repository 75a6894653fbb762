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

namespace rw {
namespace {

constexpr Index kBlock = 32;  // weights of a block of every format below

const WeightFormat& named(const char* name) { return Registry<WeightFormat>::get(name, "weight format"); }

/// Whether rows are whole blocks, and of each `size` weights in order all are of one group.
bool in_groups_of(Index size, const PackedMatrix& m) {
  if (m.n_in % kBlock != 0) return false;
  for (Index i = 0; i < m.n_in; ++i)
    if (m.group[static_cast<std::size_t>(i)] != m.group[static_cast<std::size_t>(i / size * size)])
      return false;
  return true;
}

/// The format of its rows in memory.
const WeightFormat& format_of(const PackedMatrix& m) {
  using Code = PackedMatrix::Code;
  if (m.code == Code::kE2M1 && in_groups_of(16, m)) return named("NVFP4_G16");
  if (!in_groups_of(32, m)) return *m.scales;
  if (m.code == Code::kE4M3) return named("F8_E4M3_G32");
  if (m.code == Code::kInteger && m.bits <= 4) return named("INT4_G32");
  if (m.code == Code::kInteger && m.centred) return named("INT8_G32");
  return *m.scales;
}

/// 32 numbers of 4 bits, as Q4_0 has them.
void put_nibbles(const std::uint8_t* q, std::byte* to) {
  for (Index i = 0; i < 16; ++i) to[i] = static_cast<std::byte>(q[i] | q[i + 16] << 4);
}

/// One row, of one of the block formats above.
void put_blocks(const PackedMatrix& m, const WeightFormat& format, const std::uint8_t* q, const float* scale,
                const std::int16_t* zero, std::byte* to) {
  const bool int4 = format.name == "INT4_G32", int8 = format.name == "INT8_G32",
             fp4 = format.name == "NVFP4_G16";
  for (Index at = 0; at < m.n_in; at += kBlock, q += kBlock, to += format.block_bytes) {
    const std::int32_t g = m.group[static_cast<std::size_t>(at)];
    if (fp4) {
      for (std::size_t half = 0; half < 2; ++half) {
        const float d =
            scale[m.group[static_cast<std::size_t>(at) + 16 * half]] * 0.5f;  // the table is doubled
        std::memcpy(to + 4 * half, &d, 4);
      }
      put_nibbles(q, to + 8);
      continue;
    }
    std::memcpy(to, &scale[g], 4);
    if (int4) {
      to[4] = static_cast<std::byte>(zero[g]);
      put_nibbles(q, to + 5);
    } else {
      for (Index i = 0; i < kBlock; ++i) to[4 + i] = static_cast<std::byte>(int8 ? q[i] ^ 0x80 : q[i]);
    }
  }
}

/// What q means, of floats.
float value_of(PackedMatrix::Code code, std::uint8_t q) {
  constexpr float kE2M1[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  if (code == PackedMatrix::Code::kE2M1) return q & 8 ? -kE2M1[q & 7] : kE2M1[q & 7];
  const auto byte = static_cast<std::byte>(q);
  float value = 0;
  named(code == PackedMatrix::Code::kE4M3 ? "F8_E4M3" : "F8_E5M2").dequantize(&byte, &value, 1);
  return value;
}

/// One row, expanded. values (256): of each q, where it is a float.
void put_floats(const PackedMatrix& m, const float* values, const std::uint8_t* q, const float* scale,
                const std::int16_t* zero, const std::string& place, std::byte* to) {
  std::vector<float> w(static_cast<std::size_t>(m.n_in));
  for (Index i = 0; i < m.n_in; ++i) {
    const std::int32_t g = m.group[static_cast<std::size_t>(i)];
    float& value = w[static_cast<std::size_t>(i)];
    value = m.code == PackedMatrix::Code::kInteger ? static_cast<float>(q[i] - zero[g]) : values[q[i]];
    value *= scale[g];
    if (!std::isfinite(value))
      throw Error(place, "finite weights", fmt::format("{} at input {}", value, i), "the file is damaged");
  }
  encode(*m.scales, w.data(), to, m.n_in, place);
}

void make_rows(const PackedMatrix& m, const WeightFormat& format, const std::string& place, std::byte* to) {
  const bool blocks = format.block_size == kBlock;
  float values[256] = {};
  if (!blocks && m.code != PackedMatrix::Code::kInteger)
    for (int q = 0; q < 256; ++q) values[q] = value_of(m.code, static_cast<std::uint8_t>(q));
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
        put_floats(m, values, q, scale, zero, place, row);
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

}  // namespace rw
