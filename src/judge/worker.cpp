// SPDX-License-Identifier: Apache-2.0
#include "judge/worker.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/progress.h"
#include "judge/item_messages.h"
#include "model/memory.h"

namespace rw {
namespace {

constexpr double kHearing = 0.002;  // seconds, between two looks at what is to be sent

/// Thrown out of an item that nobody waits for.
struct NobodyWaits {};

class Worker {
 public:
  Worker(std::shared_ptr<Ranks> ranks, const Model& model, const Tokenizer& tokenizer, const RankTimes& times)
      : ranks_(std::move(ranks)), model_(model), tokenizer_(tokenizer), asked_(model), times_(times) {
    thread_ = std::thread([this] { speak(); });
  }
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void run() {
    try {
      while (const std::optional<ItemOrder> order = next()) {
        MessageBytes done = records_message(order->id, measure(*order));
        const std::lock_guard lock(mutex_);
        share_ = 0;
        to_send_.push_back(std::move(done));
      }
    } catch (const NobodyWaits&) {
    }
  }

 private:
  /// None: this is all.
  std::optional<ItemOrder> next() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return !orders_.empty() || ends_ || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    if (ends_) return std::nullopt;
    ItemOrder order = std::move(orders_.front());
    orders_.pop_front();
    return order;
  }

  std::vector<Record> measure(const ItemOrder& order) {
    const Item& item = order.item;
    require_memory(fmt::format("{} at {} tokens", printable(item.method), item.length), item.bytes,
                   "fewer ranks on this machine, or shorter lengths");
    const Document *document = nullptr, *other = nullptr;
    {
      const std::lock_guard lock(mutex_);
      document = held(order.document), other = order.other.empty() ? nullptr : held(order.other);
    }
    return measure_item(asked_, tokenizer_, item, *document, other, order.plan, [&](Index n) {
      const std::lock_guard lock(mutex_);
      if (failure_) std::rethrow_exception(failure_);
      if (ends_) throw NobodyWaits();
      share_ = static_cast<double>(n) / static_cast<double>(item.length);
    });
  }

  /// They stay where they are until the worker ends.
  const Document* held(const std::string& text_id) const {
    const auto found = documents_.find(text_id);
    if (found == documents_.end())
      throw Error("a message of rank 0", "a text before an item of it", "none",
                  "the same program on each machine");
    return &found->second;
  }

  /// The thread.
  void speak() {
    try {
      for (double heard = now_seconds(), beaten = 0;;) {
        const Ranks::Message message = ranks_->receive(kHearing);
        const double now = now_seconds();
        const std::lock_guard lock(mutex_);
        if (message.from == 0) {
          heard = now;
          hear(read_message(0, message.bytes));
        }
        for (; !to_send_.empty(); to_send_.pop_front()) ranks_->send(0, to_send_.front());
        if (ends_) return;
        if (now - beaten > times_.beat) {
          beaten = now;
          ranks_->send(0, message_bytes("here", {{"permille", permille()}}));
        }
        if (now - heard > times_.silence)
          throw Error("rank 0", fmt::format("a word of it within {:.0f} s", times_.silence), "none",
                      "the same command goes on from its results");
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      came_.notify_all();
    }
  }
  std::uint64_t permille() const { return static_cast<std::uint64_t>(std::clamp(share_, 0.0, 1.0) * 1000); }

  void hear(const ItemMessage& message) {
    if (message.kind == kDocument) {
      Document document = document_from(message, model_.config().n_vocab);
      documents_.emplace(document.text_id, std::move(document));
    } else if (message.kind == kOrder) {
      orders_.push_back(order_from(message));
    } else if (message.kind == "end") {
      ends_ = true;
      if (number_of(message, "lost", 1 << 20) > 0) ranks_->give_up(0);  // they cannot all meet
    }
    came_.notify_all();
  }

  const std::shared_ptr<Ranks> ranks_;
  const Model& model_;
  const Tokenizer& tokenizer_;
  const Asked asked_;
  const RankTimes times_;
  std::mutex mutex_;  // of what follows
  std::condition_variable came_;
  bool ends_ = false;
  std::exception_ptr failure_;
  std::deque<ItemOrder> orders_;
  std::deque<MessageBytes> to_send_;
  std::map<std::string, Document> documents_;  // by text_id
  double share_ = 0;                           // of the item at hand, done
  std::thread thread_;
};

}  // namespace

void work_items(const std::shared_ptr<Ranks>& ranks, const Model& model, const Tokenizer& tokenizer,
                const RankTimes& times) {
  Worker(ranks, model, tokenizer, times).run();
}

}  // namespace rw
