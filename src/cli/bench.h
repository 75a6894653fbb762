// SPDX-License-Identifier: Apache-2.0
/// The parts of `ropewalk bench`: what each measures, and the rows it gives.
#pragma once
#include "cli/command.h"
#include "core/profile.h"

namespace rw::bench {

struct Options {
  std::string what, model;
  std::vector<std::string> methods{"none"}, lengths{"512", "2k", "8k"};
  int n_threads = 0, repeat = 3, head_dim = 0;
  Index rank = 0;  // of low-rank pairs in training; 0: all weights learn
  Index n_predict = 32;
  bool profile = false, json = false;
  BackendOptions backend;
};

/// One measurement: the fastest of the repeats, and where its time went.
struct Row {
  std::string name;  ///< method, or matrix
  Index n = 0, n_timed = 0;
  double seconds = 0, ratio = 1;
  std::vector<OperationTime> operations;
  std::size_t cache_bytes = 0,
              peak_bytes = 0;  ///< of the whole model only: keys and values, the process at most
};

/// Measures once: seconds, tokens timed, operations.
struct Measured {
  double seconds = 0;
  Index n_timed = 0;
  std::vector<OperationTime> operations;
  std::size_t cache_bytes = 0, peak_bytes = 0;
};
/// The whole model: reading n tokens, or writing n_predict after them.
Measured measure_model(const Model& model, const Options& options, const MethodSpec& spec, Index n);
/// Any tokens do: the time does not depend on which. The same in every run.
std::vector<Token> some_tokens(Index n, Index n_vocab);
/// One step of training on texts of n tokens, 4,096 together where they fit, after one that is not timed.
Measured measure_step(const Model& model, const Options& options, const MethodSpec& spec, Index n);
/// One layer's causal attention over n tokens in a session's chunks, keys appended as they come.
Measured measure_attention(const Model& model, const Options& options, const MethodSpec& spec, Index n);
/// Every kind of matrix of the model times n rows, and one row as decoding multiplies it.
std::vector<Row> measure_gemm(const Model& model, const Options& options);
/// Every operation of a training step over n rows, in float32: products of the first layer's matrices and of
/// the output, rows, and attention under each method, whose ratios are to the first one's.
std::vector<Row> measure_train(const Model& model, const Options& asked);
/// From nothing to the first token of a prompt of 16: file, tokenizer, weights, the reading.
std::vector<Row> measure_load(const Options& options, const std::shared_ptr<Context>& context);

}  // namespace rw::bench
