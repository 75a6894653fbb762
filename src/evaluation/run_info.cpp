// SPDX-License-Identifier: Apache-2.0
#include "evaluation/run_info.h"

#include <algorithm>
#include <filesystem>

#include "kernels/host_backend.h"
#include "model/identity.h"

namespace rw {
namespace {

const char* name_of(KvType type) {
  return type == KvType::kBf16 ? "bf16" : type == KvType::kF32 ? "f32" : "q8";
}

}  // namespace

RunInfo run_info(const Model& model, const std::string& model_path) {
  const Backend& backend = model.backend();
  const ModelConfig& config = model.config();
  RunInfo info;
  info.version = ROPEWALK_VERSION;
  info.model = std::filesystem::path(model_path).filename().string();
  info.model_id = model_id(model.file());
  info.precision = backend.precision() == Precision::kBf16 ? "bf16" : "f32";
  info.kv = name_of(backend.kv_type());
  info.isa = isa_name(*backend.context());
  info.n_ctx_train = config.n_ctx_train, info.n_vocab = config.n_vocab;
  info.threads = backend.context()->threads();
  info.n_layers = config.n_layers(), info.n_acting_layers = config.n_acting_layers();
  return info;
}

std::string no_acting_layers(const ModelConfig& config) {
  return fmt::format("methods act on {} layers: each is this model unchanged", config.acting_layers());
}

std::string acting_layers_line(const ModelConfig& config) {
  if (config.n_acting_layers() == config.n_layers()) return "";
  const bool states = std::any_of(config.layers.begin(), config.layers.end(),
                                  [](const LayerSpec& layer) { return layer.recurs(); });
  return fmt::format("methods act on {} layers: {}have a window{} or no positions, and stay as they are{}",
                     config.acting_layers(), config.n_acting_layers() == 0 ? "all " : "the others ",
                     states ? ", a state" : "",
                     config.n_acting_layers() == 0 ? "; each method is this model unchanged" : "");
}

}  // namespace rw
