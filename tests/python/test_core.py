# SPDX-License-Identifier: Apache-2.0
"""The Python package as its users meet it, on our own small model.

    python tests/python/test_core.py        with ropewalk installed, or PYTHONPATH=build/release/python
ROPEWALK: the program, to compare with (default build/release/ropewalk).
"""
import doctest
import json
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import numpy as np

import ropewalk

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
MODEL = SOURCE / "models" / "short-256.gguf"
PROGRAM = os.environ.get("ROPEWALK", str(SOURCE / "build" / "release" / "ropewalk"))
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 100,
          "max_position_embeddings": 4096, "rope_theta": 500000.0, "rms_norm_eps": 1e-5, "hidden_act": "silu"}
TEXT = (SOURCE / "data" / "persuasion.txt").read_text()[:6000]


def program(*arguments, given=""):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=given, capture_output=True, text=True, check=True).stdout


class Plans(unittest.TestCase):
    def test_regions_follow_the_definition(self):
        n, window = 50, 7
        plan = ropewalk.plan(f"rerope:window={window}", n, head_dim=8, n_ctx_train=16)
        rows, keys = np.arange(n)[:, None], np.arange(n)[None, :]
        expected = np.minimum(rows - keys, window)
        seen = np.zeros((n, n), bool)
        for row in range(n):
            for s in range(plan.segment_begin[row], plan.segment_begin[row + 1]):
                begin, end = plan.segment_keys[s]
                region = plan.regions[plan.segment_region[s]]
                at = plan.variants[region.variant].key_position[begin:end]
                np.testing.assert_allclose(region.query_position[row] - at, expected[row, begin:end])
                seen[row, begin:end] = True
        np.testing.assert_array_equal(seen, rows >= keys)

    def test_every_method_has_a_plan(self):
        needing = set()
        for info in ropewalk.methods():
            try:
                plan = ropewalk.plan(info["name"], 64, n_ctx_train=16)
            except ropewalk.UsageError:  # one that needs a value, a model's own numbers, or a longer trained length
                needing.add(info["name"])
                continue
            self.assertEqual(len(plan.row_scale), 64)
            self.assertTrue((np.diff(plan.segment_begin) >= 1).all(), info["name"])
        self.assertEqual(needing, {"base", "dope", "longrope", "self-extend"})

    def test_rows(self):
        whole, part = ropewalk.plan("rerope", 40), ropewalk.plan("rerope", 40, rows=(10, 15))
        self.assertEqual((part.row_begin, part.n_rows), (10, 5))
        np.testing.assert_array_equal(part.row_scale, whole.row_scale[10:15])
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.plan("rerope", 40, rows=(10, 41))

    def test_rows_that_are_none_are_refused(self):
        for rows in ((3, 2), (0, -1), (-1, 4), (0, 9), (-2**63, 2**63 - 1)):
            with self.assertRaises(ropewalk.UsageError, msg=str(rows)):
                ropewalk.plan("none", 8, rows=rows)
        self.assertEqual(ropewalk.plan("none", 8, rows=(3, 3)).n_rows, 0)

    def test_masks_are_what_segments_say(self):
        n, window = 40, 7
        rows, keys = np.arange(n)[:, None], np.arange(n)[None, :]
        plan = ropewalk.plan(f"lm-infinite:window={window},sink=3", n, n_ctx_train=16)
        expected = (keys <= rows) & ((rows - keys < window) | (keys < 3))
        mask = plan.mask()
        self.assertEqual((mask.dtype, mask.shape), (np.bool_, (n, n)))
        np.testing.assert_array_equal(mask, expected)
        np.testing.assert_array_equal(plan.mask(rows=(5, 9)), expected[5:9])
        part = ropewalk.plan(f"lm-infinite:window={window},sink=3", n, n_ctx_train=16, rows=(10, 20))
        np.testing.assert_array_equal(part.mask(), expected[10:20])
        self.assertEqual(plan.mask(rows=(4, 4)).shape, (0, n))
        for wrong in ((9, 12), (15, 21), (12, 11)):
            with self.assertRaises(ropewalk.UsageError, msg=str(wrong)):
                part.mask(rows=wrong)

    def test_masks_say_what_they_take(self):
        plan = ropewalk.plan("none", 40000)
        with self.assertRaises(ropewalk.UsageError) as caught:
            plan.mask()
        self.assertIn(str(40000**2), caught.exception.found)
        self.assertEqual(plan.mask(rows=(0, 10)).sum(), 55)
        with self.assertRaises(ropewalk.UsageError):
            plan.mask(rows=(0, 10), most_bytes=10 * 40000 - 1)

    def test_long_plans_are_whole(self):
        n = 40000  # lowered in several blocks
        plan = ropewalk.plan("dca", n, n_ctx_train=4096)
        for begin in (0, 16000, 39000):
            part = ropewalk.plan("dca", n, n_ctx_train=4096, rows=(begin, begin + 1000))
            first, last = plan.segment_begin[begin], plan.segment_begin[begin + 1000]
            np.testing.assert_array_equal(part.segment_begin, plan.segment_begin[begin:begin + 1001] - first)
            np.testing.assert_array_equal(part.segment_keys, plan.segment_keys[first:last])
            np.testing.assert_array_equal(part.segment_region, plan.segment_region[first:last])
            np.testing.assert_array_equal(part.row_scale, plan.row_scale[begin:begin + 1000])
            for mine, its in zip(part.regions, plan.regions):
                np.testing.assert_array_equal(mine.query_position, its.query_position[begin:begin + 1000])
            for mine, its in zip(part.variants, plan.variants):
                np.testing.assert_array_equal(mine.key_position, its.key_position)

    def test_a_plan_that_no_memory_holds(self):
        with self.assertRaises(ropewalk.Error) as caught:
            ropewalk.plan("dca", 2**31, n_ctx_train=4096)
        self.assertIn("of free memory", caught.exception.expected)

    def test_control_c_ends_a_plan(self):
        code = ("import ropewalk\nprint('planning', flush=True)\n"
                "try:\n    ropewalk.plan('dca', 5_000_000, n_ctx_train=4096)\n    print('made')\n"
                "except KeyboardInterrupt:\n    print('stopped')\n")
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "planning\n")
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.communicate(timeout=60)[0], "stopped\n")

    def test_auto(self):
        context = {**ropewalk.layers(CONFIG, [True, True])[0], "n_ctx_train": 256}
        self.assertEqual(ropewalk.choose(256, context).method, "none")
        model = ropewalk.Model(MODEL)
        for n in (257, 8 * 256, 8 * 256 + 1):
            session = ropewalk.Session(model, n)
            choice = ropewalk.choose(n, model.rope_context(0))
            self.assertEqual((choice.method, choice.why), (session.method.split(":")[0], session.why))
        tuned = {1024: "rerope:window=100", 512: "pi"}
        self.assertEqual([ropewalk.choose(n, context, tuned).method for n in (300, 600, 3000)], ["pi", "rerope:window=100"] + ["rerope:window=100"])
        self.assertEqual(ropewalk.choose(300, {**context, "acts": False}, tuned).method, "none")
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.choose("16k", context)
        with self.assertRaises(ropewalk.Error):
            ropewalk.choose(300, context, SOURCE / "README.md")

    def test_canonical(self):
        aliases = [(alias, info["name"]) for info in ropewalk.methods() for alias in info["aliases"]]
        self.assertTrue(aliases)
        for alias, name in aliases:
            self.assertEqual(ropewalk.canonical(alias), name)
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.canonical("auto")

    def test_arrays_are_views_that_outlive_their_plan(self):
        theta = ropewalk.plan("yarn:factor=4", 64).theta
        copy = theta.copy()
        with self.assertRaises(ValueError):
            theta[0] = 1
        del copy
        np.testing.assert_array_equal(theta, ropewalk.plan("yarn:factor=4", 64).theta)

    def test_arguments_are_checked(self):
        for wrong in ({"head_dim": 0}, {"rotary_dim": 3}, {"rope_base": float("nan")}, {"n_ctx_train": 0}, {"layer": 1},
                      {"rope_freqs": [1.0]}, {"soft_cap": -1.0}):
            with self.assertRaises(ropewalk.UsageError, msg=str(wrong)):
                ropewalk.plan("none", 8, **wrong)
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.plan("none", 0)


