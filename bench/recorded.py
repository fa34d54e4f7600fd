#!/usr/bin/env python3
"""Recorded appliances, each kind judged without it: recorded.py RECORDED DATA_DIR [--check]

Prints what bench/recorded.c finds on the recordings; with --check, fails unless docs/manual/load.md and
load.zh-CN.md have the same rows. Skipped where the recordings are not at hand.
"""
import pathlib
import subprocess
import sys

PROGRAM, DATA = sys.argv[1], pathlib.Path(sys.argv[2]) / "appliances"
FOLDER = pathlib.Path(__file__).resolve().parents[1] / "docs/manual"
MANUAL = (FOLDER / "load.md").read_text(encoding="utf-8")
ZH = (FOLDER / "load.zh-CN.md").read_text(encoding="utf-8")
SETS = {
    "bench meter, 1 Hz: kettle, water heater, vacuum cleaner": "malaysia-1hz/*/main.csv",
    "single cycles, 250 switchings of 12 appliances": "plaid-cycles/index.csv",
    "plugs, active power only: 14 traces": "tracebase/*.csv",
}


def run(*options):
    args = [x for name, files in SETS.items() for x in ("--set", name, *sorted(DATA.glob(files)))]
    done = subprocess.run([PROGRAM, *options, *map(str, args)], capture_output=True, text=True, check=True)
    print(done.stdout, end="")
    return [line for line in done.stdout.splitlines() if line.startswith("| ")]


if not DATA.exists():
    print(f"{DATA} has no recordings: skipped")
    sys.exit(0)
rows = run()
figures = [r.split("|", 2)[2].replace(" of ", "/") for r in rows]
missing = [r for r, f in zip(rows, figures) if r not in MANUAL or f not in ZH] if "--check" in sys.argv else []
for r in missing:
    print(f"FAILED: docs/manual/load.md or load.zh-CN.md has not the row: {r}")
sys.exit(1 if missing or len(rows) != len(SETS) else 0)
