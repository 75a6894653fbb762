// SPDX-License-Identifier: Apache-2.0
/// `ropewalk bench train`: every operation of a training step by itself, on the sizes of a model's first
/// layer.
#include <random>

#include "cli/bench.h"
#include "kernels/training.h"
#include "model/weights.h"

namespace rw::bench {
namespace {

std::vector<float> drawn_numbers(Index n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, 0.5f);
  std::vector<float> result(static_cast<std::size_t>(n));
  for (float& x : result) x = normal(generator);
  return result;
}

/// The fastest of the repeats so far of one operation.
void keep_fastest(Row& row, const std::vector<OperationTime>& operations) {
  for (const OperationTime& o : operations)
    if (o.name == row.name.substr(0, row.name.find(',')) && (row.seconds == 0 || o.seconds < row.seconds))
      row.seconds = o.seconds, row.operations = {o};
}

class TrainBench {
 public:
  TrainBench(const Model& model, const Options& asked, Index n)
      : model_(model),
        options_(asked),
        n_(n),
        profile_(model.backend().context()->profile()),
        training_(make_cpu_training(model.backend().context())) {}

  std::vector<Row> run() {
    products();
    rows();
    attention();
    return std::move(rows_);
  }

 private:
  /// Runs `body` in every repeat, the first of which warms up; a row for each of its operations.
  template <class F>
  void measure(const std::vector<std::string>& names, const F& body) {
    const std::size_t first = rows_.size();
    for (const std::string& name : names) rows_.push_back({name, n_, n_, 0, 1, {}, 0, 0});
    for (int repeat = 0; repeat <= options_.repeat; ++repeat) {
      profile_.start();
      body();
      const std::vector<OperationTime> operations = profile_.stop();
      for (std::size_t i = first; i < rows_.size(); ++i) keep_fastest(rows_[i], operations);
    }
  }

  void products() {
    constexpr Index kSlab = 512;  // rows of logits at once
    const LayerWeights& layer = model_.weights().layers[0];
    const std::pair<const char*, const Matrix*> all[] = {{"wq", layer.wq.get()},
                                                         {"wo", layer.wo.get()},
                                                         {"w_gate", layer.w_gate.get()},
                                                         {"w_down", layer.w_down.get()},
                                                         {"output", model_.weights().output.get()}};
    for (const auto& each : all) {
      const Matrix* w = each.second;
      if (w == nullptr) continue;
      const Index n_rows = w == model_.weights().output.get() ? std::min(n_, kSlab) : n_;
      const auto x = drawn_numbers(n_rows * w->n_in, 1), dy = drawn_numbers(n_rows * w->n_out, 2);
      std::vector<float> y(dy.size()), dx(x.size()), dw(static_cast<std::size_t>(w->n_out * w->n_in));
      const std::string of = fmt::format(", {} ({}, {})", each.first, w->n_out, w->n_in);
      measure({"linear" + of, "linear input" + of, "linear weight" + of}, [&] {
        training_->linear(x.data(), n_rows, *w, nullptr, 1, false, y.data());
        training_->linear_input(dy.data(), n_rows, *w, 1, dx.data());
        training_->linear_weight(dy.data(), x.data(), n_rows, w->n_out, w->n_in, 1, dw.data());
      });
    }
  }

