#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/howto/*.md in their small form, as a reader would type them.

    tools/howto.py BUILD PAGE...

The ```sh blocks of a page are one bash script, ended by the first command that fails. Its first block names what is the
reader's own (MODEL=... TEXT=...); these lines are replaced by what stands in the page's comment <!-- small: NAME=VALUE ... -->,
so that CI runs the same commands on the small model. A page whose comment says needs: COMMAND is left out, and that is
said, where the command fails; under ROPEWALK_CHECK=1 (./check has installed what Debian has) it fails, unless the comment says
needs, not of Debian: COMMAND. The script runs in an empty folder, with BUILD in front of PATH and SOURCE the clone.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def run(build, page):
    text = page.read_text()
    small = dict(word.split("=", 1) for word in re.split(r"(?<!\\) ", re.search(r"<!-- small: (.*?) -->", text)[1]))
    needs = re.search(r"<!-- needs(, not of Debian)?: (.*?) -->", text)
    environment = {**os.environ, "SOURCE": str(SOURCE), "BUILD": str(build), "PATH": f"{build}:{os.environ['PATH']}",
                   # CI is root, and has fewer cores than ranks
                   "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    if needs and subprocess.run(["bash", "-c", needs[2]], cwd=SOURCE, env=environment, capture_output=True).returncode != 0:
        print(f"howto: {page.name} not run: it needs `{needs[2]}`")
        return needs[1] is not None or os.environ.get("ROPEWALK_CHECK") != "1"
    first, *others = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    names = {line.split("=", 1)[0] for line in first.splitlines() if "=" in line}
    if names != set(small):
        sys.exit(f"{page}: expected its first block to name {sorted(small)}; found {sorted(names)}")
    script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "".join(
        f"{name}={value}\n" for name, value in small.items()) + "".join(others)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, text=True, capture_output=True, timeout=600)
    if done.returncode != 0:
        print(f"howto: {page.name} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return False
    print(f"howto: {page.name}: {len(others)} blocks hold")
    return True


if __name__ == "__main__":
    build = pathlib.Path(sys.argv[1]).resolve()
    pages = [pathlib.Path(name) for name in sys.argv[2:]]
    sys.exit(0 if pages and all([run(build, page) for page in pages]) else 1)
