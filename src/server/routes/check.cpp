// SPDX-License-Identifier: Apache-2.0
/// POST /check: "can I trust it here?", and POST /choose: which method a length gets, and why.
#include <algorithm>

#include "core/tell.h"
#include "judge/document_check.h"
#include "model/memory.h"
#include "server/generation.h"
#include "serving/room.h"

namespace rw::server::checks {
namespace {

constexpr double kLeastSeconds = 5, kMostSeconds = 600;

/// The client has gone, or the server ends.
struct Abandoned {};

struct Asked {
  serving::ModelUse model;
  std::optional<BoundChoice> choice;
  Document document;
  Index n = 0;
  double seconds = 0;
  bool stream = false;
};

/// Tokens of a text, or as many as are said; both where n cuts the text.
struct Length {
  std::vector<Token> tokens;
  Index n = 0, n_predict = 0;  ///< read; written behind them at most
};
Length read_length(const Model& model, Fields& fields, bool n_cuts) {
  Length length;
  if (!n_cuts) fields.only_one("text", "n");
  const auto text = fields.text("text");
  if (text) length.tokens = model.tokenizer().encode(*text, false);
  const auto begin = static_cast<Index>(model.tokenizer().text_begin().size());
  const auto of_text = static_cast<Index>(length.tokens.size()) + begin;
  const auto n = fields.whole("n", 1, text ? std::max<Index>(1, of_text) : kMostTokens);
  if (!text && !n) throw ApiError(400, "text", "a text, or n, its tokens", "neither");
  length.n = n.value_or(std::max<Index>(1, of_text));
  length.n_predict = fields.whole("n_predict", 0, kMostTokens).value_or(0);
  return length;
}

Asked read_asked(Api& api, const Request& request) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  Asked asked;
  const std::string model = fields.text("model", 1024).value_or(""), method = read_method(api, fields);
  asked.seconds = fields.number("seconds", kLeastSeconds, kMostSeconds).value_or(120);
  asked.stream = fields.flag("stream").value_or(false);
  asked.model = api.model(request, model);
  const Model& loaded = *asked.model->model;
  Length length = read_length(loaded, fields, true);
  fields.end();
  if (length.tokens.empty()) throw ApiError(400, "text", "a text to hide keys in", "none");
  asked.n = length.n;
  asked.choice.emplace(bound_choice(*asked.model, method, asked.n, length.n_predict));  // as answers are read
  asked.document = identify({"the text", std::move(length.tokens), loaded.tokenizer().text_begin()});
  return asked;
}

void run_check(Api& api, const Asked& asked, const std::shared_ptr<Reply>& reply) {
  bool begun = false;
  double told = 0;
  DocumentCheckOptions how{
      .budget_seconds = asked.seconds, .budget_name = "seconds", .bound = asked.choice->n};
  how.progress = [&](double share) {
    if (reply->gone() || api.ending) throw Abandoned();
    if (!asked.stream || share < told + 0.01) return;
    told = share;
    if (!std::exchange(begun, true)) reply->begin_events();
    reply->event(dump_json(Json{{"progress", std::min(1.0, share)}}));
  };
  Json result;
  int status = 200;
  try {
    const DocumentCheck check = check_document(*asked.model->model, asked.model->model->tokenizer(),
                                               asked.choice->choice.spec, asked.document, asked.n, how);
    result = {{"line", text_of(check)}, {"method", asked.choice->method.text()}, {"check", json_of(check)}};
  } catch (const Abandoned&) {  // who asked may have gone, and hears nothing then
    status = 503;
    result = error_body(status, "check: expected a server that goes on; found one that is ending");
  } catch (const TooLittleTime& error) {
    status = 400;
    result = error_body(status, error.what(), "seconds");
  } catch (const std::exception& error) {
    const Failure failure = failure_of(error);
    status = dynamic_cast<const Error*>(&error) != nullptr && failure.status == 500 ? 400 : failure.status;
    result = status == 400 ? error_body(400, error.what(), "text") : failure.body;
  }
  api.checking = false;  // before the answer: who has it may ask again
  if (!asked.stream || (!begun && status != 200)) return reply->Reply::send(status, result);
  if (!begun) reply->begin_events();
  reply->event(dump_json(result));
  reply->end_events();
}

void check(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  auto asked = std::make_shared<Asked>(read_asked(api, request));
  if (api.checking.exchange(true))
    throw serving::Busy("check", "one at a time", "another that runs", "ask again when it has ended");
  try {
    api.run_long([&api, asked, reply] { run_check(api, *asked, reply); });
  } catch (...) {
    api.checking = false;
    throw;
  }
}

void choose(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  const std::string model = fields.text("model", 1024).value_or(""), method = read_method(api, fields);
  const serving::ModelUse use = api.model(request, model);
  const Length length = read_length(*use->model, fields, false);
  fields.end();
  const Model& loaded = *use->model;
  const auto [choice, n, bound] = bound_choice(*use, method, length.n, length.n_predict);
  const std::size_t bytes = serving::room_for(loaded, choice.spec, n), free = available_memory();
  const Index most_asked = api.options.n_ctx > 0 ? api.options.n_ctx : kMostTokens;
  const bool too_long = length.n + length.n_predict > most_asked, too_large = free != 0 && bytes > free;
  reply->Reply::send(200, {{"n", length.n},
                           {"n_ctx_train", loaded.config().n_ctx_train},
                           {"bound", n},
                           {"method", bound.text()},
                           {"why", choice.why.empty() ? Json(nullptr) : Json(choice.why)},
                           {"bytes", bytes},
                           {"fits", !too_long && !too_large},
                           {"limit", too_large  ? Json("memory")
                                     : too_long ? Json("context")
                                                : Json(nullptr)},
                           {"most", serving::most_that_fit(loaded, choice.spec, most_asked)}});
}

const Register<Route> registered_check{{"POST /check", {}, check}};
const Register<Route> registered_choose{{"POST /choose", {}, choose}};

}  // namespace
}  // namespace rw::server::checks
