# SPDX-License-Identifier: Apache-2.0
"""`ropewalk serve` and llama.cpp's server by turns, over HTTP with the same client: tokens a second of one stream and of many at a
depth; and of ropewalk alone (llama.cpp's server holds a text to the trained length) the first token of a second question to a long
document, the longest wait of a stream while another prompt is read, and (`--parts over`) what the server adds to `bench`.
Called by bench/compare --server.

    compare_server.py ROPEWALK MODEL [--depth 2048] [--streams 16] [--document 16384] [--long 32768] [--method none]
                      [--parts streams first wait over] [--llama-server BINARY] [--out results.json]"""
import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import threading
import time

root = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tests/server"))
from served import Connection, Failed, Server, as_body, events, request_bytes  # noqa: E402


class Ours:
    """Its document's tokens are read once: the prefix cache. No place is pinned."""

    def __init__(self, args, n_ctx, n_slots):
        self.name, self.method = "ropewalk", args.method
        self.server = Server(args.ropewalk, args.model, "-c", n_ctx, "--parallel", n_slots, "-t", args.threads, *args.option, seconds=300)
        self.host, self.port = self.server.host, self.server.port

    def body(self, tokens, n, _):
        return {"prompt": tokens, "n_predict": n, "temperature": 0, "stream": True, "method": self.method, "ignore_eos": True}

    def end(self):
        self.server.stop()
        self.server.__exit__()


