// SPDX-License-Identifier: Apache-2.0
/// A task measures one method at one length on one document. One file each in judge/tasks/, registered.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "judge/asked_engine.h"
#include "results/record.h"
#include "tokenizer/tokenizer.h"

namespace rw {

struct AskedQuestion;  // judge/import/question_documents.h

struct Document {
  std::string name;
  std::vector<Token> tokens;  ///< tokenised once, without BOS
  std::vector<Token> bos;     ///< what stands first at every length: the BOS token, or nothing
  std::string text_id = {};   ///< SHA-256 of all this; split_document and identify() fill it in
  /// Of a question from a file: `tokens` is then its whole prompt, BOS included.
  std::shared_ptr<const AskedQuestion> asked = {};
};

struct TaskInput {
  Asked model;  ///< who is asked
  const Tokenizer& tokenizer;
  const MethodSpec& spec;
  const Document& document;
  const Document* other = nullptr;  ///< another document, for controls; null where there is only one
  Index length = 0;                 ///< tokens in all: read and written
  Index bound = 0;                  ///< that the method is bound to, where nothing is `told`; 0: length
  Index tail = 0;                   ///< last tokens that are scored
  Index n_predict = 128;            ///< continuation: tokens to write
  Index stride = 0;                 ///< sliding: tokens from window to window; 0: half of them
  Index told = 0;        ///< Unit::kQuestion: of the prompt's end, with the answer, only so many; 0: all
  int seed = 0;          ///< Unit::kQuestion: which question, from 1
  int n_depths = 5;      ///< Unit::kQuestion: needles at so many depths, 0 to 1
  TokensDone done = {};  ///< work done so far, of `length`; see done_of_pass
};

/// What is repeated to get an interval.
enum class Unit {
  kDocument,  ///< once for each document
  kQuestion,  ///< once for each document and seed: questions are drawn
  kAsked,     ///< once for each document, which is a question of a file
};

/// What a task's work depends on, beside the model.
struct Extent {
  Index n_document = 0;  ///< tokens
  Index length = 0, stride = 0;
  int n_depths = 0;
};

/// What a question and its answer take.
struct Room {
  Index least = 0;      ///< the shortest length that holds them with no text around
  Index n_predict = 0;  ///< of that, the answer's
};

/// What a written token costs, in tokens read: about 28 on SmolLM2 at 4,096.
inline constexpr double kWritingCost = 28;

struct Task {
  std::string name, summary;
  /// Encoders are asked for what is masked, decoders for what follows: a task is of one of both.
  bool of_encoders = false;
  /// Whether it measures at every length, or once at the greatest.
  bool every_length = true;
  Unit unit = Unit::kDocument;
  /// Baselines that the runner adds, of plain RoPE: told only the last `trained` tokens (a question's prompt
  /// is made for its length and then cut, so that what stood before is gone); told the tail and the 64 tokens
  /// before it; at a length that the model was trained on, the model's own short score.
  bool truncated = false, last_tokens = false, short_score = false;
  /// Results depend on TaskInput::other; on n_predict; on stride. Those of questions depend on n_depths, all
  /// others on tail.
  bool uses_other = false, uses_n_predict = false, uses_stride = false;
  /// How many passes of `length` tokens a run costs; none: one.
  std::function<double(const Extent&)> passes = {};
  /// Tokens that a document must have; none: `length` of them.
  std::function<Index(const Extent&)> reads = {};
  /// Of tasks that ask or write, so that a plan knows what cannot be done; none: any length holds it.
  std::function<Room(const TaskInput&)> room = {};
  /// Whether a document has something to score among its last `tail` tokens, so that a plan leaves out one
  /// that has not; none: every document has.
  std::function<bool(const Tokenizer&, const Document&, Index tail)> has_targets = {};
  /// The runner fills in task, method, resolved, document, length, seed, seconds, peak_bytes and shared.
  std::function<std::vector<Record>(const TaskInput&)> run;
};

/// The seed that a document's question is drawn with. Another for each text: with the same question
/// everywhere, 24 documents would say what one says. `seed`: from 1. Without a text_id it is the seed itself.
int drawn_seed(const Document& document, int seed);

/// Fills in text_id.
Document identify(Document document);

/// The next document of another file; where all are stretches of one file the next stretch; null where there
/// is only one. After the last comes the first.
const Document* other_document(const std::vector<Document>& documents, std::size_t document);

/// What the k-th of n passes of `length` tokens each reports as progress of the whole run: the share of its
/// work, which is quadratic in what has been read, of `length`.
TokensDone done_of_pass(const TaskInput& in, Index k, Index n);

/// [BOS] + the document's tokens before `end`, `length` in all. REQUIRES: they are there.
std::vector<Token> context_before(const Document& document, Index end, Index length);

}  // namespace rw
