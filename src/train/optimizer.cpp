// SPDX-License-Identifier: Apache-2.0
#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

namespace rw {
namespace {

constexpr Index kPiece = 1 << 14;  // values that a thread takes at once

/// Part of one parameter: [begin, begin + n) of all values, `at` of the optimizer's own arrays.
struct Piece {
  const Parameter* parameter;
  Index begin, at, n;
};

std::vector<Piece> pieces_of(const std::vector<Parameter>& parameters) {
  std::vector<Piece> pieces;
  Index at = 0;
  for (const Parameter& p : parameters) {
    for (Index from = 0; from < p.n(); from += kPiece)
      pieces.push_back({&p, p.begin + from, at + from, std::min(kPiece, p.n() - from)});
    at += p.n();
  }
  return pieces;
}

Index values_in(const std::vector<Parameter>& parameters) {
  Index n = 0;
  for (const Parameter& p : parameters) n += p.n();
  return n;
}

class AdamW final : public Optimizer {
 public:
  AdamW(std::vector<Parameter> parameters, const AdamWOptions& options, std::shared_ptr<Context> context)
      : options_(options),
        context_(std::move(context)),
        parameters_(std::move(parameters)),
        pieces_(pieces_of(parameters_)),
        first_(values_in(parameters_)),
        second_(first_.size()) {}

  void step(Index step, double rate, const float* gradient, float* values) override {
    const double t = static_cast<double>(step), first_part = 1 - std::pow(options_.beta1, t);
    const float size = static_cast<float>(rate / first_part),
                root = static_cast<float>(std::sqrt(1 - std::pow(options_.beta2, t)));
    context_->parallel_for(static_cast<Index>(pieces_.size()), [&](Index i, int) {
      const Piece& piece = pieces_[static_cast<std::size_t>(i)];
      take(piece, static_cast<float>(1 - rate * decay_of(*piece.parameter)), size, root,
           gradient + piece.begin, values + piece.begin);
    });
  }
  std::vector<StateArray> state() override {
    return {{"adamw.first", first_.span()}, {"adamw.second", second_.span()}};
  }

 private:
  double decay_of(const Parameter& p) const {
    if (p.kind == ParameterKind::kVector) return 0;
    return p.kind == ParameterKind::kMatrix || options_.decay_embeddings ? options_.decay : 0;
  }
  void take(const Piece& piece, float keep, float size, float root, const float* gradient, float* values) {
    float *first = first_.data() + piece.at, *second = second_.data() + piece.at;
    const float one_beta1 = static_cast<float>(1 - options_.beta1),
                beta2 = static_cast<float>(options_.beta2),
                one_beta2 = static_cast<float>(1 - options_.beta2), eps = static_cast<float>(options_.eps);
    for (Index i = 0; i < piece.n; ++i) {
      const float g = gradient[i];
      first[i] += one_beta1 * (g - first[i]);
      second[i] = beta2 * second[i] + one_beta2 * (g * g);
      values[i] = keep * values[i] - size * (first[i] / (std::sqrt(second[i]) / root + eps));
    }
  }

  AdamWOptions options_;
  std::shared_ptr<Context> context_;
  std::vector<Parameter> parameters_;
  std::vector<Piece> pieces_;
  Buffer<float> first_, second_;
};

class Muon final : public Optimizer {
 public:
  Muon(std::vector<Parameter> parameters, const MuonOptions& options,
       std::shared_ptr<const Training<float>> operations)
      : options_(options),
        operations_(std::move(operations)),
        parameters_(std::move(parameters)),
        momentum_(values_in(parameters_)) {
    const auto [most, most_square] = largest(parameters_);
    for (Buffer<float>* b : {&x_, &across_, &next_}) *b = Buffer<float>(most);
    for (Buffer<float>* b : {&gram_, &update_}) *b = Buffer<float>(most_square);
  }
  static std::size_t bytes(const std::vector<Parameter>& parameters) {
    const auto [most, most_square] = largest(parameters);
    return static_cast<std::size_t>(values_in(parameters) + 3 * most + 2 * most_square) * sizeof(float);
  }

  void step(Index, double rate, const float* gradient, float* values) override {
    Index at = 0;
    for (const Parameter& p : parameters_) {
      take(p, rate, gradient + p.begin, momentum_.data() + at, values + p.begin);
      at += p.n();
    }
  }
  std::vector<StateArray> state() override { return {{"muon.momentum", momentum_.span()}}; }

 private:
  /// Values of the largest matrix, and of the largest square of a matrix's smaller side.
  static std::pair<Index, Index> largest(const std::vector<Parameter>& parameters) {
    Index most = 0, most_square = 0;
    for (const Parameter& p : parameters) {
      RW_CHECK(p.kind != ParameterKind::kVector);
      const Index least = std::min(p.n_rows, p.n_columns);
      most = std::max(most, p.n()), most_square = std::max(most_square, least * least);
    }
    return {most, most_square};
  }
  template <class F>
  void in_pieces(Index n, const F& body) const {
    operations_->context()->parallel_for((n + kPiece - 1) / kPiece, [&](Index i, int) {
      for (Index j = i * kPiece; j < std::min(n, (i + 1) * kPiece); ++j) body(j);
    });
  }
  void transpose(const float* from, Index n_rows, Index n_columns, float* to) const {
    operations_->context()->parallel_for((n_columns + 15) / 16, [&](Index i, int) {
      for (Index r = 0; r < n_rows; ++r)
        for (Index c = i * 16; c < std::min(n_columns, i * 16 + 16); ++c)
          to[c * n_rows + r] = from[r * n_columns + c];
    });
  }

