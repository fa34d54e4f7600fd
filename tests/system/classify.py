#!/usr/bin/env python3
"""Recorded appliances through the load watch: classify.py YUFU_TERMINAL DATA_DIR

Every format of docs/manual/load.md, the refusals with their line, the options; and, where the recorded
data is at hand, that no heating is missed and nothing else trips.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
DATA = pathlib.Path(os.environ.get("YUFU_DATA") or sys.argv[2]) / "appliances"
passed = failed = skipped = 0


def check(name, right, seen=""):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}\n{seen}")


def classify(*args):
    done = subprocess.run([PROGRAM, "classify", *map(str, args)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def table(text):
    """class -> (heating, labels, small, hit, missed, false, plain hit, plain missed, plain false)"""
    rows = {}
    for line in text.splitlines():
        m = re.match(r"(\S.*?)\s+(heating|allowed)\s+(\d+)\s+(\d+) \|\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+ms \|"
                     r"\s+(\d+)\s+(\d+)\s+(\d+)$", line)
        if m:
            rows[m[1]] = (m[2] == "heating", *map(int, m.groups()[2:]))
    return rows


def write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path


def plain(folder):
    head = "time,P,Q,U,I,label\n"
    rows = [(t, 5.0, 1.0, 220.0, 0.02, "") for t in range(5)]
    rows += [(5, 700, 1.0, 220.0, 3.2, "kettle")]
    rows += [(t, 1805.0, 2.0, 220.0, 8.205, "") for t in range(6, 12)]
    rows += [(t, 5.0, 1.0, 220.0, 0.02, "") for t in range(12, 20)]
    rows += [(20, 400, 300, 220.0, 2.3, "washing machine")]
    rows += [(t, 405.0, 300.0, 220.0, 2.29, "") for t in range(21, 30)]
    path = write(folder, "room.csv", head + "".join(",".join(map(str, r)) + "\n" for r in rows))
    code, out, _ = classify(path)
    t = table(out)
    check("plain: the kettle trips, the washing machine does not",
          code == 0 and t.get("kettle", (0,) * 9)[3] == 1 and t.get("washing machine", (0,) * 9)[5] == 0, out)
    check("plain: the reason stands beside the verdict", "heating" in out and "纯阻性" in out, out)
    _, out, _ = classify("--white", "1800", path)
    check("a white load does not trip", " white " in out and table(out)["kettle"][3] == 0, out)
    _, out, _ = classify("--limit", "2000", path)
    check("below the limit nothing trips", table(out)["kettle"][3] == 0, out)


def refusals(folder):
    cases = [("time,Q\n1,2\n", 1, "columns time and P"), ("time,P,X\n", 1, "unknown column"),
             ("time,P\n1,2\nsoon,3\n", 3, "no time"), ("time,P\n1,2\n2,much\n", 3, "no active power"),
             ("time,P\n5,2\n4,2\n", 3, "backwards"), ("30/11/2011 06:42:00;15\n", 1, "time;watts"),
             ("row,label,name,on\n0,1,Kettle,1\n", 1, "missing")]
    for i, (text, line, word) in enumerate(cases):
        code, _, err = classify(write(folder, f"bad{i}.csv", text))
        check(f"refused: {word}", code == 1 and f"line {line}:" in err and word in err, err)
    code, _, err = classify(pathlib.Path(folder) / "nowhere.csv")
    check("no such file", code == 1 and "No such file" in err, err)
    for args in ([], ["--white", "x", "f"], ["--limit"], ["--what", "1", "f"]):
        check(f"usage: {args}", classify(*args)[0] == 2)


MANUAL = (pathlib.Path(__file__).resolve().parents[2] / "docs/manual/load.md").read_text(encoding="utf-8")


def documented(name, t):
    """Heating found and false trips, as the manual has them."""
    rows = t.values()
    hit, aim = sum(r[3] for r in rows), sum(r[1] - r[2] for r in rows if r[0])
    row = f"| {name} | {hit} of {aim} | {sum(r[5] for r in rows)} | "
    row += f"{sum(r[6] for r in rows)} of {aim} | {sum(r[8] for r in rows)} |"
    check(f"the manual has the figures: {name}", row in MANUAL, row)


def recorded():
    global skipped
    if not DATA.exists():
        skipped += 1
        print(f"{DATA} has no recordings: skipped")
        return
    _, out, _ = classify("--quiet", *sorted(DATA.glob("malaysia-1hz/*/main.csv")))
    t = table(out)
    check("bench: 7 of 7 heating, 0 of 7 vacuum cleaners",
          t["kettle"][3] + t["water_heater"][3] == 7 and t["vacuum"][5] == 0 and t["vacuum"][8] == 7, out)
    documented("bench meter, 1 Hz: kettle, water heater, vacuum cleaner", t)
    _, out, _ = classify("--quiet", DATA / "plaid-cycles/index.csv")
    t = table(out)
    check("single cycles: every kettle and coffee maker, nothing else",
          t["WaterKettle"][3] == t["CoffeeMaker"][3] == 20 and sum(r[5] for r in t.values()) == 0
          and sum(r[8] for r in t.values()) > 0, out)
    documented("single cycles, 250 switchings of 12 appliances", t)
    code, out, _ = classify("--quiet", *sorted(DATA.glob("tracebase/*.csv")))
    t = table(out)
    check("active power alone: all files are read, laptops and lamps below",
          code == 0 and t["Iron"][3] == t["Iron"][1] and t["PC-Laptop"][5] == 0, out)
    documented("plugs, active power only: 14 traces", t)


with tempfile.TemporaryDirectory() as folder:
    plain(folder)
    refusals(folder)
recorded()
manual = pathlib.Path(__file__).resolve().parents[2] / "docs/manual/terminal.md"
rules = subprocess.run([PROGRAM, "rules"], capture_output=True, text=True)
check("the manual shows the table of reasons as it is", rules.returncode == 0 and
      rules.stdout in manual.read_text(encoding="utf-8"), rules.stdout)

print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
