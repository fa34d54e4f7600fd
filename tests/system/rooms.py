#!/usr/bin/env python3
"""The simulated rooms beside recorded ones: rooms.py YUFU_ROOMS [DATA_DIR]

Where the recordings of two dormitory rooms are there, what a simulated room uses in term lies between
theirs, and its day has their shape. The rest needs no data: what is allowed is left alone, what is
forbidden is found, and the same seed lives the same life. The speed is printed, not judged."""
import collections
import csv
import datetime
import os
import pathlib
import re
import subprocess
import sys

ROOMS = sys.argv[1]
DATA = pathlib.Path(os.environ.get("YUFU_DATA") or (sys.argv[2] if len(sys.argv) > 2 else "../shared/data"))
MANUAL = (pathlib.Path(__file__).resolve().parents[2] / "docs/manual/fleet.md").read_text(encoding="utf-8")
NIGHT = range(1, 8)
EVENING = range(18, 24)


def spread(name, text):
    """least, quarter, half, three quarters, most"""
    return [int(x) for x in re.search(rf"{name}[^:]*:((?: \d+){{5}})$", text, re.M)[1].split()]


def live(*options):
    text = subprocess.run([ROOMS, *options], check=True, capture_output=True, text=True).stdout
    print(f"$ yufu-rooms {' '.join(options)}\n{text}")
    months = {int(m): (int(a), int(b)) for m, a, b in re.findall(r"^ *(\d+) +(\d+) +(\d+)$", text, re.M)}
    hours = [int(x) for x in re.search(r"by hour:((?: \d+){24})", text)[1].split()]
    found = [int(x) for x in re.search(r"switched on: (\d+), tripped within 1 s (\d+), later (\d+), never (\d+)",
                                       text).groups()]
    return {"months": months, "hours": hours, "found": found, "text": text,
            "kinds": [int(x) for x in re.search(r"working day (\d+), weekend (\d+)", text).groups()],
            "rooms": spread("rooms differ", text), "days": spread("days of a room differ", text),
            "wrong": int(re.search(r"wrong trips: (\d+)", text)[1]),
            "rate": int(re.search(r"wrong trips: \d+, (\d+)", text)[1]),
            "digest": re.search(r"digest (\w+)", text)[1]}


def falls(rows, column):
    """What a balance loses, by month, hour and date, from rows less than half a day apart."""
    month, days, hour, spans, date, seen = (collections.Counter() for _ in range(6))
    for before, after in zip(rows, rows[1:]):
        begin, end = (datetime.datetime.fromisoformat(r["time"]) for r in (before, after))
        used, span = float(before[column]) - float(after[column]), (end - begin).total_seconds()
        if used < 0 or not 0 < span < 12 * 3600:
            continue
        month[end.month] += used * 1000
        days[end.month] += span / 86400
        for part in range(24):
            at = begin + datetime.timedelta(seconds=span * (part + 0.5) / 24)
            hour[at.hour] += used * 1000 / 24
            spans[at.hour] += span / 3600 / 24
            date[at.date()] += used * 1000 / 24
            seen[at.date()] += span / 86400 / 24
    return ({m: month[m] / days[m] for m in month}, [hour[h] / spans[h] for h in range(24)],
            {d: date[d] / seen[d] for d in date if seen[d] > 0.7})


def daily(rows):
    use = {}
    for before, after in zip(rows, rows[1:]):
        used = float(before["kwh_left"]) - float(after["kwh_left"])
        if used >= 0:
            use[datetime.date.fromisoformat(before["date"])] = used * 1000
    return use


def calendar():
    path = DATA / "calendar/cn-holidays-2024-2026.csv"
    return {datetime.date.fromisoformat(r["date"]): r["kind"] for r in csv.DictReader(path.open())}


def kind_of(day, special):
    return special.get(day) or ("weekend" if day.weekday() >= 5 else "working day")


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def distance(values):
    """Mean distance from the mean, per mille of it."""
    middle = mean(values)
    return mean(abs(v - middle) for v in values) * 1000 / middle


def share(hours, which):
    return sum(hours[h] for h in which) / sum(hours)


