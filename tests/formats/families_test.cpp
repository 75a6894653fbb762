// SPDX-License-Identifier: Apache-2.0
/// Every family as a Hugging Face folder and as the GGUF file of the same weights: the same keys, the same
/// tensors, the same values, whatever either of them fuses, permutes or adds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "formats/hf_folder.h"

namespace rw {
namespace {

const std::string kTiny = std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/";

std::vector<std::string> tiny_families(bool in_both) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kTiny))
    if (std::filesystem::exists(entry.path() / "config.json") &&
        (!in_both || std::filesystem::exists(entry.path() / "model.gguf")))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Keys that one container has alone, or says in its own way: how the model was made, its scaling (a tensor
/// or a list of divisors), what is given where the other has its family's rule.
bool is_said_apart(const std::string& key, const std::string& arch) {
  if (!key.starts_with(arch + ".") || key.starts_with(arch + ".rope.scaling.")) return true;
  for (const char* name : {"vocab_size", "tensor_data_layout", "n_deepstack_layers"})
    if (key == fmt::format("{}.{}", arch, name)) return true;
  if (arch == "deepseek2" ||
      arch == "minicpm3")  // heads or latents are counted; of MiniCPM3 all have 3 scales
    for (const char* name : {"attention.key_length", "attention.value_length", "attention.key_length_mla",
                             "attention.value_length_mla", "attention.head_count_kv", "embedding_scale",
                             "residual_scale", "logit_scale"})
      if (key == fmt::format("{}.{}", arch, name)) return true;
  return arch == "nemotron" && key == "nemotron.attention.layer_norm_rms_epsilon";  // of a LayerNorm
}

bool has_states(const ModelFile& file) {
  return std::any_of(file.tensors().begin(), file.tensors().end(), [](const TensorInfo& tensor) {
    return tensor.name.find(".ssm_") != std::string::npos ||
           tensor.name.find(".shortconv") != std::string::npos;
  });
}

/// Of families with states: what the converter says by layer or of positions that are not there, and which
/// layers are of which kind, which tensors tell.
bool is_said_of_layers(const std::string& key) {
  for (const char* name :
       {".head_count_kv", ".feed_forward_length", ".context_length", ".recurrent_layers",
        ".full_attention_interval", ".layer_norm_epsilon", ".dimension_sections", ".freq_base", ".key_length",
        ".value_length", ".dimension_count", ".finetuned", ".expert_group_used_count"})
    if (key.ends_with(name)) return true;
  return false;
}

/// What a reader takes where the key is absent from a GGUF file.
bool is_default(const ModelFile& folder, const std::string& key, const std::string& arch) {
  const std::string name = key.substr(arch.size() + 1);
  const auto number = [&](const char* of) {
    return folder.integer(fmt::format("{}.{}", arch, of)).value_or(0);
  };
  const std::int64_t head_dim = number("attention.key_length");
  if (name == "attention.key_length" || name == "attention.value_length")
    return head_dim == number("embedding_length") / number("attention.head_count");
  if (name == "attention.head_count_kv") return number(name.c_str()) == number("attention.head_count");
  if (name == "rope.dimension_count") return number(name.c_str()) == head_dim;
  if (name == "rope.freq_base") return folder.number(key) == 10000.0;
  if (name == "attention.scale") return std::abs(*folder.number(key) * std::sqrt(head_dim) - 1) < 1e-12;
  if (name == "expert_weights_norm")  // as the family's reader takes it
    return *folder.boolean(key) == (arch != "qwen2moe" && arch != "olmoe" && arch != "deepseek2");
  // The rules of Gemma 2 and 3, Cohere 2 and Falcon, which their readers know.
  return name == "attention.sliding_window_pattern" || (arch == "falcon" && name == "use_parallel_residual");
}

bool is_same(const MetaValue& a, const MetaValue& b) {
  const auto number = [](const MetaValue& value) {
    const auto* whole = std::get_if<std::int64_t>(&value);
    const auto* real = std::get_if<double>(&value);
    return whole ? static_cast<double>(*whole) : real ? *real : std::nan("");
  };
  if (a == b) return true;
  return std::abs(number(a) - number(b)) <= 1e-7 * std::abs(number(a));  // GGUF holds 32 bits
}

/// The number under a key, or of a list of one for each layer the tensor's.
std::optional<std::int64_t> of_layer(const ModelFile& file, const std::string& key,
                                     const TensorInfo& tensor) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return std::nullopt;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&found->second))
    return list->at(std::stoul(tensor.name.substr(std::string_view("blk.").size())));
  return file.integer(key);
}

