// SPDX-License-Identifier: Apache-2.0
#include "model/session.h"

namespace rw {

Session::Session(const Model& model, const MethodSpec& spec, const SessionOptions& o)
    : sequence_(model, spec,
                {.n = o.n, .n_prompt = o.n_prompt, .rewind_to = o.rewind_to, .every_row = o.every_row},
                o.chunk),
      engine_(model.shared_from_this(), o.chunk) {}

Session::Session(Sequence sequence, Index chunk)
    : sequence_(std::move(sequence)), engine_(sequence_.model().shared_from_this(), chunk) {}

void Session::run(std::span<const Token> tokens, const Wanted& wanted, const TokensDone& done) {
  const StepInput input{&sequence_, tokens, Stage::kPrefill, wanted};
  engine_.step({&input, 1}, done);
}

void Session::run(std::span<const Token> tokens, Index logits_begin, Index logits_end, const LogitsSink& sink,
                  const TokensDone& done) {
  run(tokens, {.begin = logits_begin, .end = logits_end, .logits = &sink}, done);
}

void Session::write(Token token, const LogitsSink& sink) {
  const Wanted wanted{.begin = position(), .end = position() + 1, .logits = &sink};
  const StepInput input{&sequence_, {&token, 1}, Stage::kDecode, wanted};
  engine_.step({&input, 1});
}

Token Session::write(Token token) {
  Token next = kNoToken;
  const Wanted wanted{.begin = position(), .end = position() + 1, .greatest = &next};
  const StepInput input{&sequence_, {&token, 1}, Stage::kDecode, wanted};
  engine_.step({&input, 1});
  return next;
}

std::vector<double> losses_of(const Backend& backend, const float* logits, Index n_vocab,
                              std::span<const Token> targets) {
  require_targets(targets, n_vocab);
  std::vector<double> losses(targets.size());
  backend.losses(logits, n_vocab, targets, losses.data());
  return losses;
}

std::vector<double> token_losses(const Model& model, const MethodSpec& spec, std::span<const Token> tokens,
                                 Index begin, Index end, const TokensDone& done, Index bound) {
  const auto n = static_cast<Index>(tokens.size());
  RW_CHECK(begin >= 0 && begin <= end && end < n);
  std::vector<double> losses(static_cast<std::size_t>(end - begin));
  Session session(model, spec, {.n = std::max(n, bound), .n_prompt = n});
  session.run(tokens,
              {.begin = begin,
               .end = end,
               .targets = tokens.subspan(static_cast<std::size_t>(begin + 1), losses.size()),
               .losses = losses.data()},
              done);
  return losses;
}

}  // namespace rw