  void rows() {
    constexpr Index kSlab = 128;
    const Index dim = model_.config().d_model, n_vocab = model_.config().n_vocab;
    const auto x = drawn_numbers(n_ * dim, 1), dy = drawn_numbers(n_ * dim, 2),
               logits = drawn_numbers(kSlab * n_vocab, 3);
    std::vector<float> y(x.size()), dx(x.size()), d_weight(static_cast<std::size_t>(dim)), d_h(x.size()),
        rows(logits.size());
    const std::vector<float> weights(kSlab, 1);
    const std::vector<Token> targets(kSlab, 0);
    std::vector<double> losses(kSlab);
    const Norm norm{NormKind::kRms, x.data(), nullptr, 1e-5f};
    const Index n = n_ * dim;
    measure({"norm", "norm backward", "activate", "activate backward", "cross-entropy"}, [&] {
      training_->norm(x.data(), n_, dim, norm, y.data());
      training_->norm_backward(x.data(), dy.data(), n_, dim, norm, dx.data(), d_weight.data(), nullptr);
      training_->activate(x.data(), dy.data(), n, Activation::kSilu, y.data());
      training_->activate_backward(x.data(), dy.data(), y.data(), n, Activation::kSilu, dx.data(),
                                   d_h.data());
      rows = logits;
      training_->cross_entropy(rows.data(), n_vocab, targets, weights.data(), losses.data());
    });
  }

  /// Methods take turns inside a repeat, so that a disturbance of the machine meets all of them.
  void attention() {
    const ModelConfig& config = model_.config();
    const AttentionSpec& spec = config.layers[static_cast<std::size_t>(config.acting_layer())].attention;
    RopeContext context = config.rope_context(config.acting_layer(), n_);
    if (options_.head_dim > 0) context.head_dim = context.rotary_dim = options_.head_dim;
    const Index kv_width = Index{spec.n_kv_heads} * context.head_dim,
                q_width = Index{spec.n_heads} * context.head_dim;
    const auto q = drawn_numbers(n_ * q_width, 1), k = drawn_numbers(n_ * kv_width, 2),
               v = drawn_numbers(n_ * kv_width, 3), d_out = drawn_numbers(n_ * q_width, 4);
    std::vector<float> out(q.size()), lse(static_cast<std::size_t>(n_ * spec.n_heads)), d_q(q.size()),
        d_k(k.size()), d_v(k.size());
    struct Plans {
      AttentionPlan plan;
      KeyPlan keys;
    };
    std::vector<Plans> plans;
    const std::size_t first = rows_.size(), n_methods = options_.methods.size();
    for (const char* what : {"attention", "attention backward"})
      for (const std::string& method : options_.methods)
        rows_.push_back({fmt::format("{}, {}", what, method), n_, n_, 0, 1, {}, 0, 0});
    for (const std::string& text : options_.methods) {
      const Method method = Method::bind(MethodSpec::parse(text), context);
      plans.push_back({method.lower(0, n_), method.lower_keys(0, n_)});
    }
    for (int repeat = 0; repeat <= options_.repeat; ++repeat)
      for (std::size_t m = 0; m < n_methods; ++m) {
        TrainingAttention<float> task{.q = q.data(), .k = k.data(), .v = v.data()};
        task.q_stride = task.out_stride = q_width, task.k_stride = task.v_stride = kv_width;
        task.n_heads = spec.n_heads, task.n_kv_heads = spec.n_kv_heads,
        task.head_dim = task.value_dim = context.head_dim;
        task.plan = &plans[m].plan, task.keys = &plans[m].keys;
        task.out = out.data(), task.lse = lse.data(), task.d_out = d_out.data();
        task.d_q = d_q.data(), task.d_k = d_k.data(), task.d_v = d_v.data();
        profile_.start();
        training_->attention({&task, 1});
        training_->attention_backward({&task, 1});
        const std::vector<OperationTime> operations = profile_.stop();
        keep_fastest(rows_[first + m], operations);
        keep_fastest(rows_[first + n_methods + m], operations);
      }
    for (std::size_t i = first; i < rows_.size(); ++i)
      rows_[i].ratio = rows_[i].seconds / rows_[i < first + n_methods ? first : first + n_methods].seconds;
  }

  const Model& model_;
  const Options& options_;
  Index n_;
  Profile& profile_;
  std::unique_ptr<Training<float>> training_;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<Row> measure_train(const Model& model, const Options& asked) {
  std::vector<Row> all;
  for (const std::string& length : asked.lengths) {
    const std::vector<Row> rows = TrainBench(model, asked, parse_length(length)).run();
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

}  // namespace rw::bench
