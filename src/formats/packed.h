// SPDX-License-Identifier: Apache-2.0
/// Matrices as quantised Hugging Face folders pack them: several tensors beside each other, of GPTQ, AWQ,
/// compressed-tensors or FP8. Each becomes one tensor, X.weight, whose rows are blocks that kernels read.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/hf_quantisation.h"
#include "formats/model_file.h"

namespace rw {

/// Some rows of a packed matrix: weight (o, i) = scale (o, g) * (q (o, i) - zero (o, g)), where g is the
/// group of input i.
struct PackedRows {
  std::vector<std::uint8_t> q;     // (n_rows, n_in): whole numbers, or bits of a float of 8 or 4
  std::vector<float> scale;        // (n_rows, n_groups)
  std::vector<std::int16_t> zero;  // (n_rows, n_groups); 0 for floats
};

/// One matrix of a folder. Sizes and groups are checked when it is made; its weights are read later.
class PackedMatrix {
 public:
  enum class Code { kInteger, kE4M3, kE5M2, kE2M1 };

  virtual ~PackedMatrix() = default;
  /// Rows [first, first + n_rows), into vectors of this size or more. REQUIRES: first % kRowsAtOnce == 0.
  virtual void read(Index first, Index n_rows, PackedRows& rows) const = 0;

  static constexpr Index kRowsAtOnce = 32;  ///< a line of the cache of weights that stand column by column

  Index n_out = 0, n_in = 0, n_groups = 0;
  Code code = Code::kInteger;
  int bits = 8;                          ///< of q
  bool centred = false;                  ///< every zero is 2^(bits - 1)
  std::vector<std::int32_t> group;       ///< (n_in), each below n_groups
  const WeightFormat* scales = nullptr;  ///< how scales are stored, and expanded weights: F32, F16 or BF16
  std::string kind;                      ///< "GPTQ 4-bit"
  std::vector<std::span<const std::byte>> stored;  ///< the bytes of its tensors
};

/// The tensors of one module, by what follows its name: "qweight", "scales". Those that are taken leave the
/// list of the model's.
class PackedParts {
 public:
  PackedParts(std::string module, std::string path) : module_(std::move(module)), path_(std::move(path)) {}
  void add(std::string part, TensorInfo tensor) { tensors_.emplace(std::move(part), std::move(tensor)); }
  bool has(const std::string& part) const { return tensors_.contains(part); }
  /// Whether it is there, of this dtype.
  bool has(const std::string& part, std::string_view dtype) const {
    const auto found = tensors_.find(part);
    return found != tensors_.end() && found->second.type == dtype;
  }
  /// "PATH: tensor MODULE.PART"
  std::string place(const std::string& part) const {
    return fmt::format("{}: tensor {}.{}", path_, module_, part);
  }

  /// The tensor, of this safetensors dtype and number of dimensions. Errors: Error for one that is missing or
  /// of another kind.
  const TensorInfo& take(const std::string& part, const std::string& dtype, std::size_t n_dims);
  /// Of whatever kind it is.
  const TensorInfo& take_any(const std::string& part);
  /// Of any dtype that scales may have (F32, F16, BF16), and any shape.
  const TensorInfo& take_scales(const std::string& part);
  /// What nobody took.
  std::vector<TensorInfo> rest() const;
  /// The bytes of what was taken.
  std::vector<std::span<const std::byte>> taken_bytes() const;
  /// Errors: Error for another shape than this.
  void require_shape(const TensorInfo& tensor, const std::string& part,
                     const std::vector<Index>& shape) const;

 private:
  std::string module_, path_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, const TensorInfo*> taken_;
};

/// What each way of packing makes of its tensors; null where the module has none of them. Errors: Error.
std::unique_ptr<PackedMatrix> read_gptq(PackedParts& parts, const HfQuantisation& quantisation);
std::unique_ptr<PackedMatrix> read_awq(PackedParts& parts, const HfQuantisation& quantisation);
std::unique_ptr<PackedMatrix> read_pack_quantized(PackedParts& parts, const HfQuantisation& quantisation);
std::unique_ptr<PackedMatrix> read_nvfp4(PackedParts& parts, const HfQuantisation& quantisation);
std::unique_ptr<PackedMatrix> read_scaled(PackedParts& parts, const HfQuantisation& quantisation);

/// The matrix as rows of INT4_G32, INT8_G32, F8_E4M3_G32 or NVFP4_G16, exactly, where each 32 (16) weights of
/// a row share a scale and a zero; otherwise, expanded, as floats of the type of its scales, rounded once,
/// which is what the packages that wrote it compute with. Nothing is read before the tensor is.
TensorInfo relay(const std::string& name, std::shared_ptr<const PackedMatrix> matrix, std::string place);

/// `tensors` with every packed matrix as one. `left_out` receives the names of what says how activations
/// and caches are quantised, which this engine does not do, and of GPTQ's biases of zeros. Errors: Error.
std::vector<TensorInfo> unpack_modules(std::vector<TensorInfo> tensors, const HfQuantisation& quantisation,
                                       const std::string& path, std::vector<std::string>& left_out);

/// n whole numbers of `bits` (at most 8) each from the low end of 32-bit words on, across them where they do
/// not divide 32. `words`: (n * bits + 31) / 32 of them.
void unpack_bits(const std::uint32_t* words, int bits, Index n, std::uint8_t* q);
/// Groups of `size` inputs each, the last one shorter.
std::vector<std::int32_t> groups_in_order(Index n_in, Index size);
/// Those that a tensor (n_in) of I32 lists. Errors: Error for one that is not below n_groups.
std::vector<std::int32_t> groups_listed(const TensorInfo& tensor, Index n_groups, const std::string& place);
/// The 32-bit word at `index`.
std::uint32_t word_at(std::span<const std::byte> bytes, Index index);

}  // namespace rw
