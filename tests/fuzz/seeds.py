#!/usr/bin/env python3
"""What the fuzzers begin with: each line of the vectors that a target's replay runs over is a file.
seeds.py BUILD CORPUS"""
import hashlib
import json
import pathlib
import subprocess
import sys


def inputs(path):
    for line in path.read_text(errors="replace").splitlines():
        text = line.split("|")[0].split("#")[0]
        try:
            data = bytes.fromhex(text)
        except ValueError:
            continue
        if data:
            yield data


def main(build, corpus):
    told = subprocess.run(["meson", "introspect", build, "--tests"], capture_output=True, check=True)
    for test in json.loads(told.stdout):
        if "replay_" not in test["name"]:
            continue
        folder = pathlib.Path(corpus) / test["name"].replace("replay_", "fuzz_")
        folder.mkdir(parents=True, exist_ok=True)
        for path in test["cmd"][1:]:
            for data in inputs(pathlib.Path(path)):
                (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


main(*sys.argv[1:])
