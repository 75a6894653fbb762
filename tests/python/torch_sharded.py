# SPDX-License-Identifier: Apache-2.0
"""Changed models whose parameters are shared out over processes: FSDP2 (fully_shard), FSDP1, and DeepSpeed's ZeRO-3 where it is
installed. Their losses and gradients are those of one process. Run by tools/check_torch, two processes:

    python -m torch.distributed.run --nproc-per-node 2 tests/python/torch_sharded.py"""
import importlib.util
import sys
import unittest

import torch
import torch.distributed as dist
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp.wrap import ModuleWrapPolicy

import ropewalk.transformers
from torch_models import load, some_tokens, tiny

METHODS = ("none", "yarn", "rerope:window=24", "self-extend:group=4,window=32", "streaming-llm:window=40", "dca:chunk=24")
STEPS, RATE = 3, 0.05


def texts(rank):
    return [torch.tensor([some_tokens(80 + 40 * STEPS)[rank * 40 + 20 * step:][:80]]) for step in range(STEPS)]


def changed(family, spec):
    model = load(tiny / family).train()
    ropewalk.transformers.apply(model, spec)
    return model


def loss_of(model, ids):
    return model(ids, labels=ids, use_cache=False).loss


def steps_of(model):
    steps = torch.optim.SGD(model.parameters(), RATE)

    def step_by(loss):
        loss.backward(), steps.step(), steps.zero_grad()

    return step_by


def alone(family, spec):
    """Losses of every step and rank, and the weights at the end, of one process that reads all ranks' texts."""
    model, losses = changed(family, spec), []
    step_by = steps_of(model)
    for step in range(STEPS):
        each = [loss_of(model, texts(rank)[step]) for rank in range(dist.get_world_size())]
        losses.append([float(loss.detach()) for loss in each])
        step_by(sum(each) / len(each))
    return losses, {name: value.detach().clone() for name, value in model.named_parameters()}


class Sharded(unittest.TestCase):
    def check(self, shared_out):
        """`shared_out(model)`: (the model whose parameters are shared out, what makes a step of its loss, what gives its whole weights)."""
        for family in ("llama", "qwen2"):
            for spec in METHODS:
                with self.subTest(family=family, spec=spec):
                    model, step_by, weights_of = shared_out(changed(family, spec))
                    losses, weights = alone(family, spec)
                    for step in range(STEPS):
                        loss = loss_of(model, texts(dist.get_rank())[step])
                        self.assertAlmostEqual(float(loss.detach()), losses[step][dist.get_rank()], delta=1e-4)
                        step_by(loss)
                    found = weights_of()
                    self.assertEqual(found.keys(), weights.keys())
                    for name, value in weights.items():
                        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=lambda m: f"{name}: {m}")

    def test_fsdp2(self):
        mesh = dist.device_mesh.init_device_mesh("cpu", (dist.get_world_size(),))

        def shared_out(model):
            for layer in [*model.model.layers, model]:
                fully_shard(layer, mesh=mesh)
            self.assertTrue(all(value.to_local().numel() * dist.get_world_size() == value.numel() for value in model.parameters()))
            return model, steps_of(model), lambda: {name: value.full_tensor() for name, value in model.named_parameters()}

        self.check(shared_out)

    def test_fsdp1(self):
        def shared_out(model):
            names, size = [name for name, _ in model.named_parameters()], sum(value.numel() for value in model.parameters())
            policy = ModuleWrapPolicy({type(model.model.layers[0])})
            model = FullyShardedDataParallel(model, auto_wrap_policy=policy, device_id=torch.device("cpu"), use_orig_params=True)
            self.assertLess(sum(value.numel() for value in model.parameters()), 0.6 * size)

            def weights_of():
                with FullyShardedDataParallel.summon_full_params(model):
                    return {name: value.detach().clone() for name, (_, value) in zip(names, model.named_parameters())}

            return model, steps_of(model), weights_of

        self.check(shared_out)

    @unittest.skipUnless(importlib.util.find_spec("deepspeed"), "no DeepSpeed")
    def test_zero3(self):
        import deepspeed
        config = {"train_micro_batch_size_per_gpu": 1, "zero_allow_untested_optimizer": True, "gradient_clipping": 0,
                  "zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 0}}

        def shared_out(model):
            engine, *_ = deepspeed.initialize(model=model, optimizer=torch.optim.SGD(model.parameters(), RATE), config=config)
            self.assertTrue(all(value.numel() == 0 for value in model.parameters()))  # what a process holds is elsewhere

            def step_by(loss):
                engine.backward(loss), engine.step()

            def weights_of():
                with deepspeed.zero.GatheredParameters(list(model.parameters())):
                    return {name: value.detach().clone() for name, value in model.named_parameters()}

            return engine, step_by, weights_of

        self.check(shared_out)


if __name__ == "__main__":
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    result = unittest.main(exit=False, argv=sys.argv[:1]).result
    dist.barrier(), dist.destroy_process_group()
    sys.exit(not result.wasSuccessful())
