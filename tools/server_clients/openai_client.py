# SPDX-License-Identifier: Apache-2.0
"""The official client of OpenAI, with nothing changed but its address."""
import asyncio
import pathlib
import threading
import time

import openai
import pydantic

import served

ASK = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
PROMPT = "The capital of France is"


def client_of(server, key="none"):
    return openai.OpenAI(base_url=f"{server.url.rstrip('/')}/v1", api_key=key, max_retries=0, timeout=300)


def run(args, check):
    print(f"openai {openai.__version__}")
    with served.Server(args.ropewalk, f"smol={args.model}", "-c", "8192", seconds=300) as server:
        client = client_of(server)
        for part in (models, chat, completions, several_at_once, left_streams, refusals):
            check.part(part, client, check, server)
    key = "sk-" + "0123456789abcdef" * 4
    path = pathlib.Path(args.work) / "keys"
    path.write_text(key + "\n", encoding="ascii")
    path.chmod(0o600)
    with served.Server(args.ropewalk, f"smol={args.model}", "--api-key-file", path, "--parallel", "1", "--queue", "1", seconds=300) as server:
        check.part(keys_and_full, check, server, key)


def models(client, check, _):
    found = client.models.list()
    check([m.id for m in found] == ["smol"] and found.data[0].owned_by == "ropewalk", f"models: {found}")
    try:
        check(client.models.retrieve("smol").id == "smol", "one model")
    except openai.NotFoundError:
        print("  models.retrieve: GET /v1/models/{id} is not offered")


