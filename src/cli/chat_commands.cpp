// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_commands.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>

#include "cli/auto_method.h"
#include "cli/documents.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/progress.h"
#include "core/tell.h"
#include "core/text.h"
#include "judge/document_check.h"

namespace rw {
namespace {

constexpr const char* kFormat = "ropewalk conversation 1";
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

struct Given {
  ChatSession& session;
  std::string argument;
  const std::atomic<bool>& interrupted;
};

void require_argument(const Given& c, const char* what) {
  if (c.argument.empty()) throw UsageError("chat", what, "nothing behind the command", "/help");
}

void method(const Given& c) {
  if (c.argument.empty())
    return say(c.session.spec() ? c.session.spec()->text() : c.session.settings().method);
  c.session.set_method(c.argument);
  say("from the next answer on: " + c.argument);
}

void length(const Given& c) {
  if (c.argument.empty()) {
    const Index asked = c.session.settings().length;
    return tell("{} of {} tokens\n", c.session.position(), asked > 0 ? asked : c.session.bound());
  }
  if (c.argument == "auto") {
    c.session.set_length(0);
    return tell("from the next answer on bound to what each takes\n");
  }
  c.session.set_length(parse_length(c.argument));
  tell("from the next answer on bound to {}\n", counted(c.session.settings().length, "token"));
}

/// As dump_json writes it; a text that only speaks of one is none.
bool is_conversation(std::string_view bytes) {
  return bytes.starts_with(fmt::format("{{\n \"format\": \"{}\"", kFormat));
}

/// Errors: Error for a file that this conversation may not replace.
void require_place(const ChatSession& session, const std::string& path) {
  namespace fs = std::filesystem;
  require_own(path, "a conversation that /save kept", is_conversation);
  std::error_code none;
  if (!fs::is_regular_file(path, none) || fs::file_size(path, none) == 0 || session.has_file(path)) return;
  throw Error(path, "no file, or one that this conversation was loaded from or saved to",
              "another conversation; nothing was changed", "choose another name, or move it away");
}

void save(const Given& c) {
  require_argument(c, "/save FILE");
  const Said& said = c.session.said();
  if (std::all_of(said.messages.begin(), said.messages.end(),
                  [](const Message& each) { return each.role == "system"; }))
    throw Error("/save", "a conversation", "no message yet; nothing was changed", "ask something first");
  require_place(c.session, c.argument);
  Json messages = Json::array();
  for (const Message& each : said.messages)
    messages.push_back({{"role", each.role}, {"content", each.content}});
  OutputFile file(c.argument);
  file.write(dump_json({{"format", kFormat},
                        {"method", c.session.settings().method},
                        {"messages", messages},
                        {"documents", said.documents},
                        {"attached", said.attached}},
                       1) +
             "\n");
  file.commit();
  c.session.add_file(c.argument);
  say(fmt::format("{}: {}", printable(c.argument), counted(messages.size(), "message")));
}

/// A role is text of the template, in which control tokens are read as such: only those that are known.
std::string known_role(const std::string& path, const std::string& role) {
  constexpr const char* kRoles[] = {"system", "user", "assistant", "tool"};
  if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles))
    throw Error(path, "messages of system, user, assistant or tool", "one of '" + role + "'");
  return role;
}

void load(const Given& c) {
  require_argument(c, "/load FILE");
  const JsonInput json = parse_json(read_bytes(c.argument, kMostBytes), c.argument, kMostBytes);
  const auto text = [&](const JsonInput& from, const char* key) {
    const auto found = from.is_object() ? from.find(key) : from.end();
    if (!from.is_object() || found == from.end() || !found->is_string())
      throw Error(c.argument, fmt::format("a conversation that /save kept, with a text '{}'", key), "none");
    return found->get<std::string>();
  };
  if (text(json, "format") != kFormat) throw Error(c.argument, kFormat, text(json, "format"));
  const std::string method = text(json, "method");
  const auto messages = json.find("messages");
  if (messages == json.end() || !messages->is_array()) throw Error(c.argument, "a list of messages", "none");
  Said said;
  for (const JsonInput& each : *messages)
    said.messages.push_back({known_role(c.argument, text(each, "role")), text(each, "content")});
  if (json.contains("documents")) said.documents = text(json, "documents");
  if (json.contains("attached")) said.attached = text(json, "attached");
  c.session.set_method(method);
  c.session.set_said(std::move(said));
  c.session.add_file(c.argument);
  say(fmt::format("{}, method {}; read with the next question", counted(messages->size(), "message"),
                  printable(method)));
}

/// What tune settled for this model at a length, and that nothing was.
void say_tuned(const ChatSession& session, Index n) {
  const TunedSetting* best = nullptr;
  const std::vector<TunedSetting> tuned = tuned_settings(session.model_path());
  for (const TunedSetting& each : tuned)
    if (each.length >= n && (!best || each.length < best->length)) best = &each;
  if (!best)
    return say(
        fmt::format("nothing was measured for {} on this model: ropewalk tune MODEL --text FILE --length {}",
                    counted(n, "token"), n));
  const auto said = [&](const char* key) {
    const auto found = best->evidence.is_object() ? best->evidence.find(key) : best->evidence.end();
    return found != best->evidence.end() && found->is_string() ? printable(found->get<std::string>())
                                                               : "not known";
  };
  say(fmt::format("tuned at {}: {}: {} ({})", counted(best->length, "token"), best->method, said("why"),
                  said("date")));
}

