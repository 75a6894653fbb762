// SPDX-License-Identifier: Apache-2.0
/// The tensors of a model file with new weights, as the file stores them: by its names, in its order, fused,
/// paired and offset as it has them. What loading did is undone by where the bytes lie: each tensor that the
/// engine sees is a run of bytes, or several, of a tensor that the container holds.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "formats/write_tensors.h"
#include "train/new_weights.h"

namespace rw {

class StoredTensors {
 public:
  /// `type`: of new weights, "F32", "F16", "BF16" or "Q8_0" (matrices of a GGUF only); empty: as they were.
  /// Vectors of a GGUF stay F32, which llama.cpp wants. Tensors without new weights are copied. Both must
  /// outlive the object. Errors: Error for a type that cannot be written, or a new weight that is no tensor
  /// of the file.
  StoredTensors(const ModelFile& file, const ModelConfig& config, const NewWeights& weights,
                std::string type);

  const std::vector<TensorToWrite>& tensors() const { return tensors_; }
  /// The bytes of tensors()[i]. Errors: Error for weights that are not finite or do not fit their type.
  void write(std::size_t i, const TensorSink& sink) const;
  /// Takes out tensors for which `unwanted(name)` holds.
  template <class Unwanted>
  void drop(const Unwanted& unwanted) {
    for (std::size_t i = tensors_.size(); i-- > 0;)
      if (unwanted(tensors_[i].name)) {
        tensors_.erase(tensors_.begin() + static_cast<std::ptrdiff_t>(i));
        stored_.erase(stored_.begin() + static_cast<std::ptrdiff_t>(i));
      }
  }
  /// Larger types first, as a safetensors file has them.
  void sort_for_safetensors();

 private:
  struct Piece {
    const TensorInfo* tensor;  ///< as the engine sees it
    std::span<const std::byte> bytes;
    std::size_t begin;  ///< of these bytes in the tensor's
  };
  struct Stored {
    TensorInfo info;
    std::vector<Piece> pieces;  ///< in order; empty: nothing that the engine computes with
    bool changed = false;
  };
  void find_pieces();
  std::string type_of(const Stored& stored) const;
  std::vector<float> in_file_order(const TensorInfo& tensor) const;

  const ModelFile& file_;
  const ModelConfig& config_;
  const NewWeights& weights_;
  std::string type_;
  bool gguf_ = false;
  std::vector<Stored> stored_;
  std::vector<TensorToWrite> tensors_;
};

/// Encodes to `type` and gives it to the sink, a piece of a megabyte at a time. `place`: for messages.
void write_encoded(std::span<const float> values, const std::string& type, std::string_view place,
                   const TensorSink& sink);

}  // namespace rw
