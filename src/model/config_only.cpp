// SPDX-License-Identifier: Apache-2.0
/// The readers of families look at tensors to see which parts a layer has. Here they see a file of the
/// tensors that they need: few, and as small as can be.
#include "model/config_only.h"

#include <cstring>

#include "core/bytes.h"
#include "core/checked.h"
#include "formats/hf_folder.h"
#include "formats/hf_object.h"

namespace rw {
namespace {

constexpr const char* kConfigText = "config";

/// A safetensors file in memory, of matrices of one row of float32 zeros.
class SmallFile {
 public:
  void add(const std::string& name, std::size_t n_in) {
    const std::size_t end = n_bytes_ + n_in * sizeof(float);
    header_[name] = {{"dtype", "F32"}, {"shape", {1, n_in}}, {"data_offsets", {n_bytes_, end}}};
    n_bytes_ = end;
  }
  std::vector<std::byte> bytes() const {
    const std::string text = dump_json(header_);
    const std::uint64_t length = text.size();
    std::vector<std::byte> all(sizeof length + text.size() + n_bytes_);
    std::memcpy(all.data(), &length, sizeof length);
    copy_bytes(all.data() + sizeof length, text.data(), text.size());
    return all;
  }

 private:
  Json header_ = Json::object();
  std::size_t n_bytes_ = 0;
};

std::int64_t integer_of(const Metadata& metadata, const std::string& key, std::int64_t otherwise) {
  const auto found = metadata.find(key);
  const auto* value = found == metadata.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return value == nullptr ? otherwise : *value;
}

}  // namespace

ModelConfig read_config_only(std::string_view config_json, const std::vector<bool>& attends) {
  const std::string text = without_python_numbers(config_json);
  const Metadata said = translate_config(parse_json(text, kConfigText, 4u << 20), kConfigText);
  const std::string arch = std::get<std::string>(said.at("general.architecture"));
  const auto of_arch = [&](const char* key, std::int64_t otherwise) {
    return integer_of(said, fmt::format("{}.{}", arch, key), otherwise);
  };
  const std::int64_t n_layers = of_arch("block_count", 0) - of_arch("nextn_predict_layers", 0);
  if (!attends.empty() && n_layers != static_cast<std::int64_t>(attends.size()))
    throw Error(kConfigText, fmt::format("attends for each of {} layers", n_layers),
                fmt::format("{}", attends.size()));
  const std::int64_t width = of_arch("token_embedding_length", of_arch("embedding_length", 1));
  const std::int64_t first_mixed = of_arch("leading_dense_block_count", 0);
  const auto holds = [&](const std::string& key) {
    const auto found = said.find(key);
    return found != said.end() && found->second == MetaValue(true);
  };
  const bool has_bias = holds("ropewalk.attention_bias");

  SmallFile file;
  const Index checked = Checked(static_cast<std::uint64_t>(width), kConfigText).in(1, 1 << 20);
  file.add("token_embd.weight", static_cast<std::size_t>(checked));
  file.add("output.weight", 1), file.add("output_transform.weight", 1);
  for (std::int64_t l = 0; l < n_layers; ++l) {
    const auto add = [&](const char* name) { file.add(fmt::format("blk.{}.{}", l, name), 1); };
    add("attn_norm.weight");
    if (!holds(arch + ".use_parallel_residual")) add("ffn_norm.weight");  // both parts may have one norm
    if (attends.empty() || attends[static_cast<std::size_t>(l)])
      add("attn_q.weight"), add("attn_q_norm.weight");
    else
      add("ssm_conv1d.weight"), add("shortconv.conv.weight");
    if (has_bias) add("attn_q.bias"), add("attn_output.bias");
    if (of_arch("expert_count", 0) > 0 && l >= first_mixed) add("ffn_gate_inp.weight");
  }
  const std::vector<std::byte> bytes = file.bytes();
  return read_config(*parse_hf_model(text, "", bytes, kConfigText));
}

}  // namespace rw
