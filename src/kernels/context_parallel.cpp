// SPDX-License-Identifier: Apache-2.0
#include "kernels/context_parallel.h"

#include "core/buffer.h"
#include "core/error.h"
#include "core/option.h"
#include "kernels/forwarding_backend.h"
#include "kernels/shared_keys.h"

namespace rw {
namespace {

using Way = ContextParallelOptions::Way;

constexpr Index kLeastRows = 16;  // of a rank, where rows are shared out

SharedKv& shared(KvLayer& kv) { return dynamic_cast<SharedKv&>(kv); }
const SharedKv& shared(const KvLayer& kv) { return dynamic_cast<const SharedKv&>(kv); }

std::span<std::byte> bytes_of(float* x, Index n) {
  return std::as_writable_bytes(std::span(x, static_cast<std::size_t>(n)));
}

/// Rows of all tasks of a call, one task behind the other.
struct TaskRows {
  std::span<const AttentionTask> tasks;
  std::vector<Index> first;  // (tasks + 1): of all rows
  int n_heads = 0, value_dim = 0;

  TaskRows(std::span<const AttentionTask> all, int all_heads) : tasks(all), first(1, 0) {
    n_heads = all[0].n_heads > 0 ? all[0].n_heads : all_heads, value_dim = all[0].kv->value_dim;
    for (const AttentionTask& task : all) {
      RW_CHECK((task.n_heads > 0 ? task.n_heads : all_heads) == n_heads && task.kv->value_dim == value_dim);
      first.push_back(first.back() + task.plan->n_rows);
    }
  }
  Index n() const { return first.back(); }
  Index width() const { return Index{n_heads} * value_dim; }  // floats of a row of out
  float* out(std::size_t task, Index row) const {
    const AttentionTask& t = tasks[task];
    return t.out + row * (t.out_stride > 0 ? t.out_stride : width());
  }
  Index q_stride(std::size_t task) const {
    return tasks[task].stride > 0 ? tasks[task].stride : Index{n_heads} * tasks[task].kv->head_dim;
  }
};

/// Rows of a rank where keys travel: every rank has some near the end, which see more.
std::vector<Index> rows_of_rank(Index n, int rank, int size) {
  std::vector<Index> rows;
  for (Index row = 0; row < n; ++row)
    if (row / kLeastRows % size == rank) rows.push_back(row);
  return rows;
}

Index count_of_rank(const TaskRows& rows, int rank, int size) {
  Index n = 0;
  for (const AttentionTask& task : rows.tasks)
    n += static_cast<Index>(rows_of_rank(task.plan->n_rows, rank, size).size());
  return n;
}

/// Rows of a rank of all tasks, with their plans, and their queries side by side.
struct RankRows {
  std::vector<std::vector<Index>> of_task;
  std::vector<AttentionPlan> plans;
  std::vector<AttentionTask> tasks;
  Index n = 0, n_queries = 0;  // rows; floats of queries

  RankRows(const TaskRows& rows, int rank, int size) : tasks(rows.tasks.begin(), rows.tasks.end()) {
    plans.reserve(tasks.size());
    for (AttentionTask& task : tasks) {
      of_task.push_back(rows_of_rank(task.plan->n_rows, rank, size));
      plans.push_back(rows_of(*task.plan, of_task.back()));
      task.plan = &plans.back(), task.n_heads = rows.n_heads,
      task.stride = Index{rows.n_heads} * task.kv->head_dim;
      n += task.plan->n_rows, n_queries += task.plan->n_rows * task.stride;
    }
  }
  void take_queries(const TaskRows& rows, float* q) {
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      tasks[t].q = q;
      for (const Index row : of_task[t])
        q = std::copy_n(rows.tasks[t].q + row * rows.q_stride(t), tasks[t].stride, q);
    }
  }
};

class ContextParallel final : public ForwardingBackend {
 public:
  ContextParallel(std::shared_ptr<const Backend> inner, std::shared_ptr<Ranks> ranks,
                  const ContextParallelOptions& options)
      : ForwardingBackend(std::move(inner)),
        ranks_(std::move(ranks)),
        size_(ranks_->size()),
        share_{ranks_->rank(), size_},
        options_(options) {}

