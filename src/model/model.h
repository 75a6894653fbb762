// SPDX-License-Identifier: Apache-2.0
/// A loaded model: its file, its tokenizer and its weights. Immutable, shared by all who run it. Any thread.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kernels/kernels.h"
#include "model/config.h"
#include "tokenizer/tokenizer.h"

namespace rw {

class WeightPager;
struct WeightOutlook;
struct Weights;

class Model : public std::enable_shared_from_this<Model> {
  struct Private {};

 public:
  /// Reads the configuration and all weights, which stay where the file maps them; where they are more than
  /// the memory, the pager reads some of them in each pass. Errors: Error (missing tensor, wrong shape, not
  /// enough memory for what is unpacked). `tokenizer`: in place of the file's.
  static std::shared_ptr<const Model> load(std::shared_ptr<const ModelFile> file,
                                           std::shared_ptr<const Backend> backend,
                                           std::unique_ptr<const Tokenizer> tokenizer = nullptr);
  /// Of a path that ModelFile::open takes.
  static std::shared_ptr<const Model> open(const std::string& path, std::shared_ptr<const Backend> backend);

  /// The same with other numbers: `weights` of the same shapes, made for `backend`, which take `bytes`. It
  /// shares the file and the tokenizer.
  static std::shared_ptr<const Model> with_weights(const Model& source,
                                                   std::shared_ptr<const Backend> backend,
                                                   std::unique_ptr<Weights> weights, std::size_t bytes);

  Model(Private, std::shared_ptr<const ModelFile> file, std::shared_ptr<const Backend> backend,
        std::shared_ptr<const Tokenizer> tokenizer, std::unique_ptr<Weights> weights, std::size_t bytes);
  ~Model();
  const ModelConfig& config() const { return config_; }
  const ModelFile& file() const { return *file_; }
  const Backend& backend() const { return *backend_; }
  const std::shared_ptr<const Backend>& shared_backend() const { return backend_; }
  const Weights& weights() const { return *weights_; }
  const WeightPager& pager() const { return *pager_; }
  /// Measured when it is first asked for.
  const WeightOutlook& outlook() const;
  /// With its chat template; opened when it is first asked for: who has ids needs none. Errors: Error where
  /// the file has none, or one that is not supported.
  const Tokenizer& tokenizer() const;
  std::size_t bytes() const { return bytes_; }  ///< weights in memory

  /// How many ids a token may be chosen from. Rows past the tokenizer's ids are padding, which is never
  /// chosen; ids past the rows (n_vocab) are refused where one is read.
  Index n_choices() const;
  /// Errors: Error that names both numbers unless the id has a row.
  void require_row(Token id) const;

 private:
  const Tokenizer* find_tokenizer() const;  // null: see without_tokenizer_

  std::shared_ptr<const ModelFile> file_;
  ModelConfig config_;
  std::shared_ptr<const Backend> backend_;
  std::unique_ptr<Weights> weights_;
  std::unique_ptr<const WeightPager> pager_;
  std::size_t bytes_ = 0;
  mutable std::once_flag looked_;  // the next one
  mutable std::unique_ptr<const WeightOutlook> outlook_;
  mutable std::once_flag opened_;  // the next two
  mutable std::shared_ptr<const Tokenizer> tokenizer_;
  mutable std::optional<Error> without_tokenizer_;  // why
};

}  // namespace rw