def row(what, a, b, ours, right):
    text = f"| {what} | {a} | {b} | {ours} |"
    print(text)
    assert right, (what, a, b, ours)
    assert text in MANUAL, f"docs/manual/fleet.md has another row: {text}"


def compare(march, june, february, october):
    room_a = list(csv.DictReader((DATA / "dorm-balance/zzu-room-balance.csv").open()))
    light, by_hour, dates_a = falls(room_a, "light_kwh_left")
    cooling, _, _ = falls(room_a, "ac_kwh_left")
    dates_b = daily(list(csv.DictReader((DATA / "dorm-balance/ecust-room-daily.csv").open())))
    special = calendar()

    def of(dates, months, kind=None):
        return [v for d, v in dates.items() if d.month in months and kind in (None, kind_of(d, special))]

    ours = march["months"][3][0]
    print("| | room A | room B | yufu-rooms |\n|---|---|---|---|")
    b_march, b_june = mean(of(dates_b, [3])), mean(of(dates_b, [6]))
    row("light and sockets in March, Wh a day", round(light[3]), round(b_march), ours, b_march < ours < light[3])
    rooms = march["rooms"]
    row("rooms in March: least, quarter, half, three quarters, most", "", "", " ".join(map(str, rooms)),
        rooms[0] < b_march < rooms[2] and rooms[4] > 0.8 * light[3])
    ours = june["months"][6][1]
    row("air conditioning in June, Wh a day", round(cooling[6]), round(b_june - b_march), ours,
        b_june - b_march < ours < cooling[6])
    ours = february["months"][2][0]
    winter_b = mean(of(dates_b, [2]))
    row("light and sockets in February's break, Wh a day", round(light[2]), round(winter_b), ours, ours < winter_b)
    for name, which in (("from 1 to 8", NIGHT), ("from 18 to 24", EVENING)):
        a, ours = share(by_hour, which), share(march["hours"], which)
        row(f"share of what is used {name}", f"{a:.3f}", "", f"{ours:.3f}", abs(a - ours) < 0.08)
    term = [3, 4, 10, 11, 12]
    a, b = (mean(of(d, term, "weekend")) / mean(of(d, term, "working day")) for d in (dates_a, dates_b))
    ours = march["kinds"][1] / march["kinds"][0]
    row("a weekend's day, of a working day", f"{a:.2f}", f"{b:.2f}", f"{ours:.2f}", 0.85 < ours < 1.15)
    a = mean(v for d, v in dates_a.items() if d.month == 10 and d.day <= 7) / mean(of(dates_a, [10], "working day"))
    ours = mean(october["kinds"]) / mean(march["kinds"])
    row("a day of the week from 1 October, of a working day", f"{a:.2f}", "", f"{ours:.2f}", abs(a - ours) < 0.25)
    a, b = distance(of(dates_a, [3])), distance(of(dates_b, [3]))
    row("days of a room differ from their mean by, per mille", round(a), round(b), march["days"][2],
        0.7 * a < march["days"][2] < 1.5 * b)


def main():
    march = live("--rooms", "50", "--days", "14", "--from", "2026-03-02")
    june = live("--rooms", "25", "--days", "7", "--from", "2026-06-08")
    february = live("--rooms", "25", "--days", "2", "--from", "2026-02-03")
    october = live("--rooms", "50", "--days", "7", "--from", "2026-10-01")
    good = live("--rooms", "40", "--days", "10", "--from", "2026-11-02", "--mischief", "0")
    bad = live("--rooms", "20", "--days", "5", "--from", "2026-12-07", "--mischief", "150")
    assert good["wrong"] <= 2 and good["found"][0] == 0
    started, caught, *_ = bad["found"]
    assert started > 100 and caught >= 0.99 * started, bad["found"]
    again = live("--rooms", "20", "--days", "5", "--from", "2026-12-07", "--mischief", "150", "--tick", "600")
    assert again["digest"] == bad["digest"]
    other = live("--rooms", "20", "--days", "5", "--from", "2026-12-07", "--mischief", "150", "--seed", "2")
    assert other["digest"] != bad["digest"]
    if (DATA / "dorm-balance").exists():
        compare(march, june, february, october)
        print("2 passed, 0 failed, 0 skipped")
    else:
        print("no recorded rooms: not compared\n1 passed, 0 failed, 1 skipped")


main()
