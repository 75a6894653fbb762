// SPDX-License-Identifier: Apache-2.0
/// Whatever operation of a backend fails, once or from there on for good: a sequence is as it was before, and
/// gives the same bits when it is asked again, or it says that it is not usable, and is then refused.
#include <malloc.h>

#include <map>
#include <set>

#include "kernels/forwarding_backend.h"
#include "model/engine.h"
#include "model_test_util.h"

namespace rw {
namespace {

/// Throws in the call that is so many calls away, and where `for_good` in every one behind it.
class Failing : public ForwardingBackend {
  using Base = ForwardingBackend;

 public:
  using Base::Base;
  void arm(int calls, bool for_good) const {
    left_ = calls, for_good_ = for_good, tripped_ = false;
    seen_.clear();
  }
  void disarm() const { arm(-1, false); }
  const std::map<std::string, int>& failed() const { return failed_; }
  /// The operations since then.
  const std::vector<std::string>& seen() const { return seen_; }

  std::shared_ptr<float> buffer(Index n) const override { return at("buffer"), Base::buffer(n); }
  std::shared_ptr<const float> upload(std::span<const float> numbers) const override {
    return at("upload"), Base::upload(numbers);
  }
  const float* on_host(const float* from, Index n, std::vector<float>& copy) const override {
    return at("on_host"), Base::on_host(from, n, copy);
  }
  void copy(const float* from, Index n, float* to) const override { at("copy"), Base::copy(from, n, to); }
  void embed(const WeightRows& rows, std::span<const Token> tokens, float scale, const float* bias,
             float* y) const override {
    at("embed"), Base::embed(rows, tokens, scale, bias, y);
  }
  using Base::make_matrix;
  std::unique_ptr<Matrix> make_matrix(WeightRows rows, Precision precision) const override {
    return at("make_matrix"), Base::make_matrix(std::move(rows), precision);
  }
  void linear(const Input& input, std::span<const Output> outputs, Stage stage) const override {
    at("linear"), Base::linear(input, outputs, stage);
  }
  void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add,
                    Stage stage) const override {
    at("feed_forward"), Base::feed_forward(input, layer, y, add, stage);
  }
  void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage) const override {
    at("experts"), Base::experts(input, layer, y, add, stage);
  }
  using Base::make_kv_layer;
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim, int value_dim) const override {
    return at("make_kv_layer"), Base::make_kv_layer(n_kv_heads, head_dim, value_dim);
  }
  using Base::append;
  void append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
              const KeyPlan& plan) const override {
    at("append"), Base::append(kv, k, k_stride, v, v_stride, plan);
  }
  void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const override {
    at("rotate_into"), Base::rotate_into(scratch, raw, plan);
  }
  void drop(KvLayer& kv, Index next_row) const override { at("drop"), Base::drop(kv, next_row); }
  void truncate(KvLayer& kv, Index n_keys) const override { at("truncate"), Base::truncate(kv, n_keys); }
  std::unique_ptr<KvLayer> fork(const KvLayer& kv, Index n_keys) const override {
    return at("fork"), Base::fork(kv, n_keys);
  }
  void attention(std::span<const AttentionTask> tasks, int n_heads) const override {
    at("attention"), Base::attention(tasks, n_heads);
  }
  void join_heads(const float* shared, Index n_shared, const float* own, Index n_own, Index n_rows,
                  int n_heads, float* y) const override {
    at("join_heads"), Base::join_heads(shared, n_shared, own, n_own, n_rows, n_heads, y);
  }
  void norm(const float* x, Index n_rows, Index dim, const Norm& norm, float* y) const override {
    at("norm"), Base::norm(x, n_rows, dim, norm, y);
  }
  void soft_cap(float* x, Index n, float cap) const override { at("soft_cap"), Base::soft_cap(x, n, cap); }
  void convolve(std::span<const ConvolutionTask> tasks, const Convolution& convolution) const override {
    at("convolve"), Base::convolve(tasks, convolution);
  }
  void recur(std::span<const RecurrenceTask> tasks, const Recurrence& recurrence) const override {
    at("recur"), Base::recur(tasks, recurrence);
  }
  void activate(float* x, const float* up, Index n, Activation activation) const override {
    at("activate"), Base::activate(x, up, n, activation);
  }
  void rotate(float* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
              const std::vector<double>& theta) const override {
    at("rotate"), Base::rotate(x, n_rows, n_heads, head_dim, stride, first, theta);
  }
  void add_scaled(const float* x, Index n, float scale, float* y) const override {
    at("add_scaled"), Base::add_scaled(x, n, scale, y);
  }
  void losses(const float* logits, Index n_vocab, std::span<const Token> targets,
              double* losses) const override {
    at("losses"), Base::losses(logits, n_vocab, targets, losses);
  }
  void greatest(const float* x, Index n_rows, Index n, Index n_choices, Token* out) const override {
    at("greatest"), Base::greatest(x, n_rows, n, n_choices, out);
  }
  void top_k(const float* x, Index n_rows, Index n, Index n_choices, Index k, Token* ids,
             float* values) const override {
    at("top_k"), Base::top_k(x, n_rows, n, n_choices, k, ids, values);
  }

 private:
  void at(const char* operation) const {
    seen_.emplace_back(operation);
    if (tripped_ && for_good_) throw std::bad_alloc();
    if (left_ < 0 || left_-- > 0) return;
    tripped_ = true, ++failed_[operation];
    throw std::bad_alloc();
  }
  mutable int left_ = -1;
  mutable bool for_good_ = false, tripped_ = false;
  mutable std::map<std::string, int> failed_;
  mutable std::vector<std::string> seen_;
};

