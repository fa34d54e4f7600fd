#!/usr/bin/env python3
"""An oracle for statements that shares nothing with the engine: exact rationals and its own reading
of plans. statement_oracle.py DRIVER [CASES [SEED]] states random plans and usages both ways; about
half of the usages end on a step, or one unit beside it."""
import json
import random
import subprocess
import sys
from fractions import Fraction

driver = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20260306
rng = random.Random(seed)
RATES = ["sharp", "peak", "flat", "valley"]
BATCH = 20000


# --- random plans ---------------------------------------------------------------------------------

def price(top=2):
    digits = rng.choice([0, 1, 2, 4, 8])
    return str(rng.randint(0, top)) if digits == 0 else (
        f"{rng.randint(0, top)}.{rng.randint(0, 10**digits - 1):0{digits}d}")


def quantity(thousandths):
    whole, part = divmod(thousandths, 1000)
    return str(whole) if part == 0 else f"{whole}.{part:03d}"


def clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


def periods(priced):
    cuts = sorted(rng.sample(range(1440), rng.randint(2, 6)))
    return [{"from": clock(a), "to": clock(b), "rate": rng.choice(priced)}
            for a, b in zip(cuts, cuts[1:] + cuts[:1])]


def bounds(n):
    top = rng.choice([n + 5, 1000, 500_000, 5_000_000])
    return sorted(rng.sample(range(1, max(top, n + 2)), n))


def ladder(p, forms, priced):
    p["cycle"] = rng.choice(["month", "two_months", "season", "year"])
    n = rng.choice([1, 2, 3, 3, 3, 5, rng.randint(1, 32)])
    steps = [{"to": quantity(b)} for b in bounds(n - 1)] + [{}]
    if p["cycle"] == "month" and rng.random() < 0.4:
        p["high_season"] = {"from": rng.randint(1, 12), "to": rng.randint(1, 12)}
        for s, b in zip(steps, bounds(n - 1)):
            s["to_high"] = quantity(b)
    if rng.random() < 0.4:
        p["household"] = {"from_persons": rng.randint(1, 8), "extra": quantity(rng.randint(0, 10**5))}
        if rng.random() < 0.5:
            p["household"]["each_more"] = quantity(rng.randint(0, 10**4))
    form = rng.choice(forms)
    for s in steps:
        s[form] = {r: price() for r in priced} if form == "prices" else price()
    p["steps"] = steps
    return form


def plan():
    kind = rng.choice(["flat", "time_of_use", "ladder", "ladder", "time_of_use_ladder",
                       "time_of_use_ladder", "time_of_use_ladder"])
    p = {"kind": kind}
    priced = rng.sample(RATES, rng.randint(1, 4))
    if rng.random() < 0.2:
        p["unit"] = rng.choice(["kWh", "m3", "GJ"])
    if kind == "flat":
        p["price"] = price()
    elif kind == "time_of_use":
        p.update(prices={r: price() for r in priced}, periods=periods(priced))
    elif kind == "ladder":
        if ladder(p, ["price", "surcharge"], priced) == "surcharge":
            p["price"] = price()
    else:
        p["periods"] = periods(priced)
        if ladder(p, ["surcharge", "prices", "prices"], priced) == "surcharge":
            p["prices"] = {r: price() for r in priced}
        else:
            p["apportion"] = rng.choice(["chronological", "pro_rata"])
    if rng.random() < 0.3:
        p["components"] = [{"code": f"c{i}", "price": price(0)} for i in range(rng.randint(0, 16))]
    if rng.random() < 0.3:
        p["fees"] = [{"code": f"f_{i}", "price": price(20), "per": rng.choice(["day", "month", "area"])}
                     for i in range(rng.randint(0, 16))]
    if rng.random() < 0.2:
        p["minimum"] = rng.choice([f"{rng.randint(1, 999)}", f"0.0{rng.randint(1, 9)}",
                                   f"{rng.randint(0, 99)}.{rng.randint(1, 99):02d}"])
    RULES = ["carry", "half_up", "up", "down"]
    if rng.random() < 0.4:
        p["rounding"] = rng.choice(RULES)
    for part in p.get("components", []) + p.get("fees", []):
        if rng.random() < 0.4:
            part["rounding"] = rng.choice(RULES)
    members = list(p.items())
    rng.shuffle(members)
    return dict(members), priced


