// SPDX-License-Identifier: Apache-2.0
#include "train/stored_tensors.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "formats/hf_folder.h"
#include "formats/write_safetensors.h"
#include "model/pairing.h"
#include "quant/encode.h"
#include "train/layer_matrices.h"
#include "train/write_settings.h"

namespace rw {
namespace {

/// What multiplies rows.
bool is_matrix(const TensorInfo& tensor) { return tensor.shape.size() == 2 && is_matrix_name(tensor.name); }

}  // namespace

StoredTensors::StoredTensors(const ModelFile& file, const ModelConfig& config, const NewWeights& weights,
                             std::string type)
    : file_(file),
      config_(config),
      weights_(weights),
      type_(std::move(type)),
      gguf_(file.container().starts_with("GGUF")) {
  require_written_type(type_, gguf_);
  for (const std::string& name : weights.names) file.tensor(name);
  for (TensorInfo& info : file.stored_tensors()) {
    // Beside tied embeddings: they serve for both, and this one would hold the old.
    if (!gguf_ && config.tied_embeddings &&
        translate_tensor_name(info.name, config.architecture) == "output.weight")
      continue;
    stored_.push_back({std::move(info), {}, false});
  }
  find_pieces();
  for (const Stored& stored : stored_) {
    if (!stored.changed && stored.info.bytes.empty())
      throw Error(fmt::format("{}: tensor {}", file.path(), stored.info.name),
                  "a type whose size is known, to copy it", stored.info.type);
    tensors_.push_back({stored.info.name, type_of(stored), stored.info.shape});
  }
}

void StoredTensors::find_pieces() {
  const auto require = [&](bool apart) {
    if (!apart) throw Error(file_.path(), "tensors that do not overlap", "some that do");
  };
  std::map<const std::byte*, Stored*> by_begin;
  for (Stored& stored : stored_)
    if (!stored.info.bytes.empty()) by_begin[stored.info.bytes.data()] = &stored;
  for (const TensorInfo& tensor : file_.tensors()) {
    std::size_t begin = 0;
    tensor.for_each_piece([&](std::span<const std::byte> bytes) {
      const auto behind = by_begin.upper_bound(bytes.data());
      if (bytes.empty()) return;
      require(behind != by_begin.begin());
      Stored& stored = *std::prev(behind)->second;
      stored.pieces.push_back({&tensor, bytes, begin});
      stored.changed = stored.changed || weights_.names.contains(tensor.name);
      begin += bytes.size();
    });
  }
  for (Stored& stored : stored_) {
    if (!stored.changed) continue;
    std::sort(stored.pieces.begin(), stored.pieces.end(),
              [](const Piece& a, const Piece& b) { return a.bytes.data() < b.bytes.data(); });
    const std::byte* next = stored.info.bytes.data();
    for (const Piece& piece : stored.pieces) {
      require(piece.bytes.data() == next);
      next += piece.bytes.size();
    }
    require(next == stored.info.bytes.data() + stored.info.bytes.size());
  }
}

std::string StoredTensors::type_of(const Stored& stored) const {
  if (!stored.changed) return stored.info.type;
  if (gguf_ && !is_matrix(*stored.pieces.front().tensor)) return "F32";
  std::string type = type_.empty() ? stored.info.type : type_;
  require_rows_fit(stored.info.name, stored.info.shape, type);
  return type;
}

/// New values as the file orders them, without what loading adds.
std::vector<float> StoredTensors::in_file_order(const TensorInfo& tensor) const {
  std::vector<float> values = weights_.values(tensor.name);
  const Index n = std::accumulate(tensor.shape.begin(), tensor.shape.end(), Index{1}, std::multiplies<>());
  RW_CHECK(static_cast<Index>(values.size()) == n);
  if (tensor.offset != 0)
    for (float& value : values) value -= tensor.offset;
  const RowOrder order(config_, tensor.name);
  if (order.as_stored()) return values;
  const Index width = is_matrix(tensor) ? tensor.shape[1] : 1;
  std::vector<float> stored(values.size());
  for (Index r = 0; r < n / width; ++r)
    std::copy_n(values.begin() + r * width, width, stored.begin() + order.stored(r) * width);
  return stored;
}

void StoredTensors::write(std::size_t i, const TensorSink& sink) const {
  const Stored& stored = stored_[i];
  if (!stored.changed) return sink(stored.info.bytes);
  const std::string& type = tensors_[i].type;
  const std::string place = "tensor " + stored.info.name;
  std::map<const TensorInfo*, std::vector<float>> values;  // parts that are new
  const WeightFormat& from = *stored.info.format;          // the engine computes with it
  const auto n_in = [&](std::size_t bytes) {
    return bytes / static_cast<std::size_t>(from.block_bytes) * static_cast<std::size_t>(from.block_size);
  };
  for (const Piece& piece : stored.pieces) {
    if (weights_.names.contains(piece.tensor->name)) {
      auto& all = values[piece.tensor];
      if (all.empty()) all = in_file_order(*piece.tensor);
      write_encoded(std::span(all).subspan(n_in(piece.begin), n_in(piece.bytes.size())), type, place, sink);
    } else if (type == stored.info.type) {
      sink(piece.bytes);
    } else {
      std::vector<float> old(n_in(piece.bytes.size()));
      from.dequantize(piece.bytes.data(), old.data(), static_cast<Index>(old.size()));
      write_encoded(old, type, place, sink);
    }
  }
}

void StoredTensors::sort_for_safetensors() {
  std::vector<std::size_t> order(tensors_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return safetensors_before(tensors_[a], tensors_[b]);
  });
  std::vector<Stored> stored;
  std::vector<TensorToWrite> tensors;
  for (const std::size_t i : order) {
    stored.push_back(std::move(stored_[i]));
    tensors.push_back(std::move(tensors_[i]));
  }
  stored_ = std::move(stored);
  tensors_ = std::move(tensors);
}

void write_encoded(std::span<const float> values, const std::string& type, std::string_view place,
                   const TensorSink& sink) {
  const WeightFormat& format = Registry<WeightFormat>::get(type, "weight format");
  constexpr std::size_t kAtOnce = std::size_t{1} << 18;  // weights, a multiple of every block
  std::vector<std::byte> bytes;
  for (std::size_t begin = 0; begin < values.size(); begin += kAtOnce) {
    const auto part = values.subspan(begin, std::min(kAtOnce, values.size() - begin));
    bytes.resize(part.size() / static_cast<std::size_t>(format.block_size) *
                 static_cast<std::size_t>(format.block_bytes));
    encode(format, part.data(), bytes.data(), static_cast<Index>(part.size()), place);
    sink(bytes);
  }
}

}  // namespace rw