/// The first, the middle and the last call of each operation.
std::set<int> places(const std::vector<std::string>& calls) {
  std::map<std::string, std::vector<int>> of;
  for (std::size_t i = 0; i < calls.size(); ++i) of[calls[i]].push_back(static_cast<int>(i));
  std::set<int> result;
  for (const auto& [operation, at] : of) result.insert({at.front(), at[at.size() / 2], at.back()});
  return result;
}

/// All that can be wanted of a row.
struct Got {
  std::vector<double> losses;
  std::vector<Token> greatest, top_ids;
  std::vector<float> top_logits, logits;
  bool operator==(const Got&) const = default;
};

/// Sequences that stand somewhere, and the tokens that each reads next.
struct Texts {
  std::vector<Sequence> sequences;
  std::vector<Token> next;
};

/// Reads on in some of them. The first is one that writes, unless it is an encoder's; of the second rows that
/// lie apart are wanted.
void go_on(Engine& engine, Texts& texts, const std::vector<std::size_t>& which, std::vector<Got>& got) {
  const std::vector<Token>& next = texts.next;
  const auto n = static_cast<Index>(next.size()) - 1;
  std::vector<StepInput> inputs;
  std::vector<LogitsSink> sinks(which.size());
  std::vector<std::vector<Index>> only(which.size());
  got.assign(which.size(), {});
  for (std::size_t i = 0; i < which.size(); ++i) {
    Sequence& s = texts.sequences[which[i]];
    const Index begin = s.position(), n_vocab = s.model().config().n_vocab;
    if (which[i] == 1) only[i] = {begin + 1, begin + n - 2};
    const Index rows = only[i].empty() ? n : 2;
    Got& g = got[i];
    g.losses.resize(static_cast<std::size_t>(rows)), g.greatest.resize(static_cast<std::size_t>(rows));
    g.top_ids.resize(static_cast<std::size_t>(2 * rows)), g.top_logits.resize(g.top_ids.size());
    sinks[i] = [&g, n_vocab](Index, Index n_rows, const float* logits) {
      g.logits.insert(g.logits.end(), logits, logits + n_rows * n_vocab);
    };
    const bool writes = which[i] == 0 && !s.model().config().encoder;
    inputs.push_back(
        {&s,
         next,
         writes ? Stage::kDecode : Stage::kPrefill,
         {begin, begin + n, &sinks[i], std::span(next).subspan(1, static_cast<std::size_t>(rows)),
          g.losses.data(), g.greatest.data(), 2, g.top_ids.data(), g.top_logits.data(), only[i]}});
  }
  engine.step(inputs);
}

