// SPDX-License-Identifier: Apache-2.0
#include "judge/coordinator.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "core/checked.h"
#include "core/progress.h"
#include "judge/item_messages.h"
#include "judge/item_round.h"

namespace rw {
namespace {

constexpr double kLook = 0.002;  // seconds between two looks at what is to be handed out

}  // namespace

/// All that rank 0 and its thread share.
class Coordinator::Post {
 public:
  Post(std::shared_ptr<Ranks> ranks, const RankTimes& times, Says say)
      : ranks_(std::move(ranks)), times_(times), say_(std::move(say)) {
    known_.resize(static_cast<std::size_t>(ranks_->size()), {.heard = now_seconds()});
    thread_ = std::thread([this] { work(); });
  }
  ~Post() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    thread_.join();
  }
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  int size() const { return ranks_->size(); }
  void begin(const ItemWork& work) {
    const std::lock_guard lock(mutex_);
    round_.emplace(work, next_id_);
    next_id_ += work.items.size();
  }
  void end() {
    const std::lock_guard lock(mutex_);
    round_.reset();
  }

  std::vector<Record> measure(std::size_t i, const std::function<void(double)>& at) {
    for (;;) {
      take_in(i, at);
      std::unique_lock lock(mutex_);
      if (round_->done(i)) return round_->records(i);
      const std::optional<std::size_t> own = round_->take(cost_done(0));
      if (!own) {
        came_.wait_for(lock, std::chrono::milliseconds(200));
        continue;
      }
      here_ = own, share_here_ = 0;
      const Item& item = round_->work().items[*own];
      lock.unlock();
      std::vector<Record> records = round_->work().measure(*own, [&](Index n) {
        {
          const std::lock_guard inner(mutex_);
          share_here_ = static_cast<double>(n) / static_cast<double>(item.length);
        }
        take_in(i, at);
      });
      lock.lock();
      here_.reset();
      round_->finish(*own, std::move(records));
    }
  }

 private:
  /// What rank 0 knows of a rank.
  struct Known {
    double heard = 0;  // when, now_seconds()
    bool lost = false;
    std::optional<std::uint64_t> id = {};  // of the item that it measures
    double share = 0;                      // of that, done
    std::set<std::string> documents = {};  // that it has, by text_id
  };

  /// On the loop's thread: what came meanwhile is kept and said.
  void take_in(std::size_t i, const std::function<void(double)>& at) {
    std::unique_lock lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    const std::vector<std::size_t> fresh = round_->take_fresh();
    const std::vector<std::string> words = std::exchange(words_, {});
    const double cost = cost_done(i);
    lock.unlock();
    for (const std::size_t each : fresh) round_->work().keep(each, round_->records(each));
    if (!words.empty()) round_->work().before_words();
    for (const std::string& line : words) say_(line);
    at(cost);
  }

  /// With what is under way, of the items from i on.
  double cost_done(std::size_t i) const {
    double cost = round_->cost_done(i);
    const auto add = [&](std::optional<std::size_t> item, double share) {
      if (item && *item >= i && !round_->done(*item)) cost += share * round_->work().items[*item].cost;
    };
    add(here_, share_here_);
    for (const Known& rank : known_)
      if (rank.id) add(round_->item(*rank.id), rank.share);
    return cost;
  }

  void work() {
    try {
      for (double beaten = 0;;) {
        const Ranks::Message message = ranks_->receive(kLook);
        const std::lock_guard lock(mutex_);
        if (ends_) break;
        if (message.from > 0) hear(message);
        if (const double now = now_seconds(); now - beaten > times_.beat) {
          beaten = now;
          beat(now);
        }
        if (round_) hand_out();
      }
      end_all();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      came_.notify_all();
    }
  }

