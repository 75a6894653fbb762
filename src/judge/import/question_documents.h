// SPDX-License-Identifier: Apache-2.0
/// Questions of a file as the runner takes them: each is a document of its own, named "FILE:ID".
#pragma once
#include "judge/import/import.h"
#include "judge/task.h"

namespace rw {

/// What a document of a file is, beside its tokens, which are the whole prompt.
struct AskedQuestion {
  FileQuestion question;
  std::string prompt_id;  ///< SHA-256 of all that the answer and its score depend on, beside model and method
  Index length = 0;       ///< of the session: as asked for, or prompt and answer
  Index length_class =
      0;              ///< what it is reported under: as asked for, or the next power of two (256 at least)
  Index n_cut = 0;    ///< tokens left out of the middle
  bool chat = false;  ///< whether the model's chat template is around it
  bool thinking = false;  ///< whether the prompt ends inside of "<think>"
};

struct QuestionOptions {
  Index length = 0;       ///< most tokens in all; 0: as many as each needs
  bool raw = false;       ///< no chat template
  bool truncate = false;  ///< cut the middle of what is longer
};

/// `path`: of the file, for names and errors. An id that stands twice gets " (2)". Errors: Error naming the
/// question that is too long, before anything is answered.
std::vector<Document> question_documents(const Tokenizer& tokenizer,
                                         const std::vector<FileQuestion>& questions, const std::string& path,
                                         const QuestionOptions& options);

}  // namespace rw
