#!/usr/bin/env python3
"""Runs the tests of the HTTP interface and holds every answer they got against docs/openapi.yaml.
check_contract.py TEST..."""
import os
import re
import subprocess
import sys
import tempfile

from contract import check_answer

with tempfile.TemporaryDirectory() as folder:
    record = os.path.join(folder, "answers")
    for test in sys.argv[1:]:
        done = subprocess.run([test], env={**os.environ, "YUFU_RECORD": record},
                              capture_output=True, text=True)
        if done.returncode:
            print(done.stdout[-2000:], done.stderr[-2000:])
            sys.exit(1)
    answers = [line.split("\t", 4) for line in open(record).read().splitlines()]

faults, seen = {}, set()
for method, path, status, kind, body in answers:
    seen.add((method, re.sub(r"\d+", "N", path.split("?")[0]), status))
    for fault in check_answer(method, path, status, kind, body):
        faults.setdefault(f"{method} {path} {status}{fault}", None)
print("\n".join(faults))
print(f"{len(answers)} answers of {len(seen)} kinds checked, {len(faults)} faults")
sys.exit(1 if faults or len(seen) < 40 else 0)
