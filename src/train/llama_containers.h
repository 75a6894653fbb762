// SPDX-License-Identifier: Apache-2.0
/// A model of Llama's kind in the other container: a folder as a GGUF that llama.cpp reads, a GGUF as a
/// folder that transformers reads.
#pragma once
#include <string>
#include <vector>

#include "core/output_folder.h"
#include "formats/write_tensors.h"
#include "train/write_model.h"

namespace rw {

/// The tensors by the other container's names. New weights, and those of a GGUF that no folder can hold, are
/// written as `type`; others are copied, but that vectors of a GGUF are F32.
class OtherTensors {
 public:
  /// Errors: Error where a type is missing or cannot be written.
  OtherTensors(const Model& source, const NewWeights& weights, std::string type, bool to_gguf);
  const std::vector<TensorToWrite>& tensors() const { return tensors_; }
  void write(std::size_t i, const TensorSink& sink) const;

 private:
  std::string type_of(const TensorInfo& tensor) const;
  const Model& source_;
  const NewWeights& weights_;
  std::string type_;
  bool to_gguf_;
  std::vector<const TensorInfo*> from_;
  std::vector<TensorToWrite> tensors_;
};

/// Why a model has no form in the other container here, by what its file says; empty: it has one.
std::string why_one_container(const ModelFile& file, const ModelConfig& config);

/// Errors of both: Error that names what the other container, or its tokenizer, cannot say.
void write_folder_as_gguf(const Model& source, const NewWeights& weights, const WriteOptions& options,
                          const std::string& path);
void write_gguf_as_folder(const Model& source, const NewWeights& weights, const WriteOptions& options,
                          const std::string& path, Existing existing);

}  // namespace rw
