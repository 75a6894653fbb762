# SPDX-License-Identifier: Apache-2.0
"""Chat, llama.cpp's own routes, and what the page asks for. Parts of serve_test.py; models as in answers.py."""
import re

from answers import PROMPT, Asked, usage_holds
from served import END, beside

CHAT = "/v1/chat/completions"
TALK = [{"role": "user", "content": "Well?"}]


def chat_shape(a: Asked):
    check = a.check
    value = a.complete(CHAT, model="talker", messages=TALK, max_tokens=9)
    check(value["id"].startswith("chatcmpl-") and value["object"] == "chat.completion" and value["model"] == "talker",
          f"{value['id']}, {value['object']}")
    check(value["choices"][0]["message"]["role"] == "assistant" and value["choices"][0]["message"]["content"] == "yes" and
          value["choices"][0]["finish_reason"] == "stop" and value["choices"][0].get("logprobs") is None, f"{value['choices']}")
    check(value["method"] == "none" and "method_why" in value, "its method")
    usage_holds(check, value, 1, "chat")
    for fields in ({"max_completion_tokens": 9}, {"max_tokens": 9, "tool_choice": "none"}, {"n": 2},
                   {"response_format": {"type": "text"}}, {"chat_template_kwargs": {"enable_thinking": False}},
                   {"messages": [{"role": "system", "content": "Be brief."}, *TALK]}, {"stop": []}, {"user": "me", "seed": 1},
                   {"messages": [{"role": "user", "content": [{"type": "text", "text": "We"}, {"type": "text", "text": "ll?"}]}]},
                   {"messages": [*TALK, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "Sure?"}]}):
        for path in (CHAT, "/chat/completions"):
            value = a.complete(path, **{"model": "talker", "messages": TALK, **fields})
            check([c["message"]["content"] for c in value["choices"]] == ["yes"] * fields.get("n", 1), f"{path} {fields}: {value['choices']}")
    value = a.complete(CHAT, model="talker", messages=[{"role": "user", "content": "Dot"}], max_tokens=5, stop="...")
    check(value["choices"][0]["message"]["content"] == "" and value["choices"][0]["finish_reason"] == "stop", f"a stop: {value['choices']}")
    value = a.complete(CHAT, model="talker", messages=TALK, max_tokens=3, logprobs=True, top_logprobs=2)
    content = value["choices"][0]["logprobs"]["content"]
    check([c["token"] for c in content] == ["y", "e", "s"] and [c["bytes"] for c in content] == [[121], [101], [115]], f"logprobs {content}")
    for entry in content:
        check(len(entry["top_logprobs"]) == 2 and entry["top_logprobs"][0]["logprob"] == entry["logprob"] <= 0 and
              entry["top_logprobs"][0]["token"] == entry["token"], f"top_logprobs {entry}")
    value = a.complete(CHAT, model="talker", messages=TALK, max_tokens=2)
    check(value["choices"][0]["finish_reason"] == "length", "cut")


def chat_streams(a: Asked):
    check = a.check
    for fields in ({}, {"n": 2}, {"logprobs": True, "top_logprobs": 1}, {"messages": [{"role": "user", "content": "Dot"}], "stop": "...."}):
        fields = {"model": "talker", "messages": TALK, "max_tokens": 9, **fields}
        whole = a.complete(CHAT, **fields)
        chunks = a.streamed(CHAT, **fields, stream_options={"include_usage": True})
        check(chunks[-1] == END, "ends with [DONE]")
        chunks.pop()
        check(all(c["object"] == "chat.completion.chunk" and c["id"] == chunks[0]["id"] and c["model"] == "talker" for c in chunks), "chunks")
        check(chunks[0].get("method") == "none" and "method_why" in chunks[0], f"the first says the method: {chunks[0]}")
        check(chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] == whole["usage"]["total_tokens"], f"usage: {chunks[-1]}")
        for choice in whole["choices"]:
            own = [c for chunk in chunks for c in chunk["choices"] if c["index"] == choice["index"]]
            check(own[0]["delta"].get("role") == "assistant", f"the role comes first: {own[0]}")
            check(sum("role" in c["delta"] for c in own) == 1, "and once")
            check("".join(c["delta"].get("content") or "" for c in own) == choice["message"]["content"], f"contents: {own}")
            check(own[-1]["finish_reason"] == choice["finish_reason"] and all(c["finish_reason"] is None for c in own[:-1]), f"reason: {own}")
            if choice.get("logprobs"):
                streamed = [e for c in own if c.get("logprobs") for e in c["logprobs"]["content"]]
                check(streamed == choice["logprobs"]["content"], f"logprobs: {streamed}")
    long = [{"role": "user", "content": "x" * 3000 + "?"}]
    chunks = a.streamed(CHAT, model="talker", messages=long, max_tokens=9, return_progress=True, cache_prompt=False)
    told = [c["prompt_progress"] for c in chunks if c != END and "prompt_progress" in c]
    check(told and all(p["total"] >= 3000 and p["cache"] <= p["processed"] <= p["total"] for p in told), f"progress {told}")
    check([p["processed"] for p in told] == sorted(p["processed"] for p in told) and told and told[-1]["processed"] == told[-1]["total"],
          f"progress goes on, to the end: {told}")
    check(all(c["choices"] == [] for c in chunks if c != END and "prompt_progress" in c), "progress has no choices")
    text = "".join(x["delta"].get("content") or "" for c in chunks if c != END for x in c["choices"])
    check(text == "yes", f"and the answer comes: {text!r}")


