// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include "model/memory.h"
#include "model/weights.h"

namespace ropewalk {

Model::Model(const ModelFile& file, std::shared_ptr<const Backend> backend)
    : config_(read_config(file)), backend_(std::move(backend)) {
  std::size_t bytes = 0;
  for (const TensorInfo& tensor : file.tensors()) bytes += tensor.bytes.size();
  require_memory(file.path() + ": weights", bytes, "take a smaller model or one with smaller weights");
  weights_ = load_weights(file, config_, *backend_, bytes_);
}

Model::~Model() = default;

}  // namespace ropewalk
