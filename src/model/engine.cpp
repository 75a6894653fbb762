// SPDX-License-Identifier: Apache-2.0
#include "model/engine.h"

#include <algorithm>

#include "model/forward.h"

namespace rw {
namespace {

/// Each row of an encoder sees all the others.
void require_whole(const StepInput& input, const Sequence::State& s) {
  if (input.stage == Stage::kDecode)
    throw Error("step", "a text to read", "a written token", "an encoder writes none");
  if (static_cast<Index>(input.tokens.size()) != s.options.n)
    throw Error("step", fmt::format("the {} tokens of the text at once", s.options.n),
                fmt::format("{} behind {}", input.tokens.size(), s.tokens.size()),
                "an encoder's rows see both sides");
}

void require_input(const StepInput& input, const Model& model) {
  Sequence::State& s = input.sequence->state();
  if (s.model.get() != &model)
    throw Error("step", "sequences of the engine's model", "one of another", "each model has its engine");
  s.require_room(static_cast<Index>(input.tokens.size()));
  if (model.config().encoder && !input.tokens.empty()) require_whole(input, s);
  for (const Token token : input.tokens) model.require_row(token);
  const Wanted& w = input.wanted;
  const Index begin = input.sequence->position(), end = begin + static_cast<Index>(input.tokens.size());
  const bool tops = w.top_ids != nullptr;
  if ((w.losses != nullptr || w.greatest != nullptr || tops) &&
      (w.begin < begin || w.end < w.begin || w.end > end))
    throw Error("step", fmt::format("rows from {} to {}, those that are read", begin, end),
                fmt::format("{} to {}", w.begin, w.end), "losses and likeliest tokens are of new rows");
  for (std::size_t i = 0; i < w.only.size(); ++i)
    if (w.only[i] < (i == 0 ? w.begin : w.only[i - 1] + 1) || w.only[i] >= w.end)
      throw Error("step", fmt::format("rows in rising order from {} to {}", w.begin, w.end - 1),
                  fmt::format("row {}", w.only[i]), "each row once");
  if (tops != (w.top_logits != nullptr) || (tops && (w.k < 1 || w.k > model.n_choices())))
    throw Error("step", fmt::format("1 to {} likeliest tokens, with their logits", model.n_choices()),
                fmt::format("{}", w.k), "ask for as many as there are");
  if (w.losses == nullptr) return;
  if (static_cast<Index>(w.targets.size()) != w.n())
    throw Error("step", fmt::format("a target for each of {} rows", w.n()),
                fmt::format("{}", w.targets.size()), "losses are of targets");
  require_targets(w.targets, model.config().n_vocab);
}

RowRange within(RowRange rows, Index begin, Index end) {
  const Index first = std::clamp(begin, rows.begin, rows.end);
  return {first, std::clamp(end, first, rows.end)};
}

}  // namespace

struct Engine::Impl {
  /// An input on its way.
  struct Job {
    const StepInput* input = nullptr;
    Index n_before = 0;  // tokens that its sequence had
    Index n_done = 0;    // of the input's tokens
    Index left() const { return static_cast<Index>(input->tokens.size()) - n_done; }
  };
  /// Rows of one piece in the pass, with who wants something of them.
  struct Asked {
    Piece piece;
    const Wanted* wanted;  // or null
    RowRange rows;         // that something is wanted of
    Index row() const { return piece.wanted_row + rows.begin - piece.wanted.begin; }
    bool some() const { return wanted != nullptr && !wanted->only.empty(); }
  };

  void read_again(Sequence::State& s);
  void add_piece(Sequence::State& s, std::span<const Token> tokens, Stage stage, const Wanted* wanted);
  bool take(Stage stage);
  void run_pass();
  void give(const Rows& rows);
  void give_some(const Asked& asked, const Rows& rows);
  void give_rows(const Wanted& wanted, Index first, Index at, Index n, const float* logits);

