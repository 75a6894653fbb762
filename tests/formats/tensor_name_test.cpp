// SPDX-License-Identifier: Apache-2.0
#include "formats/tensor_name.h"

#include <gtest/gtest.h>

namespace rw {
namespace {

TEST(TensorName, InALayer) {
  const std::optional<NameInLayer> in = name_in_layer("blk.12.attn_q.weight");
  ASSERT_TRUE(in);
  EXPECT_EQ(in->layer, 12);
  EXPECT_EQ(in->part, "attn_q.weight");
}

TEST(TensorName, OtherNamesAreOfNoLayer) {
  for (const char* name :
       {"", "blk.", "blk.x.attn_q.weight", "blk.-1.attn_q.weight", "blk.7", "blk.7attn_q.weight",
        "blk.99999999999999999999.attn_q.weight", "token_embd.weight", "v.blk.1.ffn_up.weight"})
    EXPECT_FALSE(name_in_layer(name)) << name;
}

}  // namespace
}  // namespace rw
