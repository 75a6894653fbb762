// SPDX-License-Identifier: Apache-2.0
#include "model/weight_pager.h"

#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/progress.h"
#include "formats/mapped_file.h"
#include "methods/method.h"
#include "model/memory.h"
#include "model/method_choice.h"
#include "model/sequence.h"

namespace rw {
namespace {

/// Of `available` bytes: some are the system's own affair.
std::size_t for_weights(std::size_t available, std::size_t texts) {
  const std::size_t others = available / 32 + texts;
  return available - std::min(available, others);
}

template <class Visit>
void for_parts(const WeightUnit& unit, bool dense, bool experts, const Visit& visit) {
  if (dense)
    for (const MappedPart& part : unit.dense) visit(part);
  if (experts)
    for (const MappedPart& part : unit.stacks) visit(part);
}

/// Bytes/s of reading parts that `plan` streams.
double measure_disk(const MappedWeights& weights, const WeightPlan& plan) {
  constexpr std::size_t kPiece = 16 << 20, kEvery = 4 * kPiece;
  constexpr double kLong = 0.5;
  double seconds = 0, bytes = 0;
  std::size_t passed = kEvery;
  for (std::size_t i = 0; i < weights.units.size(); ++i)
    for_parts(weights.units[i], plan.streams(i, Taken::kSomeExperts), plan.streams_experts[i] && !plan.fits(),
              [&](const MappedPart& part) {
                for (std::size_t at = 0; at < part.bytes.size() && seconds < kLong; at += kPiece) {
                  const auto piece = part.bytes.subspan(at, std::min(kPiece, part.bytes.size() - at));
                  passed += piece.size();
                  if (passed < kEvery) continue;
                  passed = 0;
                  part.file->drop(piece);
                  const double start = now_seconds();
                  part.file->fetch(piece);
                  seconds += now_seconds() - start, bytes += static_cast<double>(piece.size());
                  part.file->drop(piece);
                }
              });
  return seconds > 0 ? bytes / seconds : 0;
}

}  // namespace

std::size_t room_for_weights(const ModelConfig& config, const Context& context, KvType kv_type) {
  if (context.weight_memory() > 0) return context.weight_memory();
  const std::size_t available = available_for_files();
  if (available == 0) return SIZE_MAX;
  const Index n = std::min<Index>(512, config.n_ctx_train);
  const Method plain = bind_at(MethodSpec::parse("none"), config, n);
  return for_weights(available, session_bytes(config, kv_type, plain, n, n));
}

/// How much of a unit: of what streams in it, its dense part, or its experts too.
enum class Much { kNothing, kDense, kAll };

struct WeightPager::State {
  explicit State(MappedWeights of) : weights(std::move(of)), units(weights.units.size()) {}
  struct Unit {
    int users = 0;
    Much here = Much::kNothing, asked = Much::kNothing;
  };

  void adapt();
  void advise();
  void ask(std::size_t unit, Much much, bool first);
  void ask_next(std::size_t unit, Taken taken);
  void fetch_asked();
  Much much_of(std::size_t unit, Taken taken) const {
    if (!plan.streams(unit, taken)) return Much::kNothing;
    return taken == Taken::kAllExperts && plan.streams_experts[unit] ? Much::kAll : Much::kDense;
  }
  template <class Visit>
  void for_streamed(std::size_t unit, Much much, const WeightPlan& by, const Visit& visit) const {
    for_parts(weights.units[unit], by.streams_dense[unit], much == Much::kAll && by.streams_experts[unit],
              visit);
  }

