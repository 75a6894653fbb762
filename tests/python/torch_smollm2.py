# SPDX-License-Identifier: Apache-2.0
"""SmolLM2-135M under ropewalk.transformers against the oracle's recorded numbers (tests/golden/oracle_smollm2.json), in float32, whole
and with a cache: the bounds are those of tests/model/smollm2_oracle.cpp. Needs the model: tools/get_model.sh."""
import json
import pathlib
import sys
import unittest

import torch

import ropewalk.transformers

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "examples"))
from torch_models import load  # noqa: E402

MODEL = root / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
ORACLE = json.loads((root / "tests/golden/oracle_smollm2.json").read_text())


@unittest.skipUnless(MODEL.exists(), "tools/get_model.sh fetches the model")
class SmolLM2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = load(MODEL)[0].float().eval()
        cls.tokens = torch.tensor([ORACLE["tokens"]])

    def check(self, case, logits):
        """logits: (320, n_vocab)."""
        losses = torch.nn.functional.cross_entropy(logits[:-1], self.tokens[0, 1:], reduction="none")
        apart = float((losses - torch.tensor(case["nll"])).abs().max())
        self.assertLess(apart, 1e-3)
        for row, expected in case["rows"].items():
            found = logits[int(row), ::case["stride"]][:len(expected)]
            self.assertLess(float((found - torch.tensor(expected)).abs().max()), 2e-3, row)
        return apart

    @torch.no_grad()
    def test_equals_the_oracle(self):
        worst = 0
        for case in ORACLE["cases"]:
            n = self.tokens.shape[1]
            ropewalk.transformers.apply(self.model, case["spec"], length=n)
            with self.subTest(spec=case["spec"], cache=False):
                worst = max(worst, self.check(case, self.model(self.tokens, use_cache=False).logits[0]))
            with self.subTest(spec=case["spec"], cache=True):
                cache, parts, at = None, [], 0
                for size in (200, 100, 17, 1, 1, 1):
                    out = self.model(self.tokens[:, at:at + size], past_key_values=cache, use_cache=True)
                    cache, at = out.past_key_values, at + size
                    parts.append(out.logits[0])
                worst = max(worst, self.check(case, torch.cat(parts)))
        self.assertGreaterEqual(len(ORACLE["cases"]), 14)
        print(f"SmolLM2, {len(ORACLE['cases'])} methods, whole and with a cache: losses within {worst:.1e} of the oracle's")


if __name__ == "__main__":
    unittest.main()
