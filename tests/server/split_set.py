# SPDX-License-Identifier: Apache-2.0
"""A GGUF file as a set of two: what is said of the model in the first, its tensors in the second (as llama.cpp's
gguf-split --no-tensor-first-split)."""
import os
import struct

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


def after_value(data, at, kind):
    if kind == STRING:
        return at + 8 + struct.unpack_from("<Q", data, at)[0]
    if kind != ARRAY:
        return at + SIZES[kind]
    kind, n = struct.unpack_from("<IQ", data, at)
    at += 12
    if kind in SIZES:
        return at + n * SIZES[kind]
    for _ in range(n):
        at = after_value(data, at, kind)
    return at


def split_set(model, folder):
    """Path of the first of both."""
    with open(model, "rb") as file:
        data = file.read()
    magic, version, n_tensors, n_pairs = struct.unpack_from("<4sIQQ", data)
    at = begin = 24
    for _ in range(n_pairs):
        at = after_value(data, at, STRING)
        at = after_value(data, at + 4, struct.unpack_from("<I", data, at)[0])
    pairs, infos = data[begin:at], at
    for _ in range(n_tensors):
        at = after_value(data, at, STRING)
        at += 4 + 8 * struct.unpack_from("<I", data, at)[0] + 12
    infos, values = data[infos:at], data[-(-at // 32) * 32:]

    def named(name, kind, layout, value):
        return struct.pack("<Q", len(name)) + name + struct.pack("<I" + layout, kind, value)
    paths = [os.path.join(folder, f"set-0000{i}-of-00002.gguf") for i in (1, 2)]
    for i, path in enumerate(paths):
        own = named(b"split.no", 2, "H", i) + named(b"split.count", 2, "H", 2) + named(b"split.tensors.count", 5, "i", n_tensors)
        head = struct.pack("<4sIQQ", magic, version, n_tensors * i, 3 + n_pairs * (1 - i)) + own + (infos if i else pairs)
        with open(path, "wb") as file:
            file.write(head + bytes(-len(head) % 32) + (values if i else b""))
    return paths[0]
