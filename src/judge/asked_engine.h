// SPDX-License-Identifier: Apache-2.0
/// Who is asked by tasks: our engine on a model, or others behind URLs (remote/engines.h). Tasks do not know
/// which.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/session.h"

namespace rw {

enum class Unit;  // judge/task.h

/// What a plan wants to know of a method, `spec` as typed, at a length; of other engines, of a task's unit.
class MethodFacts {
 public:
  virtual ~MethodFacts() = default;
  /// With every default filled in. Errors: UsageError for a method that does not exist or fit.
  virtual const std::string& resolved(const std::string& spec, Index length, Unit unit) = 0;
  /// Equal where one run serves both.
  virtual const std::string& fingerprint(const std::string& spec, Index length, Unit unit) = 0;
  /// Peak bytes beside the weights, of this machine, of reading `read` tokens.
  virtual std::size_t bytes(const std::string& spec, Index length, Index read) = 0;
};

struct Written {
  std::vector<Token> tokens;
  std::string text;  ///< of them
};
/// What was written on from a context, and how well the true tokens behind it were expected.
struct Continued {
  Written written;
  std::vector<double> losses;   ///< nats, of each true token; empty, as likeliest: it tells none
  std::vector<bool> likeliest;  ///< whether it was the likeliest
};

/// Methods are told apart by their spec. Thread-safe unless it has a model.
class AskedEngine {
 public:
  virtual ~AskedEngine() = default;
  virtual const Model* model() const { return nullptr; }  ///< none: another engine
  virtual bool encoder() const { return false; }
  virtual Index n_ctx_train() const = 0;
  virtual double cost_of(Index n) const = 0;  ///< of reading n tokens; see model/cost.h
  /// Tokens, read and written, of a method in a task of that unit.
  virtual Index most(const std::string&, Unit) const { return kForever; }
  virtual MethodSpec spec(const std::string& method) const = 0;
  virtual std::unique_ptr<MethodFacts> facts() const = 0;

  /// Nats of tokens[t + 1] behind tokens[0 .. t], for t in [begin, end). REQUIRES: end < tokens.size().
  /// `bound`: the length that a method is bound to; 0, or less than is read: what is read.
  virtual std::vector<double> losses(const MethodSpec& spec, std::span<const Token> tokens, Index begin,
                                     Index end, const TokensDone& done, Index bound = 0) const = 0;
  /// Writes up to n_predict tokens greedily behind `prompt`, up to an end of the turn. `bound`: the length
  /// that the method is bound to, which holds both.
  virtual Written write(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> prompt,
                        Index n_predict, Index bound, const TokensDone& done) const = 0;
  /// The same, as many as `truth` has, and reads the truth behind `context`.
  virtual Continued go_on(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> context,
                          std::span<const Token> truth, const TokensDone& done) const = 0;
};

/// One of them, shared; a model is our engine on it. LIFETIME: the model outlives it.
class Asked {
 public:
  Asked(const Model& model);  // NOLINT: who has a model asks it
  Asked(std::shared_ptr<const AskedEngine> engine) : engine_(std::move(engine)) {}  // NOLINT
  const AskedEngine* operator->() const { return engine_.get(); }

 private:
  std::shared_ptr<const AskedEngine> engine_;
};

}  // namespace rw