  void take(const Parameter& p, double rate, const float* gradient, float* momentum, float* values) {
    const float keep = static_cast<float>(options_.momentum), add = static_cast<float>(1 - options_.momentum);
    in_pieces(p.n(), [&](Index i) {
      momentum[i] += add * (gradient[i] - momentum[i]);
      // As lerp from the nearer end, which torch does.
      const float way = momentum[i] - gradient[i];
      x_[i] = keep < 0.5f ? gradient[i] + keep * way : momentum[i] - way * (1 - keep);
    });
    const float* turned = orthogonal(p.n_rows, p.n_columns);
    const float left = static_cast<float>(1 - rate * options_.decay),
                size = static_cast<float>(
                    0.2 * std::sqrt(static_cast<double>(std::max(p.n_rows, p.n_columns))) * rate);
    in_pieces(p.n(), [&](Index i) { values[i] = left * values[i] - size * turned[i]; });
  }

  /// NewtonSchulz5 of x_ (n_rows, n_columns): where its result is.
  const float* orthogonal(Index n_rows, Index n_columns) {
    constexpr float kA = 3.4445f, kB = -4.775f, kC = 2.0315f;
    const Index n = n_rows * n_columns;
    const bool tall = n_rows > n_columns;
    const Index rows = tall ? n_columns : n_rows, columns = tall ? n_rows : n_columns;
    const double norm = global_norm(*operations_->context(), {x_.data(), static_cast<std::size_t>(n)});
    const float divisor = static_cast<float>(std::max(norm, 1e-7));
    in_pieces(n, [&](Index i) { x_[i] /= divisor; });
    if (tall) {
      transpose(x_.data(), n_rows, n_columns, across_.data());
      std::swap(x_, across_);  // x_ (rows, columns), across_ its transpose
    } else {
      transpose(x_.data(), rows, columns, across_.data());
    }
    for (int turn = 0; turn < 5; ++turn) {
      std::fill_n(gram_.data(), rows * rows, 0.0f);
      operations_->linear_weight(across_.data(), across_.data(), columns, rows, rows, 1, gram_.data());
      in_pieces(rows * rows, [&](Index i) { update_[i] = kB * gram_[i]; });
      // A and b A + c A A are their own transposes.
      operations_->linear_weight(gram_.data(), gram_.data(), rows, rows, rows, kC, update_.data());
      in_pieces(n, [&](Index i) { next_[i] = kA * x_[i]; });
      operations_->linear_weight(update_.data(), x_.data(), rows, rows, columns, 1, next_.data());
      std::swap(x_, next_);
      if (turn < 4 || tall) transpose(x_.data(), rows, columns, across_.data());
    }
    return tall ? across_.data() : x_.data();
  }

  MuonOptions options_;
  std::shared_ptr<const Training<float>> operations_;
  std::vector<Parameter> parameters_;
  Buffer<float> momentum_;
  Buffer<float> x_, across_, next_, gram_, update_;  // of one matrix at a time
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw(std::vector<Parameter> parameters, const AdamWOptions& options,
                                      std::shared_ptr<Context> context) {
  return std::make_unique<AdamW>(std::move(parameters), options, std::move(context));
}

std::unique_ptr<Optimizer> make_muon(std::vector<Parameter> parameters, const MuonOptions& options,
                                     std::shared_ptr<const Training<float>> operations) {
  return std::make_unique<Muon>(std::move(parameters), options, std::move(operations));
}

std::size_t adamw_bytes(const std::vector<Parameter>& parameters) {
  return 2 * static_cast<std::size_t>(values_in(parameters)) * sizeof(float);
}

std::size_t muon_bytes(const std::vector<Parameter>& parameters) { return Muon::bytes(parameters); }

double global_norm(Context& context, std::span<const float> gradient) {
  const Index n = static_cast<Index>(gradient.size()), n_pieces = (n + kPiece - 1) / kPiece;
  std::vector<double> sums(static_cast<std::size_t>(n_pieces));
  context.parallel_for(n_pieces, [&](Index i, int) {
    double sum = 0;
    for (const float g : gradient.subspan(static_cast<std::size_t>(i * kPiece),
                                          static_cast<std::size_t>(std::min(kPiece, n - i * kPiece))))
      sum += static_cast<double>(g) * g;
    sums[static_cast<std::size_t>(i)] = sum;
  });
  double sum = 0;
  for (const double s : sums) sum += s;
  return std::sqrt(sum);
}

void clip(Context& context, double norm, double most, std::span<float> gradient) {
  if (most <= 0 || !(norm > most)) return;
  const float factor = static_cast<float>(most / (norm + 1e-6));
  const Index n = static_cast<Index>(gradient.size());
  context.parallel_for((n + kPiece - 1) / kPiece, [&](Index i, int) {
    for (Index j = i * kPiece; j < std::min(n, (i + 1) * kPiece); ++j)
      gradient[static_cast<std::size_t>(j)] *= factor;
  });
}

const Parameter* first_not_finite(const std::vector<Parameter>& parameters, std::span<const float> values) {
  for (const Parameter& p : parameters)
    for (const float v : values.subspan(static_cast<std::size_t>(p.begin), static_cast<std::size_t>(p.n())))
      if (!std::isfinite(v)) return &p;
  return nullptr;
}

}  // namespace rw
