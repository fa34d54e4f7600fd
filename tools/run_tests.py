#!/usr/bin/env python3
"""Runs the Meson tests of every build folder given and closes with one line:
N passed, N failed, N skipped. Counts the cases that a program reports, not just programs.
What failed is listed once more at the end, with what failed in it and the last lines that it said."""
import json
import os
import pathlib
import re
import subprocess
import sys

PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
CMOCKA = {key: re.compile(rf"\[  {word}\] (\d+) test\(s\)") for key, word in
          (("passed", "PASSED  "), ("failed", "FAILED  "), ("skipped", "SKIPPED "))}
TAIL_LINES = 15
GOOD = ("OK", "EXPECTEDFAIL")


def said(test):
    return (test.get("stdout") or "") + (test.get("stderr") or "")


def cases(test):
    """[passed, failed, skipped] of one program; a program that says nothing is one case. A program
    that ends badly has at least one failure, whatever it counted."""
    text = said(test)
    if test["result"] == "SKIP":
        return [0, 0, 1]
    plain = PLAIN.findall(text)
    if plain:
        counts = [sum(int(row[i] or 0) for row in plain) for i in range(3)]
    else:
        counts = [sum(int(n) for n in CMOCKA[key].findall(text)) for key in
                  ("passed", "failed", "skipped")]
    if test["result"] not in GOOD and counts[1] == 0:
        counts[1] = 1
    if sum(counts) == 0:
        counts[0] = 1
    return counts


def last_words(test):
    """The last line that says something else than counts."""
    lines = [line.strip() for line in said(test).splitlines()]
    words = [line for line in lines if line and not PLAIN.match(line) and not line.startswith("[")]
    return words[-1] if words else "no reason given"


def run(build):
    """Every test of one build folder: what Meson wrote down about each."""
    log = pathlib.Path(build) / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1", MALLOC_PERTURB_="0")
    patience = "6" if build.endswith("sanitize") else "2"
    code = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--timeout-multiplier", patience,
                           "--num-processes", str(max(2, os.cpu_count() or 2))],
                          env=env, check=False, stdin=subprocess.DEVNULL).returncode
    tests = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    planned = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True,
                                        capture_output=True, text=True).stdout)
    if len(tests) != len(planned) or (code != 0 and all(t["result"] in GOOD + ("SKIP",) for t in tests)):
        tests.append({"name": "meson test", "result": "FAIL",
                      "stdout": f"{len(tests)} of {len(planned)} tests ran, exit code {code}"})
    return tests


total, failed, skipped = [0, 0, 0], [], []
for build in sys.argv[1:]:
    print(f"== {build}", flush=True)
    for test in run(build):
        counts = cases(test)
        total = [a + b for a, b in zip(total, counts)]
        if counts[1]:
            failed.append((build, test))
        if counts[2]:
            skipped.append((build, test, counts[2]))
for build, test, count in skipped:
    print(f"skipped: {test['name']} ({build}): {count}: {last_words(test)}")
for build, test in failed:
    print(f"failed: {test['name']} ({build}): {test['result']}")
    lines = said(test).splitlines()
    early = [line for line in lines[:-TAIL_LINES] if "FAILED" in line]
    for line in early + lines[-TAIL_LINES:]:
        print(f"    {line}")
print("%d passed, %d failed, %d skipped" % tuple(total))
sys.exit(1 if total[1] or not total[0] else 0)
