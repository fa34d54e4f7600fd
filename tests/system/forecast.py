#!/usr/bin/env python3
"""The n-day rule on balances: forecast.py YUFU DATA_DIR

Made-up rooms whose outcome is known by hand, never a look ahead, every refusal with its line; and on the
recorded rooms, where they are at hand, better than the figures of a plain mean on comparable rooms.
"""
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

YUFU = sys.argv[1]
ROOMS = pathlib.Path(os.environ.get("YUFU_DATA") or sys.argv[2]) / "dorm-balance"
passed = failed = skipped = 0


def check(name, right, seen=""):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}\n{seen}")


def forecast(*args):
    done = subprocess.run([YUFU, "forecast", *map(str, args)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def scores(path, days, *more):
    code, out, err = forecast("--data", path, "--days", days, "--json", *more)
    check(f"{path} is read", code == 0, err)
    return [json.loads(line) for line in out.splitlines()]


def write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path


def steady(folder):
    """2 a day, 100 bought whenever 4 are left at a day's end: 2 days of each 48 fall short within two."""
    day, left, rows = datetime.date(2025, 3, 3), 100.0, ["date,kwh"]
    for _ in range(400):
        rows.append(f"{day},{left:.1f}")
        left = left - 2 if left > 4 else left + 96
        day += datetime.timedelta(days=1)
    s = scores(write(folder, "steady.csv", "\n".join(rows) + "\n"), 1)[0]
    check("steady: nothing falls short of one day", s["forecast"]["hit"] + s["forecast"]["false_alarm"] == 0, s)
    drained = ["date,kwh"] + [f"{datetime.date(2025, 3, 3) + datetime.timedelta(days=i)},{max(0, 30 - 2 * i)}"
                              for i in range(40)]
    s = scores(write(folder, "drained.csv", "\n".join(drained) + "\n"), 3)[0]
    # 6, 4 and 2 left are used up within three days; 6 left for 3 days of 2 is not strictly less
    check("drained: what is left on the last days", s["forecast"]["hit"] == 2 and s["forecast"]["missed"] == 1
          and s["forecast"]["false_alarm"] == 0, s)
    check("drained: nothing to foresee at zero", s["empty"] > 0, s)


def no_look_ahead(folder):
    """What comes later changes nothing of what is said of earlier days."""
    rows = ["date,kwh"] + [f"{datetime.date(2025, 3, 3) + datetime.timedelta(days=i)},{200 - i * 3 % 50}"
                           for i in range(60)]
    later = [f"{datetime.date(2025, 5, 2) + datetime.timedelta(days=i)},{5 + 37 * i % 90}" for i in range(60)]
    short = write(folder, "short.csv", "\n".join(rows) + "\n")
    tall = write(folder, "tall.csv", "\n".join(rows + later) + "\n")
    for how in ("unknown", "nothing"):
        a = forecast("--data", short, "--days", 2, "--list", "--hidden", how)[1].splitlines()
        b = forecast("--data", tall, "--days", 2, "--list", "--hidden", how)[1].splitlines()
        early = [x for x in b if x.startswith("  2025-0") and x[2:12] < "2025-04-29"]
        check(f"no look ahead, {how}", [x for x in a if x.startswith("  2025-0")] == early, (a, early))


def hidden(folder):
    """Two days are left, half is used in a day, then a recharge hides a whole one: nobody knows, or it lasted."""
    rows = ["date,kwh"] + [f"{datetime.date(2025, 3, 3) + datetime.timedelta(days=i)},{v}"
                           for i, v in enumerate([40, 38, 36, 34, 32, 30, 28, 26, 3, 50, 48, 46, 44, 42, 40])]
    path = write(folder, "hidden.csv", "\n".join(rows) + "\n")
    unknown, nothing = (scores(path, 1, "--hidden", how)[0] for how in ("unknown", "nothing"))
    check("hidden: not judged", unknown["unknown"] == nothing["unknown"] + 1, (unknown, nothing))
    check("hidden: lasted", nothing["forecast"]["false_alarm"] == unknown["forecast"]["false_alarm"] + 1
          and nothing["forecast"]["hit"] == unknown["forecast"]["hit"], (unknown, nothing))


def habits(folder):
    """Read once a day, 4 used each day, 40 bought on the day on which less than 4 is left: that day shows no
    use. The first five alarms of one day are false, then the room is known; where what is hidden is not
    judged nothing is learnt of it. A room that does not pay in time is never believed to."""
    day, left, rows = datetime.date(2025, 3, 3), 39.0, ["date,kwh"]
    late = ["date,kwh"]
    for i in range(300):
        rows.append(f"{day + datetime.timedelta(days=i)},{left:.1f}")
        late.append(f"{day + datetime.timedelta(days=i)},{max(0, 39 - i % 12 * 4)}")
        left = left - 4 if left >= 4 else left - 4 + 40
    pays = write(folder, "pays.csv", "\n".join(rows) + "\n")
    s, u = (scores(pays, 1, "--hidden", how)[0]["forecast"] for how in ("nothing", "unknown"))
    check("habits: five lessons", s["false_alarm"] == 5 and s["hit"] == 0, s)
    check("habits: not judged", u["false_alarm"] == 0 and u["hit"] == 0, u)
    n, u = (scores(write(folder, "late.csv", "\n".join(late) + "\n"), 1, "--hidden", how)[0]["forecast"]
            for how in ("nothing", "unknown"))
    check("habits: who pays late is warned to the last", n["hit"] == 25 and n["missed"] == 0, (n, u))


def times(folder):
    """The same rows, with the time written as other programs write it."""
    def rooms(form):
        rows = ["time,kwh"]
        for i in range(40):
            at = datetime.datetime(2025, 3, 3, 8, 30) + datetime.timedelta(days=i)
            rows.append(f"{form(at)},{100 - 7 * i % 90}")
        return scores(write(folder, "times.csv", "\n".join(rows) + "\n"), 2)[0]["forecast"]

    plain = rooms(lambda at: at.isoformat() + "+08:00")
    for name, form in (("no seconds", lambda at: f"{at:%Y-%m-%d %H:%M}"),
                       ("a spreadsheet's", lambda at: f"{at.year}/{at.month}/{at.day} {at.hour}:{at:%M}"),
                       ("parts of a second", lambda at: f"{at.isoformat()}.250Z"),
                       ("a zone without colon", lambda at: f"{at.isoformat()}+0800")):
        check(f"times: {name}", rooms(form) == plain, name)
    for text in ("2025-03-03 08:", "2025-03-03 8", "2025-03-03 08:30:", "2025-03-03 08:60", "2025-03-03 24:00",
                 "2025-03-03 08:30:61", "2025/03-03", "2025-03-03T", "2025-03-03 08:30 a", "03/03/2025"):
        code, _, err = forecast("--data", write(folder, "bad.csv", f"time,kwh\n{text},5\n"), "--days", 3)
        check(f"times refused: {text}", code == 1 and "line 2:" in err and "must be a date" in err, err)


def refusals(folder):
    cases = [("", 1, "FILE", "columns"), ("2025-01-01,5\n", 1, "", "names the columns"),
             ("date\n2025-01-01\n", 1, "", "names the columns"),
             ("date,kwh\n01.02.2025,5\n", 2, "", "must be a date"), ("date,kwh\n2025-02-30,5\n", 2, "", "must be a date"),
             ("date,kwh\n2025-01-02,5\n2025-01-01,4\n", 3, "", "earlier"),
             ("date,kwh\n1970-01-01T00:00:00,5\n1960-12-31T00:00:00,4\n", 3, "", "earlier"),
             ("date,kwh\n", 1, "", "no rows"),
             ("date,kwh\n2025-01-02,much\n", 2, "", "decimal number"),
             ("date,kwh\n2025-01-02,1234567890\n", 2, "", "decimal number"),
             ("date,kwh\n2025-01-02,5,6\n", 2, "", "names the columns"),
             ("date,kwh\n1990-01-01,5\n2025-01-02,5\n", 3, "", "10,000 days")]
    for i, (text, line, _, word) in enumerate(cases):
        code, _, err = forecast("--data", write(folder, f"bad{i}.csv", text), "--days", 3)
        check(f"refused: {word}", code == 1 and f"line {line}:" in err and word in err, err)
    code, _, err = forecast("--data", pathlib.Path(folder) / "nowhere.csv", "--days", 3)
    check("no such file", code == 1 and "nowhere.csv" in err, err)
    empty = pathlib.Path(folder) / "empty"
    empty.mkdir()
    check("empty folder", forecast("--data", empty, "--days", 3)[0] == 1)
    for args in ([], ["--data", "x"], ["--days", "3"], ["--data", "x", "--days", "0"],
                 ["--data", "x", "--days", "32"], ["--data", "x", "--days", "3", "--quantile", "p12"],
                 ["--data", "x", "--days", "3", "--calendar", "XX"],
                 ["--data", "x", "--days", "3", "--hidden", "x"]):
        check(f"usage: {args}", forecast(*args)[0] == 2)


def recorded():
    global skipped
    if not ROOMS.exists():
        skipped += 1
        print(f"{ROOMS} has no rooms: skipped")
        return
    for how in ("unknown", "nothing"):
        for days, precision, recall in ((1, 45, 74), (3, 81, 81)):
            s = scores(ROOMS, days, "--hidden", how)[-1]
            check(f"better than {precision}/{recall} at n = {days}, hidden is {how}",
                  s["forecast"]["precision_percent"] > precision and s["forecast"]["recall_percent"] > recall, s)


with tempfile.TemporaryDirectory() as folder:
    steady(folder)
    no_look_ahead(folder)
    hidden(folder)
    habits(folder)
    times(folder)
    refusals(folder)
recorded()
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
