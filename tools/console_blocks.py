#!/usr/bin/env python3
"""Runs the commands that stand in documents, and puts what they print behind them.

    tools/console_blocks.py FILE...            rewrites each ```console block whose lines begin with "$ "
    tools/console_blocks.py --check FILE...    changes nothing; exit 1 where a block would change

A block holds one or more commands, each "$ COMMAND" (a backslash at a line's end goes on); what stands between them is
replaced by their standard output. Commands run in bash in the repository's root with build/release in front of PATH, and
with ROPEWALK_ISA=avx2: what most readers have. One command is run once, however many documents show it.

./check does not call it: the commands judge for minutes each (with the demo about half an hour, tools/remake_docs.sh).
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
outputs = {}


def output_of(command):
    if command not in outputs:
        print(f"$ {command}", file=sys.stderr, flush=True)
        environment = {**os.environ, "ROPEWALK_ISA": os.environ.get("ROPEWALK_ISA", "avx2"),
                       "PATH": f"{ROOT}/build/release:{os.environ['PATH']}"}
        run = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL)
        if run.returncode != 0:
            sys.exit(f"console_blocks: expected exit 0; found {run.returncode}; hint: {command}")
        outputs[command] = run.stdout.rstrip("\n")
    return outputs[command]


def remade(match):
    lines, commands = match[1].splitlines(), []
    at = 0
    while at < len(lines):
        if lines[at].startswith("$ "):
            command = [lines[at]]
            while command[-1].endswith("\\"):
                at += 1
                command.append(lines[at])
            commands.append(command)
        at += 1
    blocks = []
    for command in commands:
        joined = " ".join(line.rstrip("\\").strip() for line in command)[2:]
        blocks.append("\n".join(command) + "\n" + output_of(joined))
    return "```console\n" + "\n\n".join(block.rstrip("\n") for block in blocks) + "\n```"


def main():
    arguments = sys.argv[1:]
    check = arguments[:1] == ["--check"]
    stale = 0
    for name in arguments[check:]:
        path = pathlib.Path(name)
        before = path.read_text()
        after = re.sub(r"```console\n(\$ .*?)\n```", remade, before, flags=re.S)
        if after != before:
            stale += 1
            print(f"{name}: {'stale' if check else 'made again'}", file=sys.stderr)
            if not check:
                path.write_text(after)
    sys.exit(check and stale > 0)


if __name__ == "__main__":
    main()