def native(a: Asked):
    check, fields = a.check, {"prompt": PROMPT, "n_predict": 10, "temperature": 0}
    value = a.complete("/completion", **fields, return_tokens=True, n_probs=3)
    legacy = a.complete(prompt=PROMPT, max_tokens=10, logprobs=0)
    check(value["content"] == legacy["choices"][0]["text"] and value["stop"] is True and value["stop_type"] == "limit", f"{value}")
    check(len(value["tokens"]) == 10 and value["tokens_evaluated"] == legacy["usage"]["prompt_tokens"] and
          value["truncated"] is False and value["method"] == "none" and "method_why" in value and value["model"] == "short", f"{value}")
    for name in ("prompt", "generation_settings", "timings", "tokens_cached", "stopping_word"):
        check(name in value, f"/completion has {name}")
    given = value["completion_probabilities"]
    check([p["logprob"] for p in given] == legacy["choices"][0]["logprobs"]["token_logprobs"], "logprobs as in the other form")
    for entry in given:
        check({"id", "token", "bytes", "logprob", "top_logprobs"} <= set(entry) and len(entry["top_logprobs"]) == 3 and
              entry["top_logprobs"][0]["id"] == entry["id"], f"probabilities {entry}")
    check(a.complete("/completions", **fields)["content"] == value["content"], "/completions")
    chunks = a.streamed("/completion", **fields)
    check(END not in chunks and [c["stop"] for c in chunks] == [False] * (len(chunks) - 1) + [True], f"its stream: {chunks[-1:]}")
    check("".join(c["content"] for c in chunks) == value["content"] and sum((c.get("tokens", []) for c in chunks[:-1]), []) ==
          value["tokens"], "its pieces")
    check(chunks[-1]["stop_type"] == "limit" and "timings" in chunks[-1], f"its end: {chunks[-1]}")
    value = a.complete("/completion", model="talker", prompt="Well?", n_predict=9)
    check(value["content"] == "yes" and value["stop_type"] == "eos", f"the model's end: {value}")
    value = a.complete("/completion", model="talker", prompt="Well?", n_predict=9, stop=["es"])
    check(value["content"] == "y" and value["stop_type"] == "word" and value["stopping_word"] == "es", f"a word: {value}")
    chunks = a.streamed("/completion", prompt=PROMPT, n_predict=4, timings_per_token=True, return_progress=True)
    check(all("timings" in c for c in chunks if c.get("content")), "timings_per_token")


