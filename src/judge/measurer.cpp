// SPDX-License-Identifier: Apache-2.0
#include "judge/measurer.h"

#include <algorithm>
#include <future>
#include <map>

#include "core/error.h"
#include "core/progress.h"
#include "model/memory.h"

namespace rw {
namespace {

class Alone final : public Measurer {
 public:
  explicit Alone(const ItemWork& work) : work_(work) {}
  std::vector<Record> measure(std::size_t i, const std::function<void(double)>& at) override {
    const Item& item = work_.items[i];
    return work_.measure(
        i, [&](Index n) { at(item.cost * static_cast<double>(n) / static_cast<double>(item.length)); });
  }

 private:
  const ItemWork work_;
};

/// Items of other engines, measured ahead of the loop.
class Ahead final : public Measurer {
 public:
  Ahead(const ItemWork& work, int n_at_once) : work_(work), n_at_once_(static_cast<std::size_t>(n_at_once)) {}
  std::vector<Record> measure(std::size_t i, const std::function<void(double)>&) override {
    for (next_ = std::max(next_, i); next_ < work_.items.size() && started_.size() < n_at_once_; ++next_)
      if (!work_.is_known(next_))
        started_.emplace(next_,
                         std::async(std::launch::async, [this, n = next_] { return work_.measure(n, {}); }));
    std::future<std::vector<Record>> own = std::move(started_.at(i));
    started_.erase(i);
    return own.get();
  }

 private:
  const ItemWork work_;
  const std::size_t n_at_once_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::future<std::vector<Record>>> started_;  // ends before what it uses
};

}  // namespace

std::vector<Record> measure_item(const Asked& model, const Tokenizer& tokenizer, const Item& item,
                                 const Document& document, const Document* other, const PlanOptions& plan,
                                 const TokensDone& done) {
  const Task& task = Registry<Task>::get(item.task, "task");
  const MethodSpec spec = model->spec(item.method);
  reset_peak_memory();
  const double start = now_seconds();
  std::vector<Record> records = task.run({.model = model,
                                          .tokenizer = tokenizer,
                                          .spec = spec,
                                          .document = document,
                                          .other = other,
                                          .length = item.length,
                                          .tail = plan.tail,
                                          .n_predict = plan.n_predict,
                                          .stride = plan.stride,
                                          .told = item.told,
                                          .seed = drawn_seed(document, item.seed),
                                          .n_depths = plan.n_depths,
                                          .done = done});
  RW_CHECK(!records.empty());
  for (Record& record : records) {
    record.task = item.task, record.document = document.name, record.text_id = document.text_id;
    record.seed = item.seed;
    record.seconds = (now_seconds() - start) / static_cast<double>(records.size());
    record.peak_bytes = model->model() ? peak_memory() : 0;  // another engine's is its own affair
    record.date = today();
  }
  return records;
}

std::unique_ptr<Measurer> measure_here(const ItemWork& work, int n_at_once) {
  if (n_at_once > 1) return std::make_unique<Ahead>(work, n_at_once);
  return std::make_unique<Alone>(work);
}

}  // namespace rw
