# SPDX-License-Identifier: Apache-2.0
"""What completions are: their shapes, and that they are the same however they are asked for. Parts of serve_test.py. The server
has the models `short` (models/short-256.gguf) and `talker` (tests/cli/make_parrot.py: "?" is answered with "yes")."""
import json
import math
import subprocess

from served import END, Failed, beside

PROMPT = "Anne was very much in want of somebody to talk to, and so she went"


class Asked:
    """A server, what is checked of it, and the command line to compare with."""

    def __init__(self, server, check, binary, model, text):
        self.server, self.check, self.binary, self.model, self.text = server, check, binary, model, text

    def command(self, name, *arguments):
        done = subprocess.run([self.binary, name, self.model, *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"ropewalk {name}: exit code {done.returncode}: {done.stderr}")
        return done.stdout

    def ids(self, text):
        return [int(word) for word in self.command("tokenize", "--text", text, "--ids").split()]

    def complete(self, path="/v1/completions", **fields):
        answer = self.server.post(path, {"model": "short", "temperature": 0, **fields}, timeout=120)
        if answer.status != 200:
            raise Failed(f"{path} {str(fields)[:200]}: {answer}")
        return answer.json

    def streamed(self, path="/v1/completions", **fields):
        return list(self.server.stream(path, {"model": "short", "temperature": 0, "stream": True, **fields}, timeout=120))


def merged(chunks):
    """The choices of a stream of /v1/completions as an answer that is not streamed has them."""
    choices = {}
    for chunk in chunks:
        for piece in chunk["choices"] if chunk != END else ():
            choice = choices.setdefault(piece["index"], {"index": piece["index"], "text": "", "logprobs": None})
            choice["text"] += piece["text"]
            if piece.get("logprobs"):
                choice["logprobs"] = choice["logprobs"] or {}
                for name, values in piece["logprobs"].items():
                    choice["logprobs"].setdefault(name, []).extend(values or [])
            for name in ("finish_reason", "stop_reason"):
                if piece.get(name) is not None or name == "finish_reason":
                    choice[name] = piece.get(name)
    return [choices[i] for i in sorted(choices)]


def plain(choices):
    """What a stream has too, with null as absent."""
    kept = ("index", "text", "logprobs", "finish_reason", "stop_reason")
    return [{name: choice[name] for name in kept if choice.get(name) is not None} for choice in choices]


def usage_holds(check, value, n_choices, what):
    usage, timings = value["usage"], value["timings"]
    check(usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"], f"{what}: usage {usage}")
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    check(0 <= cached <= usage["prompt_tokens"], f"{what}: cached tokens {usage}")
    check(timings["cache_n"] == cached and timings["predicted_n"] == usage["completion_tokens"],
          f"{what}: timings {timings} beside {usage}")
    check(n_choices > 1 or timings["prompt_n"] + timings["cache_n"] == usage["prompt_tokens"], f"{what}: {timings}")
    for name in ("prompt_ms", "predicted_ms", "prompt_per_second", "predicted_per_second"):
        check(isinstance(timings[name], (int, float)) and timings[name] >= 0, f"{what}: timings {name}")


def legacy_holds(check, choice, n_tokens, n_prompt, k, what):
    """The legacy form of logprobs: as lm-evaluation-harness reads it. `n_prompt`: tokens that are repeated."""
    given = choice["logprobs"]
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        if not check(isinstance(given.get(name), list) and len(given[name]) == n_tokens, f"{what}: {n_tokens} of {name}: {given.get(name)}"):
            return
    first = 1 if n_prompt > 0 else 0
    check(n_prompt == 0 or (given["token_logprobs"][0] is None and given["top_logprobs"][0] is None), f"{what}: the first is null")
    for token, logprob, top in list(zip(given["tokens"], given["token_logprobs"], given["top_logprobs"]))[first:]:
        check(isinstance(logprob, float) and logprob <= 0 and math.isfinite(logprob), f"{what}: a logprob {logprob}")
        check(k == 0 or (1 <= len(top) <= k + 1 and all(v <= 0 for v in top.values())), f"{what}: top {top}")
        check(k == 0 or max(top.values()) >= logprob, f"{what}: {logprob} is above the best of {top}")
        check(k == 0 or logprob < max(top.values()) or token in top, f"{what}: the best has another text: {token!r}, {top}")
    offsets = given["text_offset"]
    check(all(a <= b for a, b in zip(offsets, offsets[1:])), f"{what}: offsets {offsets}")
    if n_prompt and choice["text"].isascii():
        for i in range(1, n_tokens - 1):
            piece = choice["text"][offsets[i]:offsets[i + 1]]
            check(piece == given["tokens"][i], f"{what}: at {offsets[i]} stands {piece!r}, the token is {given['tokens'][i]!r}")


def completion_shape(a: Asked):
    value = a.complete(prompt=PROMPT, max_tokens=12)
    check = a.check
    check(value["id"].startswith("cmpl-") and value["object"] == "text_completion", f"{value['id']}, {value['object']}")
    check(isinstance(value["created"], int) and value["created"] > 1_700_000_000, "created")
    check(value["model"] == "short" and isinstance(value["system_fingerprint"], str), "model, system_fingerprint")
    check(value["method"] == "none" and "method_why" in value, f"method {value['method']}")
    choice = value["choices"][0]
    check(choice["index"] == 0 and choice["finish_reason"] == "length" and choice.get("logprobs") is None, f"choice {choice}")
    check(value["usage"]["completion_tokens"] == 12, f"usage {value['usage']}")
    usage_holds(check, value, 1, "completion")
    told = json.loads(a.command("generate", "-p", PROMPT, "-n", "12", "--raw", "--json"))
    check(choice["text"] == told["text"], f"`generate` writes {told['text']!r}, the server {choice['text']!r}")
    check(value["usage"]["prompt_tokens"] == told["n_prompt"], f"{told['n_prompt']} tokens of generate: {value['usage']}")
    check(len(a.complete(prompt=PROMPT)["choices"][0]["text"]) > 0 and
          a.complete(prompt=PROMPT)["usage"]["completion_tokens"] == 16, "16 tokens where nothing is said")
    check(a.complete(prompt=PROMPT)["id"] != value["id"], "ids differ")


def forms_of_a_prompt(a: Asked):
    ids = a.ids(PROMPT)
    one = a.complete(prompt=ids, max_tokens=6)
    check = a.check
    check(one["usage"]["prompt_tokens"] == len(ids), f"ids are taken as they are: {one['usage']}, {len(ids)}")
    other = a.ids("The next day")
    single = [a.complete(prompt=p, max_tokens=6)["choices"][0]["text"] for p in (PROMPT, "The next day", ids, other)]
    for prompts, expected in (([PROMPT], single[:1]), ([PROMPT, "The next day"], single[:2]), ([ids], single[2:3]),
                              ([ids, other], single[2:])):
        value = a.complete(prompt=prompts, max_tokens=6)
        check([c["text"] for c in value["choices"]] == expected and [c["index"] for c in value["choices"]] ==
              list(range(len(expected))), f"{len(prompts)} prompts: {value['choices']}")
        usage_holds(check, value, len(expected), f"{len(prompts)} prompts")
    value = a.complete(prompt=[PROMPT, "The next day"], n=2, max_tokens=6)
    check([c["text"] for c in value["choices"]] == [single[0]] * 2 + [single[1]] * 2 and
          [c["index"] for c in value["choices"]] == [0, 1, 2, 3], f"two of two: {value['choices']}")
    check(value["usage"]["completion_tokens"] == 24, f"usage of four: {value['usage']}")
    value = a.complete(prompt="", max_tokens=2)
    check(value["usage"]["prompt_tokens"] >= 1, "nothing but the model's own first token")
    for prompt in ([], [[]], ["a", 1], [["a"]], [1, "a"], 7, {"a": 1}, [2048], [[0, 2048]], [-1], [1.5], [[[1]]]):
        answer = a.server.post("/v1/completions", {"model": "short", "prompt": prompt, "max_tokens": 1})
        check(answer.status == 400 and str(answer.error.get("param")).startswith("prompt"), f"prompt {prompt}: {answer}")


def streams_equal_answers(a: Asked):
    for fields in ({"prompt": PROMPT, "max_tokens": 20}, {"prompt": PROMPT, "max_tokens": 20, "logprobs": 3},
                   {"prompt": PROMPT, "max_tokens": 9, "logprobs": 2, "echo": True},
                   {"prompt": [PROMPT, "The next day"], "n": 2, "max_tokens": 9, "temperature": 1, "seed": 5, "logprobs": 1},
                   {"prompt": PROMPT, "max_tokens": 20, "temperature": 1, "seed": 3, "stop": ["e", "\n"]},
                   {"prompt": "Is it?", "model": "talker", "max_tokens": 9, "logprobs": 2},
                   {"prompt": a.text[:2400], "max_tokens": 9, "method": "rerope:window=64", "logprobs": 1}):
        what = f"stream of {str(fields)[:150]}"
        whole = a.complete(**fields)
        chunks = a.streamed(**fields, stream_options={"include_usage": True})
        a.check(chunks[-1] == END and END not in chunks[:-1], f"{what}: ends with [DONE]")
        a.check(plain(merged(chunks)) == plain(whole["choices"]), f"{what}: {plain(merged(chunks))} is not {plain(whole['choices'])}")
        last = chunks[-2]
        a.check(last["choices"] == [] and last["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"] and
                last["usage"]["prompt_tokens"] == whole["usage"]["prompt_tokens"], f"{what}: usage at the end: {last}")
        a.check(len({c["id"] for c in chunks[:-1]}) == 1 and all(c["object"] == "text_completion" for c in chunks[:-1]), f"{what}: one id")
        if not fields.get("stop") and fields.get("n", 1) == 1 and "Is it" not in fields["prompt"]:
            a.check(sum(len(c["choices"]) > 0 for c in chunks[:-1]) >= 5, f"{what}: it comes in pieces: {len(chunks)}")
    chunks = a.streamed(prompt=PROMPT, max_tokens=3)
    a.check(all(chunk["choices"] for chunk in chunks[:-1]), "no usage where nobody asks for it")


def echo_and_logprobs(a: Asked):
    check, ids = a.check, a.ids(a.text[:900])[:200]
    nll = json.loads(a.command("logits", "--tokens", write_ids(ids), "--nll"))["nll"]
    value = a.complete(prompt=ids, max_tokens=0, echo=True, logprobs=2)
    choice = value["choices"][0]
    check(value["usage"]["completion_tokens"] == 0, f"nothing is written: {value['usage']}")
    legacy_holds(check, choice, len(ids), len(ids), 2, "scored only")
    ours = choice["logprobs"]["token_logprobs"]
    worst = max(abs(x + y) for x, y in zip(ours[1:], nll))
    check(worst < 1e-4 and abs(sum(ours[1:]) + sum(nll)) < 1e-3, f"beside `logits --nll`: differs by {worst}")
    longer = a.complete(prompt=ids, max_tokens=1, echo=True, logprobs=1)["choices"][0]  # what lm-eval sends
    legacy_holds(check, longer, len(ids) + 1, len(ids), 1, "as lm-eval asks")
    check(longer["logprobs"]["token_logprobs"][:-1] == ours, "one more token changes no bit of those before")
    value = a.complete(prompt=ids, max_tokens=1, prompt_logprobs=3)
    given = value["choices"][0]["prompt_logprobs"]
    check(len(given) == len(ids) and given[0] is None, f"prompt_logprobs: {len(given)} of {len(ids)}")
    for token, logprob, entry in list(zip(ids, ours, given))[1:]:
        own = entry.get(str(token), {})
        check(own.get("logprob") == logprob and own.get("rank", 0) >= 1 and isinstance(own.get("decoded_token"), str),
              f"prompt_logprobs of {token}: {entry}, {logprob}")
        best = max(v["logprob"] for v in entry.values())
        check(3 <= len(entry) <= 4 and (own.get("rank") == 1) == (own.get("logprob") == best), f"ranks: {entry}")
    text = a.complete(prompt=PROMPT, max_tokens=4, echo=True)["choices"][0]["text"]
    check(text == PROMPT + a.complete(prompt=PROMPT, max_tokens=4)["choices"][0]["text"], f"echo: {text!r}")
    value = a.complete(prompt=PROMPT, max_tokens=1, echo=True, logprobs=10)  # as lm-eval's gguf asks
    total = value["usage"]["total_tokens"]
    legacy_holds(check, value["choices"][0], total, total - 1, 10, "a text as lm-eval's gguf asks")
    value = a.complete(prompt=PROMPT, max_tokens=5, logprobs=0)
    check(len(value["choices"][0]["logprobs"]["token_logprobs"]) == 5, "logprobs 0: those of the tokens themselves")
    # A token that ends the text is one of them: who takes the last one away, as lm-eval does, takes no other.
    value = a.complete(model="talker", prompt=[ord("s")], max_tokens=1, echo=True, logprobs=1)
    check(value["choices"][0]["finish_reason"] == "stop" and len(value["choices"][0]["logprobs"]["token_logprobs"]) == 2,
          f"the end is a token: {value['choices']}")


def write_ids(ids):
    with open("ids", "w", encoding="ascii") as file:
        file.write(" ".join(map(str, ids)))
    return "ids"


def stop_strings(a: Asked):
    value = a.complete(prompt=PROMPT, max_tokens=24, logprobs=0)
    text, tokens = value["choices"][0]["text"], value["choices"][0]["logprobs"]["tokens"]
    ends = [sum(map(len, tokens[:i])) for i in range(2, len(tokens))]
    tried = [text[end - 2:end + 2] for end in ends[::2]] + [text[5:6], text[-1:], text[3:20], text, text + "!"]
    for stop in tried:
        at = text.find(stop)
        value = a.complete(prompt=PROMPT, max_tokens=24, stop=stop)
        choice, merged_choice = value["choices"][0], merged(a.streamed(prompt=PROMPT, max_tokens=24, stop=[stop, "\x01never"]))[0]
        a.check(choice["text"] == (text[:at] if at >= 0 else text), f"stop {stop!r}: {choice['text']!r} of {text!r}")
        a.check(choice["finish_reason"] == ("stop" if at >= 0 else "length") and (at < 0 or choice.get("stop_reason") == stop),
                f"stop {stop!r}: {choice}")
        a.check(merged_choice["text"] == choice["text"] and merged_choice["finish_reason"] == choice["finish_reason"],
                f"stop {stop!r}: no part of it is streamed: {merged_choice}")
    first = min((text.find(s), s) for s in tried[:4] if s in text)
    value = a.complete(prompt=PROMPT, max_tokens=24, stop=tried[:4])
    a.check(value["choices"][0]["text"] == text[:first[0]], f"the first of four: {value['choices'][0]}")
    a.check(a.complete(prompt=PROMPT, max_tokens=24, stop=[])["choices"][0]["text"] == text, "no stop at all: []")
    a.check(a.complete(prompt=PROMPT, max_tokens=24, stop=[f"no {i}" for i in range(16)])["choices"][0]["text"] == text, "16 of them")
    value = a.complete(model="talker", prompt="Well?", max_tokens=9)
    a.check(value["choices"][0]["text"] == "yes" and value["choices"][0]["finish_reason"] == "stop", f"the model's end: {value['choices']}")


def draws(a: Asked):
    check, fields = a.check, {"prompt": PROMPT, "max_tokens": 16, "temperature": 1.2}
    first, again = (a.complete(**fields, seed=5, logprobs=1)["choices"] for _ in range(2))
    check(first == again, "a seed is an answer")
    check(len({a.complete(**fields, seed=s)["choices"][0]["text"] for s in range(6)}) >= 4, "seeds differ")
    several = [c["text"] for c in a.complete(**fields, seed=5, n=4)["choices"]]
    check(len(set(several)) >= 3, f"so do four answers to one: {several}")
    check(several == [c["text"] for c in a.complete(**fields, seed=5, n=4)["choices"]], "four of a seed again")
    greedy = a.complete(prompt=PROMPT, max_tokens=16)["choices"][0]["text"]
    for narrow in ({"top_k": 1}, {"min_p": 1}, {"top_p": 0}, {"top_p": 1e-9}):
        answer = a.server.post("/v1/completions", {"model": "short", **fields, **narrow})
        check(answer.status == 400 or answer.json["choices"][0]["text"] == greedy, f"{narrow} is the likeliest: {answer}")
    ids = a.complete("/completion", prompt=PROMPT, n_predict=16, return_tokens=True)["tokens"]
    for bias, holds in (({str(ids[0]): -100}, lambda t: t != greedy), ({str(a.ids(" of")[0]): 100}, lambda t: t == " of" * 16)):
        text = a.complete(prompt=PROMPT, max_tokens=16, logit_bias=bias)["choices"][0]["text"]
        check(holds(text), f"logit_bias {bias}: {text!r}, {greedy!r}")
    for more in ({"presence_penalty": 1.5}, {"frequency_penalty": 1.5}, {"repeat_penalty": 1.3}, {"repetition_penalty": 1.3},
                 {"repeat_penalty": 1.3, "repeat_last_n": 8}):
        text = a.complete(prompt=PROMPT, max_tokens=48, **more)["choices"][0]["text"]
        check(text != a.complete(prompt=PROMPT, max_tokens=48)["choices"][0]["text"], f"{more} changes nothing")
    check(a.complete(prompt=PROMPT, max_tokens=16, user="me", best_of=1)["choices"][0]["text"] == greedy, "user, best_of 1")
    # Bytes that are no text: a stream stays valid UTF-8, and is the answer.
    for byte in (0xE6, 0xFF, 0x80):
        fields = {"model": "talker", "prompt": "Dot", "max_tokens": 7, "logit_bias": {str(byte): 100}}
        text = a.complete(**fields)["choices"][0]["text"]
        check("\ufffd" in text and merged(a.streamed(**fields))[0]["text"] == text, f"byte {byte:#x}: {text!r}")
    text = a.complete(prompt="naïve 漢字 🙂", max_tokens=1, echo=True)["choices"][0]["text"]
    check(text.startswith("naïve 漢字 🙂"), f"letters beyond ASCII: {text!r}")


def methods_side_by_side(a: Asked):
    requests = [{"prompt": a.text[200 * i:200 * i + 1500 + 300 * i], "method": method, "max_tokens": 12, "logprobs": 3}
                for i, method in enumerate(("none", "rerope:window=64", "yarn:factor=4", "self-extend", "auto", "lambda:window=64"))]
    alone = [a.complete(**r, cache_prompt=False) for r in requests]
    for request, value in zip(requests, alone):
        named = request["method"].split(":")[0]
        a.check(named == "auto" or value["method"].startswith(named), f"method {request['method']}: {value['method']}")
        a.check(named != "auto" or (value["method"] != "none" and value["method_why"]), f"auto says why: {value['method_why']}")
        usage_holds(a.check, value, 1, request["method"])
    for cached in (False, True, True):
        together = beside(*(lambda r=r: a.complete(**r, cache_prompt=cached) for r in requests))
        for request, one, value in zip(requests, alone, together):
            a.check(one["choices"] == value["choices"] and one["method"] == value["method"],
                    f"{request['method']} beside others (cache {cached}): {value['choices']} is not {one['choices']}")
    told = json.loads(a.command("generate", "-p", requests[1]["prompt"], "-n", 12, "--raw", "--json", "--method", "rerope:window=64"))
    a.check(told["text"] == alone[1]["choices"][0]["text"], f"`generate`: {told['text']!r}")


def prefix_cache(a: Asked):
    check, ids = a.check, a.ids(a.text[3000:5000])[:420]
    for method in ("none", "rerope:window=64", "yarn:factor=4"):
        fields = {"max_tokens": 8, "logprobs": 2, "method": method}
        for what, prompt in (("all of it", ids), ("a part of it", ids[:300] + ids[10:90]), ("a part, shorter", ids[:301]),
                             ("one token more", ids + ids[:1])):
            miss = a.complete(prompt=prompt, cache_prompt=False, **fields)
            check(miss["usage"]["prompt_tokens_details"]["cached_tokens"] == 0, f"{method}: cache_prompt false: {miss['usage']}")
            a.complete(prompt=ids, **fields)
            hit = a.complete(prompt=prompt, **fields)
            n = hit["usage"]["prompt_tokens_details"]["cached_tokens"]
            check(0 < n < len(prompt), f"{method}, {what}: {n} of {len(prompt)} tokens come out of the cache")
            check(hit["choices"] == miss["choices"], f"{method}, {what}: {hit['choices']} after a hit, {miss['choices']} without")
        scored = [a.complete(prompt=ids, max_tokens=0, echo=True, logprobs=1, method=method, cache_prompt=c)["choices"] for c in (False, True)]
        check(scored[0] == scored[1], f"{method}: logprobs of a prompt that is cached")
    value = a.complete(prompt=ids, max_tokens=4, method="rerope:window=32")
    check(value["choices"] == a.complete(prompt=ids, max_tokens=4, method="rerope:window=32", cache_prompt=False)["choices"],
          "another method takes no other's cache")
