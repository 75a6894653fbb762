// SPDX-License-Identifier: Apache-2.0
#include "ropewalk/engine.h"

#include <algorithm>

#include "model/engine.h"
#include "model/method_choice.h"

namespace ropewalk {

/// What does not change while a sequence is read.
struct Sequence::Said {
  Model model;
  Index n = 0;
  std::string why;
};

namespace {

/// Errors: UsageError.
void require_read(Index n, Index position) {
  if (n < 0 || n > position)
    throw UsageError("position", fmt::format("0 to the {} tokens that were read", position),
                     fmt::format("{}", n), "a text is shortened to what it has, no further");
}

/// Errors: UsageError.
void require_size(std::size_t size, Index n, const char* what) {
  if (size != 0 && size != static_cast<std::size_t>(n))
    throw UsageError(what, fmt::format("{} numbers, or none", n), fmt::format("{}", size),
                     "spans are of the last n_rows tokens");
}

/// Errors: UsageError.
void require_spans(const StepInput& in, Index n_vocab) {
  if (in.sequence == nullptr) throw UsageError("sequence", "one for each input", "none", "give its address");
  if (in.n_rows < 0 || static_cast<std::size_t>(in.n_rows) > in.tokens.size())
    throw UsageError("n_rows", fmt::format("0 to {}, the tokens of the step", in.tokens.size()),
                     fmt::format("{}", in.n_rows), "what is wanted is of tokens that are read now");
  require_size(in.logits.size(), in.n_rows * n_vocab, "logits");
  require_size(in.targets.size(), in.n_rows, "targets");
  require_size(in.losses.size(), in.n_rows, "losses");
  require_size(in.likeliest.size(), in.n_rows, "likeliest");
  if (in.targets.empty() != in.losses.empty())
    throw UsageError("losses", "targets and losses, or none of both", "one of both", "a loss is of a target");
}

/// What a progress function may not touch. Errors: UsageError.
void require_idle(bool in_step, const char* what) {
  if (in_step)
    throw UsageError(what, "one call at a time", "one from within a step",
                     "a progress function only looks on");
}

/// True while it lives.
class InStep {
 public:
  void add(bool& flag) { flags_.push_back(&flag), flag = true; }
  InStep() = default;
  ~InStep() {
    for (bool* flag : flags_) *flag = false;
  }
  InStep(const InStep&) = delete;
  InStep& operator=(const InStep&) = delete;

 private:
  std::vector<bool*> flags_;
};

}  // namespace

Sequence::Sequence(std::unique_ptr<rw::Sequence> inside, std::shared_ptr<const Said> said)
    : inside_(std::move(inside)), said_(std::move(said)) {}

Sequence::Sequence(const Model& model, const SequenceOptions& options) {
  if (options.n < 1 || options.n > rw::kMostTokens || options.n_prompt < 0 || options.n_prompt > options.n)
    throw UsageError("n, n_prompt", "a length from 1 to 2^31 tokens, its prompt included",
                     fmt::format("{}, {}", options.n, options.n_prompt), "n is all that is read and written");
  const rw::ModelConfig& config = model.inside()->config();
  rw::check_method(options.method);
  rw::AutoChoice choice = rw::choice_for(options.method, model.path(), config, options.n);
  inside_ = std::make_unique<rw::Sequence>(*model.inside(), choice.spec,
                                           rw::SequenceOptions{.n = options.n, .n_prompt = options.n_prompt});
  said_ = std::make_shared<const Said>(
      Said{model, options.n, options.method == "auto" ? std::move(choice.why) : ""});
}

Sequence::~Sequence() = default;
Sequence::Sequence(Sequence&&) noexcept = default;
Sequence& Sequence::operator=(Sequence&&) noexcept = default;

const Model& Sequence::model() const { return said_->model; }
Index Sequence::position() const { return inside_->position(); }
Index Sequence::n() const { return said_->n; }
std::string Sequence::method() const { return inside_->method().text(); }
std::string Sequence::why() const { return said_->why; }
std::size_t Sequence::cache_bytes() const { return inside_->cache_bytes(); }

Sequence Sequence::fork(Index n) const {
  require_idle(in_step_, "sequence");
  require_read(n, position());
  return Sequence(std::make_unique<rw::Sequence>(inside_->fork(n)), said_);
}

void Sequence::truncate(Index n) {
  require_idle(in_step_, "sequence");
  require_read(n, position());
  inside_->truncate(n);
}

Engine::Engine(const Model& model, Index chunk) : model_(model) {
  if (chunk < 1 || chunk > 65536)
    throw UsageError("chunk", "1 to 65536 rows", fmt::format("{}", chunk), "it does not change results");
  inside_ = std::make_unique<rw::Engine>(model.inside(), chunk);
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::step(std::span<const StepInput> inputs, const Progress& progress) {
  require_idle(in_step_, "engine");
  const Index n_vocab = model_.n_vocab();
  std::vector<rw::LogitsSink> sinks(inputs.size());
  std::vector<rw::StepInput> steps;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const StepInput& in = inputs[i];
    require_spans(in, n_vocab);
    require_idle(in.sequence->in_step_, "sequence");
    const Index end = in.sequence->position() + static_cast<Index>(in.tokens.size()), begin = end - in.n_rows;
    if (!in.logits.empty())
      sinks[i] = [=, out = in.logits.data()](Index first, Index n, const float* logits) {
        std::copy_n(logits, n * n_vocab, out + (first - begin) * n_vocab);
      };
    steps.push_back({.sequence = &in.sequence->inside(),
                     .tokens = in.tokens,
                     .stage = in.written ? rw::Stage::kDecode : rw::Stage::kPrefill,
                     .wanted = {.begin = begin,
                                .end = end,
                                .logits = sinks[i] ? &sinks[i] : nullptr,
                                .targets = in.targets,
                                .losses = in.losses.empty() ? nullptr : in.losses.data(),
                                .greatest = in.likeliest.empty() ? nullptr : in.likeliest.data()}});
  }
  InStep now;
  now.add(in_step_);
  for (const StepInput& in : inputs) now.add(in.sequence->in_step_);
  inside_->step(steps, progress);
}

}  // namespace ropewalk