# --- random usages --------------------------------------------------------------------------------

def limits(p, persons, month):
    """The ends of the steps, thousandths; the last is None."""
    high = False
    if "high_season" in p:
        a, b = p["high_season"]["from"], p["high_season"]["to"]
        months = [a]
        while months[-1] != b:
            months.append(months[-1] % 12 + 1)
        high = month in months
    more = Fraction(0)
    h = p.get("household")
    if h and persons >= h["from_persons"]:
        more = Fraction(h["extra"]) + (persons - h["from_persons"]) * Fraction(h.get("each_more", "0"))
    return [None if "to" not in s else int((Fraction(s["to_high" if high else "to"]) + more) * 1000)
            for s in p["steps"]]


def split(total, n):
    cuts = sorted(rng.randint(0, total) for _ in range(n - 1))
    return [b - a for a, b in zip([0] + cuts, cuts + [total])]


def usage(p, priced, persons, month):
    before = rng.choice([0, 0, rng.randint(0, 5_000_000)])
    total = rng.choice([0, 1, rng.randint(0, 100), rng.randint(0, 10**6), rng.randint(0, 10**9)])
    ends = [e for e in limits(p, persons, month) if e] if "steps" in p else []
    if ends and rng.random() < 0.6:
        edge = rng.choice(ends) + rng.choice([-1, 0, 1])
        if rng.random() < 0.5:
            before = edge
        else:
            before = min(before, edge)
            total = edge - before
    rows = []
    for part in split(total, rng.choice([1, 1, 2, rng.randint(1, 12)])):
        by_rate = [0] * 4
        if p["kind"].startswith("time_of_use"):
            some = rng.sample(priced, rng.randint(1, len(priced)))
            for r, wh in zip(some, split(part, len(some))):
                by_rate[RATES.index(r)] = wh
        rows.append([part] + by_rate)
    return before, rows


# --- the bill by the book -------------------------------------------------------------------------

def in_steps(ends, at, wh):
    """How much of `wh`, used from position `at` on, lies in each step."""
    out, low = [], 0
    for end in ends:
        high = at + wh if end is None else min(end, at + wh)
        out.append(max(0, high - max(low, at)))
        low = end if end is not None else low
    return out


def apportion(ends, at, by_rate):
    """Step after step takes its share of what is left of each rate, whole units, largest rest first."""
    left, cells = list(by_rate), []
    for wh in in_steps(ends, at, sum(by_rate)):
        row = [0] * 4
        if wh:
            ideal = [Fraction(wh * x, sum(left)) for x in left]
            row = [int(x) for x in ideal]
            order = sorted(range(4), key=lambda i: (int(ideal[i]) - ideal[i], i))
            for i in order[:wh - sum(row)]:
                row[i] += 1
            left = [a - b for a, b in zip(left, row)]
        cells.append(row)
    return cells