class Errors(unittest.TestCase):
    def test_four_parts(self):
        with self.assertRaises(ropewalk.UsageError) as caught:
            ropewalk.plan("reropee", 8)
        error = caught.exception
        self.assertIsInstance(error, ropewalk.Error)
        self.assertIn("reropee", error.found)
        self.assertIn("rerope", error.hint)
        self.assertEqual(str(error), f"{error.place}: expected {error.expected}; found {error.found}; hint: {error.hint}")

    def test_they_name_what_python_calls_so(self):
        """No flag and no command of the program's, no route of the server's, and no variable of the environment's."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        tuned = pathlib.Path(folder.name, "tuned.json")
        tuned.write_text("{}")
        model, book = ropewalk.Model(MODEL), {"a": TEXT}
        asked = {"methods": ["rerope"], "lengths": [512], "tail": 64, "n_documents": 2}
        wrong = [(ropewalk.Model, (MODEL,), {name: value}) for name, value in
                  {"n_threads": -1, "isa": "avx9", "precision": "x", "kv": "x", "weight_memory": 1}.items()]
        wrong += [(ropewalk.evaluate, (model, book), {**asked, name: value}) for name, value in (
            ("methods", ["a,b"]), ("lengths", "16k"), ("lengths", [65]), ("tasks", ["a,b"]), ("tasks", ["x"]), ("tasks", ["masked"]),
            ("tail", 10**6), ("stride", 512), ("n_predict", 0), ("n_documents", -1), ("store", str(SOURCE / "README.md")))]
        wrong += [(ropewalk.evaluate, (model, {"a": "few words"}), asked), (ropewalk.evaluate, (model, {}), asked),
                  (ropewalk.evaluate, (model, {**book, "b": TEXT}), asked), (ropewalk.evaluate, (model, {"a": "few words"}), {}),
                  (ropewalk.evaluate, (model, book), {**asked, "tasks": ["continuation"], "n_predict": 600})]
        wrong += [(ropewalk.tune, (model, book, 512), {"candidates": ["pi"], name: value}) for name, value in
                  (("goal", "x"), ("candidates", ["a,b"]), ("tail", 10**6), ("budget_seconds", 1e-3), ("n_documents", -1))]
        wrong += [(ropewalk.tune, (model, book, "16k"), {}), (ropewalk.tune, (model, {"a": "few words"}, 512), {}),
                  (ropewalk.score, (["a"], ["b"]), {"tokenize": "x"}), (ropewalk.read_results, (SOURCE / "README.md",), {}),
                  (ropewalk.plan, ("a,b", 8), {}), (ropewalk.plan, ("yarn:factor=x", 8), {}), (ropewalk.Session, (model, 2**31), {}),
                  (ropewalk.Model, (SOURCE / "data" / "persuasion.txt",), {}), (ropewalk.Model, (5,), {}),
                  (ropewalk.Model, ("hub/name",), {}), (ropewalk.Model, ("http://a.b/c",), {}), (ropewalk.layers, ({"model_type": "unheard"}, [True]), {}),
                  (ropewalk.evaluate, (model, book), {**asked, "tasks": ["questions"]}), (ropewalk.plan, ("yarn:factor=0", 8), {}),
                  (ropewalk.choose, (4096, model.rope_context(0), tuned), {}), (model.chat, ("Hi",), {})]
        for call, arguments, named in wrong:
            with self.assertRaises(ropewalk.Error, msg=str(named)) as caught:
                call(*arguments, **named)
            self.assertNotRegex(str(caught.exception), r"(^|[ (`])--[a-z]|`ropewalk |ropewalk (tune|methods)|/v1/", msg=str(named))
            self.assertFalse(caught.exception.place.startswith("ROPEWALK"), caught.exception.place)
        self.assertIn("nothing tuned (tune)", ropewalk.choose(4096, model.rope_context(0)).why)

    def test_a_room_in_the_wrong_unit(self):
        for room in (1, 2**20 - 1):
            with self.assertRaises(ropewalk.UsageError) as caught:
                ropewalk.Model(MODEL, weight_memory=room)
            self.assertEqual(caught.exception.place, "weight_memory")
        ropewalk.Model(MODEL, weight_memory=2**20)
        refused = subprocess.run([PROGRAM, "inspect", str(MODEL), "--weight-memory", "0.5M"], capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--weight-memory: expected 1048576 bytes", refused.stderr)

    def test_no_model(self):
        with self.assertRaises(ropewalk.Error):
            ropewalk.Model(SOURCE / "README.md")


class Reading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = ropewalk.Model(MODEL, precision="f32")
        cls.tokens = cls.model.tokenize(TEXT, begin=True)

    def test_model(self):
        inspected = json.loads(program("inspect", MODEL, "--json"))
        self.assertEqual(self.model.n_layers, inspected["n_layers"])
        self.assertEqual(self.model.n_ctx_train, inspected["n_ctx_train"])
        self.assertEqual(self.model.detokenize(self.model.tokenize("Grüße, 世界!")), "Grüße, 世界!")
        plan = ropewalk.plan("rerope", 512, **self.model.rope_context(0))
        self.assertEqual(len(plan.theta) * 2, self.model.rope_context(0)["rotary_dim"])

    def test_losses_are_the_programs(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as ids:
            ids.write(" ".join(map(str, self.tokens)))
            ids.flush()
            said = json.loads(program("logits", MODEL, "--tokens", ids.name, "--method", "rerope", "--nll", "--json",
                                      "--precision", "f32"))["nll"]
        losses = ropewalk.Session(self.model, len(self.tokens), method="rerope").losses(self.tokens)
        np.testing.assert_allclose(losses, said, rtol=0, atol=1e-6)

    def test_logits_give_the_losses(self):
        n = 300
        session = ropewalk.Session(self.model, n, method="rerope")
        logits = session.read(self.tokens[:n], logits=n)
        self.assertEqual((logits.dtype, logits.shape), (np.float32, (n, self.model.n_vocab)))
        logits = logits.astype(np.float64)
        log_p = logits - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True)) - logits.max(1, keepdims=True)
        expected = -log_p[np.arange(n - 1), self.tokens[1:n]]
        np.testing.assert_allclose(ropewalk.Session(self.model, n, method="rerope").losses(self.tokens[:n]), expected, atol=1e-5)

    def test_many_texts_at_once_have_the_same_bits(self):
        texts = [self.tokens[:50], self.tokens[50:290]]
        methods = ["none", "leaky-rerope"]
        engine = ropewalk.Engine(self.model)
        sequences = [ropewalk.Sequence(self.model, 300, method=m) for m in methods]
        together = engine.step([ropewalk.Step(s, t, n_rows=1, logits=True, likeliest=True) for s, t in zip(sequences, texts)])
        for sequence, text, method, result in zip(sequences, texts, methods, together):
            alone = ropewalk.Session(self.model, 300, method=method).read(text, logits=1)
            np.testing.assert_array_equal(result["logits"], alone)
            self.assertEqual(result["likeliest"][0], alone[0].argmax())
            self.assertEqual(sequence.position, len(text))

    def test_fork_and_truncate(self):
        sequence, engine = ropewalk.Sequence(self.model, 400, method="rerope"), ropewalk.Engine(self.model)
        engine.step([ropewalk.Step(sequence, self.tokens[:200])])
        other = sequence.fork(100)
        self.assertEqual((sequence.position, other.position), (200, 100))
        sequence.truncate(100)
        rows = [engine.step([ropewalk.Step(s, self.tokens[100:120], n_rows=1, logits=True)])[0]["logits"] for s in (sequence, other)]
        np.testing.assert_array_equal(*rows)
        with self.assertRaises(ropewalk.UsageError):
            sequence.fork(121)

    def test_answers_are_the_programs(self):
        prompt = TEXT[:800]
        said = json.loads(program("generate", MODEL, "--raw", "-f", "-", "-n", 20, "--method", "rerope", "--json",
                                  "--precision", "f32", given=prompt))
        tokens = self.model.tokenize(prompt, begin=True)
        self.assertEqual(len(tokens), said["n_prompt"])
        answer = ropewalk.Session(self.model, len(tokens) + 20, method="rerope").generate(tokens, n_predict=20)
        pieces = list(answer)
        self.assertEqual("".join(pieces), said["text"])
        self.assertEqual((answer.reason, len(answer.tokens)), (said["reason"], said["n_new"]))

    def test_the_text_of_an_answer(self):
        answer = ropewalk.Session(self.model, 64).generate("It is a truth", n_predict=12, ignore_end=True)
        said = ""
        for piece in answer:
            said += piece
            self.assertEqual(answer.text, said)
        self.assertEqual(answer.text, self.model.detokenize(answer.tokens))
        stop = said[5:8]
        answer = ropewalk.Session(self.model, 64).generate("It is a truth", n_predict=12, ignore_end=True, stops=[stop])
        self.assertEqual("".join(answer), said[:said.index(stop)])
        self.assertEqual((answer.text, answer.reason), (said[:said.index(stop)], "stop"))

    def test_a_fork_of_a_session_goes_its_own_way(self):
        session = ropewalk.Session(self.model, 400, method="rerope")
        self.assertIs(session.model, self.model)
        session.read(self.tokens[:200])
        whole, half = session.fork(), session.fork(100)
        self.assertEqual((whole.position, half.position, half.n, half.method), (200, 100, 400, session.method))
        self.assertIs(half.model, self.model)
        expected = ropewalk.Session(self.model, 400, method="rerope").read(self.tokens[:220], logits=1)
        half.read(self.tokens[300:330])  # over what the others share
        np.testing.assert_array_equal(session.read(self.tokens[200:220], logits=1), expected)
        np.testing.assert_array_equal(whole.read(self.tokens[200:220], logits=1), expected)
        half.truncate(100)
        np.testing.assert_array_equal(half.read(self.tokens[100:220], logits=1), expected)
        with self.assertRaises(ropewalk.UsageError):
            session.fork(221)
        del session
        self.assertEqual(whole.read(self.tokens[220:221], logits=1).shape, (1, self.model.n_vocab))

    def test_what_they_are_is_shown(self):
        session = ropewalk.Session(self.model, 64, method="none")
        session.read(self.tokens[:10])
        self.assertEqual(repr(session), f"<Session {MODEL}, none: 10 of 64 tokens>")
        self.assertEqual(repr(ropewalk.Sequence(self.model, 64, method="none")), f"<Sequence {MODEL}, none: 0 of 64 tokens>")
        self.assertEqual(repr(ropewalk.Engine(self.model)), f"<Engine {MODEL}: {self.model.backend}>")
        answer = session.generate([1, 2], n_predict=2, ignore_end=True)
        self.assertEqual(repr(answer), "<Generation 0 tokens, goes on>")
        list(answer)
        self.assertEqual(repr(answer), "<Generation 2 tokens, length>")
        session.read([5], progress=lambda n: self.assertEqual(repr(session), "<Session: in use>"))

    def test_drawn_answers_follow_their_seed(self):
        def drawn(seed):
            session = ropewalk.Session(self.model, 64)
            return "".join(session.generate("It is a truth", n_predict=16, temperature=1.0, seed=seed))
        self.assertEqual(drawn(1), drawn(1))
        self.assertNotEqual(drawn(1), drawn(2))

    def test_a_text_that_does_not_fit_is_not_read_in_part(self):
        session = ropewalk.Session(self.model, 9)
        with self.assertRaises(ropewalk.Error):
            session.losses(self.tokens[:10])
        self.assertEqual(session.position, 0)

    def test_an_answer_is_of_its_session(self):
        session = ropewalk.Session(self.model, 100)
        answer = session.generate(self.tokens[:10], n_predict=8, ignore_end=True)
        next(answer)
        session.read(self.tokens[:5])
        with self.assertRaises(ropewalk.UsageError):
            next(answer)

    def test_the_list_of_steps_may_change_meanwhile(self):
        steps = [ropewalk.Step(ropewalk.Sequence(self.model, 700), self.tokens[:600], n_rows=100, logits=True) for _ in range(2)]
        results = ropewalk.Engine(self.model, 64).step(steps, progress=lambda n: steps.clear())
        np.testing.assert_array_equal(results[0]["logits"], results[1]["logits"])

    def test_what_is_no_text(self):
        session = ropewalk.Session(self.model, 64)
        for wrong in (lambda: session.generate("\ud800"), lambda: self.model.chat([{"role": "user", "content": None}]),
                      lambda: ropewalk.Engine(self.model).step([1]), lambda: ropewalk.Model(MODEL, precision="fp16")):
            with self.assertRaises(ropewalk.UsageError):
                wrong()

    def test_wrong_ids(self):
        session = ropewalk.Session(self.model, 64)
        for wrong in ([-1], [self.model.n_vocab], [1.5], [[1, 2]], [2**40], list(range(65))):
            with self.assertRaises(ropewalk.Error, msg=str(wrong)[:40]):
                session.read(wrong)
        self.assertEqual(session.position, 0)
        session.read([])
        session.read(np.array([1, 2], np.uint8))
        self.assertEqual(session.position, 2)


class Judging(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = ropewalk.Model(MODEL)
        cls.book = SOURCE / "data" / "persuasion.txt"
        cls.asked = {"methods": ["rerope", "pi"], "lengths": [256, 512], "tail": 64, "n_documents": 2}

    def test_results_are_the_programs(self):
        shares = []
        results = ropewalk.evaluate(self.model, [self.book], progress=shares.append, **self.asked)
        said = json.loads(program("eval", MODEL, "--text", self.book, "--methods", "rerope", "pi", "--lengths", 256, 512,
                                  "--tail", 64, "--documents", 2, "--json"))
        key = lambda r: (r["task"], r["method"], r["length"], r["document"])
        ours, theirs = ({key(r): r["loss"] for r in each} for each in (results.records, said["records"]))
        self.assertEqual(ours, theirs)
        self.assertEqual(len(results), len(theirs))
        self.assertEqual(shares, sorted(shares))
        self.assertIn("<!doctype html>", results.html()[:100])
        self.assertIn("rerope", results.text())
        call = (f"ropewalk.evaluate(ropewalk.Model({str(MODEL)!r}), [{str(self.book)!r}], methods=['rerope', 'pi'], lengths=[256, 512], "
                "tail=64, n_documents=2)")
        self.assertEqual(results.data()["origin"]["commands"], [call])
        made = {"ropewalk": ropewalk, "__builtins__": {}}
        self.assertEqual(eval(call, made).records[0]["loss"], results.records[0]["loss"])
        self.assertIn("'a': ...", ropewalk.evaluate(self.model, {"a": TEXT}, **self.asked).data()["origin"]["commands"][0])

    def test_a_run_goes_on_from_its_store(self):
        with tempfile.TemporaryDirectory() as folder:
            store = pathlib.Path(folder) / "results.jsonl"

            def stop(share):
                if share > 0.3:
                    raise KeyboardInterrupt

            with self.assertRaises(KeyboardInterrupt):
                ropewalk.evaluate(self.model, [self.book], store=store, progress=stop, **self.asked)
            begun = store.read_text()
            self.assertTrue(begun)
            whole = ropewalk.evaluate(self.model, [self.book], store=store, **self.asked)
            self.assertTrue(store.read_text().startswith(begun))
            self.assertEqual(len(ropewalk.read_results(store)), len(whole))
            self.assertIn("ropewalk.evaluate(", ropewalk.read_results(store).html())
            with self.assertRaisesRegex(TypeError, "store=FILE"):
                pickle.dumps(whole)
            with self.assertRaisesRegex(ropewalk.UsageError, "file of results"):
                ropewalk.read_results()

    def test_frames_and_plots(self):
        results = ropewalk.evaluate(self.model, {"a book": self.book.read_text()}, **self.asked)
        try:
            import matplotlib
            import pandas
        except ImportError as missing:
            self.skipTest(str(missing))
        matplotlib.use("agg")
        frame = results.frame()
        self.assertEqual(len(frame), len(results))
        self.assertEqual(set(frame["document"].str.contains("a book")), {True})
        axes = results.plot()
        self.assertGreaterEqual(len(axes.get_lines()), 3)
        self.assertEqual([tick.get_text() for tick in axes.get_xticklabels()], ["256", "512"])
        self.assertGreater(frame["seconds"].sum(), 0)
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.evaluate(self.model, self.book, **{**self.asked, "tasks": "passkey"}).plot()

    def test_tune(self):
        found = ropewalk.tune(self.model, [self.book], 512, candidates=["rerope", "pi", "leaky-rerope"], n_documents=4)
        self.assertEqual({row["method"] for row in found["candidates"]}, {"none", "none (truncated)", "rerope", "pi", "leaky-rerope"})
        self.assertEqual(found["length"], 512)
        self.assertFalse(found["stored"])  # keep is not asked for
        self.assertEqual(found["n_to_choose_on"] + found["n_to_judge_on"], 4)
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.tune(self.model, [self.book], 512, goal="beauty")

    def test_wrong_questions(self):
        for wrong in ({"methods": ["reropee"]}, {"lengths": [0]}, {"tasks": ["tails"]}, {"n_documents": -1}):
            with self.assertRaises(ropewalk.Error, msg=str(wrong)):
                ropewalk.evaluate(self.model, [self.book], **{**self.asked, **wrong})
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.evaluate(self.model, [])
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.evaluate(self.model, self.book, **{**self.asked, "margin": 0.0})

    def test_natural_arguments(self):
        one = ropewalk.evaluate(self.model, self.book, methods="rerope", lengths=512, tail=64, n_documents=2)
        self.assertIn("rerope", {r["method"] for r in one.records})
        for wrong in ({"texts": "a text\nof two lines"}, {"n_predict": 2**32 + 2}, {"margin": float("nan")}, {"budget_seconds": -1.0},
                      {"store": "a\0b"}, {"progress": 5}):
            with self.assertRaises(ropewalk.UsageError, msg=str(wrong)):
                ropewalk.evaluate(self.model, **{"texts": [self.book], **self.asked, **wrong})

    def test_score(self):
        self.assertEqual(ropewalk.score(["a b c d e"], ["a b c d e"])["bleu"], 100.0)
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.score(["a"], [])

    def test_layers_of_a_config(self):
        config = CONFIG
        first, second = ropewalk.layers(config, [True, True])
        self.assertEqual((first["head_dim"], first["rope_base"], first["n_ctx_train"], second["layer"]), (16, 5e5, 4096, 1))
        self.assertEqual(ropewalk.plan("yarn", 8192, **first).method, ropewalk.plan("yarn:factor=2", 8192, **first).method)
        with self.assertRaises(ropewalk.Error):
            ropewalk.layers(config, [True])
        with self.assertRaises(ropewalk.Error):
            ropewalk.layers({**config, "architectures": ["NoSuchModel"], "model_type": "none_such"}, [True, True])
        inf, nan = float("inf"), float("nan")
        for scaling in ({"rope_type": "linear", "factor": inf}, {"rope_type": "yarn", "factor": nan}, {"rope_type": "yarn", "factor": -inf},
                        {"rope_type": "longrope", "long_factor": [inf] * 8, "short_factor": [1.0] * 8}):
            with self.assertRaises(ropewalk.Error, msg=str(scaling)):
                ropewalk.layers({**config, "rope_scaling": scaling}, [True, True])
        with self.assertRaises(ropewalk.Error):
            ropewalk.layers({**config, "rope_theta": inf}, [True, True])
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.layers({**config, "more": object()}, [True, True])
        self.assertEqual(ropewalk.layers({**config, "time_step_limit": [0.0, inf]}, [True, True])[0], first)  # a limit that is none


class Living(unittest.TestCase):
    """Threads, signals, processes."""

    @classmethod
    def setUpClass(cls):
        cls.model = ropewalk.Model(MODEL)
        cls.tokens = np.resize(cls.model.tokenize(TEXT), 30000)

    def test_progress_can_end_it_and_the_session_goes_on(self):
        session = ropewalk.Session(self.model, 30000, method="rerope")
        session.read(self.tokens[:10])

        def stop(n_done):
            raise LookupError(str(n_done))

        with self.assertRaises(LookupError):
            session.read(self.tokens[10:9000], progress=stop)
        self.assertEqual(session.position, 10)
        fresh = ropewalk.Session(self.model, 30000, method="rerope")
        np.testing.assert_array_equal(session.read(self.tokens[10:40], logits=1), fresh.read(self.tokens[:40], logits=1))

    def test_control_c(self):
        code = ("import ropewalk, numpy, sys\n"
                f"m = ropewalk.Model({str(MODEL)!r})\n"
                "s = ropewalk.Session(m, 400000, method='rerope')\n"
                "print('reading', flush=True)\n"
                "try:\n    s.read(numpy.resize(m.tokenize('to and fro '), 400000))\n"
                "except KeyboardInterrupt:\n    print('stopped at', s.position)\n")
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "reading\n")
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.communicate(timeout=60)[0], "stopped at 0\n")

    def test_the_interpreter_goes_on_meanwhile(self):
        session, ended, counted = ropewalk.Session(self.model, 30000, method="rerope"), threading.Event(), 0

        def read():
            session.read(self.tokens)
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        while not ended.is_set():
            counted += 1
            if counted == 1000:
                with self.assertRaises(ropewalk.UsageError):  # in use by the other thread
                    session.truncate(0)
        thread.join()
        self.assertGreater(counted, 1000)

    def test_a_daemon_thread_does_not_break_the_end(self):
        code = ("import ropewalk, numpy, threading, time\n"
                f"m = ropewalk.Model({str(MODEL)!r})\n"
                "s = ropewalk.Session(m, 40000, method='rerope')\n"
                "t = numpy.resize(m.tokenize('to and fro '), 40000)\n"
                "threading.Thread(target=lambda: s.read(t, progress=lambda n: None), daemon=True).start()\n"
                "time.sleep(0.3)\n")
        for _ in range(3):
            ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
            self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_threads_that_come_and_go_do_not_break_the_end(self):
        code = ("import ropewalk, threading, time\n"
                f"m = ropewalk.Model({str(MODEL)!r}, n_threads=1)\n"
                "t = m.tokenize('to and fro ' * 5)[:16]\n"
                "def work():\n"
                "    s = ropewalk.Session(m, 2000)\n"
                "    while True:\n"
                "        s.truncate(0)\n"
                "        s.read(t, progress=lambda n: None)\n"
                "for _ in range(3): threading.Thread(target=work, daemon=True).start()\n"
                "end = time.time() + 0.1\n"
                "while time.time() < end: sum(range(1000))\n")
        ends = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(10)]
        self.assertEqual([(each.communicate(timeout=60)[0], each.returncode) for each in ends], [(b"", 0)] * len(ends))

    def test_an_exit_function_of_the_user_may_still_compute(self):
        code = ("import atexit\n"
                "atexit.register(lambda: print(len(session.read(tokens[:8], logits=1))))\n"  # runs behind ropewalk's own
                "import ropewalk\n"
                f"m = ropewalk.Model({str(MODEL)!r})\n"
                "session, tokens = ropewalk.Session(m, 600), m.tokenize('to and fro ' * 5)\n")
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "1\n", ""))

    def test_an_answer_fits_the_room_that_is_left(self):
        session = ropewalk.Session(self.model, 40)
        self.assertLessEqual(len(list(session.generate(self.tokens[:30], ignore_end=True))), 10)
        self.assertEqual(session.position, 40 - 1)

    def test_ctrl_c_ends_an_answer_that_is_joined(self):
        code = ("import os, ropewalk, signal, threading, time\n"
                f"m = ropewalk.Model({str(MODEL)!r}, n_threads=1)\n"
                "s = ropewalk.Session(m, 60000, method='rerope')\n"
                "threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
                "try:\n    ''.join(s.generate('to and fro', n_predict=50000, ignore_end=True))\n"
                "except KeyboardInterrupt:\n    print(s.position < 50000)\n")
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertEqual((ended.returncode, ended.stdout), (0, "True\n"), ended.stderr)

    def test_threads_with_a_session_each(self):
        results = [None] * 4

        def read(i):
            results[i] = ropewalk.Session(self.model, 600).read(self.tokens[:500], logits=1)

        threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for other in results[1:]:
            np.testing.assert_array_equal(results[0], other)

    def test_a_forked_child_goes_on(self):
        session = ropewalk.Session(self.model, 600)
        session.read(self.tokens[:100])
        ends = multiprocessing.get_context("fork").Pipe(False)
        child = os.fork()
        if child == 0:
            ends[1].send(session.read(self.tokens[100:200], logits=1))
            os._exit(0)
        here = session.read(self.tokens[100:200], logits=1)
        self.assertTrue(ends[0].poll(60))
        np.testing.assert_array_equal(here, ends[0].recv())
        self.assertEqual(os.waitpid(child, 0)[1], 0)


def load_tests(loader, tests, ignore):
    import ropewalk._core
    for module in (ropewalk, ropewalk._core, ropewalk._errors, ropewalk._judge):
        tests.addTests(doctest.DocTestSuite(module, optionflags=doctest.NORMALIZE_WHITESPACE))
    os.chdir(SOURCE)  # whose models and texts the page names
    tests.addTests(doctest.DocFileSuite(str(SOURCE / "docs" / "python.md"), module_relative=False))
    return tests


if __name__ == "__main__":
    unittest.main()
