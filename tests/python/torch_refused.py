# SPDX-License-Identifier: Apache-2.0
"""What changed transformers models refuse, since it would be left out, or computed wrongly, without a word. Run by tools/check_torch."""
import copy
import unittest

import torch
import transformers

import ropewalk.transformers
from torch_models import OnQwen2, load, some_tokens, tiny

tokens = torch.tensor([some_tokens(150)])


class Refused(OnQwen2):
    def test_packed_texts_are_refused(self):
        self.apply("yarn")
        packed = torch.cat((torch.arange(30), torch.arange(40)))[None]
        with self.assertRaisesRegex(ropewalk.transformers.Unsupported, "begin again, or jump"):
            self.model(tokens[:, :70], position_ids=packed)
        mask = torch.ones(2, 70, dtype=torch.long)
        mask[1, :20] = 0  # padding elsewhere, whose positions may be any
        plain = torch.arange(70).repeat(2, 1)
        plain[1] -= 20
        plain[1, :20] = 1
        self.model(tokens[:, :70].repeat(2, 1), attention_mask=mask, position_ids=plain)
        with self.assertRaisesRegex(ropewalk.transformers.Unsupported, "begin again, or jump"):
            self.model(tokens[:, :70].repeat(2, 1), attention_mask=mask, position_ids=torch.cat((packed, plain[1:])))

    def test_a_cache_from_before_is_refused(self):
        cache = self.model(tokens[:, :50], use_cache=True).past_key_values
        self.apply("none")
        with self.assertRaisesRegex(ropewalk.transformers.Unsupported, "before it"):
            self.model(tokens[:, 50:60], past_key_values=cache)
        cache = self.model(tokens[:, :50], use_cache=True).past_key_values
        self.apply("rerope:window=24")  # another method goes on with it
        self.assertEqual(self.model(tokens[:, 50:60], past_key_values=cache).logits.shape[1], 10)

    def test_a_tuple_of_keys_is_told_from_one_from_before(self):
        """Old versions have tuples in the place of caches, and Falcon there gives one back. The newest take none."""
        model = self.of_family("falcon")
        ids = tokens[:, :60]
        def legacy(output):
            cache = output[1]
            return cache if isinstance(cache, tuple) else tuple((layer.keys, layer.values) for layer in cache.layers)
        before = legacy(model(ids[:, :50], use_cache=True))
        ropewalk.transformers.apply(model, "none")
        for keys in (before, list(before)):
            with self.assertRaisesRegex(ropewalk.transformers.Unsupported, "50 tokens.*hint: give a DynamicCache"):
                model(ids[:, 50:], past_key_values=keys)
        whole = model(ids).logits
        for inner in (model, model.transformer):
            for form in (True, False):
                cache = inner(ids[:, :50], use_cache=True, return_dict=form)[1]  # its own kind: the tuple in old versions
                self.close(model(ids[:, 50:], past_key_values=cache).logits, whole[:, 50:])

    def test_what_would_not_be_done_is_refused(self):
        refused = ropewalk.transformers.Unsupported
        ids = tokens[:, :60]
        self.apply("rerope:window=24")
        expected = self.model(ids).logits
        with self.assertRaisesRegex(refused, "output_attentions: expected False; found True; hint: "):
            self.model(ids, output_attentions=True)
        with self.assertRaisesRegex(refused, "output_attentions"):
            self.model.model(ids, output_attentions=True)
        for form in (True, False):
            with self.assertRaisesRegex(refused, "output_attentions"):
                self.model.generate(ids, max_new_tokens=2, output_attentions=True, return_dict_in_generate=form)
        with self.assertRaisesRegex(ValueError, "output_attentions"):  # the newest do not let it be set
            self.model.config.output_attentions = True
            self.model(ids)
        self.model.config.output_attentions = False
        for name, value in (("head_mask", torch.zeros(3, 6)), ("cu_seq_lens_q", torch.tensor([0, 30, 60])), ("is_causal", False)):
            with self.subTest(asked=name), self.assertRaisesRegex(refused, f"{name}: .*hint: "):
                self.model(ids, **{name: value})
        self.close(self.model(ids, output_attentions=False, head_mask=None, is_causal=True).logits, expected)
        asked = load(tiny / "llama")  # before apply()
        asked.set_attn_implementation("eager") if hasattr(asked, "set_attn_implementation") else None
        asked.config.output_attentions = True
        ropewalk.transformers.apply(asked, "none")
        with self.assertRaisesRegex(refused, "output_attentions"):
            asked(ids)

    def test_images_that_see_both_ways_are_refused(self):
        text = {"vocab_size": 128, "hidden_size": 48, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 6,
                "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 64, "sliding_window": 16}
        vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
        config = transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=120)
        model = transformers.Gemma3ForConditionalGeneration(config).eval()
        ids = tokens[:, :30] % 100
        ids[0, 5:9] = 120
        kinds, pixels = (ids == 120).long(), torch.zeros(1, 3, 32, 32)
        ropewalk.transformers.apply(model, "none")
        with self.assertRaisesRegex(ropewalk.transformers.Unsupported, "token_type_ids: .*both ways"):
            model(input_ids=ids, pixel_values=pixels, token_type_ids=kinds)
        with self.assertRaisesRegex(ropewalk.transformers.Unsupported, "paligemma"):
            ropewalk.transformers.apply(transformers.PaliGemmaForConditionalGeneration(transformers.PaliGemmaConfig(
                text_config={**text, "model_type": "gemma"}, vision_config={**vision, "model_type": "siglip_vision_model"})), "none")

    def test_masks_of_other_widths_are_refused(self):
        refused = ropewalk.transformers.Unsupported
        self.apply("rerope:window=24")
        ids, room = tokens[:, :60], torch.zeros(1, 100, dtype=torch.long)
        room[:, :60] = 1
        with self.assertRaisesRegex(refused, r"expected 60 columns.*found 100; hint: give attention_mask\[:, :60\]"):
            self.model(ids, attention_mask=room)
        expected = self.model(ids).logits
        for cache in (transformers.DynamicCache(), transformers.StaticCache(self.model.config, max_batch_size=1, max_cache_len=100)):
            self.model(ids[:, :40], past_key_values=cache)
            for width in (20, 50, 100):
                with self.assertRaisesRegex(refused, f"expected 60 columns.*found {width}; hint: give "):
                    self.model(ids[:, 40:], past_key_values=cache, attention_mask=room[:, :width])
            self.close(self.model(ids[:, 40:], past_key_values=cache, attention_mask=room[:, :60]).logits, expected[:, 40:])
        with self.assertRaisesRegex(refused, "expected 60 columns.*found 50"):
            self.model(ids, attention_mask=room[:, :50])
        with self.assertRaisesRegex(refused, "expected 2 rows"):
            self.model(ids.repeat(2, 1), attention_mask=room[:, :60])
        windowed = load(tiny / "gemma2")  # its first layer sees 16 tokens back
        ropewalk.transformers.apply(windowed, "yarn")
        cache = transformers.DynamicCache()
        windowed(ids[:, :50], past_key_values=cache)
        with self.assertRaisesRegex(refused, "expected 60 columns.*found 100"):
            windowed(ids[:, 50:], past_key_values=cache, attention_mask=room)
        with self.assertRaisesRegex(refused, "1, 1, 60, 60.*hint: give the tokenizer's mask, or none"):
            self.model(ids, attention_mask=torch.ones(1, 1, 60, 60, dtype=torch.bool))

    def test_another_attention_behind_it_is_refused(self):
        model = load(tiny / "llama").eval()
        if not hasattr(model, "set_attn_implementation"):
            self.skipTest("an old transformers")
        before = model(tokens[:, :20]).logits
        ropewalk.transformers.apply(model, "rerope:window=8")
        model.set_attn_implementation("eager")
        with self.assertRaises(ropewalk.transformers.Unsupported):
            model(tokens[:, :20])
        ropewalk.transformers.remove(model)
        torch.testing.assert_close(model(tokens[:, :20]).logits, before)

    def test_refusals(self):
        refused = ropewalk.transformers.Unsupported
        unknown = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=16))
        with self.assertRaisesRegex(refused, "gpt2"):
            ropewalk.transformers.apply(unknown, "none")
        with self.assertRaisesRegex(ValueError, "rerop"):
            ropewalk.transformers.apply(self.model, "rerop")
        with self.assertRaises(refused):
            ropewalk.transformers.chosen(self.model, 10)  # what could not be applied is not there
        self.apply("rerope:window=24")
        with self.assertRaisesRegex(refused, "before apply"):
            copy.deepcopy(self.model)
        holes = torch.ones_like(tokens)
        holes[0, 70] = 0
        with self.assertRaisesRegex(refused, "inside"):
            self.model(tokens, attention_mask=holes)
        with self.assertRaisesRegex(refused, "position_ids"):
            self.model(tokens, position_ids=torch.arange(150)[None] % 75)
        with self.assertRaisesRegex(refused, "attention_mask"):
            self.model(tokens, attention_mask=torch.ones(1, 1, 150, 150, dtype=torch.bool))
        dropping = load(tiny / "qwen2").train()
        for module in dropping.modules():
            if hasattr(module, "attention_dropout"):
                module.attention_dropout = 0.1
        ropewalk.transformers.apply(dropping, "none")
        with self.assertRaisesRegex(refused, "dropout"):
            dropping(tokens)


if __name__ == "__main__":
    unittest.main()