def lines(p, before, persons, month, rows, counts):
    """(kind, step, rate, thousandths, yuan, rounding) of every line that has a quantity."""
    sums = [sum(r[i + 1] for r in rows) for i in range(4)]
    energy = sum(sums) if p["kind"].startswith("time_of_use") else sum(r[0] for r in rows)
    out = []
    if "price" in p:
        out.append(("energy", -1, "total", energy, p["price"]))
    out += [("energy", -1, r, sums[i], p["prices"][r])
            for i, r in enumerate(RATES) if r in p.get("prices", {})]
    if "steps" in p:
        ends = limits(p, persons, month)
        parts = in_steps(ends, before, energy)
        if "apportion" in p:
            cells = [[0] * 4 for _ in ends]
            at = before
            for chunk in [sums] if p["apportion"] == "pro_rata" else [r[1:] for r in rows]:
                got = apportion(ends, at, chunk)
                cells = [[a + b for a, b in zip(x, y)] for x, y in zip(cells, got)]
                at += sum(chunk)
            assert [sum(c) for c in cells] == parts
            assert [sum(c) for c in zip(*cells)] == sums
        for k, s in enumerate(p["steps"]):
            if "price" in s:
                out.append(("energy", k, "total", parts[k], s["price"]))
            elif "surcharge" in s and Fraction(s["surcharge"]):
                out.append(("surcharge", k, "total", parts[k], s["surcharge"]))
            elif "prices" in s:
                out += [("energy", k, r, cells[k][i], s["prices"][r])
                        for i, r in enumerate(RATES) if r in s["prices"]]
    own = p.get("rounding", "carry")
    out = [x + (own,) for x in out]
    out += [("component", -1, c["code"], energy, c["price"], c.get("rounding", own)) for c in p.get("components", [])]
    counted = dict(zip(("day", "month", "area"), (1000 * counts[0], 1000 * counts[1], counts[2])))
    out += [("fee", -1, f["code"], counted[f["per"]], f["price"], f.get("rounding", own)) for f in p.get("fees", [])]
    return energy, [x for x in out if x[3]]


def nearest(x):
    """Half up, which is half away from zero for what a bill can be."""
    return (x + Fraction(1, 2)).numerator // (x + Fraction(1, 2)).denominator


def expected(p, before, persons, month, rows, carry, counts):
    energy, items = lines(p, before, persons, month, rows, counts)
    rest, total, words = Fraction(carry, 10**9), 0, []
    for kind, step, rate, wh, yuan, rule in items:
        exact, fen = Fraction(wh, 1000) * Fraction(yuan) * 100, 0
        if rule != "carry":
            fen = {"half_up": nearest, "up": lambda x: -(-x.numerator // x.denominator),
                   "down": lambda x: x.numerator // x.denominator}[rule](exact)
        elif exact:
            exact += rest
            fen = nearest(exact) if exact >= 0 else -nearest(-exact)
            rest = exact - fen
        total += fen
        words.append(f" {kind}/{step}/{rate}={wh}={int(Fraction(yuan) * 10**8)}={fen}={int(rest * 10**9)}")
    least = Fraction(p.get("minimum", "0")) * 100
    if total < least:
        words.append(f" minimum/-1/total=0=0={least - total}={int(rest * 10**9)}")
        total = int(least)
    return f"OK {energy} {total} {int(rest * 10**9)} {before + energy}" + "".join(words)


def case():
    p, priced = plan()
    persons, month = rng.choice([0, rng.randint(0, 12)]), rng.randint(1, 12)
    before, rows = usage(p, priced, persons, month)
    return p, before, persons, month, rows, rng.randint(-500_000_000 + 1, 500_000_000), (
        rng.randint(1, 366), rng.randint(1, 12), rng.choice([1, rng.randint(1, 10**6)]))


def line(p, before, persons, month, rows, carry, counts):
    used = ";".join(" ".join(map(str, r)) for r in rows)
    return f"S\t{json.dumps(p)}\t{before} {persons} {month} {carry} {counts[0]} {counts[1]} {counts[2]}\t{used}\n"


failed, items, kinds = 0, 0, {}
for start in range(0, count, BATCH):
    cases = [case() for _ in range(min(BATCH, count - start))]
    answers = subprocess.run([driver], input="".join(line(*c) for c in cases), capture_output=True,
                             text=True, check=True).stdout.splitlines()
    assert len(answers) == len(cases)
    for given, answer in zip(cases, answers):
        want = expected(*given)
        kinds[given[0]["kind"]] = kinds.get(given[0]["kind"], 0) + 1
        items += answer.count("/") // 2
        if answer != want:
            failed += 1
            if failed <= 5:
                print(f"seed {seed}: {line(*given)}  expected {want}\n  got      {answer}")
print(f"{count - failed} passed, {failed} failed; {items} lines; " +
      ", ".join(f"{k} {n}" for k, n in sorted(kinds.items())))
sys.exit(1 if failed else 0)