  KeyShare key_share() const override { return share_; }
  using Backend::make_kv_layer;
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim, int value_dim) const override {
    return std::make_unique<SharedKv>(inner().make_kv_layer(n_kv_heads, head_dim, value_dim), share_);
  }
  using Backend::append;
  void append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
              const KeyPlan& plan) const override;
  void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const override {
    SharedKv& to = shared(scratch);
    const KeyPlan held = held_of(plan, share_);
    inner().rotate_into(*to.own, *shared(raw).own, held);
    to.n = plan.n_keys;
    keep_variants(plan, to);
  }
  void drop(KvLayer& kv, Index next_row) const override {
    inner().drop(*shared(kv).own, share_.held(next_row));
    shared(kv).next_row = next_row;
  }
  void truncate(KvLayer& kv, Index n_keys) const override {
    inner().truncate(*shared(kv).own, share_.held(n_keys));
    shared(kv).n = n_keys;
  }
  std::unique_ptr<KvLayer> fork(const KvLayer& kv, Index n_keys) const override {
    const SharedKv& from = shared(kv);
    auto copy = std::make_unique<SharedKv>(inner().fork(*from.own, share_.held(n_keys)), share_);
    copy->n = n_keys, copy->variants = from.variants, copy->next_row = from.next_row;
    return copy;
  }
  void save(const KvLayer&, const ByteSink&) const override { refuse(); }
  void load(KvLayer&, Index, const KeyPlan&, Index, const ByteSource&) const override { refuse(); }
  void attention(std::span<const AttentionTask> tasks, int n_heads) const override;

  void linear(const Input& input, std::span<const Output> outputs, Stage stage) const override;
  void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add,
                    Stage stage) const override {
    share_rows(input, layer.down->n_out, layer.up->n_in, flop_of(layer), y,
               [&](const Input& rows, float* to) { inner().feed_forward(rows, layer, to, add, stage); });
  }
  void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage) const override {
    const FeedForward& one = layer.each[0];
    const double flop = static_cast<double>(layer.routing.n_used) * flop_of(one) +
                        (layer.shared != nullptr ? flop_of(*layer.shared) : 0);
    share_rows(input, one.down->n_out, one.up->n_in, flop, y,
               [&](const Input& rows, float* to) { inner().experts(rows, layer, to, add, stage); });
  }

 private:
  [[noreturn]] static void refuse() {
    throw Error("a context over several processes", "one that is read anew", "one to be kept in a file",
                "leave " + option("cache") + " out, or read in one process");
  }
  static void keep_variants(const KeyPlan& plan, SharedKv& kv) {
    kv.variants.clear();
    for (const KeyPlan::Variant& v : plan.variants) kv.variants.push_back({{}, v.sink, v.window, {}});
  }
  static double flop_of(const FeedForward& layer) {
    double flop = 0;
    for (const Matrix* w : {layer.gate, layer.up, layer.down})
      if (w != nullptr) flop += 2.0 * static_cast<double>(w->n_in) * static_cast<double>(w->n_out);
    return flop;
  }
  /// Whether rows are computed by one rank each: then they are sent, n_out floats of each.
  bool pays(const Input& input, Index n_out, double flop) const {
    return input.n_rows >= kLeastRows * size_ && (input.norm == nullptr || input.norm->n_weights == 1) &&
           flop >= options_.flop_per_byte * sizeof(float) * static_cast<double>(n_out);
  }
  /// y (n_rows, width), of which every rank has its share, becomes whole.
  void gather_rows(float* y, Index n_rows, Index width) const {
    std::vector<std::span<std::byte>> parts;
    for (int r = 0; r < size_; ++r) {
      const RankShare rows = share_of(n_rows, r, size_);
      parts.push_back(bytes_of(y + rows.begin * width, rows.n() * width));
    }
    const Timed timed(context()->profile(), "gather rows", 0, 4.0 * static_cast<double>(n_rows * width));
    ranks_->gather(parts);
  }
  template <class Compute>
  void share_rows(const Input& input, Index n_out, Index n_in, double flop, float* y,
                  const Compute& compute) const {
    if (!pays(input, n_out, flop)) return compute(input, y);
    const RankShare own = share_of(input.n_rows, share_.part, size_);
    compute({.x = input.x + own.begin * n_in, .n_rows = own.n(), .norm = input.norm}, y + own.begin * n_out);
    gather_rows(y, input.n_rows, n_out);
  }

  bool ring_is_less(const TaskRows& rows, Index part) const;
  void gather_few(const TaskRows& rows, Index part) const;
  void gather_parts(const TaskRows& rows, Index part) const;
  void ring(const TaskRows& rows, Index part) const;
  void attend_own(const TaskRows& rows, Index part, float* parts) const;
  std::vector<std::byte> saved(const KvLayer& kv) const;
  std::unique_ptr<KvLayer> loaded(const SharedKv& kv, int rank, std::span<const std::byte> bytes) const;
  std::vector<std::unique_ptr<KvLayer>> pass_keys(const TaskRows& rows, int step) const;
  void merge(const TaskRows& rows, std::size_t task, Index n, std::span<const float* const> parts, float* to,
             Index stride) const {
    inner().merge_parts(parts, n, rows.n_heads, rows.value_dim, rows.tasks[task].sinks, to, stride);
  }

  std::shared_ptr<Ranks> ranks_;
  int size_;
  KeyShare share_;
  ContextParallelOptions options_;
  // A pass's; grown once. One thread at a time.
  mutable Buffer<float> parts_, received_, merged_, queries_;
};

