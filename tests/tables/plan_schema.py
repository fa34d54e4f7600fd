#!/usr/bin/env python3
"""The published schema and the program agree: plan_schema.py SCHEMA DRIVER DOCUMENT TABLE... Every plan
of the tables of worked bills and of the document fits the schema; what each change below breaks is
refused by both."""
import copy
import json
import re
import sys

import jsonschema

import program

schema_path, driver, document, *tables = sys.argv[1:]
schema = json.load(open(schema_path, encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
fits = jsonschema.Draft202012Validator(schema).is_valid


def program_accepts(plans):
    text = "".join(f"S\t{json.dumps(p)}\t0 0 1 0 1 1 1\t0 0 0 0 0\n" for p in plans)
    out = program.run(driver, input=text, check=True).stdout
    # a plan can be good and still ask for what this usage does not say
    return [line.split()[:2] in (["ERROR", "RATING_DATES"], ["ERROR", "RATING_FEE"]) or
            line.startswith("OK") for line in out.splitlines()]


plans = [json.loads(m) for table in tables for m in
         re.findall(r"(\{\"kind\".*?\})\s*(?:\||$)", open(table, encoding="utf-8").read(), re.M)]
plans += [json.loads(m) for m in re.findall(r"```json\n(.*?)```",
                                            open(document, encoding="utf-8").read(), re.S)]
assert len(plans) >= 12, len(plans)

broken = []
for p in plans:
    for name in p:
        q = copy.deepcopy(p)
        del q[name]
        if name not in ("unit", "start", "high_season", "household", "components", "fees", "minimum",
                        "ceiling", "rounding", "power_factor", "area_bill", "outside_steps", "subsidies", "minimum_per", "zone",
                        "calendar", "rates_from", "by_month", "move_in", "count", "free_quota", "names"):
            broken.append(q)
        broken.append({**p, name: 7})
    broken.append({**p, "surprise": "1"})
    for name, wrong_value in (("zone", ""), ("free_quota", {"amount": "1"}), ("names", {"de": "x"}),
                              ("free_quota", {"amount": "1", "cycle": "heating_season"}),
                              ("by_month", []), ("by_month", [{"months": [13], "price": "1"}]),
                              ("by_month", [{"months": [1]}]), ("mix", []), ("count", "house"),
                              ("schedules", []), ("schedules", [{"months": [1]}]),
                              ("area_bill", {"price": "19", "start": "11-15", "end": "03-15"}),
                              ("area_bill", {"price": "19", "start": "11-15", "most_percent": "100"}),
                              ("outside_steps", ["night"]), ("outside_steps", "valley"),
                              ("fees", [{"code": "a", "price": "1", "per": "day", "part_month": "days"}]),
                              ("fees", [{"code": "a", "price": "1", "per": "month", "part_month": "30"}]),
                              ("schedules", [{"from": "01-01", "periods": []}])):
        broken.append({**p, name: wrong_value})
    broken.append({**p, "kind": "stairs"})
    for i in range(len(p.get("steps", []))):
        for change in ({"tax": "1"}, {"to": "1.0001"}, {"to": 5}, {"price": "-1"},
                       {"surcharge": "0.123456789"}):
            q = copy.deepcopy(p)
            q["steps"][i].update(change)
            broken.append(q)

wrong = [f"good plan refused: {json.dumps(p)} schema {fits(p)} program {a}"
         for p, a in zip(plans, program_accepts(plans)) if not (a and fits(p))]
wrong += [f"bad plan accepted: {json.dumps(p)} schema {fits(p)} program {a}"
          for p, a in zip(broken, program_accepts(broken)) if a or fits(p)]
for w in wrong[:5]:
    print(w)
print(f"{len(plans)} good and {len(broken)} broken plans, {len(wrong)} wrong")
sys.exit(1 if wrong else 0)
