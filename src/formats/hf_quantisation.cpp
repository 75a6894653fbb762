// SPDX-License-Identifier: Apache-2.0
#include "formats/hf_quantisation.h"

#include <algorithm>
#include <array>

#include "core/checked.h"
#include "formats/hf_object.h"

namespace rw {
namespace {

constexpr const char* kRead =
    "GPTQ, AWQ (gemm), compressed-tensors (pack-, int-, float- and nvfp4-pack-quantized) and FP8 are read; "
    "take one of "
    "these, "
    "or a GGUF of the model";

[[noreturn]] void refuse_quantised(const HfObject& object, const std::string& how) {
  throw Error(object.place, "weights quantised in a way that is read here",
              fmt::format("weights quantised by {}", how), kRead);
}

/// The value as a number of weights up to 2^22, whole words of them (8 of 4 bits); `all` where it is -1.
Index size_of(const HfObject& object, const char* key, std::int64_t missing, Index all) {
  const std::int64_t value = object.integer(key).value_or(missing);
  if (value == -1) return all;
  if (value < 1 || value > 1 << 22 || value % 8 != 0) object.fail(key, "a multiple of 8 up to 2^22, or -1");
  return value;
}

/// Two sizes, as [128, 128]; nothing where the key is absent.
void read_block(const HfObject& object, const char* key, HfQuantisation& out) {
  const JsonInput* block = object.find(key);
  if (block == nullptr) return;
  const auto is_size = [](const JsonInput& size) {
    return size.is_number_unsigned() && size != 0 && size.get<std::uint64_t>() <= 1 << 22;
  };
  if (!block->is_array() || block->size() != 2 || !is_size((*block)[0]) || !is_size((*block)[1]))
    object.fail(key, "two sizes from 1 to 2^22");
  out.block_rows = (*block)[0].get<Index>(), out.block_columns = (*block)[1].get<Index>();
}

/// "meta": {"quantizer": ["gptqmodel:1.9.0"]}, or the string alone.
bool is_by_gptqmodel(const HfObject& object) {
  const JsonInput* meta = object.find("meta");
  if (meta == nullptr || !meta->is_object()) return false;
  const auto by = meta->find("quantizer");
  if (by == meta->end()) return false;
  const auto is_its = [](const JsonInput& name) {
    return name.is_string() && name.get<std::string>().starts_with("gptqmodel");
  };
  return is_its(*by) || (by->is_array() && std::any_of(by->begin(), by->end(), is_its));
}

HfQuantisation read_gptq_config(const HfObject& object) {
  HfQuantisation out{.method = HfQuantisation::Method::kGptq};
  out.group_size = size_of(object, "group_size", 128, 0);
  std::string format = "gptq";
  for (const char* key : {"format", "checkpoint_format"})
    if (const auto value = object.string(key)) format = *value;
  if (format != "gptq" && format != "gptq_v2")
    refuse_quantised(object, "GPTQ in the format " + format.substr(0, 40));
  if (object.boolean("is_marlin_format") == true) refuse_quantised(object, "GPTQ in the format marlin");
  if (object.string("pack_dtype").value_or("int32") != "int32")
    refuse_quantised(object, "GPTQ packed in another type than int32");
  out.zeros_less_one = format == "gptq";
  out.words_less_ones = out.zeros_less_one && is_by_gptqmodel(object);
  return out;
}

HfQuantisation read_awq_config(const HfObject& object) {
  HfQuantisation out{.method = HfQuantisation::Method::kAwq};
  std::string version = object.string("version").value_or("gemm");
  std::transform(version.begin(), version.end(), version.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (version != "gemm") refuse_quantised(object, "AWQ in the version " + version.substr(0, 40));
  for (const char* key : {"bits", "w_bit"})
    if (const auto bits = object.integer(key); bits && *bits != 4)
      refuse_quantised(object, fmt::format("AWQ with {} bits", *bits));
  out.group_size = size_of(object, object.find("q_group_size") ? "q_group_size" : "group_size", 128, 0);
  return out;
}

void require_compressed_format(const HfObject& object) {
  const std::string format = object.string("format").value_or("dense");
  constexpr std::array<std::string_view, 7> kFormats = {
      "pack-quantized",  "nvfp4-pack-quantized", "int-quantized", "float-quantized",
      "naive-quantized", "mixed-precision",      "dense"};
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end())
    refuse_quantised(object, "compressed-tensors in the format " + format.substr(0, 40));
}

HfQuantisation read_compressed_config(const HfObject& object) {
  HfQuantisation out{.method = HfQuantisation::Method::kCompressedTensors};
  require_compressed_format(object);
  if (const JsonInput* sparsity = object.object("sparsity_config"); sparsity && !sparsity->empty())
    if (const auto format = HfObject{*sparsity, object.place}.string("format"); format && *format != "dense")
      refuse_quantised(object, "compressed-tensors with the sparsity format " + format->substr(0, 40));
  if (const JsonInput* transforms = object.object("transform_config"))
    if (const JsonInput* its = HfObject{*transforms, object.place}.object("config_groups");
        its && !its->empty())
      refuse_quantised(object, "compressed-tensors with transforms of activations");
  const JsonInput* groups = object.object("config_groups");
  if (groups == nullptr) return out;
  for (const auto& [name, value] : groups->items()) {
    if (!value.is_object()) continue;
    const HfObject group{value, object.place};
    if (group.find("format")) require_compressed_format(group);
    if (const JsonInput* weights = group.object("weights"))
      read_block(HfObject{*weights, object.place}, "block_structure", out);
  }
  return out;
}

}  // namespace

HfQuantisation read_hf_quantisation(const JsonInput& config, const std::string& place) {
  const HfObject whole{config, place};
  const JsonInput* json = whole.object("quantization_config");
  if (json == nullptr) json = whole.object("compression_config");
  if (json == nullptr)
    if (const JsonInput* text = config.contains("text_config") ? whole.object("text_config") : nullptr)
      json = HfObject{*text, place}.object("quantization_config");
  if (json == nullptr) return {};
  const HfObject object{*json, place};
  std::string method = object.string("quant_method").value_or("");
  if (method.empty() && (object.find("load_in_4bit") || object.find("load_in_8bit"))) method = "bitsandbytes";
  if (method == "gptq") return read_gptq_config(object);
  if (method == "awq") return read_awq_config(object);
  if (method == "compressed-tensors") return read_compressed_config(object);
  if (method != "fp8")
    refuse_quantised(object, method.empty() ? "nobody who is named" : method.substr(0, 40));
  HfQuantisation out{.method = HfQuantisation::Method::kFp8};
  read_block(object, "weight_block_size", out);
  return out;
}

}  // namespace rw