class LlamaCpp:
    """A slot holds what it has read; a question is sent to the slot of its document."""

    def __init__(self, args, n_ctx, n_slots):
        self.name = "llama.cpp"
        if args.llama_server:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.host, self.port = free.getsockname()
            self.process = subprocess.Popen(
                [args.llama_server, "-m", args.model, "--port", str(self.port), "-c", str(n_ctx * n_slots), "-np", str(n_slots), "-t",
                 str(args.threads), "-fa", "on", "--no-webui"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.wait_for_health()
            return
        self.process = subprocess.Popen(
            [sys.executable, root / "bench/peer_server.py", args.model, str(n_ctx), str(n_slots), str(args.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith('{"url"'):
                self.host, port = json.loads(line)["url"].split("//")[1].rstrip("/").rsplit(":", 1)
                self.port = int(port)
                return
        raise Failed("llama.cpp's server did not start")

    def wait_for_health(self):
        for _ in range(600):
            try:
                with Connection(self, 5) as connection:
                    connection.send(request_bytes("GET", "/health"))
                    if connection.answer().status == 200:
                        return
            except (OSError, Failed):
                pass
            time.sleep(0.2)
        raise Failed("llama.cpp's server did not start")

    def body(self, tokens, n, slot):
        return {"prompt": tokens, "n_predict": n, "temperature": 0, "stream": True, "ignore_eos": True, "cache_prompt": True, "id_slot": slot}

    def end(self):
        self.process.kill()
        self.process.wait()


def tokens_of(n, seed=0):
    return [(i * 7919 + seed * 104729) % 40000 + 100 for i in range(n)]


def times_of(engine, tokens, n, slot=0, stop=None):
    """When a request was sent, and when each token came. `stop`: an event that ends it early."""
    start, times = time.monotonic(), []
    with Connection(engine, 3600) as connection:
        connection.send(request_bytes("POST", "/completion", as_body(engine.body(tokens, n, slot))))
        status, headers, _ = connection.head()
        if status != 200:
            raise Failed(f"{engine.name}: {status}: {b''.join(connection.chunks(headers))[:300]!r}")
        for event in events(connection.chunks(headers)):
            if "error" in event:
                raise Failed(f"{engine.name}: {event}")
            times += [time.monotonic()] * (0 if event.get("stop") else max(1, len(event.get("tokens") or [])))
            if stop is not None and stop.is_set():
                break
    return start, times


def side_by_side(engine, prompts, n):
    results, raised = [None] * len(prompts), []

    def run(i):
        try:
            results[i] = times_of(engine, prompts[i], n, i)
        except (OSError, Failed) as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return results


def streams(args, engine_of):
    """Tokens a second while all are writing (prompts are read), and over all from nothing."""
    result = {}
    engine = engine_of(args, args.depth + 2 * args.new + 64, args.streams)
    try:
        for count in (1, args.streams):
            prompts = [tokens_of(args.depth, 100 * count + i) for i in range(count)]
            cold = side_by_side(engine, prompts, args.new)
            whole = count * args.new / (max(t[-1] for _, t in cold) - min(s for s, _ in cold))
            warm = side_by_side(engine, prompts, args.new)
            begin, end = max(t[0] for _, t in warm), min(t[-1] for _, t in warm)
            written = sum(sum(begin < x <= end for x in t) for _, t in warm)
            result[f"{count} at {args.depth:,}: writing, tokens/s"] = written / (end - begin)
            result[f"{count} at {args.depth:,}: reading and writing {args.new}, tokens/s"] = whole
    finally:
        engine.end()
    return result


def first_token(args, engine_of):
    """Seconds to the first token: of a short prompt, of a long document, of another question to it."""
    engine, result = engine_of(args, args.document + 256, 2), {}
    try:
        document = tokens_of(args.document)
        for name, prompt in (("a prompt of 16", lambda i: tokens_of(16, 50 + i)), ("the document, first", lambda i: document),
                             ("a second question to it", lambda i: document + tokens_of(16, 80 + i)),
                             ("a second question of 4 tokens", lambda i: document + tokens_of(4, 90 + i))):
            took = []
            for i in range(1 if "first" in name else 7):
                start, times = times_of(engine, prompt(i), 2, 1 if "prompt" in name else 0)
                took.append(times[0] - start)
            result[f"first token, {name}, ms"] = 1e3 * statistics.median(took)
        result[f"second question at {args.document:,} over a prompt of 16"] = (
            result["first token, a second question to it, ms"] / result["first token, a prompt of 16, ms"])
    finally:
        engine.end()
    return result


def over_bench(args, engine_of):
    """What one stream's reading and writing take over what `bench` says of the engine alone, by turns."""
    def bench(what, *more):
        command = [args.ropewalk, "bench", what, args.model, "--lengths", str(args.depth), "--repeat", "1", "-t", str(args.threads), "--json",
                   "--methods", args.method, *more]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["rows"][0]
        return row["seconds"] / row["n_timed"]
    engine = engine_of(args, args.depth + args.new + 64, 1)
    read, wrote = {"bench": [], "serve": []}, {"bench": [], "serve": []}
    try:
        for i in range(7):
            start, times = times_of(engine, tokens_of(args.depth, 300 + i), args.new)
            if i == 0:
                continue  # its steps find their size
            read["serve"].append((times[0] - start) / args.depth)
            wrote["serve"].append((times[-1] - times[0]) / (len(times) - 1))
            read["bench"].append(bench("prefill"))
            wrote["bench"].append(bench("decode", "-n", str(args.new)))
    finally:
        engine.end()
    over = {name: 100 * (statistics.median(s / b for s, b in zip(each["serve"], each["bench"])) - 1)
            for name, each in (("reading", read), ("writing", wrote))}
    return {f"{name} at {args.depth:,}: serve over bench, middle of 6 pairs, %": value for name, value in over.items()} | {
        f"{name} at {args.depth:,}: fastest over fastest, %": 100 * (min(each["serve"]) / min(each["bench"]) - 1)
        for name, each in (("reading", read), ("writing", wrote))}


def longest_wait(args, engine_of):
    """A stream's waits for its next token, alone and while a long prompt is read."""
    engine, result = engine_of(args, args.long + 256, 2), {}
    try:
        stop, got = threading.Event(), []
        thread = threading.Thread(target=lambda: got.append(times_of(engine, tokens_of(64, 7), args.long, 0, stop)))
        thread.start()
        time.sleep(4)
        begin = time.monotonic()
        _, others = times_of(engine, tokens_of(args.long, 9), 1, 1)
        end = others[0] if others else time.monotonic()
        time.sleep(1)
        stop.set()
        thread.join()
        times = got[0][1]
        waits = [(b - a, b) for a, b in zip(times, times[1:])]
        alone = [w for w, at in waits if at < begin]
        beside = [w for w, at in waits if begin <= at <= end + 1] or [end - times[-1]]
        result["a stream's next token alone, ms"] = 1e3 * statistics.median(alone)
        result[f"while {args.long:,} tokens are read: longest wait, ms"] = 1e3 * max(beside)
        result["while they are read: middle wait, ms"] = 1e3 * statistics.median(beside)
        result["longest wait over one step"] = max(beside) / statistics.median(alone)
        result["reading them took, s"] = end - begin
    finally:
        engine.end()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ropewalk")
    parser.add_argument("model")
    parser.add_argument("--depth", type=int, default=2048)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--new", type=int, default=64, help="tokens that each stream writes")
    parser.add_argument("--document", type=int, default=16384)
    parser.add_argument("--long", type=int, default=32768)
    parser.add_argument("--method", default="none", help="ropewalk's; llama.cpp has plain RoPE")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=2, help="by turns; the best of each number counts")
    parser.add_argument("--parts", nargs="+", default=["streams", "first", "wait"],
                        choices=["streams", "first", "wait", "over"])
    parser.add_argument("--llama-server", help="a llama-server of your own in place of xllamacpp's wheel, which is compiled for AVX2")
    parser.add_argument("--option", nargs="+", default=[], help="more options of `ropewalk serve`")
    parser.add_argument("--only-ropewalk", action="store_true")
    parser.add_argument("--out", help="all numbers as JSON")
    args = parser.parse_args()
    peers = [Ours] if args.only_ropewalk else [Ours, LlamaCpp]
    print(f"{os.cpu_count()} cores, {args.threads} threads; {os.path.basename(args.model)}; method {args.method}; llama.cpp: "
          f"{args.llama_server or 'xllamacpp, compiled for AVX2'}; ROPEWALK_ISA {os.environ.get('ROPEWALK_ISA', 'not set')}\n")
    print("| what | ropewalk | llama.cpp | times as fast |\n|---|---|---|---|")
    seen = {}
    for part in args.parts:
        measure = {"streams": streams, "first": first_token, "wait": longest_wait, "over": over_bench}[part]
        some = peers if part == "streams" else peers[:1]
        rounds = {peer: [] for peer in some}
        for repeat in range(args.repeat):
            for peer in some:
                print(f"{part}, {peer.__name__}, run {repeat + 1} of {args.repeat}", file=sys.stderr)
                rounds[peer].append(measure(args, peer))
        for name in rounds[Ours][0]:
            best = max if "tokens/s" in name else min
            values = [best(r[name] for r in rounds[peer]) for peer in some]
            seen[name] = dict(zip((peer.__name__ for peer in some), ([r[name] for r in rounds[peer]] for peer in some)))
            ratio = "" if len(values) < 2 else f"{values[0] / values[1] if 'tokens/s' in name else values[1] / values[0]:.2f}"
            print(f"| {name} | " + " | ".join(f"{v:,.1f}" for v in values) + (" | " if len(values) < 2 else "") + f" | {ratio} |", flush=True)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            json.dump({"arguments": vars(args), "numbers": seen}, out, indent=1)


if __name__ == "__main__":
    main()
