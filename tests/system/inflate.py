#!/usr/bin/env python3
"""Our reader of zlib streams beside Python's: inflate.py TOOL

Whatever zlib writes, by all its strategies, comes out the same; what zlib refuses is refused.
"""
import pathlib
import random
import subprocess
import sys
import zlib

TOOL = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parents[2]
rand = random.Random(20)


def ours(stream):
    done = subprocess.run([TOOL], input=stream, capture_output=True)
    return done.stdout if done.returncode == 0 else None


texts = [p.read_bytes() for p in sorted((ROOT / "src/proto").glob("*.c"))[:8]]
texts += [b"", b"a", b"a" * 100_000, rand.randbytes(70_000), b"abc" * 1000, bytes(rand.choices(b"ab", k=50_000))]
streams = 0
for text in texts:
    for level in (0, 1, 9):
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE):
            c = zlib.compressobj(level, zlib.DEFLATED, rand.choice([9, 12, 15]), 9, strategy)
            assert ours(c.compress(text) + c.flush()) == text, (len(text), level, strategy)
            streams += 1
refused, whole = 0, zlib.compress(texts[0])
for _ in range(200):
    damaged = bytearray(whole)
    damaged[rand.randrange(len(damaged))] ^= 1 << rand.randrange(8)
    try:
        wanted = zlib.decompress(damaged)
    except zlib.error:
        wanted = None
    assert ours(bytes(damaged)) == wanted
    refused += wanted is None
for cut in rand.sample(range(len(whole)), 30):
    assert ours(whole[:cut]) is None
print(f"{streams} streams as zlib reads them, {refused} damaged and 30 cut ones refused as zlib does")
