#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ropewalk serve` by its contract: what every route answers, that an answer is the same however it is asked for, and what is
refused.

    tests/server/serve_test.py ROPEWALK models/short-256.gguf [sanitized] [--only PART...]"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

import answers
import edges
import other_answers
import refusals
import served
import several_models

source = pathlib.Path(__file__).resolve().parent.parent.parent

parser = argparse.ArgumentParser()
parser.add_argument("binary", type=os.path.abspath)
parser.add_argument("model", type=os.path.abspath)
parser.add_argument("sanitized", nargs="?")
parser.add_argument("--only", nargs="+", default=[], help="names of functions")
args = parser.parse_args()
if args.sanitized:
    served.SLOW = refusals.SLOW = 20
check = served.Checks("serve")


def make_talker():
    subprocess.run([source / "tests/cli/make_parrot.py", "talker", "128"], check=True)
    path = pathlib.Path("talker/tokenizer_config.json")
    config = json.loads(path.read_text(encoding="utf-8"))
    config["chat_template"] = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    path.write_text(json.dumps(config), encoding="utf-8")


def wanted(function):
    return not args.only or function.__name__ in args.only


def of_two_models():
    text = (source / "data/persuasion.txt").read_text(encoding="utf-8")[3000:15000]
    with served.Server(args.binary, f"short={args.model}", "talker=talker") as server:
        asked = answers.Asked(server, check, args.binary, args.model, text)
        aside = threading.Thread(target=check.part, args=(other_answers.checked_texts, asked))
        if wanted(other_answers.checked_texts):
            aside.start()  # it takes its seconds; answers do not depend on what stands beside them
        for function in (
                answers.completion_shape, answers.forms_of_a_prompt, answers.streams_equal_answers, answers.echo_and_logprobs,
                answers.stop_strings, answers.draws, answers.methods_side_by_side, answers.prefix_cache, other_answers.chat_shape,
                other_answers.chat_streams, other_answers.native, other_answers.tokens, other_answers.pages,
                other_answers.seen_in_slots, refusals.unsupported_fields, refusals.wrong_bodies, refusals.wrong_routes,
                refusals.wrong_requests, refusals.host_and_origin, refusals.connections, edges.echo_of_many, edges.many_prompts,
                edges.methods_of_a_list, edges.what_is_written, edges.what_fits,
                edges.parts_of_characters, edges.bare_names, edges.heads_alone):
            if wanted(function):
                check.part(function, asked)
        if wanted(other_answers.checked_texts):
            aside.join()
        for function in (edges.bound_alike, edges.gone_with_bodies):  # alone: one checks, one weighs
            if wanted(function):
                check.part(function, asked)
        check(server.alive() and server.idle(), "alive, and nothing is left")
        check(server.stop() == 0, f"SIGTERM while idle: {server.process.poll()}, {server.stderr()[-300:]}")


def of_few_places():
    with served.Server(args.binary, args.model, "--parallel", "2", "--queue", "1", "-c", "4000") as server:
        for function in (refusals.full_queue, refusals.cancelled, refusals.too_long):
            if wanted(function):
                check.part(function, check, server)
        if wanted(refusals.taken_port):
            check.part(refusals.taken_port, check, args.binary, args.model, server)
        check(server.alive(), "alive")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    make_talker()
    check.part(of_two_models)
    check.part(of_few_places)
    for each in (refusals.keys, refusals.signals, edges.echo_in_parts, edges.ends_a_check, edges.damaged_settings, several_models.turns, several_models.waits,
                 several_models.written_to, several_models.written_while_waiting,
                 several_models.never_fits, several_models.cut_file):
        if wanted(each):
            check.part(each, check, args.binary, args.model)
    os.chdir("/")
sys.exit(check.end())
