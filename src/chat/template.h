// SPDX-License-Identifier: Apache-2.0
/// A chat template, ready to be run: the Jinja text that a model's authors ship, which puts the turns of a
/// conversation into the one form the model was trained on.
/// A template is a program from outside. It is run by an interpreter of our own that has data and nothing
/// else: no object of the host, no file, no environment, no clock but the time it is given; steps, memory,
/// depth and length are bounded. What it cannot run it refuses, by line and construct.
/// Source of the language: jinja2 3.1 as transformers.utils.chat_template_utils sets it up (trim_blocks,
/// lstrip_blocks, loop controls, {% generation %}, tojson without HTML escapes, raise_exception,
/// strftime_now). Differences: whole numbers have 64 bits; upper, lower and title know ASCII; recursive
/// loops, inheritance and inclusion, * and ** arguments and the filters that no chat template uses are
/// refused. Thread safety: a Template is constant and may be used by several threads.
#pragma once
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"

namespace rw::chat {

class Template {
 public:
  /// Errors: Error with the line for more than 1 MiB, for what is no Jinja, and for what is not implemented.
  explicit Template(std::string_view source);
  ~Template();
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;

  /// The text for `variables`, an object: messages, add_generation_prompt, bos_token ... as
  /// apply_chat_template passes them. `now`: what strftime_now reads. Errors: Error with the line where the
  /// template raises, uses what is undefined, needs what is not implemented, or takes more than its budget,
  /// which grows with the length of the variables.
  std::string render(const Json& variables, std::time_t now) const;

  /// Whether the template reads a variable of this name anywhere.
  bool uses(std::string_view name) const;

 private:
  struct Tree;
  std::unique_ptr<const Tree> tree_;
};

}  // namespace rw::chat
