#!/usr/bin/env python3
"""Writes tests/golden/chat/expected.json: what jinja2, set up as transformers sets it up, makes of the templates in
tests/golden/chat/templates and of the lines in snippets.json. The templates are ours: the shape and the published
markers of one model family each, so that what real files need is there; the snippets go through the language piece by
piece, errors included. Needs jinja2 3.1:  tools/make_golden_chat.py
"""
import datetime
import json
import pathlib

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime(2025, 7, 6, 8, 9, 10)
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/chat"


class Generation(jinja2.ext.Extension):
    """transformers' {% generation %}: the body is rendered in a scope of its own, as a call block's."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = NOW.strftime


def turns(*texts, system=None):
    roles = ("user", "assistant")
    head = [] if system is None else [{"role": "system", "content": system}]
    return head + [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


THOUGHT = "<think>\nFirst, add.\n</think>\n\nFour.\n"
CALL = {"type": "function", "id": "abcd12345", "function": {"name": "add", "arguments": {"a": 1, "b": "é\"<"}}}
CONVERSATIONS = {
    "one": turns("Hello"),
    "system": turns("Hello", system="Be brief."),
    "turns": turns("What is 2 + 2?", "4", "And 3 + 3?", "6", "Thanks"),
    "system_turns": turns("Hi", "Hello!", "Who are you?", system="You are a ship's cook.\nSpeak so."),
    "spaces": turns("  \n Leading and trailing \t\n\n", " Yes \n", "\tok ", system="  padded  "),
    "unicode": turns("Größe, 日本語, عربى, 😀, e\u0301, \u00a0nbsp\u2028", "“quoted” – ñ", "x<|im_end|>y</s>z"),
    "thought": turns("2 + 2?", THOUGHT, "Sure?", "Yes.</think>No."),
    "thought_last": turns("2 + 2?", THOUGHT),
    "reasoning": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "reasoning_content": " R\n"}],
    "no_text": turns(""),
    "empty": [],
    "system_only": turns(system="Alone."),
    "two_users": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": " What is this? "}, {"type": "image"}]}],
    "tool_turns": [{"role": "user", "content": "1 + b?"}, {"role": "assistant", "content": "", "tool_calls": [CALL]},
                   {"role": "tool", "content": "{\"sum\": 2}", "tool_call_id": "abcd12345", "name": "add"},
                   {"role": "assistant", "content": "2"}],
    "code": turns("```python\nprint('{{ 1 }} {% if %}')\n```\n\\n stays", "a\\b"),
    "long": turns(*[f"Turn {i}: " + "word " * i for i in range(21)]),
}
TOOLS = [{"type": "function", "function": {
    "name": "add", "description": "Adds numbers, <so>.", "return": {"type": "number"},
    "parameters": {"type": "object", "required": ["a"], "properties": {
        "a": {"type": "integer"}, "b": {"type": "string", "enum": ["x", "y"]}, "c": {"type": "array", "items": {"type": "number"}}}}}}]
SETTINGS = {
    "answer": {"add_generation_prompt": True},
    "whole": {"add_generation_prompt": False},
    "no_thinking": {"add_generation_prompt": True, "enable_thinking": False, "thinking": False},
    "thinking": {"add_generation_prompt": True, "enable_thinking": True, "thinking": True},
    "tools": {"add_generation_prompt": True, "tools": TOOLS},
}
EVERY_CONVERSATION = ("answer",)  # the other settings meet four conversations each
FEW = ("one", "system_turns", "thought", "tool_turns")


SNIPPET_VARIABLES = {
    "messages": turns("Hi <b>é\"'\n x", "<think>\nt\n</think>\n\nanswer  ", "日本語 text  ", system=" sys "),
    "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None, "n": 7,
    "f": 2.5, "t": True, "s": "a,b,,c", "l": [3, 1, 2], "d": {"b": 1, "a": [1, {"x": None}], "items": 5}, "e": [],
    "names": ["Bob", "alice", "Carl", "bob"]}


def rendered(text, given):
    """{"text": ...}, or {"error": ...}: what jinja2 refuses, we refuse as well."""
    try:
        return {"text": environment.from_string(text).render(**given)}
    except Exception as error:
        return {"error": type(error).__name__}


def variables(conversation, setting):
    return {"messages": CONVERSATIONS[conversation], "tools": None, "documents": None, "bos_token": "<s>",
            "eos_token": "</s>", **SETTINGS[setting]}


def main():
    snippets = json.loads((FOLDER / "snippets.json").read_text(encoding="utf-8"))
    templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "templates").glob("*.jinja"))}
    cases = []
    for name, text in templates.items():
        for setting in SETTINGS:
            for conversation in CONVERSATIONS if setting in EVERY_CONVERSATION else FEW:
                cases.append({"template": name, "conversation": conversation, "setting": setting,
                              **rendered(text, variables(conversation, setting))})
    given = {f"{c}/{s}": variables(c, s) for c in CONVERSATIONS for s in SETTINGS}
    used = {f"{case['conversation']}/{case['setting']}" for case in cases}
    result = {"jinja2": jinja2.__version__, "now": NOW.isoformat(), "variables": {k: v for k, v in given.items() if k in used},
              "cases": cases, "snippet_variables": SNIPPET_VARIABLES,
              "snippets": [{"template": text, **rendered(text, SNIPPET_VARIABLES)} for text in snippets]}
    (FOLDER / "expected.json").write_text(json.dumps(result, ensure_ascii=False, separators=(",", ":"), indent=0) + "\n", encoding="utf-8")
    refused = sum("error" in case for case in cases)
    print(f"{len(templates)} templates, {len(cases)} renderings, {refused} refused, {len(snippets)} snippets; "
          f"jinja2 {jinja2.__version__}")


if __name__ == "__main__":
    main()
