# SPDX-License-Identifier: Apache-2.0
"""One peer, one length, in a process of its own: prints {"prefill": s, "decode": s per token}, or
{"step": s per token} of training. Called by compare.py."""
import json
import sys
import time


def tokens(n):
    return [(i * 7919) % 49000 + 1 for i in range(n)]


def llama_cpp(model, n, n_new, threads):
    import llama_cpp as library

    # Its AMX path ends in SIGSEGV (ggml_backend_amx_mul_mat, llama-cpp-python 0.3.36, Q4_1): without it.
    defaults = library.llama_model_default_params

    def without_amx():
        params = defaults()
        params.use_extra_bufts = False
        return params

    library.llama_model_default_params = without_amx
    library.llama_cpp.llama_model_default_params = without_amx
    start = time.time()
    m = library.Llama(model, n_ctx=n + n_new + 8, n_batch=512, n_ubatch=512, n_threads=threads,
                      n_threads_batch=threads, flash_attn=True, verbose=False)
    m.eval(tokens(16))
    first = time.time() - start
    m.reset()
    start = time.time()
    for i in range(0, n, 512):
        m.eval(tokens(n)[i:i + 512])
    prefill = time.time() - start
    start = time.time()
    for token in tokens(n_new):
        m.eval([token])
    return {"prefill": prefill, "decode": (time.time() - start) / n_new, "first": first}


def llama_prebuilt(model, n, n_new, threads):
    """llama.cpp as xllamacpp's wheel has it, compiled for AVX2: what it says of itself."""
    import xllamacpp as library

    params = library.CommonParams()
    params.model.path = model
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_parallel = n + n_new + 64, 512, 512, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.flash_attn_type = library.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    answer = library.Server(params).handle_completions(
        {"prompt": tokens(n), "n_predict": n_new, "temperature": 0, "cache_prompt": False, "ignore_eos": True})
    timings = (answer if isinstance(answer, dict) else json.loads(answer))["timings"]
    assert timings["prompt_n"] == n and timings["predicted_n"] == n_new, timings
    return {"prefill": timings["prompt_ms"] / 1e3, "decode": timings["predicted_ms"] / 1e3 / n_new}


def pytorch(model, n, n_new, threads):
    """The same shape in bf16, random weights (the time does not depend on them), without the output layer."""
    import gguf
    import torch
    from transformers import LlamaConfig, LlamaModel

    def field(name):
        return reader.fields[name].contents()

    torch.set_num_threads(threads)
    reader = gguf.GGUFReader(model)
    config = LlamaConfig(
        vocab_size=1024, hidden_size=field("llama.embedding_length"), head_dim=field("llama.rope.dimension_count"),
        num_hidden_layers=field("llama.block_count"), intermediate_size=field("llama.feed_forward_length"),
        num_attention_heads=field("llama.attention.head_count"),
        num_key_value_heads=field("llama.attention.head_count_kv"), max_position_embeddings=1 << 20,
        attn_implementation="sdpa")
    network = LlamaModel(config).to(torch.bfloat16).eval()
    ids = torch.tensor([[t % 1024 for t in tokens(n)]])
    with torch.inference_mode():
        network(ids[:, :64], use_cache=False)
        start = time.time()
        network(ids, use_cache=False)
    return {"prefill": time.time() - start}


def pytorch_step(model, n, rank, threads):
    """A training step in float32: 4,096 tokens in texts of n, loss, backward, AdamW; rank above 0: LoRA (peft) of all seven
    matrices of a layer. The same shape with random weights; the second step counts."""
    import gguf
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    def field(name):
        return reader.fields[name].contents()

    torch.set_num_threads(threads)
    reader = gguf.GGUFReader(model)
    network = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(reader.fields["tokenizer.ggml.tokens"].data), hidden_size=field("llama.embedding_length"),
        head_dim=field("llama.rope.dimension_count"), num_hidden_layers=field("llama.block_count"),
        intermediate_size=field("llama.feed_forward_length"), num_attention_heads=field("llama.attention.head_count"),
        num_key_value_heads=field("llama.attention.head_count_kv"), max_position_embeddings=1 << 20,
        tie_word_embeddings=all(t.name != "output.weight" for t in reader.tensors), attn_implementation="sdpa"))
    if rank > 0:
        import peft

        network = peft.get_peft_model(network, peft.LoraConfig(
            r=rank, lora_alpha=2 * rank, task_type="CAUSAL_LM", target_modules=[
                "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-5, betas=(0.9, 0.95))
    texts = max(1, 4096 // n)
    ids = torch.tensor(tokens(texts * n)).reshape(texts, n)
    for _ in range(2):
        start = time.time()
        optimizer.zero_grad(set_to_none=True)
        network(ids, labels=ids, use_cache=False).loss.backward()
        optimizer.step()
    return {"step": (time.time() - start) / (texts * n)}


if __name__ == "__main__":
    peer, path, length, new, n_threads = sys.argv[1:]
    run = {"llama.cpp": llama_cpp, "llama.cpp, prebuilt": llama_prebuilt, "pytorch": pytorch,
           "pytorch step": pytorch_step}[peer]
    print(json.dumps(run(path, int(length), int(new), int(n_threads))))