/// Unit by unit, those that are this rank's.
void ContextParallel::append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
                             const KeyPlan& plan) const {
  SharedKv& to = shared(kv);
  RW_CHECK(plan.key_begin == to.n);
  const Index end = to.n + plan.n_keys;
  if (to.own->n_keys() == 0) {  // who holds nothing yet knows the variants
    const KeyPlan none = part_of(plan, share_, plan.key_begin, 0);
    inner().append(*to.own, k, k_stride, v, v_stride, none);
    keep_variants(plan, to);
  }
  for (Index begin = to.n, next; begin < end; begin = next) {
    next = std::min(end, (begin / KeyShare::kUnit + 1) * KeyShare::kUnit);
    if (share_.held(next) == share_.held(begin)) continue;
    const Index at = begin - to.n;
    inner().append(*to.own, k + at * k_stride, k_stride, v + at * v_stride, v_stride,
                   part_of(plan, share_, begin, next - begin));
  }
  to.n = end;
}

void ContextParallel::linear(const Input& input, std::span<const Output> outputs, Stage stage) const {
  Index n_out = 0;
  for (const Output& output : outputs) n_out += output.w->n_out;
  const Index n_in = outputs[0].w->n_in;
  if (!pays(input, n_out, 2.0 * static_cast<double>(n_in) * static_cast<double>(n_out)))
    return inner().linear(input, outputs, stage);
  const RankShare own = share_of(input.n_rows, share_.part, size_);
  std::vector<Output> rows(outputs.begin(), outputs.end());
  for (Output& output : rows) output.y += own.begin * output.w->n_out;
  inner().linear({.x = input.x + own.begin * n_in, .n_rows = own.n(), .norm = input.norm}, rows, stage);
  for (const Output& output : outputs) gather_rows(output.y, input.n_rows, output.w->n_out);
}

void ContextParallel::attention(std::span<const AttentionTask> tasks, int n_heads) const {
  if (tasks.empty()) return;
  const TaskRows rows(tasks, n_heads);
  const Index part = rows.n_heads * inner().part_floats(rows.value_dim);  // floats of a row
  if (rows.n() < kLeastRows * size_) return gather_few(rows, part);
  const bool less = options_.way == Way::kLess ? ring_is_less(rows, part) : options_.way == Way::kRing;
  less ? ring(rows, part) : gather_parts(rows, part);
}

/// Bytes that a rank receives: keys and values of the others, or their parts of its rows.
bool ContextParallel::ring_is_less(const TaskRows& rows, Index part) const {
  double keys = 0;
  for (const AttentionTask& task : rows.tasks) {
    const SharedKv& kv = shared(*task.kv);
    keys += static_cast<double>(kv.n) *
            static_cast<double>(kv_bytes_per_key(kv_type(), kv.n_kv_heads, kv.head_dim, kv.value_dim,
                                                 static_cast<int>(kv.variants.size())));
  }
  return keys < 4.0 * static_cast<double>(rows.n() * part);
}

