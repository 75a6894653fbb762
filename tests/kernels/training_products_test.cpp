// SPDX-License-Identifier: Apache-2.0
/// Products of training, sums of rows and embeddings, of the instruction set in force against the definition.
#include <gtest/gtest.h>

#include "training_pair.h"

namespace rw {
namespace {

struct Size {
  Index n_rows, n_out, n_in;
};
/// Register tiles, panels, slabs and items, whole and cut.
constexpr Size kSizes[] = {{1, 1, 1},    {5, 7, 6},      {6, 16, 16},    {64, 48, 64},    {97, 100, 33},
                           {13, 8, 576}, {300, 576, 17}, {1025, 40, 70}, {70, 1100, 300}, {33, 257, 259}};

std::string text_of(const Size& s) { return fmt::format("{} x {} x {}", s.n_rows, s.n_out, s.n_in); }

TEST(TrainingProducts, InputEqualsTheDefinition) {
  const auto reference = make_reference_backend();
  const auto cpu = make_cpu_backend(Precision::kF32);
  for (const Size& s : kSizes)
    for (const float scale : {1.0f, 0.75f}) {
      const TestWeights w(numbers(s.n_out * s.n_in, 1), s.n_out, s.n_in);
      Both dy(s.n_rows * s.n_out, 2), dx(s.n_rows * s.n_in, 3);
      training_definition().linear_input(dy.d.data(), s.n_rows, *reference->make_matrix(w.rows()), scale,
                                         dx.d.data());
      training_under_test().linear_input(dy.f.data(), s.n_rows, *cpu->make_matrix(w.rows()), scale,
                                         dx.f.data());
      EXPECT_LT(dx.error(), kF32Error) << text_of(s) << " " << scale;
    }
}

TEST(TrainingProducts, InputOfEveryFormatEqualsTheDefinition) {
  const auto reference = make_reference_backend();
  const Size s{37, 90, 512};
  for (const WeightFormat& format : Registry<WeightFormat>::all())
    for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
      const TestWeights w(format, s.n_out, s.n_in, 3);
      Both dy(s.n_rows * s.n_out, 2), dx(s.n_rows * s.n_in, 3);
      training_definition().linear_input(dy.d.data(), s.n_rows, *reference->make_matrix(w.rows()), 1,
                                         dx.d.data());
      const auto cpu = make_cpu_backend(precision);
      training_under_test().linear_input(dy.f.data(), s.n_rows, *cpu->make_matrix(w.rows()), 1, dx.f.data());
      EXPECT_LT(dx.error(), kF32Error) << format.name;
    }
}

TEST(TrainingProducts, WeightEqualsTheDefinition) {
  for (const Size& s : kSizes)
    for (const float scale : {1.0f, 0.75f}) {
      Both dy(s.n_rows * s.n_out, 1), x(s.n_rows * s.n_in, 2), dw(s.n_out * s.n_in, 3);
      training_definition().linear_weight(dy.d.data(), x.d.data(), s.n_rows, s.n_out, s.n_in, scale,
                                          dw.d.data());
      training_under_test().linear_weight(dy.f.data(), x.f.data(), s.n_rows, s.n_out, s.n_in, scale,
                                          dw.f.data());
      EXPECT_LT(dw.error(), kF32Error) << text_of(s) << " " << scale;
    }
}

TEST(TrainingProducts, ForwardEqualsTheDefinition) {
  const auto reference = make_reference_backend();
  const auto cpu = make_cpu_backend(Precision::kF32);
  for (const Size& s : kSizes)
    for (const bool add : {false, true}) {
      const TestWeights w(numbers(s.n_out * s.n_in, 1), s.n_out, s.n_in);
      const auto bias = numbers(s.n_out, 4);
      Both x(s.n_rows * s.n_in, 2), y(s.n_rows * s.n_out, 3);
      training_definition().linear(x.d.data(), s.n_rows, *reference->make_matrix(w.rows()), bias.data(),
                                   0.75f, add, y.d.data());
      training_under_test().linear(x.f.data(), s.n_rows, *cpu->make_matrix(w.rows()), bias.data(), 0.75f, add,
                                   y.f.data());
      EXPECT_LT(y.error(), kF32Error) << text_of(s);
    }
}

/// A gradient far larger than what is added to it rounds once, not once for each row.
TEST(TrainingProducts, SumsAreWholeBeforeTheyAreAdded) {
  const Index n_rows = 1000;
  const std::vector<float> dy(static_cast<std::size_t>(n_rows), 1.0f), x(dy.size(), 0.01f);
  float dw = 0x1p20f;
  training_under_test().linear_weight(dy.data(), x.data(), n_rows, 1, 1, 1, &dw);
  EXPECT_NEAR(dw - 0x1p20f, 10, 0.26);  // four sums of 250 rows, each rounded to 2^-3 at most
}

TEST(TrainingProducts, SumsOfRowsEqualTheDefinition) {
  for (const Size& s : kSizes) {
    Both dy(s.n_rows * s.n_in, 1), db(s.n_in, 2);
    training_definition().sum_rows(dy.d.data(), s.n_rows, s.n_in, 0.75f, db.d.data());
    training_under_test().sum_rows(dy.f.data(), s.n_rows, s.n_in, 0.75f, db.f.data());
    EXPECT_LT(db.error(), kF32Error) << text_of(s);
  }
}

TEST(TrainingProducts, EmbeddingEqualsTheDefinition) {
  const std::vector<Token> tokens = {3, 0, 3, 4, 3};
  for (const Index n_in : {1, 33, 128}) {
    const TestWeights w(numbers(5 * n_in, 1), 5, n_in);
    const auto bias = numbers(n_in, 2);
    Both y(5 * n_in, 3), dy(5 * n_in, 4), dw(5 * n_in, 5), db(n_in, 6);
    training_definition().embed(w.rows(), tokens, 1.5f, bias.data(), y.d.data());
    training_under_test().embed(w.rows(), tokens, 1.5f, bias.data(), y.f.data());
    EXPECT_LT(y.error(), kF32Error);
    training_definition().embed_backward(tokens, dy.d.data(), n_in, 1.5f, dw.d.data(), db.d.data());
    training_under_test().embed_backward(tokens, dy.f.data(), n_in, 1.5f, dw.f.data(), db.f.data());
    EXPECT_LT(dw.error(), kF32Error);
    EXPECT_LT(db.error(), kF32Error);
    training_under_test().embed_backward(tokens, dy.f.data(), n_in, 1.5f, dw.f.data(), nullptr);
  }
}

TEST(TrainingProducts, BitsDoNotDependOnThreads) {
  const auto cpu = make_cpu_backend(Precision::kF32);
  const Size s{500, 300, 333};
  const TestWeights w(numbers(s.n_out * s.n_in, 1), s.n_out, s.n_in);
  const auto matrix = cpu->make_matrix(w.rows());
  const auto dy = numbers(s.n_rows * s.n_out, 2), x = numbers(s.n_rows * s.n_in, 3);
  std::vector<float> first;
  for (const int threads : {1, 2, 7}) {
    const auto training = make_cpu_training(context_of(threads));
    std::vector<float> all(static_cast<std::size_t>(s.n_rows * s.n_in + s.n_out * s.n_in + s.n_out));
    training->linear_input(dy.data(), s.n_rows, *matrix, 1, all.data());
    training->linear_weight(dy.data(), x.data(), s.n_rows, s.n_out, s.n_in, 1,
                            all.data() + s.n_rows * s.n_in);
    training->sum_rows(dy.data(), s.n_rows, s.n_out, 1, all.data() + (s.n_rows + s.n_out) * s.n_in);
    if (first.empty()) first = all;
    EXPECT_EQ(all, first) << threads;
  }
}

TEST(TrainingProducts, NoRowsAddNothing) {
  const auto cpu = make_cpu_backend(Precision::kF32);
  const TestWeights w(numbers(6, 1), 2, 3);
  std::vector<float> dw(6, 1.0f);
  training_under_test().linear_weight(nullptr, nullptr, 0, 2, 3, 1, dw.data());
  training_under_test().linear_input(nullptr, 0, *cpu->make_matrix(w.rows()), 1, nullptr);
  EXPECT_EQ(dw, std::vector<float>(6, 1.0f));
}

}  // namespace
}  // namespace rw
