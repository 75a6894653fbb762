# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's server as xllamacpp's wheel has it, until standard input ends: prints {"url": ...}. Called by compare_server.py.

    peer_server.py MODEL N_CTX_OF_A_SLOT N_SLOTS THREADS"""
import json
import sys
import time
import urllib.request

import xllamacpp as library

model, n_ctx, n_slots, threads = sys.argv[1], *map(int, sys.argv[2:])
params = library.CommonParams()
params.model.path = model
params.n_parallel, params.n_ctx, params.kv_unified = n_slots, n_ctx * n_slots, False
params.n_batch, params.n_ubatch, params.n_predict = 2048, 512, -1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
params.flash_attn_type = library.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
params.hostnames, params.port = ["127.0.0.1"], 0
server = library.Server(params)
for _ in range(600):
    try:
        with urllib.request.urlopen(f"{server.listening_address}/health", timeout=5) as answer:
            if answer.status == 200:
                break
    except OSError:
        time.sleep(0.2)
print(json.dumps({"url": server.listening_address}), flush=True)
sys.stdin.read()