/// The values of a tensor, rows of q and k in half-split pairs.
std::vector<float> half_split_values(const ModelFile& file, const TensorInfo& tensor) {
  std::vector<float> values = ModelFile::dequantize(tensor);
  const bool rotates =
      tensor.name.find("attn_q.") != std::string::npos || tensor.name.find("attn_k.") != std::string::npos;
  if (!file.interleaved_qk() || !rotates) return values;
  const std::string arch = *file.string("general.architecture");
  if (file.integer(arch + ".attention.kv_lora_rank")) return values;  // both hold the same pairs
  const std::int64_t per_head =
      *file.integer(arch + ".embedding_length") / *of_layer(file, arch + ".attention.head_count", tensor);
  const std::int64_t head_dim = of_layer(file, arch + ".attention.key_length", tensor).value_or(per_head);
  const std::int64_t rotated = of_layer(file, arch + ".rope.dimension_count", tensor).value_or(head_dim);
  const std::vector<float> stored = values;
  const auto width = static_cast<std::int64_t>(values.size()) / tensor.shape[0];
  for (std::int64_t row = 0; row < tensor.shape[0]; ++row) {
    const std::int64_t head = row / head_dim, dim = row % head_dim, half = rotated / 2;
    const std::int64_t from = dim >= rotated ? dim : dim < half ? 2 * dim : 2 * (dim - half) + 1;
    std::copy_n(stored.begin() + (head * head_dim + from) * width, width, values.begin() + row * width);
  }
  return values;
}

/// In whatever order: the converter turns heads of states; of rates it writes -exp(a).
void expect_same_numbers(std::vector<float> folder, std::vector<float> gguf, bool rates) {
  for (float& a : folder) a = rates ? -std::exp(a) : a;
  std::sort(folder.begin(), folder.end()), std::sort(gguf.begin(), gguf.end());
  ASSERT_EQ(folder.size(), gguf.size());
  for (std::size_t i = 0; i < gguf.size(); ++i)
    ASSERT_NEAR(folder[i], gguf[i], 1e-6 * std::abs(gguf[i]) + 1e-30);
}

/// Gemma 4's GGUFs say sizes of heads once for layers with a window and once for the others, folders of each
/// layer.
bool is_by_window(const std::string& key, const std::string& arch) {
  for (const char* part : {"attention.key_length", "attention.value_length", "attention.head_count_kv",
                           "rope.dimension_count", "feed_forward_length"})
    if (key.starts_with(arch + "." + part)) return arch == "gemma4";
  return key == "ropewalk.rope_turning_pairs";
}

/// attn_k_b (heads, rank, dims) or attn_v_b (heads, dims, rank) by the folder's attn_kv_b, which has of each
/// head the rows of keys, then those of values.
std::vector<float> part_of_kv_b(const ModelFile& folder, const TensorInfo& part) {
  const bool keys = part.name.find("attn_k_b") != std::string::npos;
  std::string whole = part.name;
  whole.replace(whole.find(keys ? "attn_k_b" : "attn_v_b"), 8, "attn_kv_b");
  const std::vector<float> rows = ModelFile::dequantize(folder.tensor(whole));
  const std::int64_t n_heads = part.shape[0], dims = part.shape[keys ? 2 : 1],
                     rank = part.shape[keys ? 1 : 2];
  const std::int64_t of_head = folder.tensor(whole).shape[0] / n_heads;
  std::vector<float> values;
  for (std::int64_t i = 0; i < n_heads * dims * rank; ++i) {
    const std::int64_t head = i / (dims * rank), left = i % (dims * rank);
    const std::int64_t dim = keys ? left % dims : left / rank, column = keys ? left / dims : left % rank;
    values.push_back(rows[static_cast<std::size_t>(
        (head * of_head + (keys ? dim : of_head - dims + dim)) * rank + column)]);
  }
  return values;
}

class Families : public testing::TestWithParam<std::string> {};

