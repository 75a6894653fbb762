// SPDX-License-Identifier: Apache-2.0
/// A job on its way: its sequence, what the next step shall do in it, and what comes of the step.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "model/engine.h"
#include "serving/counters.h"
#include "serving/job.h"
#include "tokenizer/answer_text.h"

namespace rw::serving {

class Running {
 public:
  /// `sequence`: new, or with the begin of the prompt read. `queued`: seconds that the job has waited.
  /// `counters` live longer.
  Running(std::shared_ptr<Job> job, Sequence sequence, double queued, Counters& counters);
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Job& job() const { return *job_; }
  const std::shared_ptr<Job>& shared_job() const { return job_; }
  const Model& model() const { return *job_->request.model->model; }
  const Sequence& sequence() const { return sequence_; }
  bool ended() const { return ended_; }
  bool reading() const { return left() > 0; }
  Index left() const {
    return job_->request.n_prompt() - std::min(sequence_.position(), job_->request.n_prompt());
  }

  /// What its sequence does in the next step: reads `share` more tokens of the prompt, or the token that it
  /// wrote. It stays until the step is done.
  StepInput input(Index share);
  /// After that step, which took until `now`.
  void advance(double now);
  void fail(FailedBy by, const std::string& message);

  bool will_be_kept = false;  ///< its prompt, when it is read: others may wait for that

 private:
  bool wants_logits() const;
  void take(Index first, Index n_rows, const float* logits);
  void wrote(double now);
  void end(EndReason reason, double now);

  std::shared_ptr<Job> job_;
  Counters& counters_;
  Sequence sequence_;
  Sampler sampler_;
  AnswerText text_;
  const LogitsSink sink_;
  std::vector<Token> end_tokens_;
  Token next_ = kNoToken;                // chosen, not yet read
  std::optional<TokenLogprob> logprob_;  // its
  Index drawn_at_ = -1;                  // the position of the row that it was drawn from
  PromptLogprobs prompt_logprobs_;       // of this step
  Index n_cached_ = 0;
  double began_, wrote_from_ = 0;
  JobTimes times_;
  bool ended_ = false;
};

}  // namespace rw::serving
