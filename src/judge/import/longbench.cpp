// SPDX-License-Identifier: Apache-2.0
#include "judge/import/longbench.h"

#include <algorithm>

#include "core/error.h"
#include "core/registry.h"
#include "metrics/longbench_metrics.h"

namespace rw {
namespace {

enum class Metric { kQaF1, kQaF1Zh, kRouge, kRougeZh, kClassification, kRetrieval, kCount, kCodeSim };

// Our wording, one for each kind of question. --prompts takes the published ones.
constexpr const char kQuestion[] =
    "Read the text and answer the question after it in a few words.\n\n{context}\n\nQuestion: "
    "{input}\nAnswer:";
constexpr const char kQuestionZh[] =
    "阅读下面的文字，然后简短地回答问题。\n\n{context}\n\n问题：{input}\n回答：";
constexpr const char kSummary[] = "Write a summary of the text below.\n\n{context}\n\nSummary:";
constexpr const char kSummaryZh[] = "请为下面的文字写一段总结。\n\n{context}\n\n总结：";
constexpr const char kMeeting[] =
    "Read the record of a meeting and answer the query after it.\n\n{context}\n\nQuery: {input}\nAnswer:";
constexpr const char kExamples[] = "Continue as the examples show.\n\n{context}\n{input}";
constexpr const char kExamplesZh[] = "请按照示例继续。\n\n{context}\n{input}";
constexpr const char kWhich[] =
    "Below are numbered paragraphs, then a summary of one of them.\n\n{context}\n\nThe summary: {input}\n\n"
    "Which paragraph is it? Answer like this: Paragraph 3.\n\nAnswer:";
constexpr const char kWhichZh[] =
    "下面是编号的段落，然后是其中一段的摘要。\n\n{context}\n\n摘要：{input}\n\n"
    "是哪一段？请这样回答：段落3。\n\n回答：";
constexpr const char kHowMany[] =
    "Some of the numbered paragraphs below are repeated. How many different ones are there?\n\n{context}\n\n"
    "Answer with the number only:";
constexpr const char kCode[] = "Complete the code below.\n{context}{input}Next line of code:\n";

struct Dataset {
  const char* name;
  Metric metric;
  Index n_predict;
  bool chat;        // else the prompt is few-shot or code
  bool first_line;  // only the first line of an answer counts
  const char* prompt;
};

constexpr Dataset kDatasets[] = {
    {"narrativeqa", Metric::kQaF1, 128, true, false, kQuestion},
    {"qasper", Metric::kQaF1, 128, true, false, kQuestion},
    {"multifieldqa_en", Metric::kQaF1, 64, true, false, kQuestion},
    {"multifieldqa_zh", Metric::kQaF1Zh, 64, true, false, kQuestionZh},
    {"hotpotqa", Metric::kQaF1, 32, true, false, kQuestion},
    {"2wikimqa", Metric::kQaF1, 32, true, false, kQuestion},
    {"musique", Metric::kQaF1, 32, true, false, kQuestion},
    {"dureader", Metric::kRougeZh, 128, true, false, kQuestionZh},
    {"gov_report", Metric::kRouge, 512, true, false, kSummary},
    {"qmsum", Metric::kRouge, 512, true, false, kMeeting},
    {"multi_news", Metric::kRouge, 512, true, false, kSummary},
    {"vcsum", Metric::kRougeZh, 512, true, false, kSummaryZh},
    {"trec", Metric::kClassification, 64, false, true, kExamples},
    {"triviaqa", Metric::kQaF1, 32, false, true, kExamples},
    {"samsum", Metric::kRouge, 128, false, true, kExamples},
    {"lsht", Metric::kClassification, 64, false, true, kExamplesZh},
    {"passage_count", Metric::kCount, 32, true, false, kHowMany},
    {"passage_retrieval_en", Metric::kRetrieval, 32, true, false, kWhich},
    {"passage_retrieval_zh", Metric::kRetrieval, 32, true, false, kWhichZh},
    {"lcc", Metric::kCodeSim, 64, false, false, kCode},
    {"repobench-p", Metric::kCodeSim, 64, false, false, kCode},
};

double one_score(Metric metric, std::string_view written, const std::string& reference,
                 const std::vector<std::string>& classes) {
  switch (metric) {
    case Metric::kQaF1:
      return longbench::qa_f1(written, reference);
    case Metric::kQaF1Zh:
      return longbench::qa_f1_zh(written, reference);
    case Metric::kRouge:
      return longbench::rouge_l(written, reference);
    case Metric::kRougeZh:
      return longbench::rouge_l_zh(written, reference);
    case Metric::kClassification:
      return longbench::classification(written, reference, classes);
    case Metric::kRetrieval:
      return longbench::retrieval(written, reference);
    case Metric::kCount:
      return longbench::count(written, reference);
    case Metric::kCodeSim:
      return longbench::code_sim(written, reference);
  }
  throw LogicError("longbench: a metric without a score (a bug in ropewalk)");
}

const Dataset& find_dataset(std::string name, const std::string& place) {
  if (name.size() > 2 && name.substr(name.size() - 2) == "_e") name.resize(name.size() - 2);
  for (const Dataset& dataset : kDatasets)
    if (name == dataset.name) return dataset;
  throw Error(place, "a dataset of LongBench v1", "'" + name + "'", did_you_mean(name, longbench_datasets()));
}

/// Python's str.format for {context}, {input}, {{ and }}; what is put in is not looked at again.
std::string filled(const std::string& form, const std::string& context, const std::string& input,
                   const std::string& place) {
  std::string text;
  for (std::size_t i = 0; i < form.size();) {
    const std::string_view rest = std::string_view(form).substr(i);
    const auto starts = [&](std::string_view with) { return rest.substr(0, with.size()) == with; };
    if (starts("{context}")) {
      text += context, i += 9;
    } else if (starts("{input}")) {
      text += input, i += 7;
    } else if (starts("{{") || starts("}}")) {
      text += form[i], i += 2;
    } else if (form[i] == '{' || form[i] == '}') {
      throw Error(place, "a template with {context} and {input} only", std::string(rest.substr(0, 20)),
                  "give LongBench's dataset2prompt.json");
    } else {
      text += form[i++];
    }
  }
  return text;
}

FileQuestion question_of(const JsonInput& line, const std::string& place, std::size_t number,
                         const LongBenchPrompts& prompts) {
  const std::string name = text_field(line, "dataset", place);
  const Dataset& dataset = find_dataset(name, place);
  const auto own = prompts.find(dataset.name);
  if (!prompts.empty() && own == prompts.end())
    throw Error(place, "a template for the dataset in --prompts", fmt::format("none for '{}'", dataset.name),
                "give LongBench's dataset2prompt.json");
  const std::string form = own == prompts.end() ? dataset.prompt : own->second;
  FileQuestion question{
      .id = name_field(line, "_id", std::to_string(number), place),
      .group = name,
      .prompt = filled(form, text_field(line, "context", place), text_field(line, "input", place), place),
      .prefix = "",
      .references = list_field(line, "answers", 1, place),
      .classes = list_field(line, "all_classes", dataset.metric == Metric::kClassification ? 1 : 0, place),
      .file_id = file_id(line),
      .file_length = number_field(line, "length", place),
      .n_predict = dataset.n_predict,
      .chat = dataset.chat,
      .score = {}};
  if (dataset.metric == Metric::kRetrieval)
    for (const std::string& reference : question.references)
      if (longbench::paragraph_number(reference).empty())
        throw Error(place, "answers such as 'Paragraph 3'", "'" + reference + "'");
  question.score = [&dataset, references = question.references,
                    classes = question.classes](const std::string& written) {
    std::string_view text = written;
    if (dataset.first_line) {
      text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
      text = text.substr(0, text.find('\n'));
    }
    double best = 0;
    for (const std::string& reference : references)
      best = std::max(best, one_score(dataset.metric, text, reference, classes));
    return best;
  };
  return question;
}

}  // namespace

std::vector<std::string> longbench_datasets() {
  std::vector<std::string> names;
  for (const Dataset& dataset : kDatasets) names.emplace_back(dataset.name);
  return names;
}

LongBenchPrompts read_longbench_prompts(std::string_view json, const std::string& path) {
  const JsonInput all = parse_json(json, path);
  if (!all.is_object() || all.empty()) throw Error(path, "an object of templates", all.type_name());
  LongBenchPrompts prompts;
  for (const auto& [name, form] : all.items()) prompts[name] = text_field(all, name.c_str(), path);
  return prompts;
}

std::vector<FileQuestion> read_longbench(std::string_view text, const std::string& path,
                                         const LongBenchPrompts& prompts) {
  std::vector<FileQuestion> questions;
  for_json_objects(text, path, [&](const JsonInput& line, const std::string& place) {
    questions.push_back(question_of(line, place, questions.size(), prompts));
  });
  return questions;
}

}  // namespace rw