/// A decoder's: written, behind a window that has to be read again, with two regions, with keys that are
/// rotated anew, and a fork. An encoder's texts begin.
Texts begin(const TestModel& m) {
  const Index n_vocab = m.model.config().n_vocab;
  const auto add = [&](Texts& texts, const char* spec, Index n) {
    texts.sequences.emplace_back(m.model, MethodSpec::parse(spec), SequenceOptions{.n = n, .n_prompt = n});
  };
  Texts texts{{}, some_tokens(60, n_vocab)};
  if (m.model.config().encoder) {
    for (const char* spec : {"none", "window:window=9", "rerope:window=16"}) add(texts, spec, 60);
    return texts;
  }
  for (const char* spec : {"none", "window:window=9", "rerope:window=16", "dynamic-ntk:grow=1"})
    add(texts, spec, 80);
  Engine engine(m.shared, 50);
  std::vector<Got> got;
  go_on(engine, texts, {0, 1, 2, 3}, got);
  texts.sequences[1].truncate(50);
  texts.sequences.push_back(texts.sequences[2].fork(60));
  texts.next = some_tokens(14, n_vocab, 3);
  return texts;
}

/// The same again, at the price of a fork; an encoder's texts have nothing to share.
Texts again(const TestModel& m, const Texts& texts) {
  if (m.model.config().encoder) return begin(m);
  Texts result{{}, texts.next};
  for (const Sequence& s : texts.sequences) result.sequences.push_back(s.fork(s.position()));
  return result;
}

