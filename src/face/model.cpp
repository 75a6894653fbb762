// SPDX-License-Identifier: Apache-2.0
#include "ropewalk/model.h"

#include "chat/conversation.h"
#include "core/parallel.h"
#include "face/rope_context.h"
#include "model/identity.h"
#include "model/model.h"
#include "model/weight_room.h"

namespace ropewalk {

const char* version() { return ROPEWALK_VERSION; }

namespace {

rw::Precision precision_of(const std::string& name) {
  if (name == "bf16") return rw::Precision::kBf16;
  if (name == "f32") return rw::Precision::kF32;
  throw UsageError("precision", "bf16 or f32", "'" + name + "'", "bf16 is the faster one");
}

rw::KvType kv_type_of(const std::string& name) {
  if (name == "bf16") return rw::KvType::kBf16;
  if (name == "f32") return rw::KvType::kF32;
  if (name == "q8") return rw::KvType::kQ8;
  throw UsageError("kv", "bf16, f32 or q8", "'" + name + "'", "leave it out for that of the precision");
}

std::shared_ptr<const rw::Backend> backend_of(const ModelOptions& options) {
  if (options.n_threads < 0)
    throw UsageError("n_threads", "0 (all cores) or more", fmt::format("{}", options.n_threads),
                     "leave it out for all cores");
  const rw::Precision precision = precision_of(options.precision);
  auto context = std::make_shared<rw::Context>(
      rw::ContextOptions{.threads = std::min(options.n_threads, rw::usable_cores()), .isa = options.isa});
  if (options.weight_memory > 0) context->set_weight_memory(rw::checked_weight_memory(options.weight_memory));
  return rw::make_cpu_backend(std::move(context), precision,
                              kv_type_of(options.kv.empty() ? options.precision : options.kv));
}

rw::ChatSettings settings_of(const ChatOptions& options) {
  rw::ChatSettings settings = rw::chat_of_today(false);
  if (!options.thinking) settings.thinking = false;
  settings.effort = options.reasoning_effort;
  return settings;
}

}  // namespace

Model::Model(std::string path, std::shared_ptr<const rw::Model> inside)
    : path_(std::move(path)), inside_(std::move(inside)) {}

Model Model::load(const std::string& path, const ModelOptions& options) {
  return Model(path, rw::Model::open(path, backend_of(options)));
}

const std::string& Model::path() const { return path_; }
const std::string& Model::architecture() const { return inside_->config().architecture; }
const std::string& Model::name() const { return inside_->config().name; }
bool Model::encoder() const { return inside_->config().encoder; }
Index Model::n_ctx_train() const { return inside_->config().n_ctx_train; }
Index Model::n_vocab() const { return inside_->config().n_vocab; }
Index Model::d_model() const { return inside_->config().d_model; }
int Model::n_layers() const { return inside_->config().n_layers(); }
int Model::n_acting_layers() const { return inside_->config().n_acting_layers(); }
std::size_t Model::bytes() const { return inside_->bytes(); }
std::string Model::backend() const { return inside_->backend().name(); }
std::string Model::id() const { return rw::model_id(inside_->file()); }

RopeContext Model::rope_context(int layer) const {
  if (layer < 0 || layer >= n_layers())
    throw UsageError("layer", fmt::format("0 to {}", n_layers() - 1), fmt::format("{}", layer),
                     "layers are counted from 0");
  return face::shown(inside_->config().rope_context(layer, 1));
}

std::vector<Token> Model::tokenize(std::string_view text, bool special, bool begin) const {
  const rw::Tokenizer& tokenizer = inside_->tokenizer();
  std::vector<Token> ids = begin ? tokenizer.text_begin() : std::vector<Token>{};
  const std::vector<Token> words = tokenizer.encode(text, special);
  ids.insert(ids.end(), words.begin(), words.end());
  return ids;
}

std::string Model::detokenize(std::span<const Token> ids, bool special) const {
  const rw::Tokenizer& tokenizer = inside_->tokenizer();
  for (const Token id : ids)
    if (id < 0 || id >= tokenizer.n_vocab())
      throw Error("token", fmt::format("ids from 0 to {}", tokenizer.n_vocab() - 1), fmt::format("{}", id),
                  "ids are of the model whose tokenizer made them");
  return tokenizer.decode(std::vector<Token>(ids.begin(), ids.end()), special);
}

std::vector<Token> Model::chat(std::span<const Message> messages, const ChatOptions& options) const {
  std::vector<rw::Message> said;
  for (const Message& message : messages) said.push_back({message.role, message.content});
  return rw::conversation_prompt(inside_->tokenizer(), said, settings_of(options)).tokens;
}

bool Model::has_chat_template() const { return rw::has_chat_template(inside_->tokenizer(), {}); }

std::vector<Token> Model::end_tokens() const { return inside_->tokenizer().end_tokens; }

}  // namespace ropewalk
