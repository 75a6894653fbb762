// SPDX-License-Identifier: Apache-2.0
#include "judge/asked_engine.h"

#include "judge/bound_methods.h"
#include "model/cost.h"
#include "model/writing.h"

namespace rw {
namespace {

class OwnEngine : public AskedEngine {
 public:
  explicit OwnEngine(const Model& model) : model_(model) {}
  const Model* model() const override { return &model_; }
  bool encoder() const override { return model_.config().encoder; }
  Index n_ctx_train() const override { return model_.config().n_ctx_train; }
  double cost_of(Index n) const override { return rw::cost_of(model_.config(), n); }
  MethodSpec spec(const std::string& method) const override { return MethodSpec::parse(method); }
  std::unique_ptr<MethodFacts> facts() const override { return std::make_unique<BoundMethods>(model_); }

  std::vector<double> losses(const MethodSpec& spec, std::span<const Token> tokens, Index begin, Index end,
                             const TokensDone& done, Index bound) const override {
    return token_losses(model_, spec, tokens, begin, end, done, bound);
  }

  Written write(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> prompt,
                Index n_predict, Index bound, const TokensDone& done) const override {
    Session session(model_, spec, {.n = bound, .n_prompt = static_cast<Index>(prompt.size())});
    return write_in(session, tokenizer, prompt, n_predict, done);
  }

  /// The context is read once: the model writes on from it, is taken back to it, and reads the truth.
  Continued go_on(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> context,
                  std::span<const Token> truth, const TokensDone& done) const override {
    const auto n_context = static_cast<Index>(context.size()), n_truth = static_cast<Index>(truth.size());
    const Index n = n_context + n_truth;
    Session session(model_, spec, {.n = n, .n_prompt = n_context, .rewind_to = n_context - 1});
    Continued all{.written = write_in(session, tokenizer, context, n_truth, done),
                  .losses = std::vector<double>(truth.size()),
                  .likeliest = {}};
    session.rewind(n_context - 1);
    std::vector<Token> tokens{context.back()}, likeliest(truth.size());
    tokens.insert(tokens.end(), truth.begin(), truth.end() - 1);
    session.run(tokens, {.begin = n_context - 1,
                         .end = n - 1,
                         .targets = truth,
                         .losses = all.losses.data(),
                         .greatest = likeliest.data()});
    for (std::size_t i = 0; i < truth.size(); ++i) all.likeliest.push_back(likeliest[i] == truth[i]);
    return all;
  }

 private:
  static Written write_in(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt,
                          Index n_predict, const TokensDone& done) {
    std::vector<Token> tokens =
        write_on(session, prompt, {.n_predict = n_predict, .stop = tokenizer.end_tokens, .read = done});
    std::string text = tokenizer.decode(tokens);
    return {std::move(tokens), std::move(text)};
  }

  const Model& model_;
};

}  // namespace

Asked::Asked(const Model& model) : engine_(std::make_shared<OwnEngine>(model)) {}

}  // namespace rw
