// SPDX-License-Identifier: Apache-2.0
/// GGUFs of NVFP4 whose tensors have a scale of their own beside the blocks': X.scale (1), or (E) for a stack
/// of E matrices, which multiplies what X.weight multiplies; X.input_scale is for those who round
/// activations. Source: llama.cpp's conversion/base.py. Such a tensor becomes NVFP4_G16 (packed.h), exactly
/// but for one product of its scales, in memory of ours.
#include <cmath>
#include <set>

#include "core/checked.h"
#include "formats/packed.h"

namespace rw {
namespace {

constexpr Index kBlockOf = 64, kGroupOf = 16, kScaleBytes = 4;

/// Rows of all matrices of a stack behind each other.
class ScaledBlocks final : public PackedMatrix {
 public:
  std::span<const std::byte> blocks;
  std::vector<float> scales_of;  // of each matrix
  Index rows_each = 0;
  const WeightFormat* nvfp4 = nullptr;
  const WeightFormat& e4m3 = Registry<WeightFormat>::get("F8_E4M3", "weight format");

  void read(Index first, Index n_rows, PackedRows& rows) const override {
    const Index row_bytes = n_in / kBlockOf * nvfp4->block_bytes;
    for (Index r = 0; r < n_rows; ++r) {
      const float of_matrix = scales_of[static_cast<std::size_t>((first + r) / rows_each)];
      const std::byte* block = blocks.data() + (first + r) * row_bytes;
      std::uint8_t* q = rows.q.data() + r * n_in;
      float* scale = rows.scale.data() + r * n_groups;
      std::fill_n(rows.zero.data() + r * n_groups, n_groups, std::int16_t{0});
      for (Index at = 0; at < n_in; at += kBlockOf, block += nvfp4->block_bytes)
        for (Index g = 0; g < kBlockOf / kGroupOf; ++g, ++scale, q += kGroupOf) {
          if (block[g] == std::byte{127})
            *scale = 0;  // E4M3's NaN, as in NVFP4 without scales
          else
            e4m3.dequantize(block + g, scale, 1);
          *scale *= of_matrix;
          for (Index i = 0; i < 8; ++i) {
            const auto both = static_cast<std::uint8_t>(block[kScaleBytes + 8 * g + i]);
            q[i] = both & 15, q[8 + i] = both >> 4;
          }
        }
    }
  }
};

/// "blk.0.ffn_up.weight" -> "blk.0.ffn_up"; empty for other names.
std::string stem_of(const std::string& name) {
  constexpr std::string_view kEnd = ".weight";
  return name.ends_with(kEnd) ? name.substr(0, name.size() - kEnd.size()) : "";
}

TensorInfo with_scales(const TensorInfo& tensor, const TensorInfo& scale, const std::string& path) {
  const std::string place = fmt::format("{}: tensor {}", path, scale.name);
  const bool stacked = tensor.shape.size() == 3;
  const Index n = stacked ? tensor.shape[0] : 1;
  if (scale.shape != std::vector<Index>{n} || scale.type != "F32")
    throw Error(place, fmt::format("{} of F32, one for each matrix", n), "another shape or type");
  auto m = std::make_shared<ScaledBlocks>();
  m->rows_each = tensor.shape[tensor.shape.size() - 2];
  m->n_out =
      (Checked(static_cast<std::uint64_t>(m->rows_each), place) * static_cast<std::uint64_t>(n)).index();
  m->n_in = tensor.shape.back();
  m->n_groups = m->n_in / kGroupOf;
  m->code = PackedMatrix::Code::kE2M1;
  m->group = groups_in_order(m->n_in, kGroupOf);
  m->scales = &Registry<WeightFormat>::get("BF16", "weight format");
  m->kind = "NVFP4";
  m->blocks = tensor.bytes, m->nvfp4 = tensor.format;
  m->scales_of = ModelFile::dequantize(scale);
  for (const float one : m->scales_of)
    if (!std::isfinite(one))
      throw Error(place, "finite scales", fmt::format("{}", one), "the file is damaged");
  m->stored = {tensor.bytes, scale.bytes};
  TensorInfo relaid = relay(tensor.name, std::move(m), place);
  relaid.shape = tensor.shape;
  return relaid;
}

}  // namespace

void ModelFile::take_scales() {
  std::vector<TensorInfo> taken;
  std::set<std::string> done;
  for (const TensorInfo& tensor : tensors_) {
    const std::string stem = stem_of(tensor.name);
    const TensorInfo* scale = stem.empty() ? nullptr : find_tensor(stem + ".scale");
    const bool blocks = tensor.format != nullptr && tensor.format->name == "NVFP4" &&
                        (tensor.shape.size() == 2 || tensor.shape.size() == 3) && !tensor.bytes.empty();
    if (scale == nullptr || !blocks) continue;
    taken.push_back(with_scales(tensor, *scale, path_));
    done.insert(scale->name), done.insert(stem + ".input_scale");
  }
  if (taken.empty()) return;
  if (fused_.empty()) fused_ = tensors_;
  auto next = taken.begin();
  std::vector<TensorInfo> all;
  for (TensorInfo& tensor : tensors_) {
    if (next != taken.end() && tensor.name == next->name)
      all.push_back(std::move(*next++));
    else if (!done.contains(tensor.name))
      all.push_back(std::move(tensor));
    else if (tensor.name.ends_with(".input_scale"))
      left_out_.push_back(tensor.name);
  }
  tensors_ = std::move(all);
  index_tensors();
}

}  // namespace rw
