// SPDX-License-Identifier: Apache-2.0
/// One text to be read and written on, as who runs them side by side sees it: what is asked, how far it is,
/// and who is told.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/sampler.h"
#include "model/sequence.h"
#include "serving/logprobs.h"
#include "serving/served_models.h"

namespace rw::serving {

struct JobRequest {
  ModelUse model;
  MethodSpec method;
  Index n = 0;  ///< tokens that the method is bound to; prompt and answer at least
  std::vector<Token> prompt;
  Index n_predict = 0;  ///< most tokens to write; 0: the prompt is read only
  SamplerSettings sampling;
  std::vector<std::string> stops;
  bool ignore_end = false;               ///< writes on behind tokens that end a turn
  std::optional<Index> logprobs;         ///< of each token of the answer, and of so many likeliest ones
  std::optional<Index> prompt_logprobs;  ///< the same of the prompt's tokens but the first
  bool cache_prompt = true;              ///< what others have read of the same may be used, and is kept
  double seconds = 0;                    ///< from submit() to its end at most; 0: any
  Index n_prompt() const { return static_cast<Index>(prompt.size()); }
  SequenceOptions sequence_options() const;
};

/// The prompt is read as far as this.
struct ReadOn {
  Index n_read = 0, n_cached = 0;  ///< of the prompt; n_cached were there before
};
/// Of a prompt's tokens, behind ReadOn: from position `first` on.
struct PromptLogprobs {
  Index first = 0;
  std::vector<TokenLogprob> tokens;
};
/// A token of the answer, that which ends it too. `text`: what the answer is longer by, as far as it is
/// certain (AnswerText).
struct WroteToken {
  Token token = kNoToken;
  std::string text;
  std::optional<TokenLogprob> logprob;
};
struct JobTimes {
  double queued = 0, reading = 0, writing = 0;  ///< seconds
};
enum class EndReason { kEndToken, kStop, kLength };
struct JobDone {
  EndReason reason = EndReason::kLength;
  std::string text;                 ///< what was held back
  std::optional<std::string> stop;  ///< the stop string that ended it
  std::string method;               ///< as bound
  Index n_cached = 0, n_written = 0;
  JobTimes times;
};
/// kEngine: a step went wrong. kRequest: what was asked for cannot be had. kRoom: the memory has no room for
/// it. kWait: it has waited as long as it may, and was not begun.
enum class FailedBy { kEngine, kRequest, kRoom, kWait };
struct JobFailed {
  FailedBy by = FailedBy::kEngine;
  std::string message;
  Index most = 0;  ///< kRoom: tokens, prompt and answer, that would fit
};
using JobEvent = std::variant<ReadOn, PromptLogprobs, WroteToken, JobDone, JobFailed>;

enum class JobState { kQueued, kReading, kWriting, kEnded };

/// Given to a Scheduler once. What is atomic may be read by any thread.
struct Job {
  explicit Job(JobRequest asked, std::function<void(JobEvent)> tells)
      : request(std::move(asked)), tell(std::move(tells)) {}
  const JobRequest request;
  /// Called by the scheduler's thread, which it must not hold up. It throws nothing; nothing comes behind
  /// JobDone or JobFailed. A cancelled job is told nothing more.
  const std::function<void(JobEvent)> tell;
  std::atomic<bool> cancelled{false};
  std::atomic<JobState> state{JobState::kQueued};
  std::atomic<Index> n_read{0}, n_written{0};
  std::atomic<bool> counted{false};  ///< as cancelled, among Counters
  double submitted = 0;              ///< now_seconds()

  /// It has taken longer than it may, and what to say of it.
  bool too_late(double now) const { return request.seconds > 0 && now - submitted > request.seconds; }
  std::string lateness() const;
};

}  // namespace rw::serving
