#!/usr/bin/env python3
"""An oracle for rating that shares nothing with it: exact rationals, its own rounding, its own
reading of plans. rating_oracle.py DRIVER [CASES [SEED]] rates random plans both ways."""
import json
import random
import subprocess
import sys
from fractions import Fraction

driver = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20260305
rng = random.Random(seed)
RATES = ["sharp", "peak", "flat", "valley"]


def price():
    digits = rng.choice([0, 1, 2, 4, 8])
    return str(rng.randint(0, 3 * 10**digits) if digits == 0 else
               f"{rng.randint(0, 2)}.{rng.randint(0, 10**digits - 1):0{digits}d}")


def clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


def plan():
    if rng.random() < 0.4:
        return {"kind": "flat", "price": price()}
    priced = rng.sample(RATES, rng.randint(1, 4))
    cuts = sorted(rng.sample(range(1440), rng.randint(2, 12)))
    periods = [{"from": clock(a), "to": clock(b), "rate": rng.choice(priced)}
               for a, b in zip(cuts, cuts[1:] + cuts[:1])]
    rng.shuffle(periods)
    return {"kind": "time_of_use", "prices": {r: price() for r in priced}, "periods": periods}


def used():
    return rng.choice([0, 1, 10, rng.randint(0, 100), rng.randint(0, 10**5), rng.randint(0, 10**9)])


def case():
    p = plan()
    start = [rng.randint(0, 10**9) for _ in range(5)]
    by_rate = [used() if p["kind"] == "flat" or r in p["prices"] else 0 for r in RATES]
    total = sum(by_rate) if p["kind"] != "flat" else used()
    if p["kind"] != "flat":  # registers are cut to 10 Wh, so the total may be a little apart
        total = max(0, total + rng.randint(-50, 50))
    end = [start[0] + total] + [s + u for s, u in zip(start[1:], by_rate)]
    return p, start, end, rng.randint(-500_000_000 + 1, 500_000_000)


def nearest(x):
    """Half up, which is half away from zero for what a bill can be."""
    return (x + Fraction(1, 2)).numerator // (x + Fraction(1, 2)).denominator


def bill(p, start, end, carry):
    """Exact fen of each line, then one rounding a line with the rest handed on."""
    if p["kind"] == "flat":
        parts = [("total", end[0] - start[0], Fraction(p["price"]))]
    else:
        parts = [(r, end[i + 1] - start[i + 1], Fraction(p["prices"][r]))
                 for i, r in enumerate(RATES) if r in p["prices"]]
    rest, out = Fraction(carry, 10**9), []
    for rate, wh, yuan_per_kwh in parts:
        exact = Fraction(wh, 1000) * yuan_per_kwh * 100
        fen = 0
        if exact:
            exact += rest
            fen = nearest(exact) if exact >= 0 else -nearest(-exact)
            rest = exact - fen
        out.append((rate, fen, rest))
    return sum(q for _, q, _ in parts), sum(f for _, f, _ in out), rest, out


cases = [case() for _ in range(count)]
text = "".join(f"{json.dumps(p)}\t{' '.join(map(str, a))}\t{' '.join(map(str, b))}\t{c}\n"
               for p, a, b, c in cases)
answers = subprocess.run([driver], input=text, capture_output=True, text=True,
                         check=True).stdout.splitlines()
assert len(answers) == count
failed = 0
for given, answer in zip(cases, answers):
    energy, fen, rest, parts = bill(*given)
    expected = f"OK {energy} {fen} {int(rest * 10**9)}" + "".join(
        f" {r}={f}={int(c * 10**9)}" for r, f, c in parts)
    if answer != expected:
        failed += 1
        if failed <= 5:
            print(f"seed {seed}: {given}\n  expected {expected}\n  got      {answer}")
print(f"{count - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
