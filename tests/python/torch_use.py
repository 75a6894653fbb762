# SPDX-License-Identifier: Apache-2.0
"""Changed transformers models in use: generate(), padding, "auto", training, and taking the change back. Run by tools/check_torch."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch
import transformers

import ropewalk.transformers
from torch_models import OnQwen2, folders, load, root, some_tokens, tiny

MASK = "attention_mask"
tokens = torch.tensor([some_tokens(150)])


def padded(lengths, side):
    """Ids and mask of the first lengths[i] tokens, beginning at token i, padded with 0."""
    width = max(lengths)
    ids, mask = torch.zeros(len(lengths), width, dtype=torch.long), torch.zeros(len(lengths), width, dtype=torch.long)
    for item, n in enumerate(lengths):
        at = slice(width - n, width) if side == "left" else slice(0, n)
        ids[item, at], mask[item, at] = tokens[0, item:item + n], 1
    return ids, mask


def greedy(model, ids, n_new):
    """Token by token, each from all before it, at one length throughout."""
    ropewalk.transformers.apply(model, model._spec, length=ids.shape[1] + n_new)
    for _ in range(n_new):
        ids = torch.cat((ids, model(ids).logits[:, -1:].argmax(-1)), 1)
    ropewalk.transformers.apply(model, model._spec)
    return ids


class Use(OnQwen2):
    def test_generate_is_token_by_token(self):
        for spec in ("rerope:window=24", "dynamic-ntk", "self-extend:group=4,window=32", "streaming-llm:window=40", "yarn+logn"):
            with self.subTest(spec=spec):
                self.apply(spec)
                expected = greedy(self.model, tokens[:, :100], 12)
                self.assertEqual(self.model.generate(tokens[:, :100], max_new_tokens=12, do_sample=False).tolist(), expected.tolist())
                self.assertEqual(self.model.generate(tokens[:, :100], max_length=112, do_sample=False).tolist(), expected.tolist())
                fixed = self.model.generate(tokens[:, :100], max_new_tokens=12, do_sample=False, cache_implementation="static")
                self.assertEqual(fixed.tolist(), expected.tolist())

    def test_generate_in_families_with_caches_of_their_own(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        for folder in folders(work.name):
            if folder.name not in ("gemma2", "gemma3", "gemma4_e2b", "mistral", "cohere2", "deepseek_v3", "deepseekv3", "qwen3_5", "lfm2", "gemma3text"):
                continue
            with self.subTest(model=folder.name):
                self.model = load(folder)
                self.model.generation_config.eos_token_id = None
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.apply("rerope:window=24")
                    expected = greedy(self.model, tokens[:, :40], 30)
                self.assertEqual(self.model.generate(tokens[:, :40], max_new_tokens=30, do_sample=False).tolist(), expected.tolist())
                ids, mask = padded([30, 40], "left")
                both = self.model.generate(ids, attention_mask=mask, max_new_tokens=10, do_sample=False)
                alone = self.model.generate(tokens[:, :30], max_new_tokens=10, do_sample=False)
                self.assertEqual(both[0, 10:].tolist(), alone[0].tolist())

    def test_a_method_that_grows(self):
        """Each written token has the frequencies of its own length, the prompt those of the prompt's."""
        self.apply("dynamic-ntk:grow=1")
        wrote = self.model.generate(tokens[:, :100], max_new_tokens=5, do_sample=False, return_dict_in_generate=True, output_logits=True)
        ids = wrote.sequences
        for step in range(5):
            last = self.model(ids[:, :100 + step]).logits[:, -1]
            if step == 0:
                self.close(wrote.logits[0], last)
        # Keys and values of the second layer are what the first one made of them then: so from the second token on the logits
        # are near those of a whole pass, and not the same.
        self.assertLess(float((wrote.logits[4] - last).abs().max()), 0.5)

    def test_beams_and_several_answers(self):
        self.apply("rerope:window=24")
        ids, mask = padded([60, 80, 75], "left")
        both = self.model.generate(ids, attention_mask=mask, max_new_tokens=8, num_beams=3, do_sample=False, num_return_sequences=2)
        for item, n in enumerate((60, 80, 75)):
            one = self.model.generate(tokens[:, item:item + n], max_new_tokens=8, num_beams=3, do_sample=False, num_return_sequences=2)
            self.assertEqual(both[2 * item:2 * item + 2, -8:].tolist(), one[:, -8:].tolist())

    def test_padding(self):
        lengths = [100, 33, 71]
        for spec in ("none", "rerope:window=24", "dynamic-ntk", "logn+leaky-rerope:window=24"):
            self.apply(spec)
            for side in ("left", "right"):
                with self.subTest(spec=spec, side=side):
                    ids, mask = padded(lengths, side)
                    logits = self.model(ids, attention_mask=mask).logits
                    for item, n in enumerate(lengths):
                        alone = self.model(tokens[:, item:item + n]).logits[0]
                        self.close(logits[item][mask[item] > 0], alone)
            ids, mask = padded(lengths, "left")
            wrote = self.model.generate(ids, attention_mask=mask, max_new_tokens=9, do_sample=False)[:, -9:]
            for item, n in enumerate(lengths):
                alone = self.model.generate(tokens[:, item:item + n], max_new_tokens=9, do_sample=False)[0, -9:]
                self.assertEqual(wrote[item].tolist(), alone.tolist())

    def test_auto_is_by_request(self):
        trained = self.model.config.max_position_embeddings
        self.apply("auto")
        self.assertEqual([ropewalk.transformers.chosen(self.model, n) for n in (trained, trained + 1, 8 * trained, 8 * trained + 1)],
                         ["none", "leaky-rerope", "leaky-rerope", "dca"])
        self.close(self.model(tokens[:, :trained]).logits, load(tiny / "qwen2")(tokens[:, :trained]).logits)
        far = self.model(tokens).logits
        self.apply("leaky-rerope")
        self.close(self.model(tokens).logits, far)
        self.apply("auto", tuned={128: "yarn", 256: "rerope:window=20"})
        self.assertEqual([ropewalk.transformers.chosen(self.model, n) for n in (100, 129, 999)], ["yarn", "rerope:window=20", "rerope:window=20"])
        ids, mask = padded([150, 40], "left")  # one of the batch fits, the other does not
        mixed = self.model(ids, attention_mask=mask).logits
        self.apply("rerope:window=20")
        self.close(mixed[0], self.model(tokens).logits[0])
        self.apply("none")
        self.close(mixed[1, -40:], self.model(tokens[:, 1:41]).logits[0])

    def test_auto_is_the_librarys(self):
        tuned = {128: "yarn", 256: "rerope:window=20"}
        for known in ({}, tuned):
            self.apply("auto", tuned=known)
            context = ropewalk.layers(self.model.config.to_dict(), [True] * self.model.config.num_hidden_layers)[0]
            for n in (1, context["n_ctx_train"], context["n_ctx_train"] + 1, 200, 9 * context["n_ctx_train"]):
                self.assertEqual(ropewalk.transformers.chosen(self.model, n), ropewalk.choose(n, context, known).method)

    def test_a_length_is_a_whole_number(self):
        self.apply("leaky-rerope")
        before = self.model(tokens).logits
        for wrong in ("16k", 0, -1, 1.5):
            with self.assertRaises(ropewalk.UsageError) as caught:
                self.apply("yarn", length=wrong)
            self.assertEqual(caught.exception.place, "length")
        self.close(self.model(tokens).logits, before)  # what was refused changed nothing

    def test_remove_leaves_nothing(self):
        before = self.model(tokens).logits
        hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in self.model.modules())
        mine = {name: set(m.__dict__) for name, m in self.model.named_modules()}
        self.apply("rerope:window=24")
        self.assertGreater(float((self.model(tokens).logits - before).abs().max()), 0.1)
        del self.model._spec
        ropewalk.transformers.remove(self.model)
        self.assertTrue(torch.equal(self.model(tokens).logits, before))
        self.assertEqual(hooks, sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in self.model.modules()))
        self.assertEqual(mine, {name: set(m.__dict__) for name, m in self.model.named_modules()})
        ropewalk.transformers.remove(self.model)

    def test_an_error_leaves_the_method_that_was_there(self):
        self.apply("rerope:window=24")
        under = self.model(tokens).logits
        for wrong in ({"spec": "reropee"}, {"spec": "pi", "tuned": {128: "yarn"}}, {"spec": "auto", "tuned": "nope.json"}, {"spec": "pi", "backend": "cuda"}, {"spec": "pi", "length": 0}):
            with self.assertRaises(ropewalk.Error, msg=str(wrong)):
                ropewalk.transformers.apply(self.model, **wrong)
            self.assertTrue(torch.equal(self.model(tokens).logits, under), wrong)
        with self.assertRaises(ropewalk.UsageError):
            ropewalk.transformers.apply("gpt2")

    def test_training_with_and_without_checkpointing(self):
        """Gradients are those of finite differences, and the same where layers are computed again."""
        self.apply("rerope:window=24+logn")
        self.model.train()
        found = []
        with torch.enable_grad():
            for again in (False, True):
                if again:
                    self.model.gradient_checkpointing_enable({"use_reentrant": False})
                self.model.zero_grad()
                self.model(tokens, labels=tokens, use_cache=False).loss.backward()
                found.append({name: p.grad.clone() for name, p in self.model.named_parameters()})
        for name, grad in found[0].items():
            self.close(found[1][name], grad, 1e-5)
        name, weight = next((n, p) for n, p in self.model.named_parameters() if n.endswith("1.self_attn.k_proj.weight"))
        self.model.double()
        direction, step, losses = torch.randn(weight.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)), 1e-4, []
        for sign in (1, -1):
            weight.data += sign * step * direction
            logits = self.model(tokens, use_cache=False).logits[0, :-1]  # .loss is computed in float32
            losses.append(torch.nn.functional.cross_entropy(logits, tokens[0, 1:]))
            weight.data -= sign * step * direction
        slope = float((losses[0] - losses[1]) / (2 * step))
        self.assertAlmostEqual(slope, float((found[0][name].double() * direction).sum()), delta=1e-3 * abs(slope) + 1e-5)

    def test_trainer_and_peft(self):
        try:
            import peft
        except ImportError:
            self.skipTest("peft is not there")
        config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
        model = peft.get_peft_model(self.model, config)
        ropewalk.transformers.apply(model, "rerope:window=24")
        data = [{"input_ids": tokens[0, i:i + n], "labels": tokens[0, i:i + n]} for i, n in ((0, 150), (3, 90), (7, 120), (2, 150))]

        def collate(items):
            pad = torch.nn.utils.rnn.pad_sequence
            return {"input_ids": pad([item["input_ids"] for item in items], True), MASK: pad([torch.ones_like(item["input_ids"]) for item in items], True),
                    "labels": pad([item["labels"] for item in items], True, -100)}

        with tempfile.TemporaryDirectory() as work, torch.enable_grad():
            before = float(model(tokens, labels=tokens).loss)
            options = transformers.TrainingArguments(work, per_device_train_batch_size=2, max_steps=12, learning_rate=3e-2, report_to=[],
                                                     save_strategy="no", disable_tqdm=True, logging_strategy="no", use_cpu=True)
            transformers.Trainer(model, options, train_dataset=data, data_collator=collate).train()
            model.eval()
            self.assertLess(float(model(tokens, labels=tokens).loss), before - 0.1)
            model.save_pretrained(work)
            again = peft.PeftModel.from_pretrained(load(tiny / "qwen2"), work)
            ropewalk.transformers.apply(again, "rerope:window=24")
            self.close(again(tokens).logits, model(tokens).logits)
        ropewalk.transformers.remove(model)

    def test_torch_compile_goes_on_around_it(self):
        self.apply("rerope:window=24")
        compiled = torch.compile(self.model, backend="eager")
        for n in (100, 60):
            self.close(compiled(tokens[:, :n]).logits, self.model(tokens[:, :n]).logits)
        torch._dynamo.reset()

    def test_it_warns_of_nothing(self):
        """In a process of its own: most warnings are given once in one."""
        for family in ("qwen2", "roformer")[:2 if int(transformers.__version__.split(".")[0]) >= 5 else 1]:
            code = f"""if True:
                import torch, ropewalk.transformers
                from torch_models import load, some_tokens, tiny
                model, ids = load(tiny / "{family}"), torch.tensor([some_tokens(60)])
                ropewalk.transformers.apply(model, "yarn")
                model(ids, labels=ids).loss.backward()
                model.can_generate() and model.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=0, max_new_tokens=2, do_sample=False)"""
            run = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True,
                                 env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
            self.assertEqual(run.returncode, 0, run.stderr)
            for word in ("ropewalk", "deprecated", "not writable"):
                self.assertNotIn(word, "\n".join(line for line in run.stderr.splitlines() if "/site-packages/" not in line))

    def test_a_trained_model(self):
        """models/short-256.gguf, trained on 256 tokens, as transformers reads it: its losses are the engine's, and text of four
        times its length breaks plain RoPE and not a map of distances."""
        try:
            import gguf  # noqa: F401
        except ImportError:
            self.skipTest("gguf is not there")
        from torch_models import engine_logits
        model = transformers.LlamaForCausalLM.from_pretrained(root / "models", gguf_file="short-256.gguf").eval()
        text = (root / "data").glob("**/*.txt")
        ids = text_tokens(next(iter(sorted(text))), 1024)
        losses, apart = {}, []
        for spec in ("none", "leaky-rerope", "rerope:window=128", "lm-infinite"):
            ropewalk.transformers.apply(model, spec, length=1024)
            logits = model(torch.tensor([ids])).logits[0]
            apart.append(float((logits - engine_logits(root / "models/short-256.gguf", ids, spec)).abs().max()))
            self.assertLess(apart[-1], 1e-3)
            losses[spec] = float(torch.nn.functional.cross_entropy(logits[-257:-1], torch.tensor(ids[-256:])))
        self.assertGreater(losses["none"], losses["leaky-rerope"] + 0.2)
        print("\nshort-256, last 256 of 1024 tokens: " + ", ".join(f"{spec} {loss:.3f}" for spec, loss in losses.items())
              + f"; logits {max(apart):.1e} from the engine")


def text_tokens(path, n):
    """By the engine's own tokenizer of the small model."""
    from torch_models import ropewalk_program
    with tempfile.TemporaryDirectory() as work:
        part = pathlib.Path(work, "text")
        part.write_text(path.read_text(encoding="utf-8")[5000:5000 + 12 * n], encoding="utf-8")
        out = subprocess.run([ropewalk_program, "tokenize", root / "models/short-256.gguf", "--ids", part], capture_output=True, text=True, check=True)
    return [int(token) for token in out.stdout.replace(",", " ").split()][:n]


if __name__ == "__main__":
    unittest.main()
