#!/usr/bin/env python3
"""Model files, their schema and the command that checks them: models.py YUFU ROOT"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

yufu, root = sys.argv[1], pathlib.Path(sys.argv[2])
files = sorted((root / "models").glob("*.json"))


def run(*words):
    return subprocess.run([yufu, "model", *map(str, words)], capture_output=True, text=True)


schema_text = (root / "docs/formats/model.schema.json").read_text()
assert run("schema").stdout == schema_text, "docs/formats/model.schema.json: make it anew by yufu model schema"

good = run("check", *files)
assert good.returncode == 0, good.stdout
assert len(good.stdout.splitlines()) == len(files) > 0

listed = run("list").stdout
for f in files:
    model = json.loads(f.read_text())
    assert model["name"] == f.stem, f
    assert f"{f.stem} " in listed, f"{f.stem} is not compiled in"
    assert model["title"]["zh"] in listed and model["title"]["en"] in listed

with tempfile.TemporaryDirectory() as room:
    bad = pathlib.Path(room) / "bad.json"
    wrong = json.loads((root / "models/yufu-dorm3.json").read_text())
    wrong["colour"] = 1
    wrong["rows"][1]["every_s"] = -5
    wrong["rows"][2]["points"] = [{"point": "warmth"}]
    bad.write_text(json.dumps(wrong))
    told = run("check", bad)
    assert told.returncode == 1
    for word in ("/colour:", "/rows/1/every_s:", "/rows/2/points/0/point:", "没有此成员", "out of range"):
        assert word in told.stdout, (word, told.stdout)
    assert run("check", bad.with_name("none.json")).returncode == 1
    assert run("check").returncode == 2

    more = pathlib.Path(room) / "more"
    more.mkdir()
    mine = json.loads((root / "models/water-188.json").read_text())
    mine["name"] = "water-of-mine"
    (more / "water-of-mine.json").write_text(json.dumps(mine))
    env = {**os.environ, "YUFU_MODELS": str(more)}
    with_mine = subprocess.run([yufu, "model", "list"], capture_output=True, text=True, env=env)
    assert with_mine.returncode == 0 and "water-of-mine " in with_mine.stdout
    (more / "bad.json").write_text("{}")
    refused = subprocess.run([yufu, "model", "list"], capture_output=True, text=True, env=env)
    assert refused.returncode == 2 and "/rows:" in refused.stdout and "bad.json" in refused.stdout

schema = json.loads(schema_text)
for f in files:
    jsonschema.validate(json.loads(f.read_text()), schema)
for broken in (wrong, {}):
    try:
        jsonschema.validate(broken, schema)
    except jsonschema.ValidationError:
        continue
    raise AssertionError("the schema takes a broken model")
print(f"{len(files)} models fit the schema and the command")
