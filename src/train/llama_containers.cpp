// SPDX-License-Identifier: Apache-2.0
#include "train/llama_containers.h"

#include <algorithm>
#include <filesystem>

#include "formats/hf_folder.h"
#include "formats/write_gguf.h"
#include "formats/write_safetensors.h"
#include "model/pairing.h"
#include "tokenizer/convert.h"
#include "train/llama_sizes.h"
#include "train/stored_tensors.h"
#include "train/write_settings.h"

namespace rw {
namespace {

bool has_frequencies(const TensorInfo& tensor) {
  return tensor.name == "rope_freqs.weight" || tensor.name.starts_with("rope_factors_") ||
         tensor.name.ends_with("rotary_emb.inv_freq");
}

/// For each row of a GGUF's q or k the engine's row: the inverse of interleaved_row.
std::vector<Index> rows_in_gguf(const AttentionSpec& attention, Index n) {
  std::vector<Index> rows(static_cast<std::size_t>(n));
  for (Index r = 0; r < n; ++r) rows[static_cast<std::size_t>(interleaved_row(r, attention))] = r;
  return rows;
}

std::vector<Index> rows_in_order(Index n) {
  std::vector<Index> rows(static_cast<std::size_t>(n));
  for (Index r = 0; r < n; ++r) rows[static_cast<std::size_t>(r)] = r;
  return rows;
}

/// The method that the file says: what was asked for, else the source's own scaling, spelled out.
FileSettings settings_of(const Model& source, const WriteOptions& options) {
  if (options.settings) return *options.settings;
  const ModelConfig& config = source.config();
  const RopeContext context = config.rope_context(config.acting_layer(), config.n_ctx_train);
  const Method bound = Method::bind(MethodSpec::parse("none"), context);
  return file_settings(MethodSpec::parse(bound.text()), context, config.architecture);
}

std::vector<GgufKey> keys_of(const Model& source, const std::string& type) {
  const LlamaSizes s = llama_sizes(source.config(), source.file().path());
  const auto number = [](Index value) { return static_cast<std::uint32_t>(value); };
  std::vector<GgufKey> keys = {
      GgufKey::string("general.architecture", "llama"),
      GgufKey::string("general.name", std::filesystem::path(source.file().path()).filename().string()),
      GgufKey::u32("llama.block_count", number(s.n_layers)),
      GgufKey::u32("llama.context_length", number(s.n_ctx_train)),
      GgufKey::u32("llama.embedding_length", number(s.d_model)),
      GgufKey::u32("llama.feed_forward_length", number(s.d_ff)),
      GgufKey::u32("llama.attention.head_count", number(s.n_heads)),
      GgufKey::u32("llama.attention.head_count_kv", number(s.n_kv_heads)),
      GgufKey::u32("llama.attention.key_length", number(s.head_dim)),
      GgufKey::u32("llama.attention.value_length", number(s.head_dim)),
      GgufKey::u32("llama.rope.dimension_count", number(source.config().layers[0].attention.rope.rotary_dim)),
      GgufKey::f32("llama.rope.freq_base", static_cast<float>(s.rope_base)),
      GgufKey::f32("llama.attention.layer_norm_rms_epsilon", s.norm_eps),
      GgufKey::u32("llama.vocab_size", number(s.n_vocab))};
  if (!type.empty()) keys.push_back(GgufKey::u32("general.file_type", gguf_file_type(type)));
  if (type == "Q8_0") keys.push_back(GgufKey::u32("general.quantization_version", 2));
  for (GgufKey& key : tokenizer_as_gguf(source.file(), s.n_vocab)) keys.push_back(std::move(key));
  return keys;
}

}  // namespace

OtherTensors::OtherTensors(const Model& source, const NewWeights& weights, std::string type, bool to_gguf)
    : source_(source), weights_(weights), type_(std::move(type)), to_gguf_(to_gguf) {
  require_written_type(type_, to_gguf);
  for (const std::string& name : weights.names) source.file().tensor(name);
  for (const TensorInfo& tensor : source.file().tensors()) {
    if (has_frequencies(tensor)) continue;  // the settings say them
    const std::string name = to_gguf ? tensor.name : llama_tensor_name(tensor.name);
    if (name.empty() || llama_tensor_name(tensor.name).empty())
      throw Error(source.file().path(), "tensors that Llama has, to write the other container", tensor.name);
    from_.push_back(&tensor);
    tensors_.push_back({name, type_of(tensor), tensor.shape});
  }
  if (to_gguf) return;
  std::vector<std::size_t> order(tensors_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return safetensors_before(tensors_[a], tensors_[b]); });
  std::vector<TensorToWrite> tensors;
  std::vector<const TensorInfo*> from;
  for (const std::size_t i : order) {
    tensors.push_back(tensors_[i]);
    from.push_back(from_[i]);
  }
  tensors_ = std::move(tensors), from_ = std::move(from);
}

