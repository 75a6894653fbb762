// SPDX-License-Identifier: Apache-2.0
/// Other engines that the judge asks: each server is a method. One of them is plain, which the others are
/// held against.
#pragma once
#include <map>

#include "judge/asked_engine.h"
#include "remote/remote_tokenizer.h"
#include "remote/scoring.h"
#include "results/record.h"

namespace rw::remote {

struct EngineAddress {
  std::string name;  ///< of the method; "none", or "plain", is plain RoPE
  Url url;
  std::string model = {};  ///< its name there; empty: that of the server options
};

struct EnginesOptions {
  ServerOptions server;
  std::shared_ptr<Tokenizer> tokenizer;  ///< to count with; none: the plain server's own
  bool chat = false;      ///< questions are messages to /chat/completions, in the server's own template
  Index n_ctx_train = 0;  ///< that the model was trained on; 0: as the plain server says
};

/// Thread-safe. Errors of what is asked: those of Server.
class Engines : public AskedEngine {
 public:
  /// Connects to all. Errors: UsageError without a plain one, or for a name that is given twice or is a
  /// baseline's; Error where their tokenizers differ, or nobody says the trained length.
  Engines(const std::vector<EngineAddress>& addresses, const EnginesOptions& options);
  ~Engines() override;

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const std::vector<std::string>& names() const { return names_; }  ///< but the plain one's
  /// Looks for how each server tells the losses of a prompt. Errors: Error naming one that tells none, where
  /// that is required: else what is written is told without them.
  void find_scoring(bool required);
  /// A line for each server, for people.
  std::vector<std::string> describe() const;
  /// What every record says of the run: all but command, tail and margin.
  RunInfo run_info(const std::string& version, int n_at_once) const;

  Index n_ctx_train() const override { return n_ctx_train_; }
  double cost_of(Index n) const override { return static_cast<double>(n); }
  Index most(const std::string& method, Unit unit) const override;
  MethodSpec spec(const std::string& method) const override { return {{{method, {}}}}; }
  std::unique_ptr<MethodFacts> facts() const override;
  std::vector<double> losses(const MethodSpec& spec, std::span<const Token> tokens, Index begin, Index end,
                             const TokensDone& done, Index bound) const override;
  Written write(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> prompt,
                Index n_predict, Index bound, const TokensDone& done) const override;
  Continued go_on(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> context,
                  std::span<const Token> truth, const TokensDone& done) const override;

 private:
  struct One;
  const One& one(const std::string& method) const;
  /// `n_end`: how many of the last tokens a server that takes text is held to.
  Prompt prompt_of(const One& one, std::span<const Token> tokens, Index n_end) const;
  std::string text_of(std::span<const Token> tokens) const;
  Scored score(const One& one, std::span<const Token> tokens, Index n) const;
  /// In words: prompts, and losses where they were looked for.
  std::string how_texts(const One& one) const;
  void require_another(const std::string& name) const;
  void require_one_tokenizer() const;
  void find_writing();

  std::map<std::string, std::unique_ptr<One>> engines_;
  std::vector<std::string> names_;
  std::shared_ptr<Tokenizer> tokenizer_;
  bool chat_ = false, losses_asked_ = false;
  Index n_ctx_train_ = 0;
};

}  // namespace rw::remote