std::vector<std::size_t> all_of(const Texts& texts) {
  std::vector<std::size_t> all(texts.sequences.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

void expect_refused(Engine& engine, Texts& texts, std::size_t i) {
  std::vector<Got> got;
  EXPECT_THROW(go_on(engine, texts, {i}, got), Error);
  EXPECT_THROW(texts.sequences[i].truncate(0), Error);
  EXPECT_THROW(texts.sequences[i].fork(0), Error);
}

/// Lets each operation of a step fail in turn. Returns how many sequences said that they are not usable.
int fail_steps(const TestModel& m, const Failing& backend, bool for_good) {
  const Texts start = begin(m);
  std::vector<Got> right, got;
  std::set<int> calls;
  {
    Texts texts = again(m, start);
    Engine engine(m.shared, 50);  // a step takes several passes
    backend.disarm();
    go_on(engine, texts, all_of(texts), right);
    calls = places(backend.seen());
  }
  int n_unusable = 0;
  for (const int call : calls) {
    SCOPED_TRACE(call);
    Texts texts = again(m, start);
    Engine engine(m.shared, 50);  // a new one, whose buffers can fail
    backend.arm(call, for_good);
    EXPECT_THROW(go_on(engine, texts, all_of(texts), got), std::bad_alloc);
    backend.disarm();
    for (std::size_t i = 0; i < texts.sequences.size(); ++i) {
      if (!texts.sequences[i].usable()) {
        ++n_unusable;
        expect_refused(engine, texts, i);
        continue;
      }
      EXPECT_EQ(texts.sequences[i].position(), start.sequences[i].position());
      if (!for_good) continue;
      go_on(engine, texts, {i}, got);
      EXPECT_EQ(got[0], right[i]) << "sequence " << i;
    }
    if (for_good) continue;
    go_on(engine, texts, all_of(texts), got);
    EXPECT_EQ(got, right);
  }
  return n_unusable;
}

/// Sequences that cannot be made, forked or truncated: nothing else notices, and no memory stays promised.
void fail_sequences(const TestModel& m, const Failing& backend, bool for_good) {
  Texts texts = begin(m);
  PagePool& pages = m.model.backend().context()->pages();
  std::vector<Got> right, got;
  Engine engine(m.shared, 50);
  Texts undisturbed = again(m, texts);
  go_on(engine, undisturbed, all_of(undisturbed), right);
  undisturbed.sequences.clear();
  const auto each_call = [&](const auto& what) {
    bool failed = true;
    for (int call = 0; failed; ++call) {
      const std::size_t promised = pages.promised();
      backend.arm(call, for_good);
      failed = false;
      try {
        what();
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      backend.disarm();
      EXPECT_EQ(pages.promised(), promised) << "call " << call;
    }
  };
  for (const char* spec : {"none", "rerope:window=16", "dynamic-ntk:grow=1"})
    if (!m.model.config().encoder || spec != std::string("dynamic-ntk:grow=1"))
      each_call([&] { Sequence(m.model, MethodSpec::parse(spec), {.n = 60}); });
  if (!m.model.config().encoder)
    for (const Sequence& s : texts.sequences)
      for (const Index place : {s.position(), Index{20}}) each_call([&] { s.fork(place); });
  go_on(engine, texts, all_of(texts), got);
  EXPECT_EQ(got, right);
  for (std::size_t i = 0; i < texts.sequences.size() && !m.model.config().encoder; ++i)
    each_call([&] {
      Texts one{{}, texts.next};
      {
        std::vector<Sequence> parent;
        parent.push_back(texts.sequences[i].fork(texts.sequences[i].position()));
        one.sequences = std::move(parent);
      }
      Sequence& s = one.sequences[0];
      const Index before = s.position();
      try {
        s.truncate(20);
      } catch (const std::bad_alloc&) {
        backend.disarm();
        if (s.usable())
          EXPECT_EQ(s.position(), before);
        else
          expect_refused(engine, one, 0);
        throw;
      }
    });
}

TEST(AnyOperationThatFails, LeavesSequencesAsTheyWereOrRefused) {
  // Some thousand small caches come and go: without these the heap is given back and asked for each time,
  // which takes four times as long.
  mallopt(M_TRIM_THRESHOLD, 256 << 20), mallopt(M_TOP_PAD, 64 << 20);
  std::map<std::string, int> failed;
  int n_unusable = 0;
  for (const char* family : {"llama", "gemma2", "hunyuan", "cohere2", "gpt_neox", "roformer", "ernie4_5_moe",
                             "qwen3_5", "glm4_moe_lite"}) {
    SCOPED_TRACE(family);
    const auto backend = std::make_shared<const Failing>(make_cpu_backend(Precision::kBf16));
    backend->context()->set_threads(1);
    std::shared_ptr<const Model> model;
    for (int call = 0; model == nullptr; ++call) {
      backend->arm(call, call % 2 == 0);
      try {
        model = Model::open(golden("tiny/" + std::string(family)), backend);
      } catch (const std::bad_alloc&) {
      }
    }
    backend->disarm();
    const TestModel m(std::move(model));
    EXPECT_EQ(fail_steps(m, *backend, false), 0);
    n_unusable += fail_steps(m, *backend, true);
    fail_sequences(m, *backend, false);
    fail_sequences(m, *backend, true);
    for (const auto& [operation, n] : backend->failed()) failed[operation] += n;
  }
  EXPECT_GT(n_unusable, 0);  // what is refused then was tried
  // All of Backend that computes, but log_sum_exp, which training alone asks for.
  for (const char* operation :
       {"buffer",       "upload",        "on_host",  "copy",        "embed",  "make_matrix", "linear",
        "feed_forward", "make_kv_layer", "append",   "rotate_into", "drop",   "truncate",    "fork",
        "attention",    "norm",          "soft_cap", "activate",    "rotate", "add_scaled",  "losses",
        "greatest",     "top_k",         "experts",  "convolve",    "recur",  "join_heads"})
    EXPECT_GT(failed[operation], 0) << operation;
}

}  // namespace
}  // namespace rw