std::string OtherTensors::type_of(const TensorInfo& tensor) const {
  if (to_gguf_ && tensor.shape.size() == 1) return "F32";
  const bool plain = tensor.type == "F32" || tensor.type == "F16" || tensor.type == "BF16";
  const bool anew = weights_.names.contains(tensor.name) || !plain || (!to_gguf_ && tensor.shape.size() == 1);
  const std::string& type = anew && !type_.empty() ? type_ : tensor.type;
  if (!to_gguf_ && type != "F32" && type != "F16" && type != "BF16")
    throw UsageError("type of the weights", "F32, F16 or BF16, since no folder holds the source's",
                     tensor.type, "name one of them");
  require_rows_fit(tensor.name, tensor.shape, type);
  return type;
}

void OtherTensors::write(std::size_t i, const TensorSink& sink) const {
  const TensorInfo& tensor = *from_[i];
  const Index n_rows = tensor.shape[0];
  const AttentionSpec* there = to_gguf_ ? rotated_attention(source_.config(), tensor.name) : nullptr;
  const std::vector<Index> rows = there ? rows_in_gguf(*there, n_rows) : rows_in_order(n_rows);
  const bool is_new = weights_.names.contains(tensor.name);
  if (!is_new && tensors_[i].type == tensor.type) {  // as it stands, row by row
    const RowOrder here(source_.config(), tensor.name);
    const std::size_t bytes = tensor.n_bytes() / static_cast<std::size_t>(n_rows);
    for (const Index r : rows) sink({tensor.row(here.stored(r)), bytes});
    return;
  }
  const std::vector<float> values =
      is_new ? weights_.values(tensor.name) : engine_values(source_.file(), source_.config(), tensor.name);
  const Index width = static_cast<Index>(values.size()) / n_rows;
  std::vector<float> ordered(values.size());
  for (Index r = 0; r < n_rows; ++r)
    std::copy_n(values.begin() + rows[static_cast<std::size_t>(r)] * width, width,
                ordered.begin() + r * width);
  write_encoded(ordered, tensors_[i].type, "tensor " + tensors_[i].name, sink);
}

std::string why_one_container(const ModelFile& file, const ModelConfig& config) {
  try {
    llama_sizes(config, file.path());
    if (file.container().starts_with("GGUF"))
      tokenizer_as_json(file);
    else
      tokenizer_as_gguf(file, config.n_vocab);
  } catch (const Error& error) {
    return error.finding();
  }
  return "";
}

void write_folder_as_gguf(const Model& source, const NewWeights& weights, const WriteOptions& options,
                          const std::string& path) {
  std::vector<GgufKey> keys = keys_of(source, options.type);
  const FileSettings settings = settings_of(source, options);
  set_gguf_settings(settings, "llama", keys);
  set_gguf_general(options.general, keys);
  const OtherTensors other(source, weights, options.type, true);
  write_gguf_with_freqs(
      path, keys, other.tensors(), [&](std::size_t i, const TensorSink& sink) { other.write(i, sink); },
      settings.rope_freqs);
}

void write_gguf_as_folder(const Model& source, const NewWeights& weights, const WriteOptions& options,
                          const std::string& path, Existing existing) {
  const FileSettings settings = settings_of(source, options);
  require_config_settings(settings);
  const LlamaSizes sizes = llama_sizes(source.config(), source.file().path());
  const OtherTensors other(source, weights, options.type, false);
  const std::string type =
      options.type.empty() ? source.file().tensor("token_embd.weight").type : options.type;
  Json config = llama_config_json(sizes, type, source.tokenizer().bos, source.tokenizer().eos);
  for (const auto& [key, value] : settings.config.items()) config[key] = value;
  const TokenizerFiles tokenizer = tokenizer_as_json(source.file());
  OutputFolder folder(path, existing);
  folder.write("config.json", dump_json(config, 2) + "\n");
  folder.write("tokenizer.json", tokenizer.tokenizer_json);
  folder.write("tokenizer_config.json", tokenizer.tokenizer_config_json);
  write_safetensors(folder.file("model.safetensors"), other.tensors(),
                    [&](std::size_t i, const TensorSink& sink) { other.write(i, sink); });
  folder.commit();
}

}  // namespace rw
