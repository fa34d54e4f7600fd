#!/usr/bin/env python3
"""Every mutant must be caught: hunt.py SEEDS_MAX PROGRAM... Prints which seed caught which mutant."""
import pathlib
import re
import subprocess
import sys

limit, programs = int(sys.argv[1]), sys.argv[2:]
passed = failed = 0
for program in programs:
    name = pathlib.Path(program).name.removeprefix("mutant-")
    first, caught = 1, None
    while caught is None and first <= limit:
        size = min(40, limit - first + 1)
        run = subprocess.run([program, "vend", "--seed", str(first), "--seeds", str(size)],
                             capture_output=True, text=True)
        seeds = re.findall(r"^seed (\d+): (.*?)   \(repeat", run.stdout, re.M)
        if seeds:
            caught = min(seeds, key=lambda s: int(s[0]))
        elif run.returncode != 0:
            caught = ("?", f"the program ended with {run.returncode}: {run.stderr[-200:]}")
        first += size
    if caught:
        print(f"{name:24} caught by seed {caught[0]}: {caught[1]}")
        passed += 1
    else:
        print(f"{name:24} SURVIVED {limit} seeds")
        failed += 1
    sys.stdout.flush()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
