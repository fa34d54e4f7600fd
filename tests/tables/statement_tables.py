#!/usr/bin/env python3
"""Worked bills with steps: statement_tables.py DRIVER TABLE. The exact sum of each bill must hold."""
import subprocess
import sys
from fractions import Fraction

driver, table = sys.argv[1:]
plans, cases = {}, []
for number, text in enumerate(open(table, encoding="utf-8"), 1):
    text = text.strip()
    if not text or text.startswith("#"):
        continue
    if "|" not in text:
        name, plan = text.split(" = ", 1)
        plans[name] = plan
        continue
    name, plan, where, used, exact = (f.strip() for f in text.split("|"))
    where = " ".join(where.split()[:3] + ["0"] + where.split()[3:])
    rows = []
    for row in used.split(";"):
        wh = [int(w) for w in row.split()]
        rows.append([wh[0], 0, 0, 0, 0] if len(wh) == 1 else [sum(wh)] + wh)
    cases.append((number, name, plans.get(plan, plan), where, rows, Fraction(exact)))

lines = "".join(f"S\t{plan}\t{where}\t{'; '.join(' '.join(map(str, r)) for r in rows)}\n"
                for _, _, plan, where, rows, _ in cases)
answers = subprocess.run([driver], input=lines, capture_output=True, text=True,
                         check=True).stdout.splitlines()
assert len(answers) == len(cases)
failed = 0
for (number, name, _, _, rows, exact), answer in zip(cases, answers):
    words = answer.split()
    good = words[0] == "OK" and int(words[1]) == sum(r[0] for r in rows)
    # amount in fen and carry in 1e-9 fen give the exact sum back
    good = good and Fraction(int(words[2]) * 10**9 + int(words[3]), 10**11) == exact
    if not good:
        failed += 1
        print(f"{table}:{number}: {name}: expected {exact} yuan; got: {answer}")
print(f"{len(cases) - failed} passed, {failed} failed")
sys.exit(1 if failed or not cases else 0)