def tokens(a: Asked):
    check, text = a.check, "Hello there, it was a dark night: 1984 naïve 漢字 🙂"
    post = a.server.post
    for words in (text, "", " ", "\n\n\t", text * 50):
        ids = post("/tokenize", {"model": "short", "content": words}).json["tokens"]
        check(ids == (a.ids(words) if words else []), f"/tokenize is `tokenize`: {ids[:20]}")
        value = post("/detokenize", {"model": "short", "tokens": ids}).json
        check(value["content"] == words and value["prompt"] == words, f"/detokenize: {value}")
    value = post("/tokenize", {"model": "short", "content": text, "with_pieces": True}).json["tokens"]
    check([t["id"] for t in value] == a.ids(text) and all("piece" in t for t in value), f"pieces: {value[:3]}")
    n_special = len(post("/tokenize", {"model": "short", "content": text, "add_special": True}).json["tokens"])
    check(n_special >= len(a.ids(text)), f"add_special: {n_special}")
    value = post("/tokenize", {"model": "short", "prompt": text, "add_special_tokens": False}).json
    check(value["tokens"] == a.ids(text) and value["count"] == len(value["tokens"]) and value["max_model_len"] >= 256, f"vLLM's form: {value}")
    value = post("/tokenize", {"model": "talker", "messages": TALK}).json
    check(value["tokens"] == list(b"[user]Well?"), f"of messages: {value}")
    value = post("/apply-template", {"model": "talker", "messages": TALK}).json
    check(value["prompt"] == "[user]Well?", f"/apply-template: {value}")
    for path, body, param in (("/tokenize", {}, None), ("/tokenize", {"content": 5}, "content"), ("/detokenize", {}, "tokens"),
                              ("/detokenize", {"tokens": [5000]}, "tokens"), ("/detokenize", {"tokens": "a"}, "tokens"),
                              ("/apply-template", {"messages": []}, "messages"), ("/apply-template", {}, "messages"),
                              ("/apply-template", {"messages": [{"role": "user]", "content": "x"}]}, "messages")):
        answer = post(path, {"model": "talker", **body})
        check(answer.status == 400 and (param is None or str(answer.error.get("param")).startswith(param)), f"{path} {body}: {answer}")


def pages(a: Asked):
    check, get = a.check, a.server.get
    answer = get("/health")
    check(answer.status == 200 and answer.json == {"status": "ok"} and answer.headers["content-type"].startswith("application/json"), f"{answer}")
    answer = a.server.request("HEAD", "/health")
    check(answer.status == 200 and answer.body == b"" and answer.headers.get("content-length", "15") != "0", f"HEAD: {answer.headers}")
    for path in ("/v1/models", "/models"):
        value = get(path).json
        check(value["object"] == "list" and [m["id"] for m in value["data"]] == ["short", "talker"], f"{path}: {value}")
        meta = value["data"][0]["meta"]
        check(value["data"][0]["object"] == "model" and value["data"][0]["owned_by"] == "ropewalk" and
              isinstance(value["data"][0]["created"], int), f"{path}: {value['data'][0]}")
        check(get(f"{path}/short").status == (200 if path == "/v1/models" else 404), f"{path}/short")
        check(meta["n_ctx_train"] == 256 and meta["n_vocab"] == 2048 and meta["n_embd"] == 192 and 2e6 < meta["n_params"] < 2.5e6 and
              meta["size"] > 2e6 and meta["loaded"] in (True, False), f"meta {meta}")
    value = get("/v1/models/t%61lker").json
    check(value["id"] == "talker" and value["object"] == "model", f"one model: {value}")
    for name in ("none", "", "short/more", "%ff"):
        check(get(f"/v1/models/{name}").status == 404, f"/v1/models/{name}")
    check(a.server.post("/v1/models/short", {}).status == 405, "a model is not posted to")
    check(get("/props").status == 200, "/props")
    value = get("/props?model=talker").json
    check(value["model"] == "talker" and value["n_ctx_train"] == 128 and "[{{ m.role }}]" in value["chat_template"] and
          value["eos_token"] == "<end>" and value["n_parallel"] >= 1 and value["n_ctx"] >= 128 and value["method"] == "auto" and
          isinstance(value["build_info"], str), f"/props: {value}")
    check(len(value["methods"]) > 10 and all({"name", "summary"} <= set(m) for m in value["methods"]), "methods of /props")
    check(get("/props?model=none").status in (400, 404), "/props of no model")
    check(isinstance(get("/slots").json, list), "/slots")
    answer = get("/metrics")
    check(answer.status == 200 and answer.headers["content-type"].startswith("text/plain"), f"/metrics: {answer.headers}")
    line = re.compile(r"(#.*|[a-zA-Z_:][\w:]*(\{[^}]*\})? [-+0-9.eE]+(inf|nan)?( \d+)?|)", re.IGNORECASE)
    check(all(line.fullmatch(text) for text in answer.body.decode().split("\n")), "Prometheus' text form")
    names = {name.split("{")[0] for name in a.server.metrics()}
    for name in ("prompt_tokens_total", "tokens_predicted_total", "prompt_seconds_total", "tokens_predicted_seconds_total",
                 "requests_processing", "requests_deferred", "requests_total", "n_decode_total", "n_busy_slots_per_decode",
                 "cached_prompt_tokens_total", "cache_bytes", "cancelled_total"):
        check(f"ropewalk_{name}" in names, f"/metrics has ropewalk_{name}")
    before = a.server.metrics()["ropewalk_tokens_predicted_total"]
    a.complete(prompt=PROMPT, max_tokens=7)
    check(a.server.metrics()["ropewalk_tokens_predicted_total"] >= before + 7, "what is written is counted")
    for path, kind in (("/", "text/html"), ("/page.js", "javascript"), ("/page.css", "text/css")):
        answer = get(path)
        check(answer.status == 200 and kind in answer.headers.get("content-type", "") and
              answer.headers.get("x-content-type-options", "") == "nosniff", f"{path}: {answer.status} {answer.headers}")


