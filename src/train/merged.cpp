// SPDX-License-Identifier: Apache-2.0
#include "train/merged.h"

#include <cmath>
#include <list>

#include "model/memory.h"
#include "model/weights.h"
#include "quant/encode.h"
#include "train/new_weights.h"
#include "train/trainer.h"

namespace rw {
namespace {

const WeightFormat& merged_format(const Model& model) {
  return Registry<WeightFormat>::get(model.backend().precision() == Precision::kBf16 ? "BF16" : "F32",
                                     "weight format");
}

std::size_t bytes_of_rows(const WeightFormat& format, Index n_weights) {
  return static_cast<std::size_t>(n_weights / format.block_size) * format.block_bytes;
}

/// Errors: TrainingStopped naming the tensor. The bound is BF16's, of which F32's is 1.004 times.
void require_numbers(const std::string& name, std::span<const float> values) {
  constexpr float kMost = 3.3895e38f;
  for (const float v : values)
    if (!(std::abs(v) <= kMost))
      throw TrainingStopped("tensor " + name, "weights that are numbers after training", fmt::format("{}", v),
                            "a lower rate, or a longer warm_up");
}

/// Merged rows where there are some, else the file's. The rows lie here: it lives as long as the model.
class MergedTensors final : public WeightSource {
 public:
  explicit MergedTensors(const LearningModel& model)
      : file_(model.model->file(), model.model->config()),
        backend_(model.model->backend()),
        format_(merged_format(*model.model)),
        weights_(new_weights(model)) {}

  WeightRows rows(const std::string& name) override {
    WeightRows rows = file_.rows(name);
    if (!weights_.names.contains(name)) return rows;
    const std::vector<float> values = weights_.values(name);
    require_numbers(name, values);
    std::vector<std::byte>& bytes = merged_.emplace_back(bytes_of_rows(format_, rows.n_out * rows.n_in));
    encode(format_, values.data(), bytes.data(), static_cast<Index>(values.size()), name);
    rows.format = &format_;
    rows.first = bytes.data(), rows.stride = rows.row_bytes();
    rows.scattered.clear();
    return rows;
  }
  Vector vector(const std::string& name) override { return backend_.upload(file_.numbers(name)); }
  Vector product(const std::string& a, const std::string& b) override {
    return backend_.upload(file_.product(a, b));
  }

 private:
  FileTensors file_;
  const Backend& backend_;
  const WeightFormat& format_;
  NewWeights weights_;
  std::list<std::vector<std::byte>> merged_;
};

}  // namespace

std::string judged_type(const LearningModel& model) {
  return has_pairs(model) ? merged_format(*model.model).name : "F32";
}

std::size_t merged_bytes(const LearningModel& model) {
  if (!has_pairs(model)) return 0;
  std::size_t bytes = 0;
  for (const std::string& name : new_weights(model).names) {
    const std::vector<Index>& shape = model.model->file().tensor(name).shape;
    bytes += bytes_of_rows(merged_format(*model.model), shape[0] * shape[1]);
  }
  return bytes;
}

std::shared_ptr<const Model> merged_model(const LearningModel& model) {
  if (!has_pairs(model)) {
    if (const Parameter* bad = first_not_finite(model.parameters, model.values->span()))
      require_numbers(bad->name, model.values->span().subspan(static_cast<std::size_t>(bad->begin),
                                                              static_cast<std::size_t>(bad->n())));
    return model.model;
  }
  require_memory("the merged weights", merged_bytes(model), "take a smaller model, or fewer --targets");
  struct Merged {
    std::shared_ptr<const Model> source;  // the rows that are not merged are its file's
    MergedTensors tensors;
    std::shared_ptr<const Model> model;
  };
  auto merged = std::make_shared<Merged>(Merged{model.model, MergedTensors(model), nullptr});
  std::size_t bytes = 0;
  auto weights = load_weights(merged->tensors, model.model->config(), model.model->backend(), bytes);
  merged->model = Model::with_weights(*model.model, model.model->shared_backend(), std::move(weights), bytes);
  return {merged, merged->model.get()};
}

}  // namespace rw
