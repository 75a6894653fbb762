// SPDX-License-Identifier: Apache-2.0
/// The length that Llama 3's divisors bend around is read back from them, or said to be unknown.
#include "model/rope_divisors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "methods/factors.h"

namespace rw {
namespace {

/// As a converter stores them: float32.
std::vector<double> divisors(int rotary_dim, double base, double factor, Index trained, double low = 1,
                             double high = 4) {
  const std::vector<double> plain = plain_theta(rotary_dim, base),
                            bent = wavelength_ramp(rotary_dim, base, factor, trained, low, high);
  std::vector<double> result;
  for (std::size_t m = 0; m < plain.size(); ++m)
    result.push_back(static_cast<double>(static_cast<float>(plain[m] / bent[m])));
  return result;
}

TEST(RopeDivisors, TellTheOriginalLength) {
  for (const double factor : {2.0, 8.0, 32.0})  // Llama 3.1: 8; Llama 3.2: 32
    for (const int rotary_dim : {64, 128, 256})
      for (const Index trained : {2048, 8192, 32768})
        EXPECT_EQ(original_length(divisors(rotary_dim, 500000, factor, trained), rotary_dim, 500000), trained)
            << factor << " " << rotary_dim;
}

TEST(RopeDivisors, OfAnotherKindTellNothing) {
  EXPECT_EQ(original_length(std::vector<double>(64, 1.0), 128, 500000), 0);
  EXPECT_EQ(original_length(std::vector<double>(64, 4.0), 128, 500000), 0);
  EXPECT_EQ(original_length({}, 128, 500000), 0);
  EXPECT_EQ(original_length(divisors(128, 500000, 8, 8192, 1, 8), 128, 500000), 0);  // other bends
  std::vector<double> changed = divisors(128, 500000, 8, 8192);
  changed[40] *= 1.001;
  EXPECT_EQ(original_length(changed, 128, 500000), 0);
  EXPECT_EQ(original_length(divisors(128, 500000, 8, 8192), 128, 10000), 0);  // another base
}

}  // namespace
}  // namespace rw
