// SPDX-License-Identifier: Apache-2.0
/// Worked numbers of the methods of 2025 and 2026, and their maps against formulas written out once more.
#include <numeric>

#include "methods_test_util.h"

namespace rw {
namespace {

using Row = std::vector<double>;

/// Row i of the plan for a request of n tokens.
Row row_of(const std::string& spec, Index n, Index i, Index trained = 64) {
  return planned_row(bound(spec, context_of(16, trained, n)), i);
}

/// The distances of the last row from near to far, rounded down as the papers print them.
Row floors_by_distance(const std::string& spec, Index n) {
  Row row = row_of(spec, n, n - 1);
  std::reverse(row.begin(), row.end());
  for (double& x : row) x = std::floor(x + 1e-9);
  return row;
}

/// `delta` for every pair of rows below n, against the plan.
void expect_map(const std::string& spec, Index n, const std::function<double(Index, Index)>& delta,
                Index trained = 64) {
  const Method method = bound(spec, context_of(16, trained, n));
  for (Index i = 0; i < n; ++i) {
    const Row row = planned_row(method, i);
    for (Index j = 0; j <= i; ++j)
      ASSERT_NEAR(row[static_cast<std::size_t>(j)], delta(i, j), 1e-9)
          << spec << " n " << n << " row " << i << " key " << j;
  }
}

TEST(JetLong, Rows) {
  const std::string two = "jet-long:window=3";  // w0 = 2; 16 tokens of 8 trained: group 2
  EXPECT_EQ(row_of(two, 16, 8, 8), (Row{4, 4, 3, 3, 2, 2, 2, 1, 0}));
  EXPECT_EQ(row_of(two, 16, 9, 8), (Row{4, 4, 3, 3, 2, 2, 1, 2, 1, 0}));
  EXPECT_EQ(row_of(two, 9, 8, 8), (Row{4, 4, 3, 3, 2, 2, 2, 1, 0}));
  EXPECT_EQ(row_of(two, 16, 12, 8), (Row{6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 2, 1, 0}));
  EXPECT_EQ(row_of(two, 16, 15, 8), (Row{7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 2, 1, 0}));
  const std::string four = "jet-long:window=4,group=4";
  EXPECT_EQ(row_of(four, 16, 8), (Row{2, 2, 2, 2, 1, 3, 2, 1, 0}));
  EXPECT_EQ(row_of(four, 16, 11), (Row{2, 2, 2, 2, 1, 1, 1, 1, 3, 2, 1, 0}));
}

TEST(JetLong, EveryPairAndTheGroupOfTheLength) {
  for (const Index n : {1, 8, 9, 16, 17, 24, 40, 61})
    for (const Index near : {0, 2, 5}) {
      Index group = 0;  // ceil(n / 8), counted
      while (group * 8 < n) ++group;
      expect_map(
          fmt::format("jet-long:window={}", near + 1), n,
          [&](Index i, Index j) {
            if (i - j <= near || group == 1) return static_cast<double>(i - j);
            return std::floor(static_cast<double>(i) / static_cast<double>(group)) -
                   std::floor(static_cast<double>(j) / static_cast<double>(group));
          },
          8);
      if (HasFatalFailure()) return;
      if (near > 2) continue;
      for (const double x : row_of(fmt::format("jet-long:window={}", near + 1), n, n - 1, 8)) EXPECT_LT(x, 8);
    }
}

/// theta' / theta at the given pairs.
void expect_ratios(const std::string& spec, const RopeContext& context,
                   const std::vector<std::pair<std::size_t, double>>& expected) {
  const std::vector<double> theta = bound(spec, context).pointwise().theta,
                            plain = plain_theta(context.rotary_dim, context.rope_base);
  for (const auto& [m, ratio] : expected)
    EXPECT_NEAR(theta.at(m) / plain.at(m), ratio, 1e-9) << spec << " pair " << m;
}

TEST(MrRope, WorkedNumbers) {
  const RopeContext d64 = context_of(64, 2048, 8192), llama = context_of(128, 8192, 32768, 5e5);
  expect_ratios("mrrope-uni", d64,
                {{0, 1},
                 {8, 1},
                 {9, .898850973},
                 {12, .652755849},
                 {14, .527383038},
                 {16, .426090198},
                 {20, .278132869},
                 {21, .25},
                 {31, .25}});
  expect_ratios("mrrope-pro", d64,
                {{0, 1},
                 {8, 1},
                 {9, .984881446},
                 {12, .858696240},
                 {14, .726211428},
                 {16, .577859718},
                 {20, .304753414},
                 {21, .25},
                 {31, .25}});
  expect_ratios("mrrope-uni", llama,
                {{18, 1}, {19, .921689641}, {26, .520808005}, {34, .271240978}, {35, .25}});
  expect_ratios("mrrope-pro", llama,
                {{18, 1}, {19, .990980177}, {26, .721670289}, {34, .291632260}, {35, .25}});
  expect_ratios("yarn", d64, {{9, .942307692}, {12, .769230769}, {20, .307692308}});
  for (const char* spec : {"mrrope-uni", "mrrope-pro"}) {
    EXPECT_NEAR(bound(spec, d64).pointwise().rotary_gain, 1.296476993, 1e-9);
    const std::string one = fmt::format("{}:factor=1", spec);
    EXPECT_EQ(bound(one, d64).pointwise().theta, plain_theta(64, 1e4));
    EXPECT_EQ(bound(one, d64).pointwise().rotary_gain, 1);
    EXPECT_EQ(bound(fmt::format("{}:attention_factor=1.5", spec), d64).pointwise().rotary_gain, 2.25);
  }
}

/// Each pair multiplies the radix of its digit; the radices of the band multiply to the factor. In Uni they
/// are equal, in Pro they grow.
TEST(MrRope, RadicesMultiplyToTheFactor) {
  for (const double factor : {1.5, 4.0, 32.0})
    for (const char* name : {"mrrope-uni", "mrrope-pro"}) {
      const RopeContext context = context_of(64, 2048, 8192);
      const auto theta = bound(fmt::format("{}:factor={}", name, factor), context).pointwise().theta;
      const auto plain = plain_theta(64, 1e4);
      double product = 1, last = 1;
      for (std::size_t m = 1; m < theta.size(); ++m) {
        const double radix = theta[m - 1] / theta[m] * plain[m] / plain[m - 1];
        product *= radix;
        if (m < 9 || m > 21) {
          EXPECT_NEAR(radix, 1, 1e-12) << name << " pair " << m;
        } else if (std::string_view(name) == "mrrope-uni") {
          EXPECT_NEAR(radix, std::pow(factor, 1.0 / 13), 1e-9) << "pair " << m;
        } else {
          EXPECT_GT(radix, last) << "pair " << m;
        }
        last = radix;
      }
      EXPECT_NEAR(product, factor, 1e-9) << name;
    }
}

/// Where no pair is inside the band, or none at all turns once, pairs are kept or divided, never neither.
TEST(MrRope, DegenerateBands) {
  for (const Index trained : {2, 6, 7, 100, 1 << 30})
    for (const char* name : {"mrrope-uni", "mrrope-pro"})
      for (const char* more :
           {"", ",beta_fast=1", ",beta_fast=1e6,beta_slow=1e6", ",beta_fast=1e-6,beta_slow=1e-6"})
        for (const int d : {2, 4, 64}) {
          const std::string spec = fmt::format("{}:factor=4,trained={}{}", name, trained, more);
          const auto theta = bound(spec, context_of(d, 2048, 8192)).pointwise().theta,
                     plain = plain_theta(d, 1e4);
          for (std::size_t m = 0; m < theta.size(); ++m) {
            EXPECT_LE(theta[m], plain[m]) << spec << " pair " << m;
            EXPECT_GE(theta[m], plain[m] / 4) << spec << " pair " << m;
          }
        }
}

TEST(InfoScale, WorkedNumbers) {
  struct Case {
    int d;
    Index trained;
    double at[4];  // 2, 4, 8 and 16 times trained
  };
  for (const Case& c : {Case{64, 512, {1.048594, 1.094060, 1.136792, 1.177108}},
                        Case{64, 2048, {1.039059, 1.075908, 1.110786, 1.143887}},
                        Case{128, 4096, {1.038082, 1.074427, 1.109209, 1.142575}},
                        Case{128, 8192, {1.035011, 1.068517, 1.100659, 1.131557}}}) {
    const Pointwise p = bound("infoscale", context_of(c.d, c.trained, 64)).pointwise();
    const double root = std::sqrt(static_cast<double>(c.d));
    for (int k = 0; k < 4; ++k) EXPECT_NEAR(p.scale((c.trained << (k + 1)) - 1) * root, c.at[k], 1e-6);
    for (const Index keys : {Index{1}, Index{2}, Index{64}, c.trained})
      EXPECT_EQ(p.scale(keys - 1) * root, 1);
    EXPECT_GT(p.scale(c.trained) * root, 1);
  }
  // Its limit, and that it multiplies with the other scales.
  const RopeContext d128 = context_of(128, 4096, 64);
  EXPECT_NEAR(1 / std::sqrt(1 - std::pow(4096, -2.0 / 128)), 2.8645, 1e-4);
  EXPECT_LT(bound("infoscale", d128).pointwise().scale(Index{1} << 50) * std::sqrt(128.0), 2.8645);
  EXPECT_NEAR(bound("infoscale+logn", d128).pointwise().scale(8191) * std::sqrt(128.0), 1.038082 * 13 / 12,
              1e-6);
}

TEST(Lampe, WorkedRows) {
  EXPECT_EQ(floors_by_distance("lampe:positions=8,head=4,tail=2", 16),
            (Row{0, 1, 2, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 7}));
  EXPECT_EQ(floors_by_distance("lampe:positions=12,head=4,tail=3", 24),
            (Row{0, 1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 10, 11}));
}

TEST(Lampe, PositionsOfTheLength) {
  const auto positions = [](const std::string& spec, Index trained, Index n) {
    const std::string text = bound(spec, context_of(64, trained, n)).text();
    const std::size_t at = text.find("positions=") + 10;
    return std::stoll(text.substr(at));
  };
  const std::string llama2 = "lampe:cap=2489.1,rate=8.673e-5,offset=-0.648",
                    llama3 = "lampe:cap=6204.4,rate=1.0493e-4,offset=-2.4666",
                    llama31 = "lampe:cap=82358.5,rate=4.505e-5,offset=-2.7886";
  const Index n[] = {8192, 16384, 32768, 65536, 131072};
  const Index expected2[] = {1283, 1703, 2240, 2473, 2489}, expected3[] = {1036, 1994, 4501, 6130, 6204},
              expected31[] = {6728, 9389, 17467, 44544, 78863};
  for (int k = 0; k < 5; ++k) {
    // The constants are known to 4 or 5 digits.
    EXPECT_NEAR(static_cast<double>(positions(llama2, 4096, n[k])), static_cast<double>(expected2[k]), 1);
    EXPECT_EQ(positions(llama3, 8192, n[k]), std::max<Index>(1536, expected3[k]));  // their constant
    EXPECT_EQ(positions(llama31, 8192, n[k]), expected31[k]);
  }
  // By default the fit of Llama 3 in units of the trained length; what is used never shrinks with the length.
  Index last = 0;
  for (Index length = 1; length < 1 << 20; length += length / 3 + 1) {
    const Index now = positions("lampe", 8192, length);
    EXPECT_GE(now, std::max<Index>(last, 1536));
    EXPECT_LE(now, 6144);
    EXPECT_NEAR(static_cast<double>(positions("lampe", 2048, (length + 3) / 4)), static_cast<double>(now) / 4,
                2);
    last = now;
  }
}

TEST(Lampe, EveryPair) {
  for (const Index n : {5, 12, 13, 14, 16, 40, 64, 90})
    for (const Index head : {1, 4, 7})
      for (const Index tail : {1, 3, 5})
        for (const Index positions : {head + tail + 1, head + tail + 20}) {
          const auto slope = [&] {
            return static_cast<double>(positions - head - tail) / static_cast<double>(n - head - tail);
          };
          const auto delta = [&](Index i, Index j) {
            const auto x = static_cast<double>(i - j);
            if (n <= positions || i - j <= head) return x;
            if (i - j >= n - tail) return static_cast<double>(positions - n) + x;
            return static_cast<double>(head) + slope() * (x - static_cast<double>(head));
          };
          const std::string spec = fmt::format("lampe:head={},tail={},positions={}", head, tail, positions);
          expect_map(spec, n, delta);
          if (HasFatalFailure()) return;
          // Farther is never nearer; the farthest distance is positions - 1.
          const Row row = row_of(spec, n, n - 1);
          for (std::size_t j = 1; j < row.size(); ++j) EXPECT_LE(row[j], row[j - 1] + 1e-9) << spec;
          EXPECT_NEAR(row[0], static_cast<double>(std::min(n, positions) - 1), 1e-9) << spec << " n " << n;
        }
}

/// The paper's listing, position by position: g(x) for x < n, and for all positions where n is less.
Row listing(Index n, Index positions, double share) {
  n = std::max(n, positions);
  Row g;
  std::vector<Index> sizes;  // of position 0, 1, ..
  const auto covered = [&] { return std::accumulate(sizes.begin(), sizes.end(), Index{0}); };
  const auto left = [&] { return positions - static_cast<Index>(sizes.size()); };
  Index size = 1, reach = positions;
  while (reach < n) {
    if ((size & (size - 1)) == 0) {
      const auto quota =
          static_cast<Index>(share * static_cast<double>(positions) / static_cast<double>(size));
      sizes.insert(sizes.end(), static_cast<std::size_t>(quota), size);
    }
    ++size;
    reach = left() * size + covered();
  }
  const Index last = left() - (reach - n);
  while (left() > last) sizes.push_back(size - 1);
  while (left() > 0) sizes.push_back(size);
  for (std::size_t p = 0; p < sizes.size(); ++p)
    g.insert(g.end(), static_cast<std::size_t>(sizes[p]), static_cast<double>(p));
  return g;
}

/// Positions with how often each is used: {{4, 1}, {2, 2}} is 0 1 2 3 4 4 5 5.
Row staircase(const std::vector<std::pair<Index, Index>>& runs) {
  Row g;
  double position = 0;
  for (const auto& [count, size] : runs)
    for (Index k = 0; k < count; ++k, ++position) g.insert(g.end(), static_cast<std::size_t>(size), position);
  return g;
}

TEST(AdaGroPE, WorkedRows) {
  const std::string spec = "adagrope:positions=16";
  EXPECT_EQ(floors_by_distance(spec, 16), staircase({{16, 1}}));
  EXPECT_EQ(floors_by_distance(spec, 17), staircase({{15, 1}, {1, 2}}));
  EXPECT_EQ(floors_by_distance(spec, 20), staircase({{12, 1}, {4, 2}}));
  EXPECT_EQ(floors_by_distance(spec, 28), staircase({{4, 1}, {12, 2}}));
  EXPECT_EQ(floors_by_distance(spec, 32), staircase({{4, 1}, {8, 2}, {4, 3}}));
  EXPECT_EQ(floors_by_distance(spec, 40), staircase({{4, 1}, {2, 2}, {8, 3}, {2, 4}}));
  EXPECT_EQ(floors_by_distance(spec, 48), staircase({{4, 1}, {2, 2}, {10, 4}}));
}

/// The sizes in use, read from the slopes of the plan's query positions.
std::vector<Index> sizes_of(Index positions, Index n) {
  const Method method = bound(fmt::format("adagrope:positions={}", positions), context_of(16, 4096, n));
  const AttentionPlan plan = method.lower(n - 2, 2);
  std::vector<Index> sizes;
  for (const Region& r : plan.regions)
    sizes.push_back(std::llround(1 / (r.query_position[1] - r.query_position[0])));
  return sizes;
}

TEST(AdaGroPE, SizesOfLongTexts) {
  using Sizes = std::vector<Index>;
  EXPECT_EQ(sizes_of(4096, 8192), (Sizes{1, 2, 3}));
  EXPECT_EQ(sizes_of(4096, 16384), (Sizes{1, 2, 4, 5, 6}));
  EXPECT_EQ(sizes_of(4096, 32768), (Sizes{1, 2, 4, 8, 13, 14}));
  EXPECT_EQ(sizes_of(4096, 131072), (Sizes{1, 2, 4, 8, 16, 32, 60, 61}));
  EXPECT_EQ(sizes_of(2048, 16384), (Sizes{1, 2, 4, 8, 13, 14}));
  EXPECT_EQ(sizes_of(2048, 32768), (Sizes{1, 2, 4, 8, 16, 28, 29}));
  EXPECT_EQ(sizes_of(8192, 131072), (Sizes{1, 2, 4, 8, 16, 28, 29}));
}

/// Every pair: rounded down it is the listing's staircase, and it grows straight from step to step.
TEST(AdaGroPE, EveryPair) {
  for (const Index positions : {1, 5, 16, 33})
    for (const double share : {0.0, 0.1, 0.25, 0.5})
      for (Index n = 1; n < 130; n += n < 20 ? 1 : 11) {
        const Row g = listing(n, positions, share);
        ASSERT_EQ(static_cast<Index>(g.size()), std::max(n, positions));
        // The place inside its step, from the listing alone.
        const auto delta = [&](Index i, Index j) {
          const double position = g[static_cast<std::size_t>(i - j)];
          const auto begin = std::find(g.begin(), g.end(), position),
                     end = std::upper_bound(begin, g.end(), position);
          return position +
                 static_cast<double>(i - j - (begin - g.begin())) / static_cast<double>(end - begin);
        };
        expect_map(fmt::format("adagrope:positions={},share={}", positions, share), n, delta);
        if (HasFatalFailure()) return;
        ASSERT_LT(row_of(fmt::format("adagrope:positions={},share={}", positions, share), n, n - 1)[0],
                  static_cast<double>(positions));
      }
}

/// Near keys are dropped where no row reads them, so that the cache does not hold each size in full.
TEST(AdaGroPE, KeepsNearSizesNearOnly) {
  const KeyPlan keys = bound("adagrope", context_of(16, 4096, 131072)).lower_keys(0, 1, false);
  ASSERT_EQ(keys.variants.size(), 8u);
  Index kept = 0;
  for (const KeyPlan::Variant& v : keys.variants) kept += std::min<Index>(131072, v.window);
  EXPECT_LT(kept, Index{131072} * 2 + 131072 / 5);
  EXPECT_EQ(keys.variants[0].window, 1024);
  EXPECT_EQ(keys.variants[1].window, 2048);
}

TEST(AdaGroPE, RefusesWhatNoEightSizesReach) {
  EXPECT_THROW(bound("adagrope", context_of(16, 4096, 4096 * 200)), UsageError);
  EXPECT_NO_THROW(bound("adagrope:share=0.005", context_of(16, 4096, 4096 * 200)));
}

}  // namespace
}  // namespace rw
