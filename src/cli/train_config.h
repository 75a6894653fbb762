// SPDX-License-Identifier: Apache-2.0
/// The TOML file of `ropewalk train`.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "train/llama_sizes.h"
#include "train/optimizer.h"
#include "train/recipe.h"

namespace rw {

struct TextFileConfig {
  std::string file;
  double share = 0;    ///< of the stretches drawn; 0: by its tokens
  Index hold_out = 0;  ///< its last tokens, never trained on: the held-out text
};
struct SamplesConfig {
  std::string name, tokens, weights;  ///< .npy files; weights may be empty
  double found_weight = 0;            ///< of evaluation: HeldOut
};

struct TrainConfig {
  std::string path, text;  ///< the file and what is in it
  std::string name;        ///< of the model
  // [model]: either what it goes on from, or sizes with a tokenizer.
  std::string from;
  LlamaSizes sizes;
  std::string tokenizer;
  bool finding = false;  ///< start = "finding"
  double embedding_std = 0.05;
  // [data], [eval]
  std::vector<TextFileConfig> texts;
  std::vector<SamplesConfig> samples, held_out_samples;
  Index held_out_pieces = 32, held_out_n_ctx = 0;
  // [optimizer]
  bool muon = false;
  AdamWOptions adamw;
  MuonOptions muon_options;
  std::string type = "F32";  ///< of the written weights; Q8_0: of the GGUF, and the folder has F32
  std::vector<std::pair<std::string, std::string>> general;  ///< WriteOptions::general
  Recipe recipe;
};

/// Paths are taken from the file's folder. Errors: Error that names file, line and key: an unknown key (with
/// the nearest known one), a wrong type, a number out of its range, what is missing.
TrainConfig read_train_config(const std::string& path);
/// The same of a text, whose paths are taken from `folder`.
TrainConfig parse_train_config(const std::string& text, const std::string& path, const std::string& folder);

}  // namespace rw
