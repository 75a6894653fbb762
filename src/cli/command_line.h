// SPDX-License-Identifier: Apache-2.0
/// The options of a command, without CLI11 in sight: its header alone takes five seconds to compile, so only
/// command_line.cpp includes it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/types.h"

namespace rw {

/// What a value must be. Called with the option's name and the value as typed. Errors: UsageError.
using OptionCheck = std::function<void(const std::string& option, const std::string& value)>;
OptionCheck in_range(double least, double most);
OptionCheck one_of(std::vector<std::string> values);

/// One option, for what is said of it after its name; each returns itself.
class Option {
 public:
  Option* required(bool is = true);
  Option* check(OptionCheck check);
  /// --help shows the value that its variable has now.
  Option* capture_default_str();
  /// Of several values, one behind each time that it is said.
  Option* one_each();
  /// Said twice, the last counts.
  Option* take_last();

 private:
  friend class CommandLine;
  void* option_ = nullptr;  // CLI::Option
};

/// The models that come with the program: a GGUF file, and a folder.
inline constexpr const char *kOwnDecoder = "short-256.gguf", *kOwnEncoder = "short-128-encoder";

/// One command's. Names are as CLI11 has them: "-n,--n-predict", or "MODEL" for one that is told by its
/// place.
/// `--methods` is also understood as `--method`, `--lengths` as `--length`, and so on.
class CommandLine {
 public:
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  Option* add_option(const std::string& names, std::string& value, const std::string& help);
  Option* add_option(const std::string& names, std::vector<std::string>& values, const std::string& help);
  Option* add_option(const std::string& names, int& value, const std::string& help);
  Option* add_option(const std::string& names, Index& value, const std::string& help);
  Option* add_option(const std::string& names, double& value, const std::string& help);
  Option* add_flag(const std::string& names, bool& value, const std::string& help);
  /// "MODEL": a GGUF file, a folder, or the name of one in models/; left out, the small model `usual` that
  /// comes with the program, whose path is then in `path` before the command runs. Required where that is
  /// not there.
  Option* add_model(std::string& path, const std::string& usual = kOwnDecoder);
  /// --pre, for commands that open models otherwise; add_model adds it too.
  Option* add_pre();
  /// `options` have an effect beside `other` only, or not beside it: to give them otherwise is an error.
  void only_with(const std::string& other, const std::vector<std::string>& options);
  void never_with(const std::string& other, const std::vector<std::string>& options);
  /// Whether the user gave it, behind parsing.
  bool given(const std::string& name) const;
  /// Stands at the end of --help: the examples.
  void footer(const std::string& text);

 private:
  friend int run_command_line(int argc, char** argv);
  explicit CommandLine(void* command) : command_(command) {}
  template <class T>
  Option* add(const std::string& names, T& value, const std::string& help);
  void* command_;                 // CLI::App
  std::string* model_ = nullptr;  // add_model's
  std::string pre_;               // add_pre's
  std::vector<std::unique_ptr<Option>> options_;
};

/// Errors: Error where --pre was given and this model has no use for it.
void require_use_of_pre(const std::string& model_path);
/// " --pre NAME" where it was given: a part of every command that a command tells.
std::string pre_option();

/// models/NAME of the build tree, or share/ropewalk/NAME beside an installed program; empty where there is
/// none.
std::string model_of_our_own(const std::string& name = kOwnDecoder);
/// Of a command with MODEL and FILE that was given one of them: it is the file, and the model our own.
void take_for_file(std::string& model, std::string& file);

/// Runs the command that the arguments name; returns its exit code. Errors: UsageError, and the command's
/// own.
int run_command_line(int argc, char** argv);

}  // namespace rw
