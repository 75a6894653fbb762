// SPDX-License-Identifier: Apache-2.0
#include "serving/running.h"

#include <algorithm>
#include <cmath>

#include "core/progress.h"

namespace rw::serving {

Running::Running(std::shared_ptr<Job> job, Sequence sequence, double queued, Counters& counters)
    : job_(std::move(job)),
      counters_(counters),
      sequence_(std::move(sequence)),
      sampler_(job_->request.sampling, model().n_choices(), job_->request.prompt),
      text_(job_->request.stops),
      sink_([this](Index first, Index n_rows, const float* logits) { take(first, n_rows, logits); }),
      n_cached_(sequence_.position()),
      began_(now_seconds()) {
  times_.queued = queued;
  if (!job_->request.ignore_end) end_tokens_ = model().tokenizer().end_tokens;
  job_->n_read = n_cached_;
  job_->state = JobState::kReading;
}

bool Running::wants_logits() const {
  return !sampler_.settings().plain() || job_->request.logprobs.has_value();
}

StepInput Running::input(Index share) {
  const JobRequest& asked = job_->request;
  const Index begin = sequence_.position(), n_prompt = asked.n_prompt();
  StepInput input{.sequence = &sequence_};
  Index end = begin + 1;
  if (begin < n_prompt) {
    end = begin + std::min(share, n_prompt - begin);
    input.tokens = std::span(asked.prompt)
                       .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  } else {
    input.tokens = {&next_, 1}, input.stage = Stage::kDecode;
  }
  prompt_logprobs_ = {.first = begin + 1, .tokens = {}};
  const bool of_prompt = asked.prompt_logprobs && begin < n_prompt - 1;
  const bool chooses = end >= n_prompt && asked.n_predict > 0;
  if (!of_prompt && !chooses) return input;
  input.wanted.begin = of_prompt ? begin : end - 1, input.wanted.end = end;
  if (of_prompt || wants_logits())
    input.wanted.logits = &sink_;
  else
    input.wanted.greatest = &next_;
  return input;
}

/// Rows of logits, the last of which a token may be chosen from.
void Running::take(Index first, Index n_rows, const float* logits) {
  const JobRequest& asked = job_->request;
  const Index n_vocab = model().config().n_vocab, n_choices = model().n_choices();
  for (Index row = 0; row < n_rows; ++row) {
    const float* here = logits + row * n_vocab;
    const Index position = first + row;
    if (position + 1 < asked.n_prompt()) {
      prompt_logprobs_.tokens.push_back(logprob_of(model().backend(), here, n_vocab, n_choices,
                                                   asked.prompt[static_cast<std::size_t>(position) + 1],
                                                   *asked.prompt_logprobs));
      continue;
    }
    if (asked.n_predict == 0 || position == drawn_at_) return;  // drawn once: a step may be taken again
    drawn_at_ = position;
    next_ = sampler_.next(here);
    if (asked.logprobs && next_ != kNoToken)
      logprob_ = logprob_of(model().backend(), here, n_vocab, n_choices, next_, *asked.logprobs);
  }
}

void Running::advance(double now) {
  const JobRequest& asked = job_->request;
  if (job_->cancelled) {
    ended_ = true, job_->state = JobState::kEnded;
    return;
  }
  if (job_->too_late(now)) return fail(FailedBy::kRequest, job_->lateness());
  const Index n_read = std::min(sequence_.position(), asked.n_prompt());
  if (job_->state == JobState::kReading) {
    job_->n_read = n_read;
    job_->tell(ReadOn{n_read, n_cached_});
    if (!prompt_logprobs_.tokens.empty()) job_->tell(std::move(prompt_logprobs_));
    if (n_read < asked.n_prompt()) return;
    times_.reading = now - began_, wrote_from_ = now;
    job_->state = JobState::kWriting;
    if (asked.n_predict == 0) return end(EndReason::kLength, now);
  }
  wrote(now);
}

/// next_ has been chosen.
void Running::wrote(double now) {
  if (next_ == kNoToken)
    return fail(FailedBy::kEngine,
                fmt::format("logits: expected numbers; found NaN behind {} tokens; hint: another method, "
                            "or serve --precision f32",
                            sequence_.position()));
  ++job_->n_written, ++counters_.written_tokens;
  if (std::find(end_tokens_.begin(), end_tokens_.end(), next_) != end_tokens_.end()) {
    job_->tell(WroteToken{next_, "", std::exchange(logprob_, {})});
    return end(EndReason::kEndToken, now);
  }
  job_->tell(WroteToken{next_, text_.add(model().tokenizer().decode(next_)), std::exchange(logprob_, {})});
  if (text_.stop()) return end(EndReason::kStop, now);
  if (job_->n_written == job_->request.n_predict) end(EndReason::kLength, now);
}

void Running::end(EndReason reason, double now) {
  times_.writing = now - wrote_from_;
  JobDone done;
  done.text = text_.end();
  done.stop = text_.stop();
  done.reason = done.stop ? EndReason::kStop : reason;
  done.method = sequence_.method().text();
  done.n_cached = n_cached_, done.n_written = job_->n_written, done.times = times_;
  ended_ = true, job_->state = JobState::kEnded;
  job_->tell(std::move(done));
}

void Running::fail(FailedBy by, const std::string& message) {
  ended_ = true, job_->state = JobState::kEnded;
  ++counters_.failed;
  if (!job_->cancelled) job_->tell(JobFailed{by, message});
}

}  // namespace rw::serving
