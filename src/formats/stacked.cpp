// SPDX-License-Identifier: Apache-2.0
/// Tensors that some files hold one by one, seen as the stack that others have: norms of single heads,
/// matrices of single experts. No weight is copied.
#include <charconv>
#include <map>
#include <set>

#include "formats/model_file.h"

namespace rw {
namespace {

struct Numbered {
  std::string stack;  ///< what the stack is called
  Index index = 0;
};

/// "blk.0.ffn_up.7.weight" -> {"blk.0.ffn_up_exps.weight", 7}, "blk.0.attn_q_norm.3.weight" ->
/// {"blk.0.attn_q_norm.weight", 3}; nullopt for other names.
std::optional<Numbered> numbered(std::string_view name) {
  constexpr std::string_view kWeight = ".weight";
  if (!name.starts_with("blk.") || !name.ends_with(kWeight)) return {};
  name.remove_suffix(kWeight.size());
  const std::size_t dot = name.rfind('.');
  Index index = 0;
  const std::string_view digits = name.substr(dot + 1), stem = name.substr(0, dot);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc() || end != digits.data() + digits.size() || index < 0 || index >= 4096) return {};
  if (stem.ends_with("_norm")) return Numbered{fmt::format("{}{}", stem, kWeight), index};
  for (const std::string_view part : {".ffn_gate", ".ffn_up", ".ffn_down"})
    if (stem.ends_with(part)) return Numbered{fmt::format("{}_exps{}", stem, kWeight), index};
  return {};
}

}  // namespace

bool ModelFile::is_numbered(std::string_view name) { return numbered(name).has_value(); }

void ModelFile::join_stacks() {
  std::map<std::string, std::map<Index, const TensorInfo*>> stacks;
  for (const TensorInfo& tensor : tensors_)
    if (const auto found = numbered(tensor.name); found && !tensor.bytes.empty())
      if (!stacks[found->stack].emplace(found->index, &tensor).second)
        throw Error(fmt::format("{}: tensor {}", path_, tensor.name), "each number once", "two of one");
  if (stacks.empty()) return;
  std::vector<TensorInfo> joined;
  std::set<std::string> parts;
  for (const auto& [name, members] : stacks) {
    TensorInfo all = *members.begin()->second;
    all.name = name;
    all.bytes = {};
    for (const auto& [index, one] : members) {
      const std::string place = fmt::format("{}: tensor {}", path_, one->name);
      if (index != static_cast<Index>(all.pieces.size()))
        throw Error(place, fmt::format("number {} of {}", all.pieces.size(), name),
                    fmt::format("number {}", index), "the file is incomplete");
      if (one->type != all.type || one->shape != members.begin()->second->shape)
        throw Error(place, "the type and shape of " + members.begin()->second->name, "another");
      all.pieces.push_back(one->bytes);
      if (index > 0) all.relaid.insert(all.relaid.end(), one->relaid.begin(), one->relaid.end());
      parts.insert(one->name);
    }
    all.shape.insert(all.shape.begin(), static_cast<Index>(all.pieces.size()));
    joined.push_back(std::move(all));
  }
  if (fused_.empty()) fused_ = tensors_;
  std::erase_if(tensors_, [&](const TensorInfo& tensor) { return parts.contains(tensor.name); });
  for (TensorInfo& all : joined) tensors_.push_back(std::move(all));
  index_tensors();
}

}  // namespace rw
