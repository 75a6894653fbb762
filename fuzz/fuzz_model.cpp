// SPDX-License-Identifier: Apache-2.0
/// Any bytes as a model: its numbers and the shapes of its tensors are read and agree, or there is an Error;
/// every small tensor can be dequantised, be it part of a fused one or joined of several; a model that is
/// accepted can be bound to any length.
///
/// Input: byte 0 even: a GGUF file follows; odd: config.json, a zero byte, tokenizer_config.json, a zero
/// byte, a safetensors file.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "formats/gguf.h"
#include "formats/hf_folder.h"
#include "model/tensors.h"

namespace {

/// The model file that the input is. Errors: Error.
std::unique_ptr<rw::ModelFile> model_of_input(const std::uint8_t* data, std::size_t size) {
  using namespace rw;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto bytes_from = [&](std::size_t at) {
    return std::as_bytes(std::span(text.substr(std::min(at, text.size()))));
  };
  if (data[0] % 2 == 0) return parse_gguf(bytes_from(0), "fuzz");
  const std::size_t config = std::min(text.find('\0'), text.size());
  const std::size_t tokenizer = std::min(text.find('\0', config + 1), text.size());
  return parse_hf_model(
      text.substr(0, config),
      text.substr(std::min(config + 1, tokenizer), tokenizer - std::min(config + 1, tokenizer)),
      bytes_from(tokenizer + 1), "fuzz");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rw;
  if (size == 0) return 0;
  try {
    const std::unique_ptr<ModelFile> file = model_of_input(data, size);
    for (const TensorInfo& tensor : file->tensors())
      if (tensor.format && tensor.n_bytes() <= 4096) {
        ModelFile::dequantize(tensor);
        if (!tensor.shape.empty()) tensor.row(tensor.shape[0] - 1);
      }
    const ModelConfig config = read_config(*file);
    check_tensors(*file, config);
    for (const Index n : {Index{1}, config.n_ctx_train, 4 * config.n_ctx_train})
      for (int layer = 0; layer < config.n_layers(); ++layer)
        if (config.layers[static_cast<std::size_t>(layer)].attends())
          Method::bind(MethodSpec::parse("none"), config.rope_context(layer, n));
  } catch (const Error&) {  // the answer to bad input; everything else is a finding
  }
  return 0;
}
