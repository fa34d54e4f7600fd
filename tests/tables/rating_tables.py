#!/usr/bin/env python3
"""Worked bills: rating_tables.py DRIVER TABLE. Each line's exact sum and posted amount must hold."""
import sys
from fractions import Fraction

import program

driver, table = sys.argv[1:]
cases = []
for number, text in enumerate(open(table, encoding="utf-8"), 1):
    if text.strip() and not text.startswith("#"):
        name, plan, used, exact, fen = (f.strip() for f in text.split("|"))
        rates = [int(w) for w in used.split()]
        registers = [rates[0], 0, 0, 0, 0] if len(rates) == 1 else [sum(rates)] + rates
        cases.append((number, name, plan, registers, Fraction(exact), int(fen)))

lines = "".join(f"{plan}\t0 0 0 0 0\t{' '.join(map(str, r))}\t0\n" for _, _, plan, r, _, _ in cases)
answers = program.run(driver, input=lines, check=True).stdout.splitlines()
assert len(answers) == len(cases)
failed = 0
for (number, name, _, registers, exact, fen), answer in zip(cases, answers):
    words = answer.split()
    good = words[0] == "OK" and int(words[1]) == registers[0] and int(words[2]) == fen
    # amount in fen and carry in 1e-9 fen give the exact sum back
    good = good and Fraction(int(words[2]) * 10**9 + int(words[3]), 10**11) == exact
    if not good:
        failed += 1
        print(f"{table}:{number}: {name}: expected {fen} fen, {exact} yuan; got: {answer}")
print(f"{len(cases) - failed} passed, {failed} failed")
sys.exit(1 if failed or not cases else 0)
