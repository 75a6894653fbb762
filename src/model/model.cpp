// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include "model/memory.h"
#include "model/weights.h"

namespace ropewalk {

Model::Model(const ModelFile& file, std::shared_ptr<const Backend> backend)
    : config_(read_config(file)), backend_(std::move(backend)) {
  std::size_t n_weights = 0;
  for (const TensorInfo& tensor : file.tensors())
    n_weights += tensor.bytes.size() / static_cast<std::size_t>(tensor.format->block_bytes) *
                 static_cast<std::size_t>(tensor.format->block_size);
  require_memory(file.path() + ": weights", n_weights * (backend_->precision() == Precision::kBf16 ? 2 : 4),
                 "take a smaller model, or --precision bf16");
  weights_ = load_weights(file, config_, *backend_, bytes_);
}

Model::~Model() = default;

}  // namespace ropewalk