  void hear(const Ranks::Message& bytes) {
    const ItemMessage message = read_message(bytes.from, bytes.bytes);
    Known& rank = known_[static_cast<std::size_t>(bytes.from)];
    rank.heard = now_seconds();
    if (std::exchange(rank.lost, false)) words_.push_back(fmt::format("rank {} is heard again", bytes.from));
    if (message.kind != kRecords) {
      if (rank.id) rank.share = static_cast<double>(number_of(message, "permille", 1000)) / 1000;
      return;
    }
    const std::uint64_t id = number_of(message, "id", Checked::kMax);
    if (rank.id == id) rank.id.reset();
    const std::optional<std::size_t> i = round_ ? round_->item(id) : std::nullopt;
    if (!i) return;  // of a plan that has ended
    round_->finish(*i, records_from(message, id));
    came_.notify_all();
  }

  /// A sign of life, and a look at who gave none.
  void beat(double now) {
    for (std::size_t r = 1; r < known_.size(); ++r) {
      Known& rank = known_[r];
      if (!rank.lost) ranks_->send(static_cast<int>(r), message_bytes("here"));
      if (rank.lost || now - rank.heard < times_.silence) continue;
      rank.lost = true, ++n_lost_;
      const auto item = round_ && rank.id ? round_->item(*rank.id) : std::nullopt;
      rank.id.reset();
      words_.push_back(fmt::format("rank {} was not heard for {:.0f} s, and is taken as lost{}", r,
                                   times_.silence, item ? "; what it was measuring is measured again" : ""));
      ranks_->give_up(static_cast<int>(r));
      if (item) round_->give_back(*item);
    }
  }

  void hand_out() {
    for (std::size_t r = 1; r < known_.size(); ++r) {
      Known& rank = known_[r];
      if (rank.lost || rank.id) continue;
      const std::optional<std::size_t> i = round_->take(cost_done(0));
      if (!i) return;
      const ItemWork& work = round_->work();
      const Document& document = work.documents[work.items[*i].document];
      const Document* other = other_document(work.documents, work.items[*i].document);
      for (const Document* each : {&document, other})
        if (each != nullptr && rank.documents.insert(each->text_id).second)
          ranks_->send(static_cast<int>(r), document_message(*each));
      rank.id = round_->id(*i), rank.share = 0;
      ranks_->send(static_cast<int>(r), order_message({.id = *rank.id,
                                                       .item = work.items[*i],
                                                       .plan = work.plan,
                                                       .document = document.text_id,
                                                       .other = other ? other->text_id : ""}));
    }
  }

  void end_all() {
    for (std::size_t r = 1; r < known_.size(); ++r)
      ranks_->send(static_cast<int>(r), message_bytes("end", {{"lost", n_lost_}}));
  }

  const std::shared_ptr<Ranks> ranks_;
  const RankTimes times_;
  const Says say_;
  std::mutex mutex_;  // of what follows
  std::condition_variable came_;
  bool ends_ = false;
  std::exception_ptr failure_;
  std::vector<Known> known_;  // (size), of rank 0 nothing
  std::size_t n_lost_ = 0;    // heard again or not: who was given up once is not waited for at the end
  std::optional<ItemRound> round_;
  std::uint64_t next_id_ = 1;
  std::optional<std::size_t> here_;  // the item that this rank measures
  double share_here_ = 0;
  std::vector<std::string> words_;
  std::thread thread_;
};

Coordinator::Coordinator(std::shared_ptr<Ranks> ranks, const RankTimes& times, Says say)
    : post_(std::make_unique<Post>(std::move(ranks), times, std::move(say))) {}
Coordinator::~Coordinator() = default;
int Coordinator::n_ranks() const { return post_->size(); }

std::unique_ptr<Measurer> Coordinator::measurer(const ItemWork& work) {
  class OnRanks final : public Measurer {
   public:
    OnRanks(Post& post, const ItemWork& work) : post_(post) { post_.begin(work); }
    ~OnRanks() override { post_.end(); }
    OnRanks(const OnRanks&) = delete;
    OnRanks& operator=(const OnRanks&) = delete;
    std::vector<Record> measure(std::size_t i, const std::function<void(double)>& at) override {
      return post_.measure(i, at);
    }

   private:
    Post& post_;
  };
  return std::make_unique<OnRanks>(*post_, work);
}

double pace_on(const Model& model, const Coordinator* coordinator) {
  return measure_pace(model) / (coordinator ? coordinator->n_ranks() : 1);
}

}  // namespace rw