def chat(client, check, _):
    fields = {"model": "smol", "messages": ASK, "temperature": 0, "max_tokens": 24}
    answer = client.chat.completions.create(**fields)
    text = answer.choices[0].message.content
    check(text and answer.choices[0].message.role == "assistant" and answer.choices[0].finish_reason in ("stop", "length"), f"chat: {answer}")
    check(answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, f"usage: {answer.usage}")
    check(answer.usage.prompt_tokens_details.cached_tokens is not None and answer.object == "chat.completion", "its details")
    print(f"  {text!r}, method {answer.model_extra.get('method')}")
    pieces, roles, reasons, usage = [], [], [], None
    for chunk in client.chat.completions.create(**fields, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            roles += [choice.delta.role] if choice.delta.role else []
            reasons += [choice.finish_reason] if choice.finish_reason else []
    check("".join(pieces) == text and roles == ["assistant"] and reasons == [answer.choices[0].finish_reason], f"its stream: {pieces}")
    check(usage.completion_tokens == answer.usage.completion_tokens, f"usage of the stream: {usage}")
    brief = {**fields, "max_tokens": 200, "stop": [".", " "]}  # the helper that gathers wants an end that is no cut
    with client.chat.completions.stream(**brief) as stream:
        final = stream.get_final_completion()
    check(final.choices[0].message.content == client.chat.completions.create(**brief).choices[0].message.content, f"stream(): {final}")
    answer = client.chat.completions.create(**fields, logprobs=True, top_logprobs=3)
    content = answer.choices[0].logprobs.content
    check("".join(bytes(c.bytes).decode("utf-8", "replace") for c in content).startswith(text[:5]) and
          all(len(c.top_logprobs) == 3 and c.top_logprobs[0].logprob >= c.logprob for c in content), f"logprobs: {content[:2]}")
    answer = client.chat.completions.create(**fields, stop=[], seed=0, top_p=1.0, n=2, user="me")  # as RULER asks
    check([c.message.content for c in answer.choices] == [text, text], f"two: {answer.choices}")
    answer = client.chat.completions.create(**fields, extra_body={"method": "rerope:window=64", "top_k": 1, "cache_prompt": False})
    check(answer.model_extra["method"].startswith("rerope"), f"a method of its own: {answer.model_extra}")
    raw = client.chat.completions.with_raw_response.create(**fields)
    check(raw.http_response.status_code == 200 and raw.parse().choices[0].message.content == text, "with_raw_response")


def completions(client, check, _):
    answer = client.completions.create(model="smol", prompt=PROMPT, max_tokens=8, temperature=0, logprobs=2, echo=True)
    given = answer.choices[0].logprobs
    check(answer.choices[0].text.startswith(PROMPT) and given.token_logprobs[0] is None and
          len(given.tokens) == answer.usage.total_tokens == len(given.text_offset) == len(given.top_logprobs), f"completions: {answer}")
    plain = client.completions.create(model="smol", prompt=[PROMPT, "Water boils at"], max_tokens=8, temperature=0)
    check([c.index for c in plain.choices] == [0, 1] and PROMPT + plain.choices[0].text == answer.choices[0].text, f"two prompts: {plain}")
    pieces = [c.choices[0].text for c in client.completions.create(model="smol", prompt=PROMPT, max_tokens=8, temperature=0, stream=True)]
    check("".join(pieces) == plain.choices[0].text, f"a stream: {pieces}")
    first, again = (client.completions.create(model="smol", prompt=PROMPT, max_tokens=8, temperature=1, seed=7).choices[0].text for _ in range(2))
    check(first == again, "a seed")
    answer = client.completions.create(model="smol", prompt=PROMPT, max_tokens=200, temperature=0, stop=["France", ".", "a"])
    check(not set(".a") & set(answer.choices[0].text) and answer.choices[0].finish_reason == "stop", f"stop: {answer}")


def several_at_once(_, check, server):
    async def all_of_them():
        client = openai.AsyncOpenAI(base_url=f"{server.url.rstrip('/')}/v1", api_key="none", max_retries=0, timeout=300)

        async def one(i):
            text = ""
            stream = await client.completions.create(model="smol", prompt=f"{PROMPT} {i % 4}", max_tokens=24, temperature=0, stream=True)
            async for chunk in stream:
                text += chunk.choices[0].text
            return text

        alone = [await one(i) for i in range(4)]
        together = await asyncio.gather(*(one(i) for i in range(16)))
        await client.close()
        return alone, together

    alone, together = asyncio.run(all_of_them())
    check(all(together[i] == alone[i % 4] for i in range(16)), f"16 streams at once: {together}, {alone}")


def left_streams(client, check, server):
    stream = client.completions.create(model="smol", prompt=PROMPT, max_tokens=4000, temperature=0, stream=True)
    next(iter(stream))
    stream.close()
    check(server.idle(2), "a stream that is closed leaves no request")


class Place(pydantic.BaseModel):
    capital: str


def refusals(client, check, _):
    chat_fields = {"model": "smol", "messages": ASK, "max_tokens": 4}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    for what, call, kind, param in (
            ("tools", lambda: client.chat.completions.create(**chat_fields, tools=[tool]), openai.BadRequestError, "tools"),
            ("a JSON schema", lambda: client.chat.completions.parse(**chat_fields, response_format=Place), openai.BadRequestError, "response_format"),
            ("temperature", lambda: client.completions.create(model="smol", prompt="a", temperature=-1), openai.BadRequestError, "temperature"),
            ("suffix", lambda: client.completions.create(model="smol", prompt="a", suffix="b"), openai.BadRequestError, "suffix"),
            ("more tokens than fit", lambda: client.completions.create(model="smol", prompt="a", max_tokens=10 ** 8), openai.BadRequestError, "max_tokens"),
            ("embeddings", lambda: client.embeddings.create(model="smol", input="a"), openai.NotFoundError, None),
            ("a model that is not there", lambda: client.completions.create(model="other", prompt="a"), (openai.NotFoundError, openai.BadRequestError), "model"),
            ("an unknown field", lambda: client.completions.create(model="smol", prompt="a", extra_body={"no_such": 1}), openai.BadRequestError, "no_such")):
        try:
            call()
            check(False, f"{what}: no error")
        except openai.APIStatusError as error:
            right = isinstance(error, kind) and str(error.param).split(".", maxsplit=1)[0].split("[", maxsplit=1)[0] == str(param)
            check(right and error.type and error.body["message"], f"{what}: {type(error).__name__}, {error.body}")


def keys_and_full(check, server, key):
    """One place, one that may wait, and a key."""
    for wrong in ("none", key + "x"):
        try:
            client_of(server, wrong).models.list()
            check(False, "another key is taken")
        except openai.AuthenticationError as error:
            check(error.type == "authentication_error" and error.status_code == 401, f"{error.body}")
    client = client_of(server, key)
    stream = client.completions.create(model="smol", prompt=PROMPT, max_tokens=4000, temperature=0, stream=True)
    next(iter(stream))
    waiting = threading.Thread(target=lambda: client.completions.create(model="smol", prompt=PROMPT, max_tokens=1))
    waiting.start()
    while not any(slot["state"] == "queued" for slot in server.get("/slots", [("Authorization", f"Bearer {key}")]).json):
        time.sleep(0.02)
    try:
        client.completions.create(model="smol", prompt=PROMPT, max_tokens=4)
        check(False, "a full server takes one more")
    except openai.RateLimitError as error:
        check(error.type == "overloaded_error" and error.response.headers.get("retry-after") == "1", f"{error.body}")
    stream.close()
    waiting.join(60)
    check(not waiting.is_alive(), "who waited is answered when the place is free")
    patient = openai.OpenAI(base_url=client.base_url, api_key=key, max_retries=5)
    check(patient.completions.create(model="smol", prompt=PROMPT, max_tokens=4).choices[0].text, "who tries again comes in")
