#!/usr/bin/env python3
"""Bills of dated usage: dated_bills.py YUFU TABLE [MANUAL]. The exact sum of each bill of the table
must hold, its lines must add up and explain themselves, and cutting the same rows into other bills
must change no sum. Where the manual is given, its dated example must print what it says."""
import json
import random
import re
import sys
from fractions import Fraction

from tries import Tries

yufu, table = sys.argv[1:3]
tries = Tries(yufu)
run, check = tries.run, tries.check


def exact(bill):
    return Fraction(bill["amount_fen"] * 10**9 + bill["carry"], 10**11)


def explained(bill):
    """Each line's numbers give its amount; what is used is in the lines."""
    for one in bill["bills"]:
        carry = None
        for l in one["lines"]:
            if carry is not None and l["carry_in"] != carry:
                return False
            carry = l["carry_out"]
            if l["kind"] in ("minimum", "subsidy"):
                continue
            if l["kind"] == "season_limit":
                bound = Fraction(l["quantity_wh"]) * Fraction(l["price"]) / 10
                if l["amount_fen"] != (bound + Fraction(1, 2)) // 1 - l["of_fen"] or \
                        l["rule"] != ("season_most" if l["amount_fen"] < 0 else "season_least"):
                    return False
                continue
            product = l["of_fen"] * Fraction(l["percent"]) * 10**7 if "percent" in l else \
                l["quantity_wh"] * Fraction(l["price"]) * 10**8
            if l["rounding"] == "carry" and \
                    l["amount_fen"] * 10**9 + l["carry_out"] != product + l["carry_in"]:
                return False
            if not (l["from"] <= l["to"] and l["rule"] and l["prices"]):
                return False
            if l["rate"] != "total" and not l["periods"]:
                return False
            if "step" in l and l["step_to_wh"] is not None and l["step_from_wh"] > l["step_to_wh"]:
                return False
        if sum(l["amount_fen"] for l in one["lines"]) != one["amount_fen"]:
            return False
    return sum(b["amount_fen"] for b in bill["bills"]) == bill["amount_fen"]


plans, bills = {}, 0
for line in open(table, encoding="utf-8"):
    line = line.strip()
    if line.startswith("#") or not line:
        continue
    if "|" not in line:
        name, body = line.split(" = ", 1)
        plans[name] = body
        continue
    title, name, options, rows, want, *marks = (f.strip() for f in line.split("|"))
    csv = "\n".join(r.strip() for r in rows.split(";")) + "\n"
    code, out, err = run(plans[name], csv, "--json", *options.split())
    bill = json.loads(out) if code == 0 else {}
    check(code == 0 and exact(bill) == Fraction(want), title, "expected", want, "got",
          float(exact(bill)) if code == 0 else "", out, err)
    check(code == 0 and explained(bill), title, "does not explain itself", out)
    all_marks = {m for b in bill.get("bills", []) for l in b["lines"] for m in l["marks"]}
    for m in marks:
        check(m in all_marks, title, "lacks the mark", m, out)
    code, out, err = run(plans[name], csv, "--table", *options.split())
    check(code == 0 and "rule 规则" in out or not bill.get("bills", [{}])[0].get("lines"), title,
          "as a table", out, err)
    bills += 1