/// parts (all rows, part) = attention from all rows to this rank's keys.
void ContextParallel::attend_own(const TaskRows& rows, Index part, float* parts) const {
  std::vector<AttentionTask> own(rows.tasks.begin(), rows.tasks.end());
  for (std::size_t t = 0; t < own.size(); ++t) {
    own[t].kv = shared(*own[t].kv).own.get();
    own[t].share = share_, own[t].parts = parts + rows.first[t] * part;
  }
  inner().attention(own, rows.n_heads);
}

/// Of a few rows every rank gets all parts.
void ContextParallel::gather_few(const TaskRows& rows, Index part) const {
  const Index n = rows.n() * part;
  parts_.reserve(n * size_);
  attend_own(rows, part, parts_.data() + share_.part * n);
  std::vector<std::span<std::byte>> all;
  all.reserve(static_cast<std::size_t>(size_));
  for (int r = 0; r < size_; ++r) all.push_back(bytes_of(parts_.data() + r * n, n));
  {
    const Timed timed(context()->profile(), "gather parts", 0, 4.0 * static_cast<double>(n * size_));
    ranks_->gather(all);
  }
  std::vector<const float*> of_task(static_cast<std::size_t>(size_));
  for (std::size_t t = 0; t < rows.tasks.size(); ++t) {
    for (int r = 0; r < size_; ++r)
      of_task[static_cast<std::size_t>(r)] = parts_.data() + r * n + rows.first[t] * part;
    merge(rows, t, rows.tasks[t].plan->n_rows, of_task, rows.out(t, 0), rows.out(t, 1) - rows.out(t, 0));
  }
}

/// Of many rows each rank merges its share.
void ContextParallel::gather_parts(const TaskRows& rows, Index part) const {
  const RankShare own = share_of(rows.n(), share_.part, size_);
  parts_.reserve(rows.n() * part), received_.reserve(size_ * own.n() * part);
  merged_.reserve(rows.n() * rows.width());
  attend_own(rows, part, parts_.data());
  std::vector<std::span<const std::byte>> to;
  std::vector<std::span<std::byte>> from;
  for (int r = 0; r < size_; ++r) {
    const RankShare theirs = share_of(rows.n(), r, size_);
    to.push_back(bytes_of(parts_.data() + theirs.begin * part, theirs.n() * part));
    from.push_back(bytes_of(received_.data() + r * own.n() * part, own.n() * part));
  }
  {
    const Timed timed(context()->profile(), "exchange parts", 0, 4.0 * static_cast<double>(rows.n() * part));
    ranks_->exchange(to, from);
  }
  std::vector<const float*> of_rows(static_cast<std::size_t>(size_));
  for (std::size_t t = 0; t < rows.tasks.size(); ++t) {
    const Index begin = std::max<Index>(own.begin, rows.first[t]),
                end = std::min<Index>(own.end, rows.first[t + 1]);
    if (begin >= end) continue;
    for (int r = 0; r < size_; ++r)
      of_rows[static_cast<std::size_t>(r)] = received_.data() + (r * own.n() + begin - own.begin) * part;
    merge(rows, t, end - begin, of_rows, merged_.data() + begin * rows.width(), rows.width());
  }
  gather_rows(merged_.data(), rows.n(), rows.width());
  for (std::size_t t = 0; t < rows.tasks.size(); ++t)
    for (Index row = 0; row < rows.tasks[t].plan->n_rows; ++row)
      std::copy_n(merged_.data() + (rows.first[t] + row) * rows.width(), rows.width(), rows.out(t, row));
}

