// SPDX-License-Identifier: Apache-2.0
/// The GGUF reader's memory stays below 16 MiB + 4 x the file, whatever the file holds: measured, by counting
/// every allocation of this process.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "formats/gguf.h"
#include "gguf_writer.h"

namespace {

std::atomic<std::size_t> held{0}, peak{0};

}  // namespace

void* operator new(std::size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) throw std::bad_alloc();
  const std::size_t now = held += malloc_usable_size(p);
  peak = std::max(peak.load(), now);
  return p;
}
void operator delete(void* p) noexcept {
  held -= malloc_usable_size(p);
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace rw {
namespace {

/// Reads the file, whole or refused, and checks the peak.
void expect_bounded(const GgufWriter& w, const char* what) {
  const std::size_t before = held;
  peak = before;
  try {
    parse_gguf(w.bytes, "test");
  } catch (const Error&) {
  }
  EXPECT_LE(peak - before, (std::size_t{16} << 20) + 4 * w.bytes.size())
      << what << ", a file of " << w.bytes.size() << " bytes";
}

GgufWriter list_of(std::uint32_t type, std::uint64_t n, std::size_t bytes) {
  GgufWriter w;
  w.header(0, 1).text("k").number<std::uint32_t>(9).number(type).number(n);
  w.bytes.resize(w.bytes.size() + bytes);
  return w;
}

TEST(GgufMemory, IsBoundedForHostileFiles) {
  expect_bounded(list_of(8, 5000000, 40000000), "empty strings");
  expect_bounded(list_of(2, 5000000, 10000000), "u16");
  expect_bounded(list_of(4, 5000000, 20000000), "u32");
  expect_bounded(list_of(6, 5000000, 20000000), "f32");
  GgufWriter bytes;
  bytes.header(0, 30);
  for (int i = 0; i < 30; ++i) {
    bytes.text(std::to_string(i))
        .number<std::uint32_t>(9)
        .number<std::uint32_t>(0)
        .number<std::uint64_t>(1 << 20);
    bytes.bytes.resize(bytes.bytes.size() + (1 << 20));
  }
  expect_bounded(bytes, "lists of bytes");
  GgufWriter keys, tensors, strings;
  keys.header(0, 1000000);
  for (int i = 0; i < 1000000; ++i)
    keys.text(std::to_string(i)).number<std::uint32_t>(7).number<std::uint8_t>(1);
  expect_bounded(keys, "tiny keys");
  tensors.header(1000000, 0);
  for (int i = 0; i < 1000000; ++i) tensors.tensor(std::to_string(i), {1}, 0, 0);
  expect_bounded(tensors.data(64), "tiny tensors");
  GgufWriter numbered;  // each a stack of its own
  numbered.header(200000, 0);
  for (int i = 0; i < 200000; ++i) numbered.tensor("blk." + std::to_string(i) + "_norm.0.weight", {1}, 0, 0);
  expect_bounded(numbered.data(64), "numbered tensors");
  strings.header(0, 1).text("k").number<std::uint32_t>(9).number<std::uint32_t>(8).number<std::uint64_t>(
      1000000);
  for (int i = 0; i < 1000000; ++i) strings.text("sixteen letters!");
  expect_bounded(strings, "strings just over the short size");
}

TEST(GgufMemory, AVocabularyOfAMillionFits) {
  GgufWriter w;  // as real files have it: pieces, scores and types, and a tensor that outweighs them
  w.header(1, 3).text("tokens").number<std::uint32_t>(9).number<std::uint32_t>(8).number<std::uint64_t>(
      1000000);
  for (int i = 0; i < 1000000; ++i) w.text(std::to_string(i));
  for (const char* key : {"scores", "types"}) {
    w.text(key)
        .number<std::uint32_t>(9)
        .number<std::uint32_t>(*key == 's' ? 6 : 5)
        .number<std::uint64_t>(1000000);
    w.bytes.resize(w.bytes.size() + 4000000);
  }
  w.tensor("t", {32000000}, 0, 0).data(128000000);
  EXPECT_EQ(parse_gguf(w.bytes, "test")->strings("tokens")->size(), 1000000u);
}

}  // namespace
}  // namespace rw
