// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include "model/memory.h"
#include "model/weights.h"

namespace ropewalk {

Model::Model(const ModelFile& file, std::shared_ptr<const Backend> backend)
    : config_(read_config(file)), backend_(std::move(backend)) {
  std::size_t bytes = 0;
  for (const TensorInfo& tensor : file.tensors()) bytes += tensor.n_bytes();
  require_memory(file.path() + ": weights", bytes, "take a smaller model or one with smaller weights");
  weights_ = load_weights(file, config_, *backend_, bytes_);
  n_ids_ = config_.n_vocab;
}

void Model::require_row(Token id) const {
  if (id < 0 || id >= config_.n_vocab)
    throw Error(
        fmt::format("token {}", id),
        fmt::format("an id below {}, the rows of the model's embedding", config_.n_vocab),
        fmt::format("one of the {} ids of its tokenizer", n_ids_),
        "the text needs a token that the model has no row for; its makers added it to the tokenizer only");
}

Model::~Model() = default;

}  // namespace ropewalk
