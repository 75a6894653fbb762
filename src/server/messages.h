// SPDX-License-Identifier: Apache-2.0
/// A request's conversation, as the model's chat template writes it.
#pragma once
#include "chat/conversation.h"
#include "server/fields.h"

namespace rw::server {

/// Reads messages, chat_template_kwargs and what else a client may say of them. Errors: ApiError.
Conversation read_conversation(const Tokenizer& tokenizer, Fields& fields);

}  // namespace rw::server
