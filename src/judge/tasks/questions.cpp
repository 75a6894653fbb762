// SPDX-License-Identifier: Apache-2.0
/// Questions of a file of RULER or LongBench, one a document (judge/import/question_documents.h): the model
/// reads the prompt and writes greedily; the benchmark's own rule scores what stands behind its thoughts.
/// `part` of a record is the group that is averaged together. Values: "chat" (1 where a chat template is
/// used), "cut" (tokens left out of the middle), "empty" (1 for no answer), "prompt" (tokens of it).
#include "core/error.h"
#include "judge/import/question_documents.h"
#include "judge/retrieval.h"

namespace rw::tasks::questions {
namespace {

std::vector<Record> run(const TaskInput& in) {
  RW_CHECK(in.document.asked);
  const AskedQuestion& asked = *in.document.asked;
  const FileQuestion& question = asked.question;
  std::vector<Token> prompt = in.document.tokens;
  if (in.told > 0) keep_end(prompt, in.document.bos, in.told - question.n_predict);
  const auto n_prompt = static_cast<Index>(prompt.size());
  const Written written = in.model->write(in.spec, in.tokenizer, prompt, question.n_predict,
                                          in.told > 0 ? in.told : in.length, [&](Index n) {
                                            if (in.done) in.done(n * in.length / n_prompt);
                                          });
  Record record;
  record.part = question.group, record.question_id = question.file_id;
  record.achieved = n_prompt + static_cast<Index>(written.tokens.size());
  record.written = written.text;
  record.expected = listing(question.references);
  const std::string answer(behind_thoughts(record.written, asked.thinking));
  record.score = question.score(answer);
  record.values = {{"chat", asked.chat ? 1 : 0},
                   {"cut", static_cast<double>(asked.n_cut)},
                   {"empty", answer.find_first_not_of(" \t\r\n") == std::string::npos ? 1 : 0},
                   {"prompt", static_cast<double>(n_prompt)}};
  return {record};
}

const Register<Task> registered{{.name = "questions",
                                 .summary = "those of a file of RULER or LongBench",
                                 .unit = Unit::kAsked,
                                 .truncated = true,
                                 .room =
                                     [](const TaskInput& in) {
                                       return Room{.least = in.document.asked->length,
                                                   .n_predict = in.document.asked->question.n_predict};
                                     },
                                 .run = run}};

}  // namespace
}  // namespace rw::tasks::questions