def seen_in_slots(a: Asked):
    fields = {"model": "short", "prompt": PROMPT, "max_tokens": 3000, "temperature": 0, "stream": True, "logit_bias": {"0": -100},
              "method": "rerope:window=64"}
    stream = a.server.stream("/v1/completions", fields)
    next(stream)
    rows = [row for row in a.server.slots() if row["model"] == "short" and row["n_predict"] == 3000]
    stream.close()
    a.check(len(rows) == 1 and rows[0]["state"] in ("reading", "writing") and rows[0]["method"].startswith("rerope") and
            rows[0]["n_read"] <= rows[0]["n_prompt"] and 0 <= rows[0]["n_written"] <= 400 and rows[0]["seconds"] >= 0 and
            "id" in rows[0], f"/slots: {rows}")


def checked_texts(a: Asked):
    """/check and /choose. Nothing else asks for /check meanwhile."""
    check, post = a.check, a.server.post
    value = post("/choose", {"model": "short", "n": 2000}).json
    check(value["n"] == 2000 and value["n_ctx_train"] == 256 and value["method"] not in ("", "none") and value["why"] and
          value["fits"] is True and value["most"] > 2000, f"/choose: {value}")
    value = post("/choose", {"model": "short", "n": 100}).json
    check(value["method"] == "none" and value["fits"] is True, f"/choose of few: {value}")
    value = post("/choose", {"model": "short", "text": PROMPT}).json
    check(value["n"] >= len(a.ids(PROMPT)), f"/choose of a text: {value}")
    for body in ({}, {"n": 0}, {"n": -1}, {"n": "a"}, {"n": 5, "method": "yran"}):
        check(post("/choose", {"model": "short", **body}).status == 400, f"/choose {body}")
    fields = {"model": "short", "text": a.text[:1500], "method": "rerope:window=64", "seconds": 5}
    told = list(a.server.stream("/check", {**fields, "stream": True}, timeout=120))
    steps = [e["progress"] for e in told if "progress" in e]
    check(steps == sorted(steps) and all(0 <= p <= 1 for p in steps), f"/check: progress {steps}")
    check(re.search(r"finds \d+ of \d+ key", told[-1].get("line", "")) and isinstance(told[-1]["check"], dict), f"/check: {told[-1]}")
    first, second = beside(lambda: post("/check", fields, timeout=120), lambda: post("/check", fields, timeout=120))
    check({first.status, second.status} == {200, 429}, f"one at a time: {first}, {second}")
    refused = first if first.status == 429 else second
    check(refused.status == 429 and refused.error.get("type") == "overloaded_error" and "retry-after" in refused.headers, f"{refused}")
    for body, param in (({"text": ""}, "text"), ({"text": "a", "seconds": 1}, "seconds"), ({"text": "a", "seconds": 601}, "seconds"),
                        ({"text": "a", "method": "yran"}, "method"), ({"text": "a", "n": -1}, "n"), ({}, "text")):
        answer = post("/check", {"model": "short", **body})
        check(answer.status == 400 and answer.error.get("param") == param, f"/check {body}: {answer}")
