// SPDX-License-Identifier: Apache-2.0
/// A tokenizer of every kind, on the golden vocabularies.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "golden_text.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw::testing {

inline std::vector<std::pair<std::string, std::unique_ptr<Tokenizer>>> all_kinds() {
  std::vector<std::pair<std::string, std::unique_ptr<Tokenizer>>> all;
  const auto add = [&](const std::string& name, std::unique_ptr<Tokenizer> tokenizer) {
    all.emplace_back(name, std::move(tokenizer));
  };
  for (const char* pre : {"gpt-2", "smollm", "llama3", "qwen2", "tekken"}) {
    FakeFile file;
    add(pre, Tokenizer::open(fill_bpe(file, pre, {{"<s>", 3}, {"</s>", 3}, {"TOOL", 4}})));
  }
  FakeFile file;
  add("spm", Tokenizer::open(fill_spm(file)));
  for (const char* name : {"tokenizer_hf_llama.json", "tokenizer_hf_qwen.json"})
    add(name, parse_hf_tokenizer(read_golden(name), "", name));
  Json metaspace = Json::parse(read_golden("tokenizer_hf_llama.json"));
  metaspace["normalizer"] = nullptr;
  metaspace["pre_tokenizer"] = {
      {"type", "Metaspace"}, {"replacement", "\xe2\x96\x81"}, {"prepend_scheme", "first"}, {"split", false}};
  add("metaspace", parse_hf_tokenizer(metaspace.dump(), "", "metaspace"));
  return all;
}

}  // namespace rw::testing
