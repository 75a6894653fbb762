// SPDX-License-Identifier: Apache-2.0
#include "train/new_model.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "core/hash.h"
#include "core/output_folder.h"
#include "core/random.h"
#include "core/text_file.h"
#include "formats/gguf.h"
#include "formats/write_gguf.h"
#include "formats/write_safetensors.h"
#include "model/identity.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

struct Shape {
  std::string gguf, folder;  // names
  std::vector<Index> shape;
};

std::vector<Shape> shapes_of(const LlamaSizes& s) {
  const Index q = Index{s.n_heads} * s.head_dim, kv = Index{s.n_kv_heads} * s.head_dim;
  std::vector<Shape> shapes = {{"token_embd", "model.embed_tokens", {s.n_vocab, s.d_model}},
                               {"output_norm", "model.norm", {s.d_model}}};
  if (!s.tied) shapes.push_back({"output", "lm_head", {s.n_vocab, s.d_model}});
  for (int l = 0; l < s.n_layers; ++l) {
    const std::string gguf = fmt::format("blk.{}.", l), folder = fmt::format("model.layers.{}.", l);
    for (const Shape& part : {Shape{"attn_norm", "input_layernorm", {s.d_model}},
                              Shape{"attn_q", "self_attn.q_proj", {q, s.d_model}},
                              Shape{"attn_k", "self_attn.k_proj", {kv, s.d_model}},
                              Shape{"attn_v", "self_attn.v_proj", {kv, s.d_model}},
                              Shape{"attn_output", "self_attn.o_proj", {s.d_model, q}},
                              Shape{"ffn_norm", "post_attention_layernorm", {s.d_model}},
                              Shape{"ffn_gate", "mlp.gate_proj", {s.d_ff, s.d_model}},
                              Shape{"ffn_up", "mlp.up_proj", {s.d_ff, s.d_model}},
                              Shape{"ffn_down", "mlp.down_proj", {s.d_model, s.d_ff}}})
      shapes.push_back({gguf + part.gguf, folder + part.folder, part.shape});
  }
  return shapes;
}

std::vector<TensorToWrite> tensors_of(const LlamaSizes& sizes, bool gguf) {
  std::vector<TensorToWrite> tensors;
  for (const Shape& shape : shapes_of(sizes))
    tensors.push_back({(gguf ? shape.gguf : shape.folder) + ".weight", "F32", shape.shape});
  if (!gguf) std::sort(tensors.begin(), tensors.end(), safetensors_before);
  return tensors;
}

constexpr const char* kBesideTokenizer[] = {"tokenizer_config.json", "special_tokens_map.json"};

fs::path folder_of_tokenizer(const std::string& path) {
  return fs::is_directory(path) ? fs::path(path) : fs::path(path).parent_path();
}

/// Matrices 0, norms 1.
TensorSource untrained(const std::vector<TensorToWrite>& tensors) {
  return [&tensors](std::size_t i, const TensorSink& sink) {
    const std::vector<Index>& shape = tensors[i].shape;
    const std::vector<float> row(static_cast<std::size_t>(shape.back()), shape.size() == 1 ? 1.0f : 0.0f);
    for (Index r = 0; r < (shape.size() == 1 ? 1 : shape.front()); ++r) sink(std::as_bytes(std::span(row)));
  };
}

std::vector<GgufKey> keys_of(const LlamaSizes& s, const std::string& name, std::vector<GgufKey> from) {
  drop_gguf_keys(from, [](const std::string& key) {
    return !key.starts_with("tokenizer.") || key == "tokenizer.chat_template";
  });
  const auto u32 = [](const char* key, Index value) {
    return GgufKey::u32(std::string("llama.") + key, static_cast<std::uint32_t>(value));
  };
  std::vector<GgufKey> keys = {GgufKey::string("general.architecture", "llama"),
                               GgufKey::string("general.name", name),
                               GgufKey::u32("general.file_type", 0),
                               u32("context_length", s.n_ctx_train),
                               u32("embedding_length", s.d_model),
                               u32("block_count", s.n_layers),
                               u32("feed_forward_length", s.d_ff),
                               u32("attention.head_count", s.n_heads),
                               u32("attention.head_count_kv", s.n_kv_heads),
                               u32("attention.key_length", s.head_dim),
                               u32("attention.value_length", s.head_dim),
                               u32("rope.dimension_count", s.head_dim),
                               GgufKey::f32("llama.rope.freq_base", static_cast<float>(s.rope_base)),
                               GgufKey::f32("llama.attention.layer_norm_rms_epsilon", s.norm_eps),
                               u32("vocab_size", s.n_vocab)};
  keys.insert(keys.end(), from.begin(), from.end());
  return keys;
}