# The same rows as one bill, a bill a month and a bill a day: the same exact sum.
chance = random.Random(20260301)
for name in ("E1", "E2I", "LM", "W1", "D14", "CN", "WIN", "Q10", "Q10C", "QL", "QLC", "MD", "H1",
             "FEES", "TWO", "HL", "NVI", "TH"):
    day = 0
    for round_ in range(2):
        rows, at, total = [], 24 * chance.randrange(300), 0
        for _ in range(40):
            rows.append((at, total))
            at += chance.choice((1, 5, 24, 24, 24, 31, 50))
            total += chance.randrange(40_000)
        csv = "time,total\n" + "".join(
            f"2026-{1 + h // 24 // 28:02d}-{1 + h // 24 % 28:02d} {h % 24:02d}:00,{t}\n"
            for h, t in rows if h // 24 // 28 < 12)
        options = ["--json", "--area", "90000", "--capacity", "5000", "--continues", "--opened",
                   "2025-12-01"]
        if name == "TWO":
            csv = "".join(r + (",reactive" if i == 0 else ",700") + "\n"
                          for i, r in enumerate(csv.splitlines()))
        sums = []
        for how in ("one", "month", "day"):
            code, out, err = run(plans[name], csv, *options, "--bills", how)
            bill = json.loads(out) if code == 0 else None
            check(code == 0 and explained(bill), name, how, "cannot be cut", out[:200], err)
            if code == 0:
                sums.append((exact(bill), bill["energy_wh"], bill["used_after_wh"],
                             bill["quota_left_wh"]))
        check(len(set(sums)) == 1, name, "cut into bills", sums, csv)

FLAT, LADDER, TOU = '{"kind":"flat","price":"0.5"}', plans["E1"], plans["E2"]
for plan, csv, options, words in (
        (FLAT, "time,total\n2026-01-01,1\n", [], "CSV_EMPTY"),
        (FLAT, "time,total\n2026-01-01,2\n2026-02-01,1\n", [], "row 3: RATING_BACKWARDS"),
        (FLAT, "time,total\n2026-02-01,1\n2026-01-01,2\n", [], "RATING_ROWS"),
        (FLAT, "day,total\n2026-02-01,1\n2026-02-01,2\n", [], "RATING_ROWS"),
        (FLAT, "day,total\n2026-02-30,1\n", [], "row 2 column 1: SYNTAX"),
        (FLAT, "day,total\n2026-02-3,1\n", [], "row 2 column 1: SYNTAX"),
        (FLAT, "month,total\n2026-13,1\n", [], "row 2 column 1: SYNTAX"),
        (FLAT, "from,total\n2026-01-01,1\n", [], "CSV_HEADER_MISSING"),
        (FLAT, "day,month,total\n2026-01-01,2026-01,1\n", [], "CSV_HEADER_TWICE"),
        (FLAT, "day,total_m3\n2026-01-01,1\n", [], "row 1 column 2: CSV_HEADER"),
        (FLAT, "day,total_kWh\n2026-01-01,1.2345\n", [], "row 2 column 2: SYNTAX"),
        (FLAT, "day,total,estimated\n2026-01-01,1,yes\n", [], "row 2 column 3: SYNTAX"),
        (FLAT, "day,total\n2026-01-02,1\n", ["--begin", "2026-01-03"], "RATING_ROWS"),
        (TOU, "day,total\n2026-01-02,1\n", [], "RATING_RATES"),
        (TOU, "day,total\n2026-01-02,1\n", [], '"rates_from": "intervals"'),
        (TOU, "day,total,peak,sharp\n2026-01-02,2,1,1\n", [], "RATING_RATES"),
        (plans["H1"], "day,total\n2026-01-02,1\n", [], "RATING_FEE"),
        (plans["TWO"], "day,total\n2026-01-02,1\n", ["--capacity", "5"], "RATING_FEE"),
        (plans["Q10"], "total\n1\n", [], "RATING_DATES"),
        (plans["E5"], "total,peak\n1,1\n", [], "RATING_MONTH")):
    got, out, err = run(plan, csv, *options)
    check(got == 1 and words in err and not out, options, plan, csv, "->", got, out, err)

code, out, err = run(plans["CN"], "day,total\n2027-10-01,1\n", "--table")
check("CALENDAR_YEAR_MISSING at calendar 2027" in out, "the warning of a year", out, err)
code, out, err = run(plans["CN"], "day,total\n2026-10-01,1\n", "--json")
check(code == 0 and json.loads(out)["warnings"] == [], "no warning of a year", out, err)

if len(sys.argv) > 3:
    text = open(sys.argv[3], encoding="utf-8").read()
    plan, usage, output = (re.findall(rf"```{k}\n(.*?)```", text, re.S)[1]
                           for k in ("json", "csv", "text"))
    code, out, err = run(plan, usage, *output.splitlines()[0].split()[2:-2])
    check(code == 0 and out == output.split("\n", 1)[1], "the manual's dated example prints", out,
          err)
tries.end(f"{bills} dated bills")
