// SPDX-License-Identifier: Apache-2.0
/// Sizes that real models have and the small ones here do not: heads of 256, more ids than 16 bits hold; and
/// one model used by many threads, callers and processes at once.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "formats/hf_folder.h"
#include "kernels/kernels.h"
#include "model/writing.h"
#include "model_test_util.h"

namespace rw {
namespace {

/// A Llama of random bfloat16 weights: 2 layers, 2 heads that share keys and values.
class Made {
 public:
  Made(Index head_dim, Index n_vocab) {
    const Index d = 32, ff = 48;
    add("model.embed_tokens.weight", {n_vocab, d}), add("model.norm.weight", {d});
    add("lm_head.weight", {n_vocab, d});
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
      add(layer + "input_layernorm.weight", {d}), add(layer + "post_attention_layernorm.weight", {d});
      add(layer + "self_attn.q_proj.weight", {2 * head_dim, d});
      add(layer + "self_attn.k_proj.weight", {head_dim, d}),
          add(layer + "self_attn.v_proj.weight", {head_dim, d});
      add(layer + "self_attn.o_proj.weight", {d, 2 * head_dim});
      add(layer + "mlp.gate_proj.weight", {ff, d}), add(layer + "mlp.up_proj.weight", {ff, d});
      add(layer + "mlp.down_proj.weight", {d, ff});
    }
    const std::string header = dump_json(header_);
    const std::uint64_t length = header.size();
    bytes_ = std::string(reinterpret_cast<const char*>(&length), 8) + header + weights_;
    const std::string config = fmt::format(
        R"({{"model_type":"llama","hidden_size":{},"intermediate_size":{},"num_hidden_layers":2,"head_dim":{},)"
        R"("num_attention_heads":2,"num_key_value_heads":1,"max_position_embeddings":64,"rms_norm_eps":1e-5,)"
        R"("vocab_size":{},"tie_word_embeddings":false}})",
        d, ff, head_dim, n_vocab);
    file_ = parse_hf_model(config, "", std::as_bytes(std::span(bytes_)), "made");
  }
  TestModel model(std::shared_ptr<const Backend> backend) const {
    return TestModel(Model::load(file_, std::move(backend)));
  }

 private:
  /// bfloat16 numbers around 0, or around 1 for norms.
  void add(const std::string& name, const std::vector<Index>& shape) {
    Index n = 1;
    for (const Index extent : shape) n *= extent;
    const float scale = shape.size() == 1 ? 0.2f : 0.5f;
    const std::size_t begin = weights_.size();
    for (Index i = 0; i < n; ++i) {
      seed_ = seed_ * 1664525u + 1013904223u;
      const float x =
          scale * (static_cast<float>(seed_ >> 8) * 0x1p-24f - 0.5f) + (shape.size() == 1 ? 1.0f : 0.0f);
      std::uint32_t bits = 0;
      std::memcpy(&bits, &x, 4);
      const auto half = static_cast<std::uint16_t>(bits >> 16);
      weights_.append(reinterpret_cast<const char*>(&half), 2);
    }
    header_[name] = {{"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {begin, weights_.size()}}};
  }
  Json header_ = Json::object();
  std::string weights_, bytes_;
  std::uint32_t seed_ = 7;
  std::shared_ptr<const ModelFile> file_;
};

TEST(Sizes, HeadsOf256EqualTheReferenceUnderEveryKindOfMethod) {
  const Made made(256, 200);
  const TestModel fast_one = made.model(make_cpu_backend(Precision::kF32)),
                  exact_one = made.model(make_reference_backend());
  const Model &fast = fast_one.model, &exact = exact_one.model;
  const std::vector<Token> tokens = some_tokens(150, 200);
  for (const char* spec : {"none", "yarn:factor=4", "ntk:factor=4", "rerope:window=32",
                           "self-extend:group=4,window=32", "dca", "streaming-llm:sink=4,window=48"}) {
    const auto whole = all_logits(fast, spec, tokens, {.n = 150});
    EXPECT_LT(relative_error(whole, all_logits(exact, spec, tokens, {.n = 150})), 1e-5) << spec;
    EXPECT_EQ(largest_difference(whole, all_logits(fast, spec, tokens, {.n = 150}, {70, 1, 33})), 0) << spec;
  }
}

TEST(Sizes, MoreIdsThan16BitsHold) {
  constexpr Index kVocab = 70001;  // odd: no width of vectors divides it
  const Made made(16, kVocab);
  const TestModel made_model = made.model(make_cpu_backend(Precision::kF32));
  const Model& model = made_model.model;
  std::vector<Token> tokens = some_tokens(40, kVocab);
  tokens[3] = kVocab - 1, tokens[20] = 65536, tokens[30] = 65535;
  const std::vector<float> logits = all_logits(model, "none", tokens, {.n = 40});
  const std::vector<double> losses = token_losses(model, MethodSpec::parse("none"), tokens, 0, 39);
  for (std::size_t t = 0; t < losses.size(); ++t) {
    const float* row = logits.data() + t * static_cast<std::size_t>(kVocab);
    double sum = 0;
    for (Index i = 0; i < kVocab; ++i) sum += std::exp(static_cast<double>(row[i]));
    // A row's float sum of 70,001 terms errs by less than sqrt(70001) 2^-24 = 1.6e-5 of itself.
    EXPECT_NEAR(losses[t], std::log(sum) - static_cast<double>(row[tokens[t + 1]]), 2e-5) << t;
  }
  Session session(model, MethodSpec::parse("none"), {.n = 45});
  const std::vector<Token> written = write_on(session, tokens, {.n_predict = 5});
  const float* last = logits.data() + 39 * static_cast<std::size_t>(kVocab);
  EXPECT_EQ(written.at(0), std::max_element(last, last + kVocab) - last);
  std::vector<float> peak(static_cast<std::size_t>(kVocab), -1.0f);
  peak.back() = 1;
  Token last_id = 0;
  model.backend().greatest(peak.data(), 1, kVocab, kVocab, &last_id);
  EXPECT_EQ(last_id, kVocab - 1);
}

#ifdef ROPEWALK_SANITIZED
constexpr bool kMayFork = false;  // as in tests/core/parallel_test.cpp
#else
constexpr bool kMayFork = true;
#endif

TEST(Sizes, ManyThreadsCallersAndProcessesGiveTheSameBits) {
  const Made made(64, 300);
  const TestModel made_model = made.model(make_cpu_backend(Precision::kBf16));
  const Model& model = made_model.model;
  const std::vector<Token> tokens = some_tokens(120, 300);
  model.backend().context()->set_threads(1);
  const auto expected = all_logits(model, "rerope:window=32", tokens, {.n = 120});
  const auto same = [&] {
    return largest_difference(expected, all_logits(model, "rerope:window=32", tokens, {.n = 120})) == 0;
  };
  for (const int n : {8, 24}) {
    model.backend().context()->set_threads(n);
    std::vector<char> ok(6);
    std::vector<std::thread> callers;
    for (char& one : ok) callers.emplace_back([&] { one = same() ? 1 : 0; });
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(std::count(ok.begin(), ok.end(), 1), 6) << n;
    if (!kMayFork) continue;
    std::vector<pid_t>
        children;  // of a process whose threads have worked already; both at once, and their parent
    for (int c = 0; c < 2; ++c)
      if (const pid_t child = ::fork(); child == 0) {
        ::alarm(60);
        std::_Exit(same() && same() ? 7 : 1);
      } else {
        children.push_back(child);
      }
    EXPECT_TRUE(same());
    for (const pid_t child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << n;
    }
  }
}

}  // namespace
}  // namespace rw