/// Normal numbers that follow from a seed and a tensor's name: the same wherever the tensor stands among the
/// others.
class Normal {
 public:
  Normal(std::uint64_t seed, std::string_view name) : random_(seed) {
    std::uint64_t mixed = random_.next();
    for (const char c : name) mixed = Random(mixed ^ static_cast<unsigned char>(c)).next();
    random_ = Random(mixed);
  }
  double next() {  // Box and Muller 1958
    const double radius = std::sqrt(-2 * std::log(random_.uniform()));
    return radius * std::cos(2 * std::numbers::pi * random_.uniform());
  }

 private:
  Random random_;
};

/// `rows` of `columns`, each of length 1 and at right angles to the others, column 0 all 0.
std::vector<float> right_angles(Index rows, Index columns, Normal& normal) {
  std::vector<std::vector<double>> done;
  std::vector<float> result(static_cast<std::size_t>(rows * columns));
  for (Index r = 0; r < rows; ++r) {
    std::vector<double> v(static_cast<std::size_t>(columns));
    for (std::size_t c = 1; c < v.size(); ++c) v[c] = normal.next();
    for (int twice = 0; twice < 2; ++twice)  // once leaves the rounding of the first
      for (const std::vector<double>& other : done) {
        double product = 0;
        for (std::size_t c = 0; c < v.size(); ++c) product += v[c] * other[c];
        for (std::size_t c = 0; c < v.size(); ++c) v[c] -= product * other[c];
      }
    double length = 0;
    for (const double x : v) length += x * x;
    for (double& x : v) x /= std::sqrt(length);
    std::copy(v.begin(), v.end(), result.begin() + static_cast<std::ptrdiff_t>(r * columns));
    done.push_back(std::move(v));
  }
  return result;
}

/// A parameter's values as a matrix.
class Rows {
 public:
  Rows(LearningModel& model, const std::string& name) {
    for (const Parameter& p : model.parameters)
      if (p.name == name) values_ = model.values->data() + p.begin, n_columns_ = p.n_columns;
    if (!values_) throw UsageError("[model] start", "a model of Llama's kind", "no " + name);
  }
  float& at(Index r, Index c) { return values_[r * n_columns_ + c]; }
  Index n_columns() const { return n_columns_; }
  void set(Index first, Index n_rows, const std::vector<float>& from, float factor) {
    for (Index i = 0; i < n_rows * n_columns_; ++i)
      values_[first * n_columns_ + i] = factor * from[static_cast<std::size_t>(i)];
  }
  /// Columns [0, n_rows) are the rows of `from`.
  void set_across(Index n_rows, const std::vector<float>& from, Index d, float factor) {
    for (Index r = 0; r < n_rows; ++r)
      for (Index c = 0; c < d; ++c) at(c, r) = factor * from[static_cast<std::size_t>(r * d + c)];
  }

 private:
  float* values_ = nullptr;
  Index n_columns_ = 0;
};

}  // namespace

std::unique_ptr<const Tokenizer> open_tokenizer_of(const std::string& path) {
  if (path.ends_with(".gguf")) return Tokenizer::open(*ModelFile::open(path));
  return open_hf_tokenizer(folder_of_tokenizer(path).string());
}

std::string tokenizer_id(const std::string& path) {
  if (path.ends_with(".gguf")) return model_id(*ModelFile::open(path));
  const fs::path from = folder_of_tokenizer(path);
  std::string all = sha256_file((from / "tokenizer.json").string());
  std::error_code none;
  for (const char* beside : kBesideTokenizer)
    if (fs::exists(from / beside, none))
      all += fmt::format(" {} {}", beside, sha256_file((from / beside).string()));
  return sha256(all);
}

std::string write_untrained(LlamaSizes& sizes, const std::string& tokenizer, const std::string& name,
                            const std::string& folder) {
  const std::unique_ptr<const Tokenizer> opened = open_tokenizer_of(tokenizer);
  sizes.n_vocab = opened->n_vocab();
  const bool gguf = tokenizer.ends_with(".gguf");
  const std::vector<TensorToWrite> tensors = tensors_of(sizes, gguf);
  std::string path = folder + (gguf ? "/start.gguf" : "/start");
  if (gguf) {
    write_gguf(path, keys_of(sizes, name, read_gguf_keys(tokenizer)), tensors, untrained(tensors));
    return path;
  }
  const fs::path from = folder_of_tokenizer(tokenizer);
  OutputFolder out(path, Existing::kReplaced);
  out.write("tokenizer.json", read_bytes((from / "tokenizer.json").string()));
  std::error_code none;
  for (const char* beside : kBesideTokenizer)
    if (fs::exists(from / beside, none)) out.write(beside, read_bytes((from / beside).string()));
  out.write("config.json", dump_json(llama_config_json(sizes, "F32", opened->bos, opened->eos), 1) + "\n");
  write_safetensors(out.file("model.safetensors"), tensors, untrained(tensors));
  out.commit();
  return path;
}

