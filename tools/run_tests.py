#!/usr/bin/env python3
"""Runs the Meson tests of every build folder given and closes with one line:
N passed, N failed, N skipped. Counts the cases that a program reports, not just programs."""
import json
import os
import pathlib
import re
import subprocess
import sys

PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
CMOCKA = {key: re.compile(rf"\[  {word}\] (\d+) test\(s\)") for key, word in
          (("passed", "PASSED  "), ("failed", "FAILED  "), ("skipped", "SKIPPED "))}


def cases(test):
    """(passed, failed, skipped) of one program; a program that says nothing is one case."""
    text = (test.get("stdout") or "") + (test.get("stderr") or "")
    result = test["result"]
    if result == "SKIP":
        return 0, 0, 1
    plain = PLAIN.findall(text)
    if plain:
        counts = [sum(int(row[i] or 0) for row in plain) for i in range(3)]
    else:
        counts = [sum(int(n) for n in CMOCKA[key].findall(text)) for key in
                  ("passed", "failed", "skipped")]
    if result not in ("OK", "EXPECTEDFAIL") and counts[1] == 0:
        counts[1] = 1
    if sum(counts) == 0:
        counts[0] = 1
    return counts


total = [0, 0, 0]
for build in sys.argv[1:]:
    print(f"== {build}", flush=True)
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1", MALLOC_PERTURB_="0")
    args = ["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--num-processes", "2"]
    if build.endswith("sanitize"):
        args += ["--timeout-multiplier", "4"]
    subprocess.run(args, env=env, check=False)
    log = pathlib.Path(build) / "meson-logs" / "testlog.json"
    for line in log.read_text().splitlines():
        test = json.loads(line)
        counts = cases(test)
        total = [a + b for a, b in zip(total, counts)]
        if counts[1]:
            print(f"failed: {test['name']} ({build})")
        if counts[2]:
            print(f"skipped: {test['name']}: {counts[2]}")
print("%d passed, %d failed, %d skipped" % tuple(total))
sys.exit(1 if total[1] or not total[0] else 0)
