#!/usr/bin/env python3
"""Proves by nm that engines read no clock, open nothing and sleep never: check_symbols.py LIB.a..."""
import pathlib
import re
import subprocess
import sys

SYSTEM = {"time", "clock_gettime", "gettimeofday", "socket", "open", "open64", "fopen", "fopen64",
          "sleep", "usleep", "nanosleep", "rand", "random", "getrandom", "select", "poll", "localtime",
          "localtime_r", "mktime", "setenv", "getenv", "system", "fork"}
HEAP = {"malloc", "calloc", "realloc", "free", "strdup"}
FLOAT = re.compile(r"^(__(add|sub|mul|div|float|fix|extend|trunc)[a-z]*[sdtx]f[0-9]?|sin|cos|sqrt|pow|floor)$")
FREESTANDING = {"base", "proto", "terminal", "meter", "rating", "strategy", "forecast"}
# base/must.c is the hosted promise-breaker; an image supplies its own.
EXEMPT = {("base", "must.c.o")}

faults, seen = [], 0
for lib in sys.argv[1:]:
    room = re.match(r"lib(\w+)\.a", pathlib.Path(lib).name).group(1)
    out = subprocess.run(["nm", "-u", lib], capture_output=True, text=True, check=True).stdout
    member = ""
    for line in out.splitlines():
        if line.endswith(":"):
            member = re.sub(r"^.*[/_]", "", line[:-1]) if line else ""
        m = re.match(r"\s+[Uw]\s+(\S+)", line)
        if not m or (room, member) in EXEMPT:
            continue
        seen += 1
        name = m.group(1).split("@")[0]
        if name in SYSTEM or (room in FREESTANDING and (name in HEAP or FLOAT.match(name))):
            faults.append(f"{room}: {member} uses {name}")

print("\n".join(faults))
print(f"{seen} undefined symbols checked, {len(faults)} banned")
sys.exit(1 if faults or not seen else 0)