  const MappedWeights weights;
  const pid_t process = ::getpid();  // a child of fork() has no thread that fetches
  std::shared_ptr<Context> context;
  bool measures = false;  // whether the room is what the system says
  std::mutex mutex;       // all that follows
  double looked = 0;      // when it was last asked
  std::condition_variable changed;
  WeightPlan plan;
  std::vector<Unit> units;
  std::deque<std::pair<std::size_t, Much>> queue;
  std::vector<std::unique_ptr<SinglePages>> single;
  bool ends = false;
  std::thread fetcher;
};

/// What texts and other programs take meanwhile is taken from the weights, and given back; not for every few
/// bytes, since layers that stay are then others.
void WeightPager::State::adapt() {
  constexpr double kEvery = 1;  // seconds: asking the system takes some 0.1 ms
  if (!measures || now_seconds() - looked < kEvery) return;
  looked = now_seconds();
  const std::size_t free = available_for_files(), promised = context->pages().promised();
  if (free == 0) return;  // the system does not say
  const std::size_t most = free - std::min(free, promised), room = for_weights(free, promised);
  if (most >= plan.room && room <= plan.room + plan.room / 16) return;
  for (const Unit& unit : units)
    if (unit.users > 0) return;
  plan = plan_weights(weights, room);
  advise();
}

/// What is read in pieces of its own is not read ahead by the system: around each page that is touched it
/// would read megabytes that nobody wants.
void WeightPager::State::advise() {
  if (plan.fits() || !single.empty()) return;
  for (const MappedPart& part : weights.tables) single.push_back(std::make_unique<SinglePages>(part.bytes));
  for (const WeightUnit& unit : weights.units)
    for_parts(unit, false, true,
              [&](const MappedPart& part) { single.push_back(std::make_unique<SinglePages>(part.bytes)); });
}

void WeightPager::State::ask(std::size_t unit, Much much, bool first) {
  if (units[unit].here >= much || units[unit].asked >= much) return;
  if (!fetcher.joinable()) fetcher = std::thread([this] { fetch_asked(); });  // it may be refused: first
  units[unit].asked = much;
  if (first)
    queue.emplace_front(unit, much);
  else
    queue.emplace_back(unit, much);
  changed.notify_all();
}

void WeightPager::State::ask_next(std::size_t unit, Taken taken) {
  for (std::size_t i = 1; i < units.size(); ++i) {
    const std::size_t next = (unit + i) % units.size();
    if (const Much much = much_of(next, taken); much != Much::kNothing) return ask(next, much, false);
  }
}

void WeightPager::State::fetch_asked() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ends || !queue.empty(); });
    if (ends) return;
    const auto [unit, much] = queue.front();
    queue.pop_front();
    const WeightPlan by = plan;
    lock.unlock();
    for_streamed(unit, much, by, [](const MappedPart& part) { part.file->fetch(part.bytes); });
    lock.lock();
    units[unit].here = std::max(units[unit].here, much);
    if (units[unit].asked <= much) units[unit].asked = Much::kNothing;
    changed.notify_all();
  }
}

WeightPager::WeightPager() : state_(std::make_unique<State>(MappedWeights{})) {}

WeightPager::WeightPager(MappedWeights weights, const ModelConfig& config, std::shared_ptr<Context> context,
                         KvType kv_type)
    : state_(std::make_unique<State>(std::move(weights))) {
  const std::size_t room = room_for_weights(config, *context, kv_type);
  state_->measures = context->weight_memory() == 0 && room != SIZE_MAX;
  state_->looked = now_seconds();
  state_->context = std::move(context);
  state_->plan = plan_weights(state_->weights, room);
  state_->advise();
}

WeightPager::~WeightPager() {
  if (!state_->fetcher.joinable()) return;
  if (state_->process != ::getpid()) {
    state_->fetcher.detach();
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->ends = true;
  }
  state_->changed.notify_all();
  state_->fetcher.join();
}

const MappedWeights& WeightPager::weights() const { return state_->weights; }

WeightPlan WeightPager::plan() const {
  const std::lock_guard lock(state_->mutex);
  return state_->plan;
}

double WeightPager::measure_disk() const {
  const WeightPlan now = plan();
  return now.fits() ? 0 : rw::measure_disk(state_->weights, now);
}

WeightPager::Held::Held(const WeightPager& pager, std::size_t unit, Taken taken)
    : pager_(pager), unit_(unit) {
  State& s = *pager.state_;
  if (s.units.empty() || s.process != ::getpid()) return;
  std::unique_lock lock(s.mutex);
  if (unit == 0) s.adapt();
  if (s.plan.fits()) return;
  const Much much = s.much_of(unit, taken);
  if (const WeightUnit& of = s.weights.units[unit]; much != Much::kAll && !of.experts.empty())
    ahead_ = [&of](Index expert) {
      for (const MappedPart& part : of.experts[static_cast<std::size_t>(expert)]) part.file->ask(part.bytes);
    };
  if (much != Much::kNothing) s.ask(unit, much, true);
  s.ask_next(unit, taken);
  if (much == Much::kNothing) return;
  streams_ = true;
  ++s.units[unit].users;
  s.changed.wait(lock, [&] { return s.units[unit].here >= much; });
}

WeightPager::Held::~Held() {
  if (!streams_) return;
  State& s = *pager_.state_;
  std::unique_lock lock(s.mutex);
  State::Unit& unit = s.units[unit_];
  if (--unit.users > 0) return;
  const Much much = std::exchange(unit.here, Much::kNothing);
  const WeightPlan by = s.plan;
  lock.unlock();
  s.for_streamed(unit_, much, by, [](const MappedPart& part) { part.file->drop(part.bytes); });
}

}  // namespace rw
