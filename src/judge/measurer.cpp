// SPDX-License-Identifier: Apache-2.0
#include "judge/measurer.h"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/progress.h"
#include "core/text.h"
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
  Ahead(const ItemWork& work, int n_at_once, Says say)
      : work_(work), n_at_once_(static_cast<std::size_t>(n_at_once)), say_(std::move(say)) {}
  std::vector<Record> measure(std::size_t i, const std::function<void(double)>&) override {
    std::unique_lock lock(mutex_);
    // Of another process that writes the same store: nobody asks for it any more.
    std::erase_if(started_, [&](const auto& each) { return each.first < i && each.second.has_ended; });
    const double done = std::max(done_, std::numeric_limits<double>::min());
    lock.unlock();
    // Past the first document nothing is begun before there is a pace to plan by.
    for (next_ = std::max(next_, i); next_ < work_.items.size() && started_.size() < n_at_once_; ++next_) {
      if (!work_.begin(work_.items[next_].document, done)) break;
      if (!work_.is_known(next_)) start(next_);
    }
    Started& own = started_.at(i);
    lock.lock();
    std::exception_ptr failure;
    ended_.wait(lock, [&] { return (failure = needed_failure(i)) || own.has_ended; });
    lock.unlock();
    if (failure) end_early(failure);
    std::vector<Record> records = own.records.get();
    started_.erase(i);
    return records;
  }

 private:
  struct Started {
    bool has_ended = false;
    std::future<std::vector<Record>> records;
  };

  void start(std::size_t i) {
    Started& own = started_[i];
    own.records = std::async(std::launch::async, [this, i, &own] {
      std::exception_ptr failure;
      std::vector<Record> records;
      try {
        records = work_.measure(i, {});
      } catch (...) {
        failure = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        own.has_ended = true, done_ += work_.items[i].cost;
        if (failure) failures_.emplace_back(i, failure);
      }
      ended_.notify_all();
      if (failure) std::rethrow_exception(failure);
      return records;
    });
  }

  /// The first of the items from i on that no other process has measured meanwhile.
  std::exception_ptr needed_failure(std::size_t i) const {
    for (const auto& [item, failure] : failures_)
      if (item >= i && !work_.is_known(item)) return failure;
    return nullptr;
  }

  /// Who waits hears of an error at once; the answers that are under way are kept where there is a store, so
  /// that a run that goes on has them.
  [[noreturn]] void end_early(const std::exception_ptr& failure) {
    std::size_t n_left = 0;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [i, item] : started_) n_left += !item.has_ended;
    }
    if (n_left > 0 && say_) tell(failure, n_left);
    for (auto& [i, item] : started_) {
      std::vector<Record> records;
      try {
        records = item.records.get();
      } catch (const std::exception&) {
        continue;  // the first is told
      }
      work_.keep(i, records);
    }
    std::rethrow_exception(failure);
  }

  void tell(const std::exception_ptr& failure, std::size_t n_left) const {
    work_.before_words();
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      say_(fmt::format("{}; waits for {} that {} under way{}", error.what(), counted(n_left, "answer"),
                       n_left == 1 ? "is" : "are", work_.keeps ? ", to keep what they say" : ""));
    }
  }

  const ItemWork work_;
  const std::size_t n_at_once_;
  const Says say_;
  std::size_t next_ = 0;
  std::mutex mutex_;  // of what follows, and of has_ended
  double done_ = 0;   // cost of what has ended
  std::condition_variable ended_;
  std::vector<std::pair<std::size_t, std::exception_ptr>> failures_;  // as they came
  std::map<std::size_t, Started> started_;                            // ends before what it uses
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

std::unique_ptr<Measurer> measure_here(const ItemWork& work, int n_at_once, Says say) {
  if (n_at_once > 1) return std::make_unique<Ahead>(work, n_at_once, std::move(say));
  return std::make_unique<Alone>(work);
}

}  // namespace rw