  std::shared_ptr<const Model> model;
  Index chunk;
  Activations activations;
  Scratch logits;  // (up to kSlabRows, n_vocab), made when first needed
  Scratch some;    // (up to kSlabRows, d_model): hidden states of rows that do not lie together
  std::vector<float> on_host;
  std::vector<Job> jobs;
  std::vector<Asked> asked;   // of the pass
  std::vector<Piece> pieces;  // of the pass
  Index n_rows = 0, n_wanted = 0;
};

void Engine::Impl::add_piece(Sequence::State& s, std::span<const Token> tokens, Stage stage,
                             const Wanted* wanted) {
  const RowRange rows{s.n_read, s.n_read + static_cast<Index>(tokens.size())};
  const RowRange asked_for =
      wanted != nullptr ? within(rows, wanted->begin, wanted->end) : RowRange{rows.begin, rows.begin};
  const Piece piece{&s, tokens, stage, s.options.every_row ? rows : asked_for, n_rows, n_wanted};
  s.lower(rows.n(), piece.wanted);
  asked.push_back({piece, wanted, asked_for});
  pieces.push_back(piece);
  n_rows += rows.n(), n_wanted += piece.wanted.n();
}

/// Of each job of this stage, as much as there is room for (of an encoder's, all of it, however long);
/// whether anything was taken.
bool Engine::Impl::take(Stage stage) {
  bool any = false;
  for (Job& job : jobs) {
    if (job.input->stage != stage || job.left() == 0 || n_rows >= chunk) continue;
    if (model->config().encoder && n_rows > 0 && n_rows + job.left() > chunk) continue;  // the next pass's
    Sequence::State& s = job.input->sequence->state();
    const Index n = s.rows_now(job.left(), chunk - n_rows);
    add_piece(s, job.input->tokens.subspan(static_cast<std::size_t>(job.n_done), static_cast<std::size_t>(n)),
              stage, &job.input->wanted);
    job.n_done += n;
    any = true;
  }
  return any;
}

void Engine::Impl::run_pass() {
  const Rows rows = forward(*model, pieces, activations);
  give(rows);
  for (const Piece& piece : pieces) piece.sequence->commit(piece.tokens, piece.stage == Stage::kDecode);
  asked.clear(), pieces.clear();
  n_rows = n_wanted = 0;
}

/// What truncate() or fork() left to be read again, in the stages in which it was read.
void Engine::Impl::read_again(Sequence::State& s) {
  while (s.n_read < static_cast<Index>(s.tokens.size())) {
    const auto begin = static_cast<std::size_t>(s.n_read);
    std::size_t end = begin + 1;
    while (end < s.tokens.size() && s.written[end] == s.written[begin]) ++end;
    const Index n = s.rows_now(static_cast<Index>(end - begin), chunk);
    add_piece(s, std::span(s.tokens).subspan(begin, static_cast<std::size_t>(n)),
              s.written[begin] ? Stage::kDecode : Stage::kPrefill, nullptr);
    run_pass();
  }
}

/// Logits of the rows that something is wanted of, as many together as lie together, in slabs.
void Engine::Impl::give(const Rows& rows) {
  const Index n_vocab = model->config().n_vocab, d_model = model->config().d_model;
  for (std::size_t i = 0; i < asked.size();) {
    if (asked[i].some()) {
      give_some(asked[i++], rows);
      continue;
    }
    Index first = asked[i].row(), end = first;
    const Stage stage = asked[i].piece.stage;
    const std::size_t begin = i;
    for (; i < asked.size() && !asked[i].some() && asked[i].piece.stage == stage &&
           (asked[i].row() == end || i == begin);
         ++i)
      end = asked[i].row() + asked[i].rows.n();
    for (Index row = first; row < end; row += kSlabRows) {
      const Index n = std::min(kSlabRows, end - row);
      float* slab = logits.reserve(model->backend(), n * n_vocab);
      output_logits(*model, rows.x + row * d_model, n, stage, activations, slab);
      for (std::size_t j = begin; j < i; ++j) {
        const Index to_position = asked[j].rows.begin - asked[j].row();
        const RowRange here = within(asked[j].rows, row + to_position, row + n + to_position);
        if (here.n() > 0)
          give_rows(*asked[j].wanted, here.begin, here.begin - asked[j].wanted->begin, here.n(),
                    slab + (here.begin - to_position - row) * n_vocab);
      }
    }
  }
}

/// The same of rows that do not lie together: they are copied beside each other.
void Engine::Impl::give_some(const Asked& a, const Rows& rows) {
  const Index n_vocab = model->config().n_vocab, d_model = model->config().d_model;
  const std::span<const Index> only = a.wanted->only;
  const auto place = [&](Index position) {
    return static_cast<Index>(std::lower_bound(only.begin(), only.end(), position) - only.begin());
  };
  const Index end = place(a.rows.end);
  for (Index at = place(a.rows.begin); at < end; at += kSlabRows) {
    const Index n = std::min(kSlabRows, end - at);
    float* x = some.reserve(model->backend(), n * d_model);
    for (Index r = 0; r < n; ++r)
      model->backend().copy(
          rows.x + (a.row() + only[static_cast<std::size_t>(at + r)] - a.rows.begin) * d_model, d_model,
          x + r * d_model);
    float* slab = logits.reserve(model->backend(), n * n_vocab);
    output_logits(*model, x, n, a.piece.stage, activations, slab);
    give_rows(*a.wanted, at, at, n, slab);
  }
}

/// `first`: what the sink is told; `at`: where the results of these n rows begin.
void Engine::Impl::give_rows(const Wanted& wanted, Index first, Index at, Index n, const float* slab) {
  const Backend& backend = model->backend();
  const Index n_vocab = model->config().n_vocab;
  if (wanted.logits != nullptr) (*wanted.logits)(first, n, backend.on_host(slab, n * n_vocab, on_host));
  if (wanted.losses != nullptr)
    backend.losses(slab, n_vocab,
                   wanted.targets.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(n)),
                   wanted.losses + at);
  if (wanted.greatest != nullptr)
    backend.greatest(slab, n, n_vocab, model->n_choices(), wanted.greatest + at);
  if (wanted.top_ids != nullptr)
    backend.top_k(slab, n, n_vocab, model->n_choices(), wanted.k, wanted.top_ids + at * wanted.k,
                  wanted.top_logits + at * wanted.k);
}

