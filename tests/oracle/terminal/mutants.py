#!/usr/bin/env python3
"""Shows that terminal_model can fail: mutants.py BUILD [--mutants N] [--seed N] [--least PERCENT]
[--operations N]. Changes one operator or constant of src/terminal at a time, links the changed file
with the model and lets them run. A mutant that is not noticed survives and is printed; some are
equal to the original whatever one does, so a share of them may."""
import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SWAPS = [(" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" == ", " != "),
         (" != ", " == "), (" + ", " - "), (" - ", " + "), (" && ", " || "), (" || ", " && "),
         (" += ", " -= "), (" -= ", " += "), (" |= ", " &= "), (" = true;", " = false;"),
         (" = false;", " = true;"), ("return true", "return false"), ("return false", "return true")]
NUMBER = re.compile(r"(?<![\w.'%\"\[])([0-9]+)(?![\w.'\"])")
SKIP = "load.c,load_rule.c,load_white.c"  # tests of their own look after them

args = argparse.ArgumentParser()
args.add_argument("build", type=pathlib.Path)
args.add_argument("--mutants", type=int, default=60)
args.add_argument("--seed", type=int, default=1)
args.add_argument("--least", type=int, default=75)
args.add_argument("--operations", default="60000")
args = args.parse_args()
root = pathlib.Path(__file__).resolve().parents[3]
build = args.build.resolve()
source = root / "src/terminal"


def changes(line):
    for old, new in SWAPS:
        for m in re.finditer(re.escape(old), line):
            yield line[:m.start()] + new + line[m.end():]
    for m in NUMBER.finditer(line):
        yield line[:m.start()] + str(int(m.group(1)) + 1) + line[m.end():]


def places(path):
    comment = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        line = re.sub(r'/\*.*?\*/', '', line)
        code = line.strip()
        comment = (comment or code.startswith("/*")) and "*/" not in code
        if comment or not line.startswith(" ") or '"' in code or "MUST(" in code:
            continue
        if code.startswith(("/*", "*", "//")):
            continue
        for changed in changes(line):
            yield number, changed


def survives(mutant):
    path, number, changed = mutant
    with tempfile.TemporaryDirectory(prefix="yufu-mutant-") as folder:
        lines = path.read_text(encoding="utf-8").splitlines()
        lines[number] = changed
        text = os.path.join(folder, path.name)
        pathlib.Path(text).write_text("\n".join(lines) + "\n", encoding="utf-8")
        made = subprocess.run(["cc", "-std=gnu2x", "-D_GNU_SOURCE", "-O1", "-w", f"-I{root}/src", "-c", "-o",
                               text + ".o", text], capture_output=True)
        if made.returncode != 0:
            return None
        program = os.path.join(folder, "model")
        ours = sorted((build / "tests/oracle/terminal/terminal_model.p").glob("*.o"))
        libs = [build / p for p in ("src/terminal/libterminal.a", "src/proto/libproto.a", "src/base/libbase.a")]
        subprocess.run(["cc", "-o", program, *ours, text + ".o", *libs, "-lcrypto", "-lsodium", "-ljansson"],
                       check=True, capture_output=True)
        try:
            run = subprocess.run([program, "--operations", args.operations, "--seed", "1"],
                                 capture_output=True, timeout=60)
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0


found = [(p, n, c) for p in sorted(source.glob("*.c")) if p.name not in SKIP.split(",") for n, c in places(p)]
chosen = random.Random(args.seed).sample(found, min(args.mutants, len(found)))
with ThreadPoolExecutor(2) as pool:
    verdicts = list(pool.map(survives, chosen))
for (path, number, changed), alive in zip(chosen, verdicts):
    if alive:
        print(f"survived: {path.relative_to(root)}:{number + 1}: {changed.strip()}")
built = sum(v is not None for v in verdicts)
alive = sum(v is True for v in verdicts)
print(f"{len(found)} places, {built} mutants: {built - alive} killed, {alive} survived; seed {args.seed}")
sys.exit(0 if built and (built - alive) * 100 >= built * args.least else 1)
