// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include "model/memory.h"
#include "model/tensors.h"
#include "model/weight_outlook.h"
#include "model/weights.h"

namespace rw {

std::shared_ptr<const Model> Model::load(std::shared_ptr<const ModelFile> file,
                                         std::shared_ptr<const Backend> backend,
                                         std::unique_ptr<const Tokenizer> tokenizer) {
  return std::make_shared<const Model>(Private{}, std::move(file), std::move(backend), std::move(tokenizer),
                                       nullptr, 0);
}

std::shared_ptr<const Model> Model::open(const std::string& path, std::shared_ptr<const Backend> backend) {
  return load(ModelFile::open(path), std::move(backend));
}

Model::Model(Private, std::shared_ptr<const ModelFile> file, std::shared_ptr<const Backend> backend,
             std::shared_ptr<const Tokenizer> tokenizer, std::unique_ptr<Weights> weights, std::size_t bytes)
    : file_(std::move(file)),
      config_(read_config(*file_)),
      backend_(std::move(backend)),
      weights_(std::move(weights)),
      bytes_(bytes),
      tokenizer_(std::move(tokenizer)) {
  if (weights_ != nullptr) {
    pager_ = std::make_unique<WeightPager>();
    return;
  }
  check_tensors(*file_, config_);
  MappedWeights mapped = mapped_weights(*file_, config_);
  require_memory(file_->path() + ": weights that are unpacked", mapped.packed_bytes,
                 "take a smaller model or one with smaller weights");
  pager_ =
      std::make_unique<WeightPager>(std::move(mapped), config_, backend_->context(), backend_->kv_type());
  weights_ = load_weights(*file_, config_, *backend_, bytes_);
}

std::shared_ptr<const Model> Model::with_weights(const Model& source, std::shared_ptr<const Backend> backend,
                                                 std::unique_ptr<Weights> weights, std::size_t bytes) {
  source.find_tokenizer();
  return std::make_shared<const Model>(Private{}, source.file_, std::move(backend), source.tokenizer_,
                                       std::move(weights), bytes);
}

const WeightOutlook& Model::outlook() const {
  std::call_once(looked_, [&] {
    outlook_ = std::make_unique<const WeightOutlook>(weight_outlook(*pager_, weights_.get(), backend_.get()));
  });
  return *outlook_;
}

const Tokenizer* Model::find_tokenizer() const {
  std::call_once(opened_, [&] {
    try {
      if (tokenizer_ == nullptr) tokenizer_ = Tokenizer::open(*file_);
    } catch (const Error& e) {
      without_tokenizer_ = e;
    }
  });
  return tokenizer_.get();
}

const Tokenizer& Model::tokenizer() const {
  if (const Tokenizer* found = find_tokenizer()) return *found;
  throw Error(*without_tokenizer_);
}

Index Model::n_choices() const {
  const Tokenizer* found = find_tokenizer();
  return found != nullptr ? std::min(config_.n_vocab, found->n_vocab()) : config_.n_vocab;
}

void Model::require_row(Token id) const {
  if (id >= 0 && id < config_.n_vocab) return;
  const Tokenizer* found = find_tokenizer();
  if (id < 0 || found == nullptr || id >= found->n_vocab())
    throw Error(fmt::format("token {}", id), fmt::format("an id from 0 to {}", config_.n_vocab - 1),
                "another", "ids are of the model whose tokenizer made them");
  throw Error(
      fmt::format("token {}", id),
      fmt::format("an id below {}, the rows of the model's embedding", config_.n_vocab),
      fmt::format("one of the {} ids of its tokenizer", found->n_vocab()),
      "the text needs a token that the model has no row for; its makers added it to the tokenizer only");
}

Model::~Model() = default;

}  // namespace rw
