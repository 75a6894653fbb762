# SPDX-License-Identifier: Apache-2.0
"""Logits of changed transformers models against the engine's, in float32: every method, every family, whole and with a cache.
Run by tools/check_torch; prints the greatest differences."""
import json
import subprocess
import tempfile
import unittest

import torch
import transformers

import ropewalk.transformers
from torch_models import Missing, cache_of, engine_logits, folders, load, quiet, ropewalk_program, some_tokens, tiny

BOUND = 1e-3
PARAMETERS = {"base": "base:value=40000", "dope": "dope:heads=0.1/1.0"}
COMPOSED = ["rerope:window=24+logn", "yarn:factor=4+self-extend:group=4,window=32", "dynamic-ntk:factor=2+window:window=50",
            "leaky-rerope:window=24+temperature", "dope:heads=0.0+dca:chunk=40", "layer-pi+rerope:window=20"]
OF_FAMILIES = ["none", "rerope:window=24", "self-extend:group=4,window=32", "lm-infinite:window=40", "logn"]


def every_method():
    """A spec of each, as `ropewalk methods` lists them."""
    listed = json.loads(subprocess.run([ropewalk_program, "methods", "--json"], capture_output=True, text=True, check=True).stdout)
    listed = listed if isinstance(listed, list) else listed["methods"]
    return [PARAMETERS.get(method["name"], method["name"]) for method in listed if method["name"] != "longrope"]


class Engine(unittest.TestCase):
    def setUp(self):
        self.enterContext(quiet()) if hasattr(self, "enterContext") else quiet().__enter__()

    def check(self, model, folder, spec, n):
        """The greatest difference, whole and with a cache: a prompt, then one token, then the rest at once."""
        tokens = some_tokens(n)
        try:
            expected = engine_logits(folder, tokens, spec)
        except RuntimeError as refused:  # what the engine refuses is refused here too
            with self.assertRaises(ValueError):
                ropewalk.transformers.apply(model, spec, length=n)
            return str(refused)
        ropewalk.transformers.apply(model, spec, length=n)
        ids = torch.tensor([tokens])
        differences = [float((model(ids).logits[0] - expected).abs().max())]
        if model.config.model_type != "roformer":
            # In old versions some families make a cache of a fixed size by themselves.
            rows, cache = [], None if transformers.__version__ >= "5" else transformers.DynamicCache()
            for part in (ids[:, :n // 2], ids[:, n // 2:n // 2 + 1], ids[:, n // 2 + 1:]):
                output = model(part, past_key_values=cache, use_cache=True)
                rows.append(output.logits[0]), (cache := cache_of(output))
            differences.append(float((torch.cat(rows) - expected).abs().max()))
        for difference in differences:
            self.assertLess(difference, BOUND)
        return max(differences)

    def test_every_method(self):
        worst = {}
        for name, specs in (("llama", every_method() + COMPOSED), ("longrope", ["none", "longrope:replace=1"]),
                            ("dynamic", ["none"]), ("yarn", ["none", "rerope:window=40", "pi:replace=1"])):
            model = load(tiny / name)
            for spec in specs:
                with self.subTest(model=name, spec=spec):
                    worst[f"{name} {spec}"] = self.check(model, tiny / name, spec, 200)
        for spec, difference in worst.items():
            self.assertNotIsInstance(difference, str, f"the engine refuses {spec}")
        print(f"\n{len(worst)} methods at 200 tokens, trained on 64: at most {max(worst.values()):.1e} from the engine "
              f"({max(worst, key=worst.get)})")

    def test_every_family(self):
        worst, missing, refused = {}, [], []
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        for folder in folders(work.name):
            name = folder.name
            with self.subTest(model=name):
                try:
                    model = load(folder)
                    ropewalk.transformers.apply(model, "none")
                except Missing as without:
                    missing.append(str(without))
                    continue
                except ropewalk.transformers.Unsupported as reason:
                    refused.append(f"{name}: {reason}")
                    continue
                for spec in OF_FAMILIES:
                    difference = self.check(model, folder, spec, 100)
                    if not isinstance(difference, str):
                        worst[name] = max(worst.get(name, 0), difference)
        print(f"\n{len(worst)} models, {len(OF_FAMILIES)} methods: at most {max(worst.values()):.1e} from the engine ({max(worst, key=worst.get)})")
        if missing:
            print(f"not in this transformers: {' '.join(sorted(set(missing)))}")
        for line in refused:
            print("refused:", line)


if __name__ == "__main__":
    unittest.main()
