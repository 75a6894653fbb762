// SPDX-License-Identifier: Apache-2.0
/// One file per subcommand; each registers a Command. Results go to stdout, everything else to stderr.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "cli/command_line.h"
#include "core/progress.h"
#include "core/registry.h"
#include "core/text_file.h"
#include "formats/model_file.h"
#include "model/session.h"
#include "tokenizer/token_stream.h"

namespace rw {

struct Command {
  std::string name, summary;
  std::function<void(CommandLine&)> define;  ///< adds options and help to the subcommand
  std::function<int()> run;                  ///< after parsing; returns the exit code
  bool for_ranks = false;                    ///< whether mpirun may start several of it
};

/// --precision, --kv and --weight-memory, the same in every command that has them.
struct BackendOptions {
  std::string precision = "bf16";
  std::string kv;             ///< empty: as precision
  std::string weight_memory;  ///< empty: what is free
  void define(CommandLine& app);
  /// The first two alone: where all weights are in memory (training).
  void define_types(CommandLine& app);
  const std::string& kv_type() const { return kv.empty() ? precision : kv; }
  /// --context-parallel, of commands that read one text on several ranks.
  void define_context_parallel(CommandLine& app);
  bool context_parallel = false;
  /// Errors: UsageError; with context_parallel also Error where the ranks differ.
  std::shared_ptr<const Backend> make(std::shared_ptr<Context> context) const;
};
/// The context of a command. n: -t, 0 for all cores, of which ranks on one machine take equal parts. More
/// threads than cores that this process may use would only wait for each other: then it takes as many as
/// those, and says so.
std::shared_ptr<Context> make_context(int n);
/// --special, the same in every command that reads texts.
void define_special(CommandLine& app, bool& special);
/// --reasoning-effort, the same in every command that asks in a model's chat template.
void define_effort(CommandLine& app, std::string& effort);
/// Loads the opened file, says what it loads on stderr. Errors: Error, also where it has no tokenizer.
std::shared_ptr<const Model> load_model(const std::string& path, const std::shared_ptr<const ModelFile>& file,
                                        const std::shared_ptr<const Backend>& backend);
/// Opens a decoder. Errors: Error, also for an encoder, which `fill` and `eval` are for.
std::shared_ptr<const ModelFile> open_decoder(const std::string& path);
/// Opens and loads it. Errors: those of both.
std::shared_ptr<const Model> load_decoder(const std::string& path,
                                          const std::shared_ptr<const Backend>& backend);

/// A line for people on stderr, in 80 columns: where it is longer, the next ones are set in.
void say(const std::string& words);

/// Of a model whose logits behind n_done tokens are no numbers. Errors: Error, always.
[[noreturn]] void fail_not_numbers(const std::string& model_path, Index n_done);

/// What results and settings are bound to. Errors: Error for a model that cannot be read.
std::string model_identity(const std::string& path);

/// core/text_file.h's read_text, or of a document that is no plain text documents/document_text.h's, with a
/// line on stderr where newlines were unified, something was left out, or a program made the text.
std::string read_text_file(const std::string& path, std::size_t most_bytes = kMostTextBytes);
/// The same text in pieces, in bounded memory, with its progress, called `doing`, where it is long. Errors:
/// as read_text_file.
void read_text_pieces(const std::string& path, const char* doing,
                      const std::function<void(std::string_view)>& piece);
/// A text that will be held whole, with its ids: what `read` gives to its argument, piece by piece. Errors:
/// Error as soon as the machine has not the memory for both; `what` says whose.
std::string held_text(const std::string& what,
                      const std::function<void(const std::function<void(std::string_view)>&)>& read);
/// The same of a file.
std::string read_prompt(const std::string& path);
/// Errors: UsageError when an output would replace an input or another output; empty names are none.
void require_outputs_apart(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);
/// A file of our own kind may be replaced; somebody else's stays. `own`: of the first 16 MB of it. Errors:
/// Error for a file that is there, is not empty and is no own one; `what` says what it should be.
void require_own(const std::string& path, const char* what, bool (*own)(std::string_view));
/// "8k" = 8192, "1.5k" = 1536, "4096", "1e4". Errors: UsageError for no whole number from 1 to 2^31.
Index parse_length(const std::string& text);
/// "512M", "2G": bytes. Errors: UsageError.
std::size_t parse_bytes(const std::string& text, const char* option);
/// "1234 tok/s, peak memory 512 MiB" for stderr.
std::string speed_line(const char* what, Index n_tokens, double seconds);

}  // namespace rw
