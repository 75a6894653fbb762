// SPDX-License-Identifier: Apache-2.0
/// One view of a model on disk, whatever the container. Metadata keys and tensor names are GGUF's
/// ("llama.block_count", "blk.3.attn_q.weight"); the Hugging Face reader translates config.json and
/// tensor names into them, so nothing above this layer knows containers.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"
#include "quant/format.h"

namespace ropewalk {

/// A metadata value. Integers of all widths become int64 (uint64 above 2^63 is an Error), floats double.
using MetaValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<std::string>>;

struct TensorInfo {
  std::string name;
  const WeightFormat* format = nullptr;
  std::vector<Index> shape;          ///< outermost first: a matrix is (n_out, n_in)
  std::span<const std::byte> bytes;  ///< in the mapped file; checked to hold the whole tensor
};

class ModelFile {
 public:
  virtual ~ModelFile() = default;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  /// Opens a .gguf file or a Hugging Face folder. Errors: Error.
  static std::unique_ptr<ModelFile> open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string container() const { return container_; }  ///< "GGUF v3", "safetensors"
  /// How the rows of attn_q and attn_k are stored: true where pairs are (2m, 2m+1) (llama GGUFs).
  bool interleaved_qk() const { return interleaved_qk_; }
  const std::map<std::string, MetaValue, std::less<>>& metadata() const { return metadata_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }

  /// nullptr when absent.
  const TensorInfo* find_tensor(std::string_view name) const;
  /// Errors: Error when absent.
  const TensorInfo& tensor(std::string_view name) const;

  /// Typed look-ups: nullopt when absent, Error when of another type.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;  ///< integers count as numbers
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;
  const std::vector<std::string>* strings(std::string_view key) const;
  const std::vector<std::int64_t>* integers(std::string_view key) const;
  const std::vector<double>* numbers(std::string_view key) const;

  /// All weights of a tensor, dequantised, row after row.
  static std::vector<float> dequantize(const TensorInfo& tensor);
  /// Total bytes of tensor data.
  std::size_t tensor_bytes() const;

 protected:
  ModelFile() = default;
  std::string path_, container_;
  bool interleaved_qk_ = false;
  std::map<std::string, MetaValue, std::less<>> metadata_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::size_t, std::less<>> tensor_index_;
};

}  // namespace ropewalk
