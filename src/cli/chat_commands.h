// SPDX-License-Identifier: Apache-2.0
/// The lines of a conversation that begin with /.
#pragma once
#include <atomic>
#include <string>

#include "cli/chat_session.h"

namespace rw {

/// Reads a document into the conversation, and says how long it is. Errors: those of read_text_file;
/// UsageError for standard input.
void attach_file(ChatSession& session, const std::string& path);

/// False: the conversation ends. `forgiving`: an error is said and the conversation goes on; else it is
/// thrown. Errors: those of the command.
bool run_chat_command(ChatSession& session, const std::string& line, bool forgiving,
                      const std::atomic<bool>& interrupted);

}  // namespace rw
