// SPDX-License-Identifier: Apache-2.0
/// Fused tensors in GGUF files: seen as their parts where the sizes are those of the file's numbers, as they
/// are where not; numbers by layer and blocks that predict further tokens.
#include <gtest/gtest.h>

#include "formats/gguf.h"
#include "gguf_writer.h"

namespace rw {
namespace {

constexpr std::uint32_t kF32 = 0, kQ8 = 8;

/// Two layers of 4 and 2 query heads on 2 and 1 key heads of 2 dims; 3 rows in the feed-forward parts.
struct FusedFile {
  GgufWriter w;
  std::uint64_t offset = 0;
  std::uint64_t n_tensors = 0;
  GgufWriter tensors;

  void tensor(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint32_t type = kF32) {
    tensors.tensor(name, dims, type, offset);
    std::uint64_t n = 1;
    for (const std::uint64_t d : dims) n *= d;
    offset += ((type == kF32 ? 4 * n : n / 32 * 34) + 31) / 32 * 32;
    ++n_tensors;
  }
  std::unique_ptr<ModelFile> read() {
    w.header(n_tensors, 6).string_key("general.architecture", "phi3").u32_key("phi3.embedding_length", 8);
    w.u32_key("phi3.attention.key_length", 2).u32_key("phi3.feed_forward_length", 3);
    for (const auto& [key, list] : {std::pair{"phi3.attention.head_count", std::vector<std::uint32_t>{4, 2}},
                                    {"phi3.attention.head_count_kv", std::vector<std::uint32_t>{2, 1}}}) {
      w.text(key).number<std::uint32_t>(9).number<std::uint32_t>(4).number<std::uint64_t>(list.size());
      for (const std::uint32_t value : list) w.number(value);
    }
    w.bytes.insert(w.bytes.end(), tensors.bytes.begin(), tensors.bytes.end());
    w.data(0);
    for (std::size_t i = 0; i < offset; ++i)
      w.bytes.push_back(static_cast<std::byte>(i % 4 == 3 ? 0x3f : i / 4));
    return parse_gguf(w.bytes, "test");
  }
};

TEST(FusedTensors, AreSeenAsTheirPartsByTheNumbersOfTheirLayer) {
  FusedFile f;
  f.tensor("blk.0.attn_qkv.weight", {8, 16});
  f.tensor("blk.0.attn_qkv.bias", {16});
  f.tensor("blk.1.attn_qkv.weight", {8, 8});
  f.tensor("blk.0.ffn_up.weight", {8, 6});
  f.tensor("blk.1.ffn_up.weight", {8, 3});
  const auto file = f.read();
  for (const auto& [name, rows] : {std::pair{"blk.0.attn_q.weight", 8},
                                   {"blk.0.attn_k.weight", 4},
                                   {"blk.0.attn_v.weight", 4},
                                   {"blk.0.attn_v.bias", 4},
                                   {"blk.1.attn_q.weight", 4},
                                   {"blk.1.attn_k.weight", 2},
                                   {"blk.1.attn_v.weight", 2},
                                   {"blk.0.ffn_gate.weight", 3},
                                   {"blk.0.ffn_up.weight", 3},
                                   {"blk.1.ffn_up.weight", 3}})
    EXPECT_EQ(file->tensor(name).shape[0], rows) << name;
  EXPECT_EQ(file->find_tensor("blk.0.attn_qkv.weight"), nullptr);
  EXPECT_EQ(file->find_tensor("blk.1.ffn_gate.weight"), nullptr);
  const TensorInfo &q = file->tensor("blk.0.attn_q.weight"), &k = file->tensor("blk.0.attn_k.weight");
  EXPECT_EQ(q.bytes.data() + q.n_bytes(), k.bytes.data()) << "views, nothing is copied";
  EXPECT_EQ(k.row(1), k.bytes.data() + 32);
}

TEST(FusedTensors, OfAnotherSizeStayAsTheyAre) {
  FusedFile f;
  f.tensor("blk.0.attn_qkv.weight", {8, 17});
  f.tensor("blk.2.attn_qkv.weight", {8, 16});  // there is no number for layer 2
  f.tensor("blk.0.attn_qkv.bias", {32}, kQ8);  // one block across the parts
  f.tensor("blk.x.attn_qkv.weight", {8, 16});
  f.tensor("blk.0.attn_qkv.scale", {16});
  f.tensor("blk.0.ffn_gate.weight", {8, 3});
  f.tensor("blk.0.ffn_up.weight", {8, 6});  // its gate is there already
  const auto file = f.read();
  EXPECT_EQ(file->tensors().size(), 7u);
  for (const TensorInfo& tensor : file->tensors()) EXPECT_TRUE(tensor.pieces.empty());
}

TEST(FusedTensors, OfQuantisedRowsAreCutBetweenRows) {
  FusedFile f;
  f.tensor("blk.0.attn_qkv.weight", {32, 16}, kQ8);
  const auto file = f.read();
  EXPECT_EQ(file->tensor("blk.0.attn_q.weight").n_bytes(), 8u * 34);
  EXPECT_EQ(file->tensor("blk.0.attn_v.weight").row(3),
            file->tensor("blk.0.attn_q.weight").row(0) + std::ptrdiff_t{15 * 34});
}

TEST(FusedTensors, BesideTheirPartsAreRefused) {
  FusedFile f;
  f.tensor("blk.0.attn_qkv.weight", {8, 16});
  f.tensor("blk.0.attn_q.weight", {8, 8});
  EXPECT_THROW(f.read(), Error);
}

TEST(NumbersByLayer, AndPredictionBlocksAreRead) {
  FusedFile f;
  f.tensor("blk.2.nextn.eh_proj.weight", {8, 8});
  const auto file = f.read();
  EXPECT_EQ(*file->integers("phi3.attention.head_count"), (std::vector<std::int64_t>{4, 2}));
  EXPECT_NE(file->find_tensor("blk.2.nextn.eh_proj.weight"), nullptr);
}

}  // namespace
}  // namespace rw
