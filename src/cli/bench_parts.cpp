// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <span>

#include "cli/bench.h"
#include "model/memory.h"
#include "model/weights.h"

namespace rw::bench {
namespace {

std::vector<float> normal_numbers(Index n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> result(static_cast<std::size_t>(n));
  for (float& x : result) x = normal(generator);
  return result;
}

const LogitsSink kIgnore = [](Index, Index, const float*) {};

}  // namespace

std::vector<Token> some_tokens(Index n, Index n_vocab) {
  std::vector<Token> tokens;
  std::uint64_t state = 1;
  for (Index i = 0; i < n; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    tokens.push_back(static_cast<Token>((state >> 33) % static_cast<std::uint64_t>(n_vocab)));
  }
  return tokens;
}

Measured measure_model(const Model& model, const Options& asked, const MethodSpec& spec, Index n) {
  const bool decode = asked.what == "decode";
  if (decode && model.config().encoder)
    throw UsageError("bench decode", "a decoder, which writes", "an encoder, which fills gaps",
                     "bench prefill times its reading");
  const Index n_new = decode ? asked.n_predict : 0, last = n + n_new;
  const std::vector<Token> tokens = some_tokens(last, model.config().n_vocab);
  reset_peak_memory();
  Profile& profile = model.backend().context()->profile();
  Session session(model, spec, {.n = last, .n_prompt = n});
  profile.start();
  double start = now_seconds();
  session.run(std::span(tokens).first(static_cast<std::size_t>(n)), n - 1, n, kIgnore);
  if (decode) {
    profile.start();
    start = now_seconds();
    for (Index i = n; i < last; ++i) session.write(tokens[static_cast<std::size_t>(i)], kIgnore);
  }
  const double seconds = now_seconds() - start;
  return {seconds, decode ? n_new : n, profile.stop(), session.cache_bytes(), peak_memory()};
}

Measured measure_attention(const Model& model, const Options& asked, const MethodSpec& spec, Index n) {
  const Index chunk = SessionOptions{}.chunk;
  const ModelConfig& config = model.config();
  const AttentionSpec& spec_of_layer =
      config.layers[static_cast<std::size_t>(config.acting_layer())].attention;
  RopeContext context = config.rope_context(config.acting_layer(), n);
  if (asked.head_dim > 0) context.head_dim = context.rotary_dim = asked.head_dim;
  const Method method = Method::bind(spec, context);
  if (method.grows())
    throw UsageError("bench attention", "methods that rotate a key once", spec.text(), "leave out grow=1");
  const int value_dim = asked.head_dim > 0 ? asked.head_dim : spec_of_layer.v_dim();
  const auto rows_of = [&](Index n_heads, int dim, unsigned seed) {
    return normal_numbers(chunk * n_heads * dim, seed);
  };
  const auto q = rows_of(spec_of_layer.n_heads, context.head_dim, 1),
             k = rows_of(spec_of_layer.n_kv_heads, context.head_dim, 2),
             v = rows_of(spec_of_layer.n_kv_heads, value_dim, 3);
  std::vector<float> out(static_cast<std::size_t>(chunk * spec_of_layer.n_heads * value_dim));
  const Backend& backend = model.backend();
  const auto kv = backend.make_kv_layer(spec_of_layer.n_kv_heads, context.head_dim, value_dim);
  const Pointwise pointwise = method.pointwise();
  Profile& profile = backend.context()->profile();
  profile.start();
  for (Index at = 0; at < n; at += chunk) {
    const Index size = std::min(chunk, n - at);
    backend.append(*kv, k.data(), v.data(), method.lower_keys(at, size));
    const AttentionPlan plan = method.lower(at, size);
    const AttentionTask task{q.data(), kv.get(), &plan, &pointwise, out.data()};
    backend.attention({&task, 1}, spec_of_layer.n_heads);
    backend.drop(*kv, at + size);
  }
  Measured measured{0, n, profile.stop(), 0, 0};
  for (const OperationTime& o : measured.operations)
    if (o.name == "attention") measured.seconds += o.seconds;
  return measured;
}

std::vector<Row> measure_gemm(const Model& model, const Options& asked) {
  const LayerWeights& layer = model.weights().layers[static_cast<std::size_t>(model.config().acting_layer())];
  const std::pair<const char*, const Matrix*> all[] = {
      {"wq", layer.wq.get()},         {"wk", layer.wk.get()},
      {"wo", layer.wo.get()},         {"w_gate", layer.w_gate.get()},
      {"w_down", layer.w_down.get()}, {"output", model.weights().output.get()}};
  Profile& profile = model.backend().context()->profile();
  std::vector<Row> rows;
  std::vector<Index> sizes{1};
  for (const std::string& length : asked.lengths) sizes.push_back(parse_length(length));
  for (const auto& [name, w] : all) {
    if (w == nullptr) continue;  // nothing is gated
    for (Index n : sizes) {
      const auto x = normal_numbers(n * w->n_in, 1);
      std::vector<float> y(static_cast<std::size_t>(n * w->n_out));
      Row row{fmt::format("{} ({}, {})", name, w->n_out, w->n_in), n, n, 0, 1, {}, 0, 0};
      const Output output{.w = w, .y = y.data()};
      for (int repeat = 0; repeat < std::max(2, asked.repeat) * 5; ++repeat) {  // the first warms up
        profile.start();
        model.backend().linear({.x = x.data(), .n_rows = n}, {&output, 1},
                               n == 1 ? Stage::kDecode : Stage::kPrefill);
        const std::vector<OperationTime> operations = profile.stop();
        if (row.seconds == 0 || operations[0].seconds < row.seconds) {
          row.seconds = operations[0].seconds;
          row.operations = operations;
        }
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::vector<Row> measure_load(const Options& asked, const std::shared_ptr<Context>& context) {
  std::vector<Row> rows{{"file and tokenizer", 0, 1, 0, 1, {}, 0, 0},
                        {"weights", 0, 1, 0, 1, {}, 0, 0},
                        {"first token of 16", 16, 1, 0, 1, {}, 0, 0},
                        {"all", 16, 1, 0, 1, {}, 0, 0}};
  for (int repeat = 0; repeat < asked.repeat; ++repeat) {
    double times[4] = {now_seconds()};
    const std::shared_ptr<const ModelFile> file = ModelFile::open(asked.model);
    std::unique_ptr<const Tokenizer> tokenizer = Tokenizer::open(*file);
    times[1] = now_seconds();
    const auto model = Model::load(file, asked.backend.make(context), std::move(tokenizer));
    times[2] = now_seconds();
    const bool encoder = model->config().encoder;  // which reads all of its tokens at once, and writes none
    if (encoder) rows[2].name = "one row of 16 tokens";
    Session session(*model, MethodSpec::parse("none"), {.n = encoder ? 16 : 17, .n_prompt = 16});
    session.run(some_tokens(16, model->config().n_vocab), 15, 16, kIgnore);
    times[3] = now_seconds();
    for (std::size_t i = 0; i < 4; ++i) {
      const double seconds = i < 3 ? times[i + 1] - times[i] : times[3] - times[0];
      if (rows[i].seconds == 0 || seconds < rows[i].seconds) rows[i].seconds = seconds;
    }
  }
  return rows;
}

}  // namespace rw::bench
