# SPDX-License-Identifier: Apache-2.0
"""The training texts: unpacked from Debian packages, and none of the texts that the product judges with.

austen(): four novels out of r-cran-janeaustenr. R keeps them in a lazy-load database: Rdata.rdx (gzip, R's XDR
serialisation) says where each object lies in Rdata.rdb, where it is a 4-byte length and a zlib stream.
bible(): the King James Bible out of bible-kjv and bible-kjv-text, written by the package's own program.
"""
import gzip
import pathlib
import re
import struct
import subprocess
import zlib

NOVELS = ["prideprejudice", "sensesensibility", "mansfieldpark", "emma"]
"""persuasion and northangerabbey are the texts of the demo and the study: they stay out."""
PACKAGES = ["r-cran-janeaustenr", "bible-kjv", "bible-kjv-text"]


class _R:
    """As much of R's serialisation (XDR, versions 2 and 3) as lists and character vectors need."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 2
        if data[:2] != b"X\n":
            raise ValueError("R object: expected format X")
        version = self.int(), self.int(), self.int()
        if version[0] == 3:
            encoding = self.int()
            self.at += encoding
        self.symbols: list = []

    def int(self) -> int:
        (value,) = struct.unpack_from(">i", self.data, self.at)
        self.at += 4
        return value

    def item(self):
        flags = self.int()
        kind, attributes, tag = flags & 255, flags & 512, flags & 1024
        if kind in (254, 242, 253):  # NULL, the empty and the global environment
            return None
        if kind == 1:
            self.symbols.append(self.item())
            return self.symbols[-1]
        if kind == 255:
            return self.symbols[(flags >> 8) - 1]
        if kind == 2:  # pairlist
            pairs = {}
            while kind == 2:
                if attributes:
                    self.item()
                name = self.item() if tag else None
                pairs[name] = self.item()
                flags = self.int()
                kind, attributes, tag = flags & 255, flags & 512, flags & 1024
            return pairs
        if kind == 9:
            n = self.int()
            if n < 0:
                return None
            self.at += n
            return self.data[self.at - n : self.at].decode()
        n = self.int()
        if kind in (10, 13):
            value = [self.int() for _ in range(n)]
        elif kind in (16, 19):
            value = [self.item() for _ in range(n)]
        else:
            raise ValueError(f"R object: expected a list or text; found type {kind}")
        extra = self.item() if attributes else None
        if kind == 19 and extra and "names" in extra:
            return dict(zip(extra["names"], value))
        return value


def austen(root: pathlib.Path) -> dict[str, str]:
    data = root / "usr/lib/R/site-library/janeaustenr/data"
    index = _R(gzip.decompress((data / "Rdata.rdx").read_bytes())).item()["variables"]
    chunks = (data / "Rdata.rdb").read_bytes()
    texts = {}
    for name in NOVELS:
        start, size = index[name]
        lines = _R(zlib.decompress(chunks[start + 4 : start + size])).item()
        texts[name] = "\n".join(lines) + "\n"
    return texts


def bible(root: pathlib.Path) -> dict[str, str]:
    """One book a paragraph block, its verses without numbers, folded at the width of the novels."""
    run = subprocess.run(
        [root / "usr/bin/bible", "-p", root / "usr/lib", "-f", "gen1:1-rev22:21"],
        check=True, capture_output=True, text=True)
    chapters, last = [], None
    for line in run.stdout.splitlines():
        found = re.match(r"(\S+?)(\d+):(\d+) (.*)", line)
        if not found:
            continue
        if (found[1], found[2]) != last:
            chapters.append([])
            last = (found[1], found[2])
        chapters[-1].append(found[4].strip())
    return {"kingjames": "\n\n".join("\n".join(verses) for verses in chapters) + "\n"}


def unpack(work: pathlib.Path) -> pathlib.Path:
    """Downloads PACKAGES with apt-get (nothing is installed) and unpacks them under `work`."""
    root = work / "debian"
    if not (root / "done").exists():
        root.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", *PACKAGES], cwd=root, check=True)
        for package in sorted(root.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, root], check=True)
        (root / "done").touch()
    return root