void require_targets(std::span<const Token> targets, Index n_vocab) {
  for (const Token target : targets)
    if (target < 0 || target >= n_vocab)
      throw Error("loss", fmt::format("a token id from 0 to {}, the rows of the model", n_vocab - 1),
                  fmt::format("{}", target), "the tokenizer has more ids than the model has rows");
}

Engine::Engine(std::shared_ptr<const Model> model, Index chunk) : impl_(std::make_unique<Impl>()) {
  RW_CHECK(chunk >= 1);
  impl_->model = std::move(model), impl_->chunk = chunk;
}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::step(std::span<const StepInput> inputs, const TokensDone& done) {
  Impl& e = *impl_;
  e.jobs.clear(), e.asked.clear(), e.pieces.clear();
  e.n_rows = e.n_wanted = 0;
  for (const StepInput& input : inputs) {
    for (const Impl::Job& job : e.jobs)
      if (job.input->sequence == input.sequence)
        throw Error("step", "each sequence once", "one twice", "its second tokens are the next step's");
    require_input(input, *e.model);
    e.jobs.push_back({&input, input.sequence->position(), 0});
  }
  try {
    for (const StepInput& input : inputs)
      if (!input.tokens.empty()) e.read_again(input.sequence->state());
    Index n_done = 0;
    for (bool more = true; more;) {
      more = e.take(Stage::kPrefill);
      more = e.take(Stage::kDecode) || more;
      n_done += e.n_rows;
      if (!more) break;
      e.run_pass();
      if (done) done(n_done);
    }
  } catch (...) {
    for (const Impl::Job& job : e.jobs) job.input->sequence->state().take_back(job.n_before);
    throw;
  }
}

}  // namespace rw
