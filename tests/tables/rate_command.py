#!/usr/bin/env python3
"""`yufu rate` as a user sees it: rate_command.py YUFU MANUAL TABLE PAGE... Runs the manual's own example,
every example of the pages, all worked bills of the table, and every refusal."""
import json
import re
import sys
from fractions import Fraction

import program
from tries import Tries

yufu, manual, table, *pages = sys.argv[1:]
tries = Tries(yufu)
run, check = tries.run, tries.check


# The manual's example: its files, its command, its output to the letter.
text = open(manual, encoding="utf-8").read()
plan, usage, output = (re.search(rf"```{k}\n(.*?)```", text, re.S).group(1)
                       for k in ("json", "csv", "text"))
command = output.splitlines()[0].split()
code, out, err = run(plan, usage, *command[2:-2])
check(code == 0 and out == output.split("\n", 1)[1], "the manual's example prints", out, err)

# A plan, a usage, and what the command prints: again and again. Both languages have the same.
found = []
for page in pages:
    text = open(page, encoding="utf-8").read()
    blocks = re.findall(r"```(json|csv|text)\n(.*?)```", text, re.S)
    check(len(blocks) > 0 and [k for k, _ in blocks] == ["json", "csv", "text"] * (len(blocks) // 3), page, "has threes")
    found.append([body for _, body in blocks])
    for (_, plan), (_, usage), (_, output) in zip(*[iter(blocks)] * 3):
        command = output.splitlines()[0].split()
        code, out, err = run(plan, usage, *command[2:-2])
        check(code == 0 and out == output.split("\n", 1)[1], page, "prints", out, err)
check(all(f == found[0] for f in found), "the pages differ in their examples")

# Worked bills: rows as used, and the same rows as readings.
plans, bills = {}, 0
for line in open(table, encoding="utf-8"):
    line = line.strip()
    if line.startswith("#") or not line:
        continue
    if "|" not in line:
        name, body = line.split(" = ", 1)
        plans[name] = body
        continue
    name, body, where, rows, exact = (f.strip() for f in line.split("|"))
    before, persons, month = where.split()[:3]
    extra = [w for pair in zip(("--days", "--months", "--area"), where.split()[3:]) for w in pair]
    rows = [[int(w) for w in r.split()] for r in rows.split(";")]
    rows = [r if len(r) == 1 else [sum(r)] + r for r in rows]
    header = "total\n" if len(rows[0]) == 1 else "total,sharp,peak,flat,valley\n"
    start = [1000 * (i + 1) for i in range(5)][:len(rows[0])]
    readings, at = [], start
    for r in rows:
        at = [a + b for a, b in zip(at, r)]
        readings.append(at)
    options = ["--json", "--used-before", before, "--persons", persons, "--month", month, *extra]
    for given, more in ((rows, []), (readings, ["--opening", ",".join(map(str, start))])):
        csv = header + "".join(",".join(map(str, r)) + "\n" for r in given)
        code, out, err = run(plans.get(body, body), csv, *options, *more)
        bill = json.loads(out) if code == 0 else {}
        check(code == 0 and Fraction(bill["amount_fen"] * 10**9 + bill["carry"], 10**11) ==
              Fraction(exact) and sum(t["amount_fen"] for t in bill["lines"]) == bill["amount_fen"],
              name, more, "expected", exact, "got", out, err)
        if code == 0 and more:
            check(bill["opening_wh"][:len(start)] == start and
                  bill["closing_wh"][:len(start)] == readings[-1], name, "registers", out)
        bills += 1

FLAT = '{"kind":"flat","price":"0.5"}'
LADDER = plans["E1"]
HIGH = plans["E6"]
for plan, csv, options, code, words in (
        (FLAT, "total\n1\n", ["--opening", "x"], 2, "--opening: SYNTAX"),
        (FLAT, "total\n1\n", ["--opening", "1,2"], 2, "--opening: SYNTAX"),
        (FLAT, "total\n1\n", ["--opening", "1,2,3,4,5,6,7"], 2, "--opening: SYNTAX"),
        (FLAT, "total\n1\n", ["--used-before", "-1"], 2, "--used-before: "),
        (FLAT, "total\n1\n", ["--month", "13"], 2, "--month: RANGE"),
        (FLAT, "total\n1\n", ["--persons", "1000"], 2, "--persons: RANGE"),
        (FLAT, "total\n1\n", ["--json", "--table"], 2, "are needed"),
        (FLAT, "total\n9\n8\n", ["--opening", "0"], 1, "row 3: RATING_BACKWARDS"),
        (FLAT, "total\n", [], 1, "CSV_EMPTY"),
        (FLAT, "", [], 1, "CSV_EMPTY"),
        (FLAT, "peak\n1\n", [], 1, "CSV_HEADER_MISSING"),
        (FLAT, "total,total\n1,1\n", [], 1, "row 1 column 2: CSV_HEADER_TWICE"),
        (FLAT, "total,deep\n1,1\n", [], 1, "row 1 column 2: CSV_HEADER"),
        (FLAT, "at,total\nx,1.5\n", [], 1, "row 2 column 2: SYNTAX"),
        (FLAT, "at,total\nx\n", [], 1, "row 2 column 2: CSV_REQUIRED"),
        (FLAT, "total\n1,2\n", [], 1, "row 2 column 2: CSV_COLUMNS"),
        ('{"kind":"flat","price":"1","fees":[{"code":"a","price":"1","per":"day"}]}', "total\n1\n", [], 1,
         "RATING_FEE"),
        (HIGH, "total\n1\n", [], 1, "RATING_MONTH"),
        ('{"kind":"flat"}', "total\n1\n", [], 1, "MEMBER_MISSING at price"),
        (LADDER.replace('"400"', '"240"'), "total\n1\n", [], 1, "STEP_ORDER at steps[1].to"),
        ("", "total\n1\n", [], 1, "JSON_SYNTAX at the top"),
        # where, what stands there, and what should
        ('{"kind":"flat",\n "price":"1",}', "total\n1\n", [], 1, "line 2 column 14"),
        ('{"kind":"flat",\n "price":"0.123456789"}', "total\n1\n", [], 1, "line 2 column 10 "),
        ('{"kind":"flat",\n "price":"1",\n "price":"2"}', "total\n1\n", [], 1, "line 3 column 10 "),
        ('{"kind":"ladder",\n "cycle":"month","steps":[\n  {"to":"9","price":"1"},\n  {"to":"8","price":"1"},'
         '\n  {"price":"2"}]}', "total\n1\n", [], 1, "STEP_ORDER at steps[1].to"),
        ('{"kind":"ladder",\n "cycle":"month","steps":[\n  {"to":"9","price":"1"},\n  {"to":"8","price":"1"},'
         '\n  {"price":"2"}]}', "total\n1\n", [], 1, "line 4 column 9 "),
        ('{"kind":"flat","price":"1",\n "fees":[\n  {"code":"a","price":"1"}]}', "total\n1\n", [], 1,
         "line 3 column 3 "),
        ('{"kind":"flat",\n// x\n "price":"1"}', "total\n1\n", [], 1, "line 2 column 1 "),
        ('{"kind":"flat","price":"1","' + "x" * 30 + '":1}', "total\n1\n", [], 1, "MEMBER_UNKNOWN"),
        ('{"kind":"flat","price":"1","names":{"zh":"' + "x" * 70000 + '"}}', "total\n1\n", [], 1,
         "64 KiB"),
        (FLAT, "day,total_kWh\n3/1/2026,1\n", [], 1, '"3/1/2026"; expected 应为 a day'),
        (FLAT, "day,total_kWh\n46082,1\n", [], 1, '"46082"; expected 应为 a day'),
        (FLAT, "month,total_kWh\n2026年3月,1\n", [], 1, '"2026年3月"; expected 应为 a month'),
        (FLAT, 'day,total_kWh\n2026-03-01,"1,234.5"\n', [], 1, '"1,234.5"; expected'),
        (FLAT, "day;total_kWh\n2026-03-01;1\n", [], 1, '"day;total_kWh"; columns'),
        (FLAT, "day,total_kWh\n2026-03-02,1\n2026-03-01,1\n", [], 1, "row 3: RATING_ROWS"),
        (FLAT, "day,total_kWh\n2026/3,1\n", [], 1, "row 2 column 1: SYNTAX"),
        (FLAT, "day,total_kWh\n2026/2/30,1\n", [], 1, "row 2 column 1: SYNTAX"),
        (FLAT, "day,total_kWh\n2026/3/1 8:00,1\n", [], 1, "row 2 column 1: SYNTAX")):
    got, out, err = run(plan, csv, *options)
    check(got == code and words in err and not out, options, plan, csv, "->", got, out, err)
# What spreadsheets make of a file: a byte order mark, CRLF, empty rows, other columns, short dates.
for csv, fen in (("\ufeffday,total_kWh\r\n2026/3/1,1.5\r\n\r\n,,\r\n2026/03/02,2\r\n", 175),
                 ("total_kWh,time\n1,2026/3/1 8:00\n3,2026/12/31 23:59\n", 100)):
    got, out, err = run("\ufeff" + FLAT, csv, "--json")
    check(got == 0 and json.loads(out)["amount_fen"] == fen, "a spreadsheet's file", csv, out, err)
gone = program.run(yufu, "rate", "/nonexistent.json", "/nonexistent.csv")
check(gone.returncode == 1 and "NOT_FOUND" in gone.stderr, "a missing file", gone.stderr)
tries.end(f"{bills} worked bills")
