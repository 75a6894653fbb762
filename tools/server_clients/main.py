# SPDX-License-Identifier: Apache-2.0
"""The clients by turns. Called by tools/check_server, which says what is done."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import served

root = pathlib.Path(__file__).resolve().parent.parent.parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ropewalk")
    parser.add_argument("--model", type=pathlib.Path, default=root / "models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--parts", nargs="+", default=["openai", "harness", "ruler"], choices=["openai", "harness", "ruler"])
    parser.add_argument("--ruler", type=pathlib.Path, help="a checkout of github.com/NVIDIA/RULER")
    parser.add_argument("--limit", type=int, default=24, help="items of a task of the harness")
    parser.add_argument("--work", type=pathlib.Path, help="a folder that is kept: the weights as transformers reads them")
    args = parser.parse_args()
    if not args.model.exists():
        subprocess.run([root / "tools/get_model.sh"], check=True)
    args.model = args.model.resolve()
    check = served.Checks("check_server")
    with tempfile.TemporaryDirectory() as folder:
        args.work = args.work or pathlib.Path(folder)
        args.work.mkdir(parents=True, exist_ok=True)
        if "openai" in args.parts:
            import openai_client
            openai_client.run(args, check)
        if "harness" in args.parts:
            import harness
            harness.run(args, check, root)
        if "ruler" in args.parts:
            import ruler
            ruler.run(args, check)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
