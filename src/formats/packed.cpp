// SPDX-License-Identifier: Apache-2.0
#include "formats/packed.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "core/bytes.h"
#include "core/checked.h"

namespace rw {
namespace {

using Method = HfQuantisation::Method;

/// "blk.0.attn_q.qweight" -> {"blk.0.attn_q", "qweight"}
std::pair<std::string, std::string> split_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

/// Of activations and caches: scales and zeros with which others round them.
bool is_of_activations(std::string_view part) {
  for (const char* name :
       {"input_scale", "activation_scale", "input_zero_point", "input_global_scale", "output_scale",
        "output_zero_point", "q_scale", "kv_scale", "k_scale", "v_scale", "k_zero_point", "v_zero_point"})
    if (part == name) return true;
  return false;
}

/// AutoGPTQ writes a bias of zeros where a layer has none.
bool is_no_bias(const TensorInfo& tensor) {
  return tensor.name.ends_with(".bias") &&
         std::all_of(tensor.bytes.begin(), tensor.bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

bool is_packed_part(std::string_view part, std::string_view type) {
  for (const char* name : {"qweight", "weight_packed", "weight_scale", "weight_scale_inv"})
    if (part == name) return true;
  return part == "weight" && (type == "I8" || type.starts_with("F8_"));
}

std::unique_ptr<PackedMatrix> read_module(PackedParts& parts, const HfQuantisation& q) {
  if (q.method == Method::kGptq) return read_gptq(parts, q);
  if (q.method == Method::kAwq) return read_awq(parts, q);
  if (parts.has("weight_packed", "U8")) return read_nvfp4(parts, q);
  if (parts.has("weight_packed")) return read_pack_quantized(parts, q);
  return read_scaled(parts, q);
}

}  // namespace

const TensorInfo& PackedParts::take_any(const std::string& part) {
  const auto found = tensors_.find(part);
  if (found == tensors_.end())
    throw Error(place(part), "a tensor, which its module needs", "none", "the folder is incomplete");
  return *(taken_[part] = &found->second);
}

const TensorInfo& PackedParts::take(const std::string& part, const std::string& dtype, std::size_t n_dims) {
  const TensorInfo& tensor = take_any(part);
  if (tensor.type != dtype || tensor.shape.size() != n_dims)
    throw Error(place(part), fmt::format("{} in {} dimensions", dtype, n_dims),
                fmt::format("{} in {}", tensor.type, tensor.shape.size()));
  return tensor;
}

const TensorInfo& PackedParts::take_scales(const std::string& part) {
  const TensorInfo& tensor = take_any(part);
  if (tensor.type != "F32" && tensor.type != "F16" && tensor.type != "BF16")
    throw Error(place(part), "scales of F32, F16 or BF16", tensor.type, "this engine reads no others");
  return tensor;
}

std::vector<TensorInfo> PackedParts::rest() const {
  std::vector<TensorInfo> rest;
  for (const auto& [part, tensor] : tensors_)
    if (!taken_.contains(part)) rest.push_back(tensor);
  return rest;
}

std::vector<std::span<const std::byte>> PackedParts::taken_bytes() const {
  std::vector<std::span<const std::byte>> all;
  for (const auto& [part, tensor] : taken_) all.push_back(tensor->bytes);
  return all;
}

void PackedParts::require_shape(const TensorInfo& tensor, const std::string& part,
                                const std::vector<Index>& shape) const {
  if (tensor.shape == shape) return;
  throw Error(place(part), fmt::format("shape ({})", fmt::join(shape, ", ")),
              fmt::format("({})", fmt::join(tensor.shape, ", ")), "the tensors of its module disagree");
}

std::uint32_t word_at(std::span<const std::byte> bytes, Index index) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + index * 4, 4);
  return word;
}

void unpack_bits(const std::uint32_t* words, int bits, Index n, std::uint8_t* q) {
  const std::uint32_t mask = (1u << bits) - 1;
  if (32 % bits == 0) {
    const Index each = 32 / bits;
    for (Index i = 0; i < n; i += each, ++words)
      for (Index k = 0; k < std::min(each, n - i); ++k)
        q[i + k] = static_cast<std::uint8_t>(*words >> (k * bits) & mask);
    return;
  }
  for (Index i = 0; i < n; ++i) {
    const Index at = i * bits, word = at / 32, shift = at % 32;
    std::uint32_t value = words[word] >> shift;
    if (shift + bits > 32) value |= words[word + 1] << (32 - shift);
    q[i] = static_cast<std::uint8_t>(value & mask);
  }
}

std::vector<std::int32_t> groups_in_order(Index n_in, Index size) {
  std::vector<std::int32_t> groups(static_cast<std::size_t>(n_in));
  for (Index i = 0; i < n_in; ++i) groups[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i / size);
  return groups;
}

std::vector<std::int32_t> groups_listed(const TensorInfo& tensor, Index n_groups, const std::string& place) {
  std::vector<std::int32_t> groups(static_cast<std::size_t>(tensor.shape[0]));
  copy_bytes(groups.data(), tensor.bytes.data(), groups.size() * 4);
  for (const std::int32_t g : groups)
    if (g < 0 || g >= n_groups)
      throw Error(place, fmt::format("groups from 0 to {}", n_groups - 1), fmt::format("{}", g),
                  "the file is damaged or hostile");
  return groups;
}

std::vector<TensorInfo> unpack_modules(std::vector<TensorInfo> tensors, const HfQuantisation& quantisation,
                                       const std::string& path, std::vector<std::string>& left_out) {
  if (quantisation.method == Method::kNone) return tensors;
  std::set<std::string> packed;
  for (const TensorInfo& tensor : tensors)
    if (const auto [module, part] = split_name(tensor.name); is_packed_part(part, tensor.type))
      packed.insert(module);
  std::vector<TensorInfo> result;
  std::map<std::string, PackedParts> modules;
  for (TensorInfo& tensor : tensors) {
    auto [module, part] = split_name(tensor.name);
    if (is_of_activations(part))
      left_out.push_back(tensor.name);
    else if (packed.contains(module))
      modules.try_emplace(module, module, path).first->second.add(std::move(part), std::move(tensor));
    else
      result.push_back(std::move(tensor));
  }
  for (auto& [module, parts] : modules) {
    std::shared_ptr<const PackedMatrix> matrix = read_module(parts, quantisation);
    if (matrix != nullptr) result.push_back(relay(module + ".weight", matrix, parts.place("weight")));
    for (TensorInfo& tensor : parts.rest())
      if (quantisation.method == Method::kGptq && is_no_bias(tensor))
        left_out.push_back(tensor.name);
      else
        result.push_back(std::move(tensor));
  }
  return result;
}

}  // namespace rw
