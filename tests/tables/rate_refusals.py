#!/usr/bin/env python3
"""The same refusals as a user sees them: rate_refusals.py YUFU TABLE. `yufu rate` names the reason and
the place, prints no bill and ends with 1."""
import os
import re
import sys
import tempfile

import program

yufu, table = sys.argv[1:]
passed = failed = 0


def expand(text):
    """@3<a#> becomes a1,a2,a3."""
    return re.sub(r"@(\d+)<([^>]*)>", lambda m: ",".join(
        m.group(2).replace("#", str(i + 1)) for i in range(int(m.group(1)))), text)


with tempfile.TemporaryDirectory(prefix="yufu-refusals-") as folder:
    plan, usage = os.path.join(folder, "plan.json"), os.path.join(folder, "usage.csv")
    with open(usage, "w", encoding="utf-8") as f:
        f.write("total\n1\n")
    for line in open(table, encoding="utf-8"):
        if not line.strip() or line.startswith("#"):
            continue
        head, json = line.rstrip("\n").split("|", 1)
        reason, *rest = head.split()
        if reason in ("PLAN_OK", "warns"):
            continue
        place = rest[0]
        with open(plan, "w", encoding="utf-8") as f:
            f.write(expand(json.lstrip(" ")))
        r = program.run(yufu, "rate", plan, usage)
        words = f"{reason} at {'the top' if place == '-' else place}"
        if r.returncode == 1 and words in r.stderr and not r.stdout:
            passed += 1
        else:
            failed += 1
            print(f"{line.strip()}\n  got {r.returncode}: {r.stderr.strip()} {r.stdout.strip()}")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
