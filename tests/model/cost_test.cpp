// SPDX-License-Identifier: Apache-2.0
#include "model/cost.h"

#include <gtest/gtest.h>

namespace rw {
namespace {

ModelConfig config_of(int n_layers, Index d_model, Index d_ff, int n_heads, int n_kv_heads) {
  ModelConfig config;
  config.d_model = d_model;
  config.layers.assign(
      static_cast<std::size_t>(n_layers),
      {.attention = {.n_heads = n_heads, .n_kv_heads = n_kv_heads, .head_dim = 64}, .ffn = {.d_ff = d_ff}});
  return config;
}

/// Where attention costs what the products do: n^2 H / linear = n.
TEST(Cost, FollowsTheModel) {
  const ModelConfig smollm2 = config_of(30, 576, 1536, 9, 3), short256 = config_of(4, 192, 512, 3, 3);
  EXPECT_DOUBLE_EQ(cost_of(smollm2, 6144), 2 * 6144);
  EXPECT_DOUBLE_EQ(cost_of(short256, 2304), 2 * 2304);  // 192 (2 x 6 x 64 + 3 x 512) / 192
  EXPECT_DOUBLE_EQ(cost_of(short256, 4608), 3 * 4608);
  EXPECT_EQ(cost_of(short256, 0), 0);
}

/// Half of the layers see 1,000 tokens: to 1,000 tokens nothing changes, then their part grows evenly.
TEST(Cost, OfALayerWithAWindowGrowsEvenly) {
  ModelConfig all = config_of(4, 192, 512, 3, 3), half = all;
  half.layers[0].attention.window = half.layers[2].attention.window = 1000;
  EXPECT_DOUBLE_EQ(cost_of(half, 1000), cost_of(all, 1000));
  EXPECT_LT(cost_of(half, 1001), cost_of(all, 1001));
  for (LayerSpec& layer : half.layers) layer.attention.window = 1000;
  EXPECT_NEAR(cost_of(half, 3000) - cost_of(half, 2000), cost_of(half, 2000) - cost_of(half, 1000), 1e-9);
}

}  // namespace
}  // namespace rw