TEST_P(Families, HaveTheSameKeysInBothContainers) {
  const auto folder = ModelFile::open(kTiny + GetParam()),
             gguf = ModelFile::open(kTiny + GetParam() + "/model.gguf");
  ASSERT_FALSE(folder->unsupported()) << folder->unsupported()->what();
  std::string arch = *gguf->string("general.architecture");
  if (GetParam() == "mistral") arch = "mistral";  // GGUF calls it a llama
  EXPECT_EQ(folder->string("general.architecture"), arch);
  for (const auto& [key, value] : gguf->metadata()) {
    const bool no_window = key.ends_with(".sliding_window") && gguf->integer(key) == 0;
    if (is_said_apart(key, arch) || is_by_window(key, arch) || no_window ||
        (has_states(*gguf) && is_said_of_layers(key)))
      continue;
    const auto found = folder->metadata().find(key);
    ASSERT_NE(found, folder->metadata().end()) << key;
    EXPECT_TRUE(is_same(found->second, value)) << key;
  }
  for (const auto& [key, value] : folder->metadata()) {
    if (is_by_window(key, arch) || (has_states(*gguf) && is_said_of_layers(key))) continue;
    const bool alone = !is_said_apart(key, arch) && !gguf->metadata().contains(key) && arch != "mistral";
    EXPECT_TRUE(!alone || is_default(*folder, key, arch)) << key << " is in the folder only";
  }
}

TEST_P(Families, HaveTheSameTensorsInBothContainers) {
  const auto folder = ModelFile::open(kTiny + GetParam()),
             gguf = ModelFile::open(kTiny + GetParam() + "/model.gguf");
  std::size_t n_own = 0;
  for (const TensorInfo& tensor : gguf->tensors()) {
    if (tensor.name.starts_with("rope_f")) {  // lists of the folder's config.json
      ++n_own;
      continue;
    }
    const bool k_b = tensor.name.ends_with("attn_k_b.weight");
    if (k_b || tensor.name.ends_with("attn_v_b.weight")) {
      EXPECT_EQ(part_of_kv_b(*folder, tensor), ModelFile::dequantize(tensor)) << tensor.name;
      n_own += k_b ? 1 : 0;  // two of one
      continue;
    }
    const bool rates = tensor.name.ends_with(".ssm_a");
    const TensorInfo* other = folder->find_tensor(rates ? tensor.name + "_log" : tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    if (has_states(*gguf) &&
        gguf->find_tensor(tensor.name.substr(0, tensor.name.find('.', 4)) + ".ssm_out.weight")) {
      expect_same_numbers(ModelFile::dequantize(*other), ModelFile::dequantize(tensor), rates);
      EXPECT_EQ(other->shape, tensor.shape) << tensor.name;
      continue;
    }
    EXPECT_EQ(other->shape, tensor.shape) << tensor.name;
    EXPECT_EQ(half_split_values(*folder, *other), half_split_values(*gguf, tensor)) << tensor.name;
  }
  EXPECT_EQ(folder->tensors().size() + n_own, gguf->tensors().size());
}

TEST_P(Families, AreReadRowByRow) {
  for (const char* container : {"", "/model.gguf"}) {
    const auto file = ModelFile::open(kTiny + GetParam() + container);
    for (const TensorInfo& tensor : file->tensors()) {
      if (tensor.offset != 0) continue;
      const std::vector<float> whole = ModelFile::dequantize(tensor);
      const Index width = static_cast<Index>(whole.size()) / tensor.shape[0];
      std::vector<float> row(static_cast<std::size_t>(width));
      for (Index r = 0; r < tensor.shape[0]; ++r) {
        tensor.format->dequantize(tensor.row(r), row.data(), width);
        ASSERT_TRUE(std::equal(row.begin(), row.end(), whole.begin() + r * width))
            << tensor.name << " row " << r;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Families, testing::ValuesIn(tiny_families(true)),
                         [](const auto& test) { return test.param; });

TEST(Folders, AreTranslatedForEveryFamily) {
  for (const std::string& name : tiny_families(false)) {
    const auto file = ModelFile::open(kTiny + name);
    ASSERT_FALSE(file->unsupported()) << name << ": " << file->unsupported()->what();
    for (const TensorInfo& tensor : file->tensors())
      EXPECT_TRUE(tensor.name.starts_with("blk.") || tensor.name.starts_with("token_") ||
                  tensor.name.starts_with("output") || tensor.name.starts_with("per_layer_"))
          << name << ": " << tensor.name << " has no name of GGUF's";
    const bool sees = name.find("images") != std::string::npos || name.find("_vl") != std::string::npos ||
                      name == "mistral_small" || name == "exaone4_5" || name == "gemma4_31b";
    EXPECT_EQ(file->left_out().empty(), !sees) << name;
  }
}

}  // namespace
}  // namespace rw
