// SPDX-License-Identifier: Apache-2.0
/// ropewalk inspect: what is in a model file, and what this engine makes of it.
#include <unistd.h>

#include <algorithm>

#include "chat/turn.h"
#include "cli/command.h"
#include "cli/inspect_attention.h"
#include "cli/inspect_layers.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/text.h"
#include "model/identity.h"
#include "model/method_choice.h"
#include "model/sequence.h"
#include "model/tensors.h"
#include "model/weight_outlook.h"
#include "model/weight_room.h"

namespace rw::cli::inspect {
namespace {

struct Options {
  std::string model;
  bool tensors = false, metadata = false, attention = false, sha256 = false, json = false;
  InspectAttention shares;
} options;

std::string brief(const MetaValue& value) {
  auto list = [](const auto& v, const char* kind) { return fmt::format("[{} {}]", v.size(), kind); };
  struct Visitor {
    decltype(list)& many;
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(const std::string& v) const {
      return dump_json(Json(v.size() > 60 ? v.substr(0, 57) + "..." : v));
    }
    std::string operator()(const std::vector<std::int64_t>& v) const { return many(v, "integers"); }
    std::string operator()(const std::vector<double>& v) const { return many(v, "numbers"); }
    std::string operator()(const std::vector<std::string>& v) const { return many(v, "strings"); }
    std::string operator()(const NestedList& v) const { return fmt::format("[{} lists]", v.n); }
  };
  return std::visit(Visitor{list}, value);
}

/// Where layers differ, sizes are a list of all that there are; the rest is of the first on which methods
/// act, and "layers" has the others'.
void add_config(const ModelConfig& c, Json& j) {
  const AttentionSpec& a = c.layers[static_cast<std::size_t>(c.acting_layer())].attention;
  Index window = 0;
  for (const LayerSpec& each : c.layers) window = std::max(window, each.attention.window);
  j["n_layers"] = c.n_layers();
  j["d_model"] = c.d_model;
  Json d_ff =
      sizes_of(c, [](const LayerSpec& each) { return each.ffn.experts.n_experts > 0 ? 0 : each.ffn.d_ff; });
  if (d_ff != 0) j["d_ff"] = std::move(d_ff);
  j["n_heads"] = sizes_of(c, [](const LayerSpec& each) { return Index{each.attention.n_heads}; });
  j["n_kv_heads"] = sizes_of(c, [](const LayerSpec& each) { return Index{each.attention.n_kv_heads}; });
  j["head_dim"] = sizes_of(c, [](const LayerSpec& each) { return Index{each.attention.head_dim}; });
  if (a.v_dim() != a.head_dim) j["value_dim"] = a.v_dim();
  if (a.latent.any()) j["latent"] = {{"kv_rank", a.latent.kv_rank}, {"q_rank", a.latent.q_rank}};
  if (c.per_layer_width > 0) j["per_layer_width"] = c.per_layer_width;
  if (const auto n = std::count_if(c.layers.begin(), c.layers.end(),
                                   [](const LayerSpec& each) { return each.kv_of >= 0; });
      n > 0)
    j["shared_kv_layers"] = n;
  if (Json experts = experts_of(c); !experts.empty()) j["experts"] = std::move(experts);
  j["n_vocab"] = c.n_vocab;
  j["n_ctx_train"] = c.n_ctx_train;
  j["n_ctx_original"] = c.n_ctx_original > 0 ? Json(c.n_ctx_original) : Json("unknown");
  j["rope_base"] = a.rope.base;
  j["rotary_dim"] = sizes_of(c, [](const LayerSpec& each) { return Index{each.attention.rope.rotary_dim}; });
  j["pairing"] = c.interleaved_qk ? "interleaved" : "half_split";
  j["own_scaling"] = own_scaling_of(a.rope);
  j["sliding_window"] = window;
  j["acting_layers"] = c.acting_layers();
  if (Json classes = layer_classes(c); classes.size() > 1) j["layers"] = std::move(classes);
  j["tied_embeddings"] = c.tied_embeddings;
}

/// {type, bytes_per_token: which each one more takes at last, n, bytes: of n_ctx_train tokens}: keys, values
/// and states, without a method.
Json cache_of(const ModelConfig& config) {
  constexpr Index kFar = 1 << 22;  // behind every window
  const Index n = std::max<Index>(1, config.n_ctx_train);
  const Method plain = bind_at(MethodSpec::parse("none"), config, n);
  const auto bytes = [&](Index n_tokens) {
    return most_cache_bytes(config, KvType::kBf16, plain, n_tokens, kDefaultChunk);
  };
  return {{"type", "bf16"},
          {"bytes_per_token", (bytes(2 * kFar) - bytes(kFar)) / kFar},
          {"n", n},
          {"bytes", bytes(n)}};
}

/// 12345678 -> "12.3 MB".
std::string size_text(double bytes) {
  return bytes < 1e6   ? fmt::format("{:.1f} KB", bytes / 1e3)
         : bytes < 1e9 ? fmt::format("{:.1f} MB", bytes / 1e6)
                       : fmt::format("{:.1f} GB", bytes / 1e9);
}

std::string latent_line(const Json& latent) {
  const Index q_rank = latent.at("q_rank");
  return fmt::format("keys and values of {} numbers, {}; the cache holds them expanded",
                     latent.at("kv_rank").get<Index>(),
                     q_rank > 0 ? fmt::format("queries of {}", q_rank) : "queries without");
}

std::string cache_line(const Json& cache) {
  return fmt::format("{} for each token, {} for {}; in {}", size_text(cache.at("bytes_per_token")),
                     size_text(cache.at("bytes")), cache.at("n").get<Index>(),
                     cache.at("type").get<std::string>());
}

/// `room`: memory for them; 0: what is free. What of the weights would stay in memory, were the model run
/// now.
Json weights_of(const ModelFile& file, const ModelConfig& config, std::size_t room) {
  const auto context = std::make_shared<Context>();
  context->set_weight_memory(room);
  const WeightPager pager(mapped_weights(file, config), config, context, KvType::kBf16);
  const WeightOutlook outlook = weight_outlook(pager, nullptr, nullptr);
  Json j = json_of(outlook);
  if (const std::string words = words_of(outlook); !words.empty()) j["words"] = words;
  return j;
}

/// No weights are needed: what cannot be run is described as far as it is understood, and says why not.
Json summary(const ModelFile& file, std::size_t room) {
  std::map<std::string, int> types;
  for (const TensorInfo& tensor : file.tensors()) ++types[tensor.type];
  std::string used;
  for (const auto& [name, count] : types)
    used += fmt::format("{}{} x {}", used.empty() ? "" : ", ", count, name);
  Json j;
  j["path"] = file.path();
  j["container"] = file.container();
  j["architecture"] = file.string("general.architecture").value_or("unknown");
  j["name"] = file.string("general.name").value_or("");
  std::string runs = "yes";
  try {
    const ModelConfig config = read_config(file);
    add_config(config, j);
    check_tensors(file, config);
    if (!config.encoder) j["cache"] = cache_of(config);
    j["weights"] = weights_of(file, config, room);
  } catch (const Error& e) {
    runs = fmt::format("no: {}", e.what());
    if (const std::string there = layers_there(file); !there.empty())
      j["layers_there"] = (there.find_first_of(",-") == there.npos ? "layer " : "layers ") + there;
  }
  j["tensors"] = used;
  j["tensor_bytes"] = file.tensor_bytes();
  j["runs"] = runs;
  return j;
}

/// As sha256sum prints them, to compare with what a hub says.
void print_sha256(const ModelFile& file) {
  Json all;
  for (const std::string& path : file.files()) {
    const std::string hash = sha256_file(path);
    if (!options.json) fmt::print("{}  {}\n", hash, printable(path));
    all[path] = hash;
  }
  if (options.json) fmt::print("{}\n", dump_json(Json{{"model_id", model_id(file)}, {"sha256", all}}));
}

/// Every key and every tensor, as a user compares them with what another tool wrote.
void list(const ModelFile& file) {
  Json metadata = Json::object(), tensors = Json::array();
  for (const auto& [key, value] : file.metadata()) metadata[key] = brief(value);
  for (const TensorInfo& tensor : file.tensors())
    tensors.push_back({{"name", tensor.name}, {"format", tensor.type}, {"shape", tensor.shape}});
  if (options.json) {
    Json j;
    if (options.metadata) j["metadata"] = metadata;
    if (options.tensors) j["tensors"] = tensors;
    if (options.tensors) j["left_out"] = file.left_out();
    fmt::print("{}\n", dump_json(j));
    return;
  }
  if (options.metadata)
    for (const auto& [key, value] : metadata.items()) fmt::print("{} = {}\n", key, value.get<std::string>());
  if (options.tensors)
    for (const TensorInfo& tensor : file.tensors())
      fmt::print("{:<32} {:>6}  ({})\n", tensor.name, tensor.type, fmt::join(tensor.shape, ", "));
  if (options.tensors)
    for (const std::string& name : file.left_out()) fmt::print("{}  left out: not of the text\n", name);
}

/// What a value means where its name alone does not say it.
const char* words_for(const std::string& key) {
  if (key == "n_vocab") return "rows of the embedding";
  if (key == "n_ids") return "ids that the tokenizer has";
  if (key == "n_ctx_train") return "tokens: the trained length as shipped, own scaling included";
  if (key == "n_ctx_original") return "tokens: the length its frequencies bend around";
  if (key == "acting_layers") return "layers, on which methods act";
  if (key == "layers_there") return "with a tensor in the file";
  if (key == "per_layer_width") return "dims of the embedding that each layer has";
  if (key == "shared_kv_layers") return "layers at the end, which read keys and values of earlier ones";
  return "";
}

/// A file without a tokenizer, or with one that is not supported, is still worth looking at.
void add_tokenizer(const ModelFile& file, Json& j) {
  try {
    const auto tokenizer = Tokenizer::open(file);
    j["tokenizer"] = tokenizer->kind();
    j["n_ids"] = tokenizer->n_vocab();
    j["add_bos"] = tokenizer->add_bos;
    j["chat_template"] = describe_chat(*tokenizer);
    std::vector<std::string> ends;
    for (const Token id : tokenizer->end_tokens) {
      const std::string text = tokenizer->decode(id, true);  // a word's begins with a space
      ends.push_back(text.substr(std::min(text.find_first_not_of(' '), text.size())));
    }
    j["end_tokens"] = ends;
  } catch (const Error& e) {
    j["tokenizer"] = fmt::format("cannot be used: {}", e.what());
  }
}

constexpr std::size_t kColumn = 17;

/// As people read them, in 80 columns.
void print_words(const std::string& key, const std::string& words) {
  fmt::print("{}", wrapped(fmt::format("{:<{}}{}", key, kColumn, words), std::string(kColumn, ' ')));
}
/// The same on a terminal; else in one line, for who searches it.
void print_line(const std::string& key, const std::string& words) {
  if (isatty(STDOUT_FILENO) != 0) return print_words(key, words);
  fmt::print("{:<{}}{}\n", key, kColumn, words);
}

void print_field(const std::string& key, const Json& value) {
  if (key == "layers") {
    for (const Json& layer_class : value)
      print_line(key, layer_class_line(layer_class, differing_sizes(value)));
  } else if (key == "experts") {
    print_line(key, experts_line(value));
  } else if (key == "latent") {
    print_line(key, latent_line(value));
  } else if (key == "cache") {
    print_line(key, cache_line(value));
  } else if (key == "weights") {
    if (value.contains("words")) print_words(key, value["words"].get<std::string>());
  } else {
    const std::string words = words_for(key);
    print_line(
        key, fmt::format("{}{}{}", value.is_string() ? printable(value.get<std::string>()) : dump_json(value),
                         words.empty() ? "" : " ", words));
  }
}

int run() {
  if (options.attention) {
    options.shares.model = options.model, options.shares.json = options.json;
    return inspect_attention(options.shares);
  }
  const std::string& asked = options.shares.backend.weight_memory;
  const std::size_t room = asked.empty() ? 0 : checked_weight_memory(parse_bytes(asked, "--weight-memory"));
  const auto file = ModelFile::open(options.model);
  if (options.sha256) {
    print_sha256(*file);
    return 0;
  }
  if (options.metadata || options.tensors) {
    list(*file);
    return 0;
  }
  Json j = summary(*file, room);
  add_tokenizer(*file, j);
  if (options.json) {
    fmt::print("{}\n", dump_json(j));
    return 0;
  }
  for (const auto& [key, value] : j.items()) print_field(key, value);
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_flag("--metadata", options.metadata, "list every metadata key");
  app.add_flag("--tensors", options.tensors, "list every tensor");
  app.add_flag("--sha256", options.sha256, "SHA-256 of every file of the model");
  app.add_flag("--attention", options.attention, "share of attention on the first tokens, by layer");
  app.add_option("--text", options.shares.text, "--attention: what the model reads");
  define_special(app, options.shares.special);
  app.add_option("--length", options.shares.length, "--attention: tokens;\ndefault: as trained, 4k at most");
  app.add_option("--method", options.shares.method, "--attention: method")->capture_default_str();
  app.add_option("--first", options.shares.n_first, "--attention: how many tokens are the first")
      ->check(in_range(1, 1024))
      ->capture_default_str();
  app.add_option("-t,--threads", options.shares.n_threads, "--attention: threads; 0: all cores")
      ->check(in_range(0, 1024));
  options.shares.backend.define(app);
  app.add_flag("--json", options.json, "one JSON object");
  app.only_with("--attention", {"--text", "--special", "--length", "--method", "--first", "--threads",
                                "--precision", "--kv"});
  app.never_with("--attention", {"--sha256", "--metadata", "--tensors"});
  app.never_with("--sha256", {"--metadata", "--tensors"});
  app.footer(
      "Examples:\n  ropewalk inspect model.gguf\n  ropewalk inspect model.gguf --tensors\n"
      "  ropewalk inspect model.gguf --attention --text novel.txt --length 4k");
}

const Register<Command> registered{{"inspect", "what is in a model file", define, run}};

}  // namespace
}  // namespace rw::cli::inspect
