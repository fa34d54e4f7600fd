#!/usr/bin/env python3
"""Settings that leave a building dark count with the mass-cut breaker: dark.py YUFU

A person at the console gives thirty rooms hours without power: refused by name, in both languages, and
nothing is written. A second person allows it on the command line; then it goes."""
import json
import subprocess
import sys

from browser import Browser
from processes import GUARD_S, Process, run

YUFU = sys.argv[1]
SECRET = "a much better secret"
ROOMS = 30
DARK = {"item": "workday", "circuit": 1, "value": {"periods": []}, "reason": "asked by nobody", "under": "D"}


def yufu(*words):
    done = subprocess.run([YUFU, *words], capture_output=True, text=True, timeout=GUARD_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def site(folder):
    with open(f"{folder}/site.csv", "w") as f:
        f.write("project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,baud,address,model\n")
        for i in range(ROOMS):
            f.write(f"dorm,D,{i + 1},A{i + 1},platform,flat,standard,GW-1,1,"
                    f"{'tcp:127.0.0.1:1,9600' if i == 0 else ','},{i + 1},yufu-dorm3\n")
    for name, text in (("flat", {"kind": "flat", "price": "0.5"}), ("standard", {})):
        with open(f"{folder}/{name}.json", "w") as f:
            json.dump(text, f)
    yufu("import", "--data", f"{folder}/data", "--plan", f"flat={folder}/flat.json",
         "--strategy", f"standard={folder}/standard.json", f"{folder}/site.csv")
    platform = Process("yufu", YUFU, "serve", "--data", f"{folder}/data", "--http", 0, "--uplink", 0)
    port = int(platform.wait(r"program\.start .*http=(\d+)").group(1))
    password = next(x for x in platform.said if "one-time password" in x).split()[-1]
    b = Browser(port)
    b.log_in(password)
    b.csrf = b.post("/me/password", {"password": password, "new_password": SECRET})["csrf"]
    return platform, b


def a_building_needs_a_second_person(folder):
    platform, b = site(folder)
    path = f"/projects/{b.get('/projects')['projects'][0]['id']}/terminals/settings"
    no = b.post(path, DARK, "dark-0001", 409)
    assert no["code"] == "CONTROL_BREAKER", no.text
    assert "settings that leave circuits dark" in no["title_en"] and "断电" in no["title_zh"], no.text
    meters = [m for r in b.get(f"/projects/{path.split('/')[2]}/wall")["rows"] for m in r["meters"]]
    assert len(meters) == ROOMS
    assert not [x for x in b.get(f"/meters/{meters[0]}/terminal")["registers"] if x["wanted"]]
    lit = {**DARK, "value": {"periods": [{"begin_min": 0, "end_min": 1440, "cover": "on"}]}}
    assert b.post(path, lit, "light-0001", 202)["written"] == ROOMS
    yufu("decide", "--data", f"{folder}/data", "release", "dorm", "--reason", "moving out")
    assert b.post(path, DARK, "dark-0002", 202)["written"] == ROOMS
    assert platform.end() == 0
    yufu("verify", "--data", f"{folder}/data")


run([a_building_needs_a_second_person])
