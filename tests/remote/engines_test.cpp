// SPDX-License-Identifier: Apache-2.0
/// Other engines, as fake_engines.h plays them.
#include "remote/engines.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "fake_engines.h"
#include "judge/runner.h"

namespace rw::remote {
namespace {

TEST(EnginesTest, every_form_tells_the_same_losses) {
  const std::string text = "she sells sea shells";
  const std::vector<int> ids = ids_of(text);
  const std::vector<double> wanted = logprobs_of(ids);
  const std::vector<Token> prompt(ids.begin(), ids.end());
  const std::pair<FakeHandler, const char*> engines_and_forms[] = {
      {vllm, "prompt_logprobs"}, {sglang, "generate"}, {python, "echo"}};
  for (const auto& [handler, form] : engines_and_forms) {
    FakeServer server(handler);
    Engines engines({{"plain", parse_url(server.url(), "x")}}, hasty());
    engines.find_scoring(true);
    EXPECT_NE(engines.describe()[0].find(form), std::string::npos) << engines.describe()[0];
    const std::vector<double> losses = engines.losses(engines.spec("none"), prompt, 9, 19, {}, 0);
    ASSERT_EQ(losses.size(), 10u) << form;
    for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(losses[i], -wanted[10 + i], 1e-9) << form;
    EXPECT_EQ(engines.write(engines.spec("none"), engines.tokenizer(), prompt, 4, 32, {}).text, "7");
    EXPECT_EQ(server.authorization(), std::string("Bearer ") + kKey);
  }
}

TEST(EnginesTest, each_file_of_forms_is_a_form) {
  std::size_t n = 0;
  for (const auto& file : std::filesystem::directory_iterator(ROPEWALK_SOURCE_DIR "/src/remote/forms"))
    n += file.path().extension() == ".cpp";
  EXPECT_EQ(scoring_forms().size(), n);
}

TEST(EnginesTest, what_a_server_cannot_do_is_said_at_once) {
  FakeServer server(llama_cpp);
  Engines engines({{"plain", parse_url(server.url(), "x")}}, hasty(0));
  EXPECT_EQ(engines.n_ctx_train(), 32);
  EXPECT_NE(engines.tokenizer().chat_template.find("<it\\'s me>\\n"), std::string::npos);
  try {
    engines.find_scoring(true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Only no echo is supported"), std::string::npos) << error.what();
    EXPECT_NE(error.hint().find("passkey"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find(kKey), std::string::npos);
  }
}

std::shared_ptr<const AskedEngine> unowned(const Engines& engines) {
  return {std::shared_ptr<void>(), &engines};
}

/// Its text is judged, and no loss is made up.
TEST(EnginesTest, who_tells_no_losses_is_judged_by_what_it_writes) {
  FakeServer server(llama_cpp);
  Engines engines({{"plain", parse_url(server.url(), "x")}}, hasty(0));
  engines.find_scoring(false);
  EXPECT_NE(engines.describe()[0].find("it tells no losses"), std::string::npos) << engines.describe()[0];
  const std::vector<Document> documents =
      split_document("a.txt", engines.tokenizer().encode(std::string(200, 'a')), {}, 1, 100);
  RunnerOptions options;
  options.plan.tasks = {"continuation"}, options.plan.lengths = {64}, options.plan.n_predict = 8;
  const RunnerResult result =
      run_all(Asked(unowned(engines)), engines.tokenizer(), documents, options, engines.run_info("1", 1));
  ASSERT_FALSE(result.records.empty());
  for (const Record& record : result.records) {
    EXPECT_EQ(record.written, "7");
    EXPECT_EQ(record.n_targets, 0);
    EXPECT_FALSE(value_of(record, "top1"));
    EXPECT_TRUE(value_of(record, "bleu"));
  }
}

/// A message as it is, its end the answer's begin; what the template takes is left free.
TEST(EnginesTest, chat_asks_by_messages_in_the_servers_template) {
  JsonInput last;
  FakeServer server([&](const std::string& path, const JsonInput& body) {
    if (path == "/v1/chat/completions") last = body;
    return path == "/v1/completions" ? kNotFound : vllm(path, body);
  });
  EnginesOptions options = hasty();
  options.chat = true;
  Engines engines({{"plain", parse_url(server.url(), "x")}}, options);
  EXPECT_LE(engines.most("none", Unit::kQuestion), 64 - 20);
  EXPECT_EQ(engines.most("none", Unit::kDocument), 64);  // a text has no template around it
  EXPECT_NE(engines.describe()[0].find("questions by chat"), std::string::npos);
  const std::vector<Token> prompt = engines.tokenizer().encode("caf\xc3\xa9?\nThe key is");
  EXPECT_EQ(engines.write(engines.spec("none"), engines.tokenizer(), prompt, 4, 32, {}).text, "7");
  EXPECT_EQ(last["messages"][0]["content"], "caf\xc3\xa9?\nThe key is");
  EXPECT_EQ(last["max_tokens"], 4);
}

/// A text that goes on is no message, and by completions questions are other measurements.
TEST(EnginesTest, chat_is_for_questions) {
  FakeServer server(vllm);
  EnginesOptions options = hasty();
  const Engines by_text({{"plain", parse_url(server.url(), "x")}}, options);
  options.chat = true;
  const Engines by_chat({{"plain", parse_url(server.url(), "x")}}, options);
  const auto resolved = [](const Engines& engines, Unit unit) {
    return engines.facts()->resolved("none", 32, unit);
  };
  EXPECT_NE(resolved(by_text, Unit::kQuestion), resolved(by_chat, Unit::kQuestion));
  EXPECT_EQ(resolved(by_text, Unit::kDocument), resolved(by_chat, Unit::kDocument));
  const std::vector<Token> context = by_chat.tokenizer().encode("it was"),
                           truth = by_chat.tokenizer().encode("so");
  EXPECT_EQ(by_chat.go_on(by_chat.spec("none"), by_chat.tokenizer(), context, truth, {}).written.text, "7");
  FakeServer chat_alone([](const std::string& path, const JsonInput& body) {
    return path == "/v1/completions" ? kNotFound : vllm(path, body);
  });
  const Engines other({{"plain", parse_url(chat_alone.url(), "x")}}, options);
  EXPECT_THROW(other.go_on(other.spec("none"), other.tokenizer(), context, truth, {}), Refused);
}

/// llama.cpp is told where control tokens are read: in what a template writes, not in what a user wrote.
TEST(EnginesTest, control_tokens_are_read_in_the_template_alone) {
  FakeServer server([](const std::string& path, const JsonInput& body) {
    if (path == "/v1/models") return sent({{"data", JsonInput::array({{{"id", "m"}}})}});
    if (path == "/detokenize") return sent({{"content", text_of(body["tokens"])}});
    if (path != "/tokenize" || !body.contains("content")) return llama_cpp(path, body);
    const std::string text = body["content"];
    if (!body["parse_special"].get<bool>() || !text.starts_with("<|x|>"))
      return sent({{"tokens", ids_of(text)}});
    JsonInput ids = ids_of(text.substr(5));
    ids.insert(ids.begin(), 300);
    return sent({{"tokens", ids}});
  });
  const Server asked(parse_url(server.url(), "x"), hasty().server);
  const RemoteTokenizer tokenizer(asked);
  const TextPart parts[] = {{"<|x|>", true}, {"a<|x|>", false}};
  std::vector<Token> wanted{300};
  for (const int id : ids_of("a<|x|>")) wanted.push_back(id);
  EXPECT_EQ(tokenizer.encode_parts(parts, false), wanted);
  EXPECT_EQ(tokenizer.encode("<|x|>", false).size(), 5u);
  EXPECT_EQ(tokenizer.encode("<|x|>", true), std::vector<Token>{300});
}

/// A busy moment says nothing of what a server can do.
TEST(EnginesTest, a_busy_server_is_asked_as_an_idle_one) {
  const auto describe = [](int n_busy, int status) {
    std::map<std::string, int> n;
    FakeServer server([&](const std::string& path, const JsonInput& body) -> FakeAnswer {
      const std::string what = path + (body.is_object() && body.contains("prompt_logprobs") ? "+" : "");
      if (n[what]++ < n_busy) return {status, "{}"};
      return vllm(path, body);
    });
    Engines engines({{"plain", parse_url(server.url(), "x")}}, hasty());
    engines.find_scoring(true);
    const std::string text = engines.describe()[0];
    return text.substr(text.find("up to"));
  };
  const std::string idle = describe(0, 429);
  EXPECT_NE(idle.find("prompts as ids, losses by prompt_logprobs"), std::string::npos) << idle;
  for (const int status : {429, 503}) EXPECT_EQ(describe(2, status), idle);
}

/// Where a server takes text alone a stretch that is cut inside a character would be another text there.
TEST(EnginesTest, a_text_server_is_sent_whole_characters) {
  FakeServer server(python);
  Engines engines({{"plain", parse_url(server.url(), "x")}}, hasty());
  engines.find_scoring(true);
  const std::vector<int> ids = ids_of("\xc3\xa9tait une fois \xc3\xa9");
  std::vector<Token> whole(ids.begin(), ids.end());
  EXPECT_EQ(engines.losses(engines.spec("none"), whole, 9, 14, {}, 0).size(), 5u);
  for (const auto& cut : {std::vector<Token>(whole.begin() + 1, whole.end()),
                          std::vector<Token>(whole.begin(), whole.end() - 1)})
    EXPECT_THROW(engines.losses(engines.spec("none"), cut, 9, static_cast<Index>(cut.size()) - 1, {}, 0),
                 Error);
}

/// vLLM puts the prompt before what it writes there; and a part of a character is one byte, not U+FFFD's
/// three.
TEST(EnginesTest, a_prompt_that_ends_inside_a_character) {
  FakeServer server(vllm);
  const Engines engines({{"plain", parse_url(server.url(), "x")}}, hasty());
  const auto id = [](char c) { return static_cast<Token>(static_cast<unsigned char>(c)); };
  const Written written = engines.write(engines.spec("none"), engines.tokenizer(),
                                        std::vector<Token>{id('x'), id('\xc3')}, 4, 32, {});
  EXPECT_EQ(written.text, "7");
  EXPECT_EQ(written.tokens, std::vector<Token>{id('7')});  // without the one that ended it
  for (const std::string text : {"\xa9t", "t\xc3", "\x80\x80", "\xc3\xa9"}) {
    std::vector<Token> tokens;
    for (const char c : text) tokens.push_back(id(c));
    EXPECT_EQ(engines.tokenizer().decode(tokens).size(), text.size());
  }
}

TEST(EnginesTest, what_was_not_asked_for_is_cut) {
  std::size_t longest = 0;
  FakeServer server([&](const std::string& path, const JsonInput& body) {
    if (path == "/tokenize") longest = std::max(longest, body.value("prompt", "").size());
    return path == "/v1/completions" ? sent(completion(std::string(100000, 'x'))) : vllm(path, body);
  });
  const Engines engines({{"plain", parse_url(server.url(), "x")}}, hasty());
  const std::vector<Token> prompt = engines.tokenizer().encode("x");
  EXPECT_EQ(engines.write(engines.spec("none"), engines.tokenizer(), prompt, 4, 32, {}).tokens.size(), 4u);
  EXPECT_LE(longest, 2000u);
}

TEST(EnginesTest, the_key_stands_in_no_error) {
  FakeServer server([](const std::string&, const JsonInput&) -> FakeAnswer {
    return {401, std::string(R"({"error":{"message":"Incorrect API key provided: )") + kKey + R"("}})"};
  });
  try {
    Server(parse_url(server.url(), "x"), hasty().server);
    FAIL();
  } catch (const Refused& error) {
    EXPECT_EQ(std::string(error.what()).find(kKey), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("***"), std::string::npos) << error.what();
  }
}

TEST(EnginesTest, names_that_mean_something_else_and_one_engine_twice) {
  FakeServer server(vllm);
  const Url url = parse_url(server.url(), "x");
  for (const char* name : {"all", "auto", "none (short)"})
    EXPECT_THROW(Engines({{"plain", url}, {name, url}}, hasty()), UsageError) << name;
  EXPECT_THROW(Engines({{"plain", url}, {"yarn4", url}}, hasty()), UsageError);
  EXPECT_THROW(Engines({{"plain", url}}, hasty(0)),
               Error);  // nobody says the trained length: it is not guessed
}

TEST(EnginesTest, two_models_of_one_server_are_two_engines) {
  FakeServer server([](const std::string& path, const JsonInput& body) {
    if (path != "/v1/models") return vllm(path, body);
    return sent({{"data", JsonInput::array({{{"id", "m"}}, {{"id", "n"}}})}});
  });
  const Url url = parse_url(server.url(), "x");
  const Engines engines({{"plain", url}, {"yarn4", url, "n"}}, hasty());
  const std::vector<std::string> lines = engines.describe();
  EXPECT_NE(lines.at(0).find(": m at "), std::string::npos) << lines[0];
  EXPECT_NE(lines.at(1).find(": n at "), std::string::npos) << lines[1];
  EXPECT_THROW(Engines({{"plain", url}, {"yarn4", url, "m"}}, hasty()), UsageError);
}

/// Another model under a name that a file knows: a report could not show both.
TEST(EnginesTest, a_name_is_one_engine_in_a_file) {
  FakeServer server([](const std::string& path, const JsonInput& body) {
    if (path != "/v1/models") return vllm(path, body);
    return sent({{"data", JsonInput::array({{{"id", "m"}}, {{"id", "n"}}, {{"id", "o"}}})}});
  });
  const Url url = parse_url(server.url(), "x");
  std::string path = testing::TempDir() + "a_name_is_one_engine.jsonl";
  std::filesystem::remove(path);
  const auto run = [&](const char* model) {
    Engines engines({{"plain", url}, {"y", url, model}}, hasty());
    engines.find_scoring(true);
    std::string text;
    for (int i = 0; i < 40; ++i) text += "line " + std::to_string(i * i) + ".\n";
    const std::vector<Document> documents =
        split_document("a.txt", engines.tokenizer().encode(text), engines.tokenizer().text_begin(), 1, 130);
    Store store(path);
    RunnerOptions options;
    options.plan.tasks = {"tail"}, options.plan.methods = engines.names(), options.store = &store;
    options.plan.lengths = {32}, options.plan.tail = 8;
    return run_all(Asked(unowned(engines)), engines.tokenizer(), documents, options,
                   engines.run_info("1", 1));
  };
  EXPECT_EQ(run("n").n_known, 0u);
  EXPECT_GT(run("n").n_known, 0u);
  try {
    run("o");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("tail of y as in this run: o at "), std::string::npos)
        << error.what();
    EXPECT_NE(error.found().find("n at "), std::string::npos);
  }
  const std::string first = path;
  path = testing::TempDir() + "a_name_is_another_engine.jsonl";
  std::filesystem::remove(path);
  EXPECT_EQ(run("o").n_known, 0u);
  EXPECT_THROW(read_results({first, path}), Error);
}

TEST(EnginesTest, losses_of_other_tokens_are_refused) {
  FakeServer shifted(
      [](const std::string& path, const JsonInput& body) { return python_as(true, path, body); });
  Engines engines({{"plain", parse_url(shifted.url(), "x")}}, hasty());
  EXPECT_THROW(engines.find_scoring(true), Error);
  FakeServer cut(
      [](const std::string& path, const JsonInput& body) {  // into other tokens than we were told of
        FakeAnswer answer = python(path, body);
        JsonInput json = JsonInput::parse(answer.body);
        if (!body.is_object() || !body.contains("echo")) return answer;
        json["choices"][0]["logprobs"]["tokens"][body["prompt"].get<std::string>().size() - 1] = "re?";
        return sent(json);
      });
  Engines others({{"plain", parse_url(cut.url(), "x")}}, hasty());
  EXPECT_THROW(others.find_scoring(true), Error);
}

TEST(EnginesTest, tries_again_what_may_pass_and_nothing_else) {
  std::atomic<int> n{0};
  FakeServer passing([&](const std::string& path, const JsonInput& body) -> FakeAnswer {
    const int k = n++;
    if (k == 0) return {503, "{}"};
    if (k == 1) return {429, "{}"};
    if (k == 2) return {.body = "", .hangs_up = true};
    return vllm(path, body);
  });
  EXPECT_EQ(Server(parse_url(passing.url(), "x"), hasty().server).model(), "m");
  EXPECT_EQ(n, 4);
  FakeServer refusing([&](const std::string&, const JsonInput&) -> FakeAnswer {
    ++n;
    return {401, R"({"error":{"message":"wrong key"}})"};
  });
  n = 0;
  try {
    Server(parse_url(refusing.url(), "x"), hasty().server);
    FAIL();
  } catch (const Refused& error) {
    EXPECT_EQ(error.status(), 401);
    EXPECT_NE(std::string(error.what()).find("wrong key"), std::string::npos);
  }
  EXPECT_EQ(n, 1);
}

TEST(EnginesTest, hostile_answers_are_errors) {
  for (const std::string& body : {std::string("{"), std::string(100, '['), std::string("[]"),
                                  std::string(R"({"data":[{"id":7}]})"), std::string(R"({"data":{}})")}) {
    FakeServer server([&](const std::string&, const JsonInput&) -> FakeAnswer { return {200, body}; });
    EXPECT_THROW(Server(parse_url(server.url(), "x"), hasty().server), Error) << body;
  }
  EXPECT_THROW(read_ids(JsonInput::parse("[1, -2]"), "x"), Error);
  EXPECT_THROW(read_ids(JsonInput::parse("[1e99]"), "x"), Error);
  EXPECT_THROW(loss_of(JsonInput("0"), "x"), Error);
  EXPECT_THROW(loss_of(JsonInput(0.5), "x"), Error);
  EXPECT_THROW(loss_of(JsonInput(), "x"), Error);
}

TEST(EnginesTest, addresses) {
  const Url url = parse_url("http://[::1]:8000/x/v1/", "--engine");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 8000);
  EXPECT_EQ(url.base, "/x/v1");
  EXPECT_EQ(url.root(), "/x");
  EXPECT_EQ(url.text(), "http://[::1]:8000/x/v1");
  EXPECT_EQ(parse_url("http://a", "x").port, 80);
  EXPECT_EQ(parse_url("https://a/v1", "x").text(), "https://a:443/v1");
  for (const char* bad : {"https://", "http://", "http://a:0", "http://a:x", "http://u:p@a/v1",
                          "http://a/v1?k=1", "http://a b", "a:80", "http://[::1"})
    EXPECT_THROW(parse_url(bad, "x"), UsageError) << bad;
}

/// Two servers are two methods; what is beyond a server is left out and said; side by side or not, the same.
TEST(EnginesTest, servers_are_methods_of_one_run) {
  FakeServer plain(vllm), other(sglang);
  Engines engines({{"plain", parse_url(plain.url(), "x")}, {"yarn4", parse_url(other.url(), "x")}}, hasty());
  engines.find_scoring(true);
  const std::shared_ptr<const AskedEngine> held = unowned(engines);
  std::string text;
  for (int i = 0; i < 60; ++i) text += "line " + std::to_string(i * i) + ".\n";
  const std::vector<Document> documents =
      split_document("a.txt", engines.tokenizer().encode(text), engines.tokenizer().text_begin(), 2, 130);
  RunnerOptions options;
  options.plan.tasks = {"tail"}, options.plan.methods = engines.names();
  options.plan.lengths = {32, 128}, options.plan.tail = 8;
  std::vector<std::string> left_out;
  options.planned = [&](const Plan& plan) { left_out = plan.left_out; };
  const RunInfo info = engines.run_info("1", 1);
  const RunnerResult one = run_all(Asked(held), engines.tokenizer(), documents, options, info);
  ASSERT_EQ(left_out.size(), 1u);
  EXPECT_NE(left_out[0].find("tail at 128 tokens of plain"), std::string::npos) << left_out[0];
  options.n_at_once = 4;
  const RunnerResult four = run_all(Asked(held), engines.tokenizer(), documents, options, info);
  ASSERT_EQ(one.records.size(), 2u * 5);  // at 32 all three, at 128 all but none
  ASSERT_EQ(four.records.size(), one.records.size());
  for (std::size_t i = 0; i < one.records.size(); ++i) {
    EXPECT_EQ(dump_json(to_json(one.records[i], info)), dump_json(to_json(four.records[i], info)));
    EXPECT_GT(one.records[i].loss, 0);
  }
}

}  // namespace
}  // namespace rw::remote
