#!/usr/bin/env python3
"""Worked bills with the terms of an account: rate_terms.py YUFU TABLE. Every amount is the one that
was worked out by hand, every line multiplies out, and both forms of the bill say the same."""
import json
import os
import sys
import tempfile

import program

yufu, table = sys.argv[1:]
folder = tempfile.TemporaryDirectory(prefix="yufu-rate-")
plan_path, usage_path = (os.path.join(folder.name, name) for name in ("plan.json", "usage.csv"))
plans, bills, wrong = {}, 0, []


def run(plan, used, options):
    for path, text in ((plan_path, plan), (usage_path, f"total\n{used}\n")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return program.run(yufu, "rate", *options, plan_path, usage_path)


def multiplies_out(line):
    if line["kind"] in ("minimum", "subsidy"):
        return line["carry_in"] == line["carry_out"]
    quantity = line["of_fen"] if "of_fen" in line else line["quantity_wh"]
    digits = line["percent"] if "of_fen" in line else line["price"]
    scale = 7 if "of_fen" in line else 8
    whole, _, part = digits.lstrip("-").partition(".")
    price = int(whole + part.ljust(scale, "0")) * (-1 if digits[0] == "-" else 1)
    return quantity * price + line["carry_in"] == line["amount_fen"] * 10**9 + line["carry_out"]


for text in open(table, encoding="utf-8"):
    text = text.strip()
    if not text or text.startswith("#"):
        continue
    if "|" not in text:
        name, body = text.split(" = ", 1)
        plans[name] = body
        continue
    name, plan, options, used, fen = (f.strip() for f in text.split("|"))
    both = run(plans[plan], used, options.split())
    bills += 1
    if both.returncode != 0:
        wrong.append(f"{name}: {both.stderr}")
        continue
    first, shown = both.stdout.split("\n", 1)
    bill = json.loads(first)
    if bill["amount_fen"] != int(fen) or sum(t["amount_fen"] for t in bill["lines"]) != int(fen):
        wrong.append(f"{name}: expected {fen}, got {first}")
    wrong += [f"{name}: {t}" for t in bill["lines"] if not multiplies_out(t)]
    for t in bill["lines"]:
        yuan = f"{'-' if t['amount_fen'] < 0 else ''}{abs(t['amount_fen']) // 100}.{abs(t['amount_fen']) % 100:02}"
        if not any(f" {yuan}  {t['kind']}" in row for row in shown.splitlines()):
            wrong.append(f"{name}: no {yuan} {t['kind']} in\n{shown}")

# What a plan asks for and the command does not say is refused, not taken as nothing.
asks = (("capacity", "--months 1"), ("capacity", "--capacity 1"), ("demand", "--months 1 --demand 1"),
        ("plain", "--months 1"), ("plain", "--demand 1"), ("factor", ""), ("kwh", ""))
for plan, options in asks:
    r = run(plans[plan], 1000, options.split())
    if r.returncode != 1 or "RATING_FEE" not in r.stderr:
        wrong.append(f"{plan} with '{options}': {r.returncode} {r.stderr}{r.stdout}")
for w in wrong:
    print(w)
print(f"{bills} worked bills, {len(asks)} refusals, {len(wrong)} wrong")
sys.exit(1 if wrong or not bills else 0)