/// What is known of the method that the next answer has, at its length.
void evidence(const Given& c) {
  const Index trained = c.session.model().config().n_ctx_train;
  const NextAnswer next = c.session.next_answer();
  say(fmt::format("the next answer: method {}, bound to {}", next.spec.text(),
                  counted(next.length, "token")));
  if (next.length > trained)
    say_tuned(c.session, next.length);
  else if (next.spec.text() == "none")
    say(fmt::format("plain RoPE: {} in the {} that the model was trained on", counted(next.length, "token"),
                    trained));
  else
    say(fmt::format("plain RoPE would do: the model was trained on {}", counted(trained, "token")));
  say("/check hides keys in the documents of this conversation and asks for them: two minutes");
}

void check(const Given& c) {
  const double seconds = parse_seconds(c.argument.empty() ? "2m" : c.argument, "/check");
  const ChatSession& session = c.session;
  if (session.said().documents.empty())
    throw UsageError("/check", "a document that was given with /file or -f", "none");
  const Tokenizer& tokenizer = session.model().tokenizer();
  const Document document =
      identify({"the documents", tokenizer.encode(session.said().documents), tokenizer.text_begin()});
  const NextAnswer next = session.next_answer();
  say(fmt::format("checking method {}, bound to {}, as the next answer", next.spec.text(),
                  counted(next.length, "token")));
  Progress progress("checking", 1);
  DocumentCheckOptions how{.budget_seconds = seconds, .budget_name = "/check", .bound = next.length};
  how.progress = [&](double share) {
    if (c.interrupted) throw ReadingInterrupted();
    progress.update(share);
  };
  const DocumentCheck found =
      check_document(session.model(), tokenizer, next.spec, document, next.length, how);
  progress.clear();
  say(text_of(found));
}

struct ChatCommand {
  const char *name, *help;
  void (*run)(const Given&);
};
const ChatCommand kCommands[] = {
    {"/file", "PATH  a document before the next question",
     [](const Given& c) {
       require_argument(c, "/file PATH");
       attach_file(c.session, c.argument);
     }},
    {"/method", "[SPEC]  auto, rerope, yarn:factor=4 ...; alone: which it is", method},
    {"/length", "[N | auto]  tokens that the conversation is bound to; alone: how many", length},
    {"/evidence", "what was measured for this model at this length", evidence},
    {"/check", "[2m]  keys hidden in the documents, at this length: are they found?", check},
    {"/save", "FILE  the conversation", save},
    {"/load", "FILE  one that was saved", load},
    {"/clear", "begin anew", [](const Given& c) { c.session.begin_anew(); }},
};

/// "~/" as a shell has it, which is not there to read it.
std::string from_home(const std::string& path) {
  const char* home = path.starts_with("~/") ? std::getenv("HOME") : nullptr;
  return home ? home + path.substr(1) : path;
}

}  // namespace

void attach_file(ChatSession& session, const std::string& path) {
  if (path == "-" || path == "/dev/stdin")
    throw UsageError("chat", "a document in a file", "standard input, which holds the conversation's lines",
                     "keep the document in a file; or ropewalk generate -f -");
  std::string text = read_text_file(path);
  const auto n = session.model().tokenizer().encode(text).size();
  session.attach(std::filesystem::path(path).filename().string(), std::move(text));
  say(fmt::format("{}: {}, before the next question; the model was trained on {}", printable(path),
                  counted(n, "token"), session.model().config().n_ctx_train));
}

bool run_chat_command(ChatSession& session, const std::string& line, bool forgiving,
                      const std::atomic<bool>& interrupted) {
  const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
  const std::string name = line.substr(0, end);
  const std::size_t begin = std::min(line.find_first_not_of(" \t\r", end), line.size());
  std::string argument = line.substr(begin);
  argument.erase(argument.find_last_not_of(" \t\r") + 1);
  if (name == "/file" || name == "/save" || name == "/load") argument = from_home(argument);
  if (name == "/quit" || name == "/exit") return false;
  try {
    for (const ChatCommand& each : kCommands)
      if (name == each.name) return each.run({session, argument, interrupted}), true;
    if (name != "/help")
      throw UsageError("chat", "a command that /help lists", "'" + name + "'",
                       "a message that begins with / needs a space before it");
    for (const ChatCommand& each : kCommands) tell("{:10} {}\n", each.name, each.help);
    tell("{:10} {}\n", "/quit", "end; ctrl-D too");
  } catch (const ReadingInterrupted&) {
    tell("stopped\n");
  } catch (const Error& error) {
    if (!forgiving) throw;
    say(error.what());
  }
  return true;
}

}  // namespace rw