void start_random(LearningModel& model, std::uint64_t seed, double embedding_std) {
  for (const Parameter& p : model.parameters) {
    float* values = model.values->data() + p.begin;
    const bool bias = p.name.ends_with(".bias");
    const double size = p.kind == ParameterKind::kEmbedding ? embedding_std
                        : p.name.find("attn_output") != p.name.npos || p.name.find("ffn_down") != p.name.npos
                            ? 0
                            : 1 / std::sqrt(static_cast<double>(p.n_columns));
    Normal normal(seed, p.name);
    for (Index i = 0; i < p.n(); ++i)
      values[i] = p.kind == ParameterKind::kVector ? (bias ? 0.0f : 1.0f)
                                                   : static_cast<float>(size == 0 ? 0 : size * normal.next());
  }
}

void require_room_to_find(const ModelConfig& c) {
  const AttentionSpec& a = c.layers.front().attention;
  if (c.n_layers() < 2 || a.head_dim < 36 || c.d_model < a.head_dim + 1 || a.n_kv_heads != a.n_heads)
    throw UsageError("[model] start", "two layers, 36 dims a head, a wider model, and keys for each head",
                     fmt::format("{} layers, head_dim {}, d_model {}, {} of {} heads with keys", c.n_layers(),
                                 a.head_dim, c.d_model, a.n_kv_heads, a.n_heads),
                     "start = \"random\" takes any sizes");
}

void start_with_finding(LearningModel& model, std::uint64_t seed, double embedding_std) {
  const ModelConfig& c = model.model->config();
  const AttentionSpec& a = c.layers.front().attention;
  const Index n = a.head_dim, half = n / 2, d = c.d_model;
  require_room_to_find(c);
  start_random(model, seed, embedding_std);
  constexpr double kBefore = 20, kSame = 2;  // logit of the token before; scale of q and k of the second head
  constexpr Index kFast = 6, kSlow = 14;     // pairs that turn fast; the first that hardly turns
  Normal normal(seed, "start_with_finding");
  // Coordinate 0 is the same for every token: what a head needs that looks at a place, not at a token.
  Rows embedding(model, "token_embd.weight");
  const double constant = embedding_std * std::sqrt(static_cast<double>(d));
  for (Index t = 0; t < c.n_vocab; ++t) embedding.at(t, 0) = static_cast<float>(constant);
  const double scale = std::sqrt(static_cast<double>(d) / 2);  // of coordinate 0 behind the norm

  // Layer 0: q is constant and k is q turned by one place, in the pairs that turn fast: q R(j - i) k is
  // greatest at j = i - 1.
  Rows q0(model, "blk.0.attn_q.weight"), k0(model, "blk.0.attn_k.weight"), v0(model, "blk.0.attn_v.weight"),
      o0(model, "blk.0.attn_output.weight");
  const std::vector<float> nothing(static_cast<std::size_t>(n * d));
  q0.set(0, n, nothing, 0), k0.set(0, n, nothing, 0);
  const double length = std::sqrt(kBefore * std::sqrt(static_cast<double>(n)) / kFast) / scale;
  for (Index m = 0; m < kFast; ++m) {
    const double theta = std::pow(a.rope.base, -2.0 * static_cast<double>(m) / static_cast<double>(n));
    q0.at(m, 0) = static_cast<float>(length);
    k0.at(m, 0) = static_cast<float>(length * std::cos(theta));
    k0.at(m + half, 0) = static_cast<float>(length * std::sin(theta));
  }
  const std::vector<float> reads = right_angles(n, d, normal), writes = right_angles(n, d, normal);
  v0.set(0, n, reads, 1);
  // As long as the token's own vector.
  const double added = constant / (scale * std::sqrt(static_cast<double>(n) / static_cast<double>(d - 1)));
  o0.set_across(n, writes, d, static_cast<float>(added));

  // Layer 1: q is the token, k what layer 0 wrote, in the pairs that hardly turn within the trained length.
  Rows q1(model, "blk.1.attn_q.weight"), k1(model, "blk.1.attn_k.weight"), v1(model, "blk.1.attn_v.weight"),
      o1(model, "blk.1.attn_output.weight");
  q1.set(0, n, nothing, 0), k1.set(0, n, nothing, 0);
  Index row = 0;
  for (const Index side : {Index{0}, half})
    for (Index m = kSlow; m < half; ++m, ++row)
      for (Index column = 0; column < d; ++column) {
        q1.at(m + side, column) =
            static_cast<float>(kSame * reads[static_cast<std::size_t>(row * d + column)]);
        k1.at(m + side, column) =
            static_cast<float>(kSame * writes[static_cast<std::size_t>(row * d + column)]);
      }
  const std::vector<float> copies = right_angles(n, d, normal);
  v1.set(0, n, copies, 1);
  o1.set_across(n, copies, d, static_cast<float>(added));
}

}  // namespace rw
