// SPDX-License-Identifier: Apache-2.0
/// ropewalk chat: a conversation with a model, in which documents may be given at any time.
#include <editline/readline.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string_view>

#include "cli/chat_commands.h"
#include "cli/documents.h"
#include "cli/interrupts.h"
#include "cli/sampling_options.h"
#include "core/json.h"
#include "core/tell.h"
#include "core/text.h"
#include "model/method_choice.h"

namespace rw::cli::chat_ {
namespace {

struct Options {
  std::string model, system, method = "auto", length;
  std::vector<std::string> files;
  Index n_predict = 1024, chunk = kDefaultChunk;
  int n_threads = 0;
  std::string effort;
  bool no_thinking = false, json = false;
  BackendOptions backend;
  SamplingOptions sampling;
} options;

/// Lines are UTF-8: libedit drops what the locale's characters lack, in the C locale all but ASCII. Numbers
/// stay as they are.
void read_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

/// Where lines that were typed are kept from one run to the next; empty: nowhere.
std::string history_path() {
  namespace fs = std::filesystem;
  const auto of = [](const char* variable) -> std::string {
    const char* value = std::getenv(variable);
    return value ? value : "";
  };
  const std::string state = of("XDG_STATE_HOME"), home = of("HOME");
  if (state.empty() && home.empty()) return "";
  const fs::path folder = (!state.empty() ? fs::path(state) : fs::path(home) / ".local/state") / "ropewalk";
  std::error_code failed;
  fs::create_directories(folder, failed);
  return failed ? "" : (folder / "chat_history").string();
}

/// Whether ctrl-D was typed while the editor had not the terminal: the system keeps that as an end of the
/// file. libedit would see a zero, which it takes for "insert the next key as it is".
bool ended_before() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  int n_bytes = 0;
  char none = 0;
  return ::poll(&input, 1, 0) == 1 && ::ioctl(STDIN_FILENO, FIONREAD, &n_bytes) == 0 && n_bytes == 0 &&
         ::read(STDIN_FILENO, &none, 1) == 0;
}

/// Lines of a terminal, edited and remembered, or of what standard input is.
class Lines {
 public:
  Lines()
      : terminal_(isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0),
        history_(terminal_ ? history_path() : "") {
    if (terminal_) read_utf8(), catch_interrupts();
    if (!history_.empty()) read_history(history_.c_str()), stifle_history(kMostLines);
  }
  ~Lines() {
    if (!history_.empty() && write_history(history_.c_str()) == 0) ::chmod(history_.c_str(), 0600);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  /// False at the end of input.
  bool next(std::string& line) {
    if (!terminal_) {
      const bool more = static_cast<bool>(std::getline(std::cin, line));
      if (more && line.ends_with('\r')) line.pop_back();
      return more;
    }
    for (;;) {
      ctrl_c_pressed = false;
      if (ended_before()) return false;
      errno = 0;
      char* typed = readline("> ");
      if (!typed && (ctrl_c_pressed || errno == EINTR)) {
        fmt::print("\n(ctrl-D or /quit ends the conversation)\n");
        continue;
      }
      if (!typed) return fmt::print("\n"), false;
      line = typed;
      std::free(typed);
      if (!line.empty()) add_history(line.c_str());
      return true;
    }
  }
  bool terminal() const { return terminal_; }

 private:
  static constexpr int kMostLines = 1000;
  bool terminal_;
  std::string history_;
};

void print(const ChatReply& reply, const ChatSession& session) {
  const SamplerSettings& sampling = session.settings().sampling;
  if (options.json) {
    fmt::print("{}\n", dump_json({{"text", reply.text},
                                  {"reason", reply.reason},
                                  {"stop", reply.stop ? Json(*reply.stop) : Json(nullptr)},
                                  {"n_prompt", reply.n_prompt},
                                  {"n_cached", reply.n_cached},
                                  {"n_new", reply.n_new},
                                  {"method", session.spec()->text()},
                                  {"why", session.why().empty() ? Json(nullptr) : Json(session.why())},
                                  {"seed", sampling.temperature > 0 ? Json(sampling.seed) : Json(nullptr)},
                                  {"length", session.bound()}}));
  } else {
    fmt::print("\n");
  }
  std::fflush(stdout);
  const std::string_view reason = reply.reason;
  if (reason == "length") tell("the answer was cut at -n {}\n", options.n_predict);
  if (reason == "interrupted") tell("stopped\n");
  say(fmt::format("{} of {} tokens; read {} in {:.1f} s, wrote {} in {:.1f} s", session.position(),
                  session.bound(), reply.n_prompt - reply.n_cached, reply.read_seconds, reply.n_new,
                  reply.write_seconds));
}

/// What goes wrong in one answer ends that answer where a person is there to go on. Errors: else those of
/// ChatSession::ask.
void answer(ChatSession& session, const std::string& line, bool terminal) {
  ctrl_c_pressed = false;
  try {
    print(session.ask(line, ctrl_c_pressed,
                      [](const std::string& more) {
                        if (!options.json) fmt::print("{}", more), std::fflush(stdout);
                      }),
          session);
  } catch (const ReadingInterrupted&) {
    tell("stopped while it read: nothing was asked\n");
  } catch (const Error& error) {
    if (!terminal) throw;
    say(error.what());
  }
}

int run() {
  const std::shared_ptr<const Backend> backend = options.backend.make(make_context(options.n_threads));
  check_method(options.method);
  ChatSessionSettings settings{.method = options.method,
                               .system = options.system,
                               .n_predict = options.n_predict,
                               .chunk = options.chunk};
  if (!options.length.empty()) settings.length = parse_length(options.length);
  const std::shared_ptr<const Model> model = load_decoder(options.model, backend);
  settings.sampling = options.sampling.settings(model->n_choices());
  settings.stops = options.sampling.stops;
  settings.chat = chat_of_today(false);
  if (options.no_thinking) settings.chat.thinking = false;
  settings.chat.effort = options.effort;
  ChatSession session(model, options.model, settings);
  for (const std::string& file : options.files) attach_file(session, file);
  if (settings.sampling.temperature > 0) say(fmt::format("drawn with --seed {}", settings.sampling.seed));
  Lines lines;
  if (lines.terminal())
    say("/help says what can be asked beside questions; ctrl-C stops an answer, ctrl-D ends");
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line[0] != '/') {
      if (line == "quit" || line == "exit" || line == "help")
        say(fmt::format("'{}' goes to the model as it is; /{} is the command", line, line));
      answer(session, line, lines.terminal());
      continue;
    }
    ctrl_c_pressed = false;
    if (!run_chat_command(session, line, lines.terminal(), ctrl_c_pressed)) break;
  }
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("-f,--file", options.files, "documents that stand before the first question");
  app.add_option("--system", options.system, "what the model is told first");
  app.add_option("-n,--n-predict,--predict", options.n_predict, "most tokens of an answer")
      ->check(in_range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--method", options.method, "auto, or one by name; /method changes it")
      ->capture_default_str();
  app.add_option("--length", options.length,
                 "tokens that the conversation is bound to, such as\n32k; default: the trained length, then "
                 "as it\ngrows");
  options.sampling.define(app);
  options.backend.define(app);
  app.add_option("--chunk", options.chunk, "tokens per step; does not change results")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--no-thinking", options.no_thinking, "thinking off, where the template has a switch");
  define_effort(app, options.effort);
  app.add_flag("--json", options.json, "one JSON object for each answer");
  app.footer(
      "Lines that begin with / are commands: /help lists them. Without a terminal each\n"
      "line of standard input is a message, and one that is refused ends it.\n"
      "Examples:\n"
      "  ropewalk chat model.gguf\n"
      "  ropewalk chat model.gguf -f report.pdf --system 'Answer in one sentence.'\n"
      "  printf '%s\\n' 'Hello' 'What did I say?' | ropewalk chat model.gguf --json");
}

const Register<Command> registered{{"chat", "a conversation about long documents", define, run}};

}  // namespace
}  // namespace rw::cli::chat_
