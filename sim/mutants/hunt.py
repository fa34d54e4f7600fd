#!/usr/bin/env python3
"""Every mutant must be caught: hunt.py [--trial vend|endure] [--seconds S] SEEDS PROGRAM...

Runs each mutant of a trial (vend) seed by seed until one finds fault with it, and prints that seed.
SEEDS is how many a mutant may survive, S how long all of them may take together."""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

STEP = {"vend": 10, "endure": 1}  # seeds in one run of a program
MORE = {"vend": [], "endure": ["--hours", "6"]}
JOBS = 2


def run(program, first, count):
    done = subprocess.run([program, trial, "--seed", str(first), "--seeds", str(count), "--jobs", "1"] + MORE[trial],
                          capture_output=True, text=True, errors="replace")
    seeds = re.findall(r"^seed (\d+): (.*?)   \(repeat", done.stdout, re.M)
    if seeds:
        return min(seeds, key=lambda s: int(s[0]))
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        return str(first) + "+", last[0]
    return None


def hunt(program, limit, end):
    first = 1
    while first <= limit and time.monotonic() < end:
        count = min(STEP[trial], limit - first + 1)
        caught = run(program, first, count)
        if caught:
            return caught
        first += count
    return None, f"SURVIVED {first - 1} seeds"


args, seconds, trial = sys.argv[1:], 1e9, "vend"
if args[0] == "--trial":
    trial, args = args[1], args[2:]
if args[0] == "--seconds":
    seconds, args = float(args[1]), args[2:]
limit, programs = int(args[0]), args[1:]
end = time.monotonic() + seconds
passed = failed = 0
with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
    for program, (seed, what) in zip(programs, pool.map(lambda p: hunt(p, limit, end), programs)):
        name = pathlib.Path(program).name.removeprefix("mutant-")
        print(f"{name:22} " + (f"caught by seed {seed}: {what}" if seed else what), flush=True)
        passed += seed is not None
        failed += seed is None
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
