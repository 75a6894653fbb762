// SPDX-License-Identifier: Apache-2.0
/// `--method auto`: which method a request gets, from its length and what tune found. A decision only: it
/// reads no file and knows no model but its numbers, so that a server can ask for each request.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "methods/method.h"

namespace rw {

/// What tune found at one length.
struct TunedSetting {
  Index length = 0;    ///< tokens that it was judged at
  std::string method;  ///< as typed, so that what is left out, or says 1.5x, follows the request's length
  Json evidence = {};  ///< how it was judged; kept, never read
};

/// Past the trained length where nothing was tuned: of the methods that see the whole text the one with the
/// least loss of SmolLM2 at twice the trained length (docs/results.md, section 2), 0.028 nats below
/// truncation (+- 0.068), which finds 80 % of the keys there (49 to 94) where truncation finds 30 % (11 to
/// 60). self-extend finds 90 % (60 to 98) and has the greater loss at four times the trained length. The
/// masks that are stable for certain find no more than truncation does.
inline constexpr const char* kUntunedMethod = "leaky-rerope";
/// Its loss grows with the length: at sixteen times the trained one it is 0.125 nats above truncation on the
/// small model and five texts, dca's 0.070 (adagrope's 0.074, on two novels less than dca's). The loss alone
/// speaks for it: it finds no more than truncation does (docs/judging.md).
inline constexpr const char* kUntunedFarMethod = "dca";
/// Times the trained length up to which kUntunedMethod is taken.
inline constexpr Index kUntunedReach = 8;
inline constexpr const char* untuned_method(Index n, Index n_ctx_train) {
  return n <= kUntunedReach * n_ctx_train ? kUntunedMethod : kUntunedFarMethod;
}

enum class AutoReason {
  kFits,     ///< plain RoPE, to the bit
  kTuned,    ///< of the smallest tuned length that is as long as the request
  kPast,     ///< longer than all that was tuned: the longest one's setting, or untuned_method where that is
             ///< plain RoPE or cannot be bound to the request's length
  kUntuned,  ///< untuned_method
  kNoLayer,  ///< no layer of the model is one that methods act on
};

struct AutoChoice {
  MethodSpec spec;  ///< to be bound to the request's length
  AutoReason reason = AutoReason::kFits;
  std::string why;  ///< one line for people: the method, and what speaks for it
};

/// `context`: of the first layer that methods act on; n: tokens of the request, read and written. `tuned`: in
/// any order. Every n has an answer. Errors: UsageError for a tuned method that does not exist. Thread-safe.
AutoChoice decide(const RopeContext& context, std::span<const TunedSetting> tuned);

/// Whether Method::bind takes it there: a distance map's groups may be too few for a length that is far past
/// the one it was tuned at. Thread-safe.
bool can_be_bound(const MethodSpec& spec, const RopeContext& context);

}  // namespace rw
