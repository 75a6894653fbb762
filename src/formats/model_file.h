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

namespace rw {

class MappedFile;
class Relaid;

/// A list of lists: read over, since nothing here means anything to this engine.
struct NestedList {
  std::size_t n = 0;  ///< lists in it
  bool operator==(const NestedList&) const = default;
};
/// A metadata value. Integers of all widths become int64 (uint64 above 2^63 is an Error), floats double.
using MetaValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<std::string>, NestedList>;

struct TensorInfo {
  std::string name;
  std::string type;                      ///< as the container names it: "Q4_1", "IQ4_XS", "F8_E4M3"
  const WeightFormat* format = nullptr;  ///< nullptr: a type that this engine does not compute with
  std::vector<Index> shape;              ///< outermost first: a matrix is (n_out, n_in)
  /// In the mapped file; checked to hold the whole tensor where the size of its type is known, else empty.
  std::span<const std::byte> bytes;
  /// Where the rows do not lie together (part of a fused tensor, or several tensors joined): runs of equally
  /// many rows, in order. `bytes` is empty then.
  std::vector<std::span<const std::byte>> pieces = {};
  float offset = 0;  ///< added to every value: Gemma's folders store w where the norm multiplies by 1 + w
  /// Where the file packs it in a way of its own (formats/packed.h): bytes and pieces lie in memory of ours,
  /// and are made when they are read, by row() and for_each_piece(). A tensor that is joined has those of
  /// all.
  std::vector<std::shared_ptr<const Relaid>> relaid = {};

  std::size_t n_bytes() const;
  /// Where row r begins, counted along the outermost dimension. Only where the size of the type is known.
  /// Errors: Error for weights that are packed and damaged.
  const std::byte* row(Index r) const;
  /// Calls visit(span) for the tensor's bytes, in order. Errors: as row().
  template <class Visit>
  void for_each_piece(const Visit& visit) const {
    make_ready();
    if (pieces.empty()) visit(bytes);
    for (const auto piece : pieces) visit(piece);
  }

 private:
  void make_ready() const;
};

/// Errors: Error that names the type of a tensor that this engine does not compute with.
void require_format(const TensorInfo& tensor, std::string_view place);

class ModelFile {
 public:
  virtual ~ModelFile() = default;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  /// Opens what find_model makes of `path`: a GGUF file (with the rest of its set), or a Hugging Face folder.
  /// What a user said of it is taken for the file's own word (formats/assumed_pre.h). Errors: Error.
  static std::unique_ptr<ModelFile> open(const std::string& path);

  const std::string& path() const { return path_; }
  /// Where its tensors lie, but those that are packed; none when it was read from memory. As long as this
  /// lives.
  const std::vector<const MappedFile*>& mapped() const { return mapped_; }
  /// All files that the model is read from, its tokenizer's included; empty when it was read from memory.
  const std::vector<std::string>& files() const { return files_; }
  std::string container() const { return container_; }  ///< "GGUF v3", "safetensors"
  /// How the rows of attn_q and attn_k are stored: true where pairs are (2m, 2m+1), in all GGUFs of Llama's
  /// kind and in folders of Cohere, GLM-4, ERNIE 4.5 and RoFormer.
  bool interleaved_qk() const { return interleaved_qk_; }
  const std::map<std::string, MetaValue, std::less<>>& metadata() const { return metadata_; }
  /// Fused tensors are seen as their parts: attn_qkv as attn_q, attn_k and attn_v; ffn_up that holds gate and
  /// up as ffn_gate and ffn_up, stacks of experts likewise. Numbered ones are seen as a stack.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// Tensors as the container has them: by its own names, fused where it fuses, those of other parts too.
  /// Their bytes lie where those of tensors() do, which says what is what (train/write_model.h).
  virtual std::vector<TensorInfo> stored_tensors() const { return fused_.empty() ? tensors_ : fused_; }
  /// Whether some of its matrices are packed (TensorInfo::relaid): the container is no copy of what is
  /// computed.
  bool has_packed() const;
  /// Names of tensors of other parts than the language model: of its eyes, of prediction heads, of the
  /// rounding of activations.
  const std::vector<std::string>& left_out() const { return left_out_; }

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

  /// All weights of a tensor, dequantised, row after row. Errors: Error for a type without a format.
  static std::vector<float> dequantize(const TensorInfo& tensor);
  /// Why no model can be read from this file, though it is whole; nullopt where nothing is known against it.
  const std::optional<Error>& unsupported() const { return unsupported_; }
  /// Total bytes of tensor data.
  std::size_t tensor_bytes() const;

 protected:
  ModelFile() = default;
  /// Names the pre-tokenizer of a GGUF with byte-level BPE that names none. Errors: Error where it names
  /// another.
  void take_pre(const std::string& name);
  /// Replaces fused tensors by their parts. `by_group`: fused q, k, v hold for each key head the rows of its
  /// query heads, of the key and of the value; else all q, all k, all v. What has not the size that the
  /// numbers of the file give stays as it is. Errors: Error where a part is there already.
  void split_fused(bool by_group);
  /// NVFP4 tensors with the scales that stand beside them as one (formats/nvfp4_scales.cpp). Errors: Error.
  void take_scales();
  /// Names and shapes of recurrent layers' tensors as the engine knows them: no dimensions of 1, norms as one
  /// vector; and LFM2's last norm, which llama.cpp calls another.
  void take_recurrent();
  /// Replaces numbered tensors by their stacks, outermost dimension first: norms of heads, matrices of
  /// experts. Errors: Error where one is missing or unlike the first.
  void join_stacks();
  /// Whether a tensor of this name is one of a stack.
  static bool is_numbered(std::string_view name);
  /// Makes tensor_index_ of tensors_. Errors: Error where two have one name.
  void index_tensors();
  std::string path_, container_;
  std::vector<std::string> files_;
  std::vector<const MappedFile*> mapped_;
  std::optional<Error> unsupported_;
  bool interleaved_qk_ = false;
  std::map<std::string, MetaValue, std::less<>> metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<TensorInfo>
      fused_;  ///< what tensors_ was before join_stacks and split_fused, where they did something
  std::vector<std::string> left_out_;
  std::map<std::string, std::size_t, std::less<>> tensor_index_;
};

}  // namespace rw