std::vector<std::byte> ContextParallel::saved(const KvLayer& kv) const {
  std::vector<std::byte> bytes;
  inner().save(
      kv, [&](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  return bytes;
}

std::unique_ptr<KvLayer> ContextParallel::loaded(const SharedKv& kv, int rank,
                                                 std::span<const std::byte> bytes) const {
  const KeyShare theirs{rank, size_};
  auto copy = inner().make_kv_layer(kv.n_kv_heads, kv.head_dim, kv.value_dim);
  KeyPlan plan;
  for (const KeyPlan::Variant& variant : kv.variants) plan.variants.push_back(counted_in(variant, theirs));
  inner().load(*copy, theirs.held(kv.n), plan, theirs.held(kv.next_row), [&](std::span<std::byte> piece) {
    RW_CHECK(piece.size() <= bytes.size());
    std::copy_n(bytes.begin(), piece.size(), piece.begin());
    bytes = bytes.subspan(piece.size());
  });
  RW_CHECK(bytes.empty());
  return copy;
}

/// Of each task the keys and values of the rank that stands `step` before this one; its own go to who stands
/// so far behind it.
std::vector<std::unique_ptr<KvLayer>> ContextParallel::pass_keys(const TaskRows& rows, int step) const {
  const auto before = static_cast<std::size_t>((share_.part + size_ - step) % size_),
             behind = static_cast<std::size_t>((share_.part + step) % size_);
  std::vector<std::unique_ptr<KvLayer>> theirs;
  for (const AttentionTask& task : rows.tasks) {
    const SharedKv& kv = shared(*task.kv);
    const std::vector<std::byte> own = saved(*kv.own);
    const auto n_ranks = static_cast<std::size_t>(size_);
    std::uint64_t n_own = own.size(), n_theirs = 0;
    std::vector<std::span<const std::byte>> to(n_ranks);
    std::vector<std::span<std::byte>> from(n_ranks);
    const Timed timed(context()->profile(), "pass keys", 0, static_cast<double>(n_own));
    to[behind] = std::as_bytes(std::span(&n_own, 1)),
    from[before] = std::as_writable_bytes(std::span(&n_theirs, 1));
    ranks_->exchange(to, from);
    std::vector<std::byte> bytes(n_theirs);
    to[behind] = own, from[before] = bytes;
    ranks_->exchange(to, from);
    theirs.push_back(loaded(kv, static_cast<int>(before), bytes));
  }
  return theirs;
}

void ContextParallel::ring(const TaskRows& rows, Index part) const {
  RankRows own(rows, share_.part, size_);
  queries_.reserve(own.n_queries), parts_.reserve(size_ * own.n * part);
  own.take_queries(rows, queries_.data());
  for (int step = 0; step < size_; ++step) {
    const int rank = (share_.part + size_ - step) % size_;
    std::vector<std::unique_ptr<KvLayer>> theirs;
    if (step > 0) theirs = pass_keys(rows, step);
    float* parts = parts_.data() + rank * own.n * part;
    for (std::size_t t = 0; t < own.tasks.size(); ++t) {
      own.tasks[t].kv = step > 0 ? theirs[t].get() : shared(*rows.tasks[t].kv).own.get();
      own.tasks[t].share = {rank, size_}, own.tasks[t].parts = parts;
      parts += own.plans[t].n_rows * part;
    }
    inner().attention(own.tasks, rows.n_heads);
  }
  merged_.reserve(rows.n() * rows.width());
  std::vector<std::span<std::byte>> all;  // of each rank its rows, merged
  Index begin = 0, own_begin = 0;
  for (int r = 0; r < size_; ++r) {
    const Index n = count_of_rank(rows, r, size_) * rows.width();
    if (r == share_.part) own_begin = begin;
    all.push_back(bytes_of(merged_.data() + begin, n));
    begin += n;
  }
  std::vector<const float*> of_rows(static_cast<std::size_t>(size_));
  for (Index t = 0, done = 0; t < static_cast<Index>(own.tasks.size()); ++t) {
    const Index n = own.plans[static_cast<std::size_t>(t)].n_rows;
    for (int r = 0; r < size_; ++r)
      of_rows[static_cast<std::size_t>(r)] = parts_.data() + (r * own.n + done) * part;
    merge(rows, static_cast<std::size_t>(t), n, of_rows, merged_.data() + own_begin + done * rows.width(),
          rows.width());
    done += n;
  }
  ranks_->gather(all);
  const float* from = merged_.data();
  for (int r = 0; r < size_; ++r)
    for (std::size_t t = 0; t < rows.tasks.size(); ++t)
      for (const Index row : rows_of_rank(rows.tasks[t].plan->n_rows, r, size_)) {
        std::copy_n(from, rows.width(), rows.out(t, row));
        from += rows.width();
      }
}

}  // namespace

std::shared_ptr<const Backend> make_context_parallel(std::shared_ptr<const Backend> inner,
                                                     std::shared_ptr<Ranks> ranks,
                                                     const ContextParallelOptions& options) {
  RW_CHECK(inner->part_floats(16) > 0);
  return std::make_shared<ContextParallel>(std::move(inner), std::move(ranks), options);
}

}  // namespace rw
