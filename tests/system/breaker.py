#!/usr/bin/env python3
"""The mass-cut breaker at the console: breaker.py YUFU

Thirty rooms, cut one after the other by hand until the breaker stops it. One person asks that the rest is let
through, and never grants it; the warden may not even ask; another officer grants. Both stand in the audit."""
import json
import sqlite3
import subprocess
import sys

from browser import Browser
from processes import GUARD_S, Process, run

YUFU = sys.argv[1]
SECRET = "a much better secret"
ROOMS, LIMIT = 30, 20
CUT = {"circuit": 0, "desired": "open", "reason": "moving out"}


def yufu(*words):
    done = subprocess.run([YUFU, *words], capture_output=True, text=True, timeout=GUARD_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def person(port, login, password):
    b = Browser(port)
    b.csrf = b.post("/login", {"login": login, "password": password})["csrf"]
    b.csrf = b.post("/me/password", {"password": password, "new_password": SECRET})["csrf"]
    return b


HEAD = "project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,baud,address,model\n"


def bring(folder, project, rooms, gateway):
    with open(f"{folder}/{project}.csv", "w") as f:
        f.write(HEAD)
        for i in range(rooms):
            f.write(f"{project},D,{i + 1},A{i + 1},platform,flat,standard,{gateway},1,"
                    f"{'tcp:127.0.0.1:1,9600' if i == 0 else ','},{i + 1},yufu-shop3p\n")
    yufu("import", "--data", f"{folder}/data", "--plan", f"flat={folder}/flat.json",
         "--strategy", f"standard={folder}/standard.json", f"{folder}/{project}.csv")


def site(folder):
    data = f"{folder}/data"
    for name, text in (("flat", {"kind": "flat", "price": "0.5"}), ("standard", {})):
        with open(f"{folder}/{name}.json", "w") as f:
            json.dump(text, f)
    bring(folder, "dorm", ROOMS, "GW-1")
    bring(folder, "other", 1, "GW-2")
    platform = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0)
    port = int(platform.wait(r"program\.start .*http=(\d+)").group(1))
    people = {"admin": person(port, "admin", next(x for x in platform.said if "one-time password" in x).split()[-1])}
    for login, role in (("li", "officer"), ("wang", "officer"), ("zhao", "warden"), ("qian", "cashier")):
        said = yufu("person", "add", login, "--data", data, "--role", role, "--projects", "dorm")
        people[login] = person(port, login, next(x for x in said.splitlines() if "password" in x).split()[-1])
    return platform, people


def two_persons_release_it(folder):
    platform, people = site(folder)
    li, wang = people["li"], people["wang"]
    projects = {p["code"]: p["id"] for p in people["admin"].get("/projects")["projects"]}
    path = f"/projects/{projects['dorm']}/breaker"
    why = {"reason": "the block is empty"}
    state = li.get(path)
    assert (state["state"], state["cuts"], state["limit"], state["request"]) == ("closed", 0, LIMIT, None), state.text
    no = li.post(path + "/ask", why, "ask-closed", 409)
    assert no["code"] == "CONTROL_NOT_TRIPPED" and no["title_zh"] and no["title_en"], no.text

    meters = [m for r in li.get(f"/projects/{projects['dorm']}/wall")["rows"] for m in r["meters"]]
    for i, meter in enumerate(meters[:LIMIT]):
        li.post(f"/meters/{meter}/relay", CUT, f"cut-{i:04}", 202)
    assert li.post(f"/meters/{meters[LIMIT]}/relay", CUT, "cut-beyond", 409)["code"] == "CONTROL_BREAKER"
    state = people["zhao"].get(path)
    assert (state["state"], state["cuts"], state["meters"]) == ("tripped", LIMIT, ROOMS), state.text
    assert state["now"] - 60 < state["since"] <= state["now"] < state["free_at"], state.text

    for login in ("zhao", "qian"):  # neither asks nor grants
        assert people[login].post(path + "/ask", why, "ask-wrong", 403)["code"] == "AUTH_FORBIDDEN"
    li.post(path + "/ask", {"reason": ""}, "ask-mute", 400)
    asked = li.post(path + "/ask", why, "ask-0001")["request"]
    assert asked["state"] == "asked" and asked["reason"] == why["reason"] and asked["cuts"] == LIMIT, asked
    assert wang.post(path + "/ask", why, "ask-0002", 409)["code"] == "CONTROL_ASKED"
    grant = {"id": asked["id"], "act": "grant", "reason": "seen on site"}
    assert li.post(path + "/decide", grant, "grant-self", 409)["code"] == "CONTROL_SECOND_PERSON"
    assert people["zhao"].post(path + "/decide", grant, "grant-zhao", 403)["code"] == "AUTH_FORBIDDEN"
    wang.post(path + "/decide", {**grant, "act": "perhaps"}, "grant-word", 400)
    wang.post(path + "/decide", {**grant, "id": asked["id"] + 1}, "grant-none", 404)
    elsewhere = f"/projects/{projects['other']}/breaker"
    people["admin"].post(elsewhere + "/decide", grant, "grant-other", 404)
    assert people["admin"].post(elsewhere + "/ask", why, "ask-other", 409)["code"] == "CONTROL_NOT_TRIPPED"
    wang.get(elsewhere, 404)
    assert li.post(f"/meters/{meters[LIMIT]}/relay", CUT, "cut-still", 409)["code"] == "CONTROL_BREAKER"

    done = wang.post(path + "/decide", grant, "grant-0001")
    assert done["state"] == "released" and done["request"]["state"] == "granted", done.text
    assert done["released_by"] == done["request"]["decided_by"] != asked["asked_by"], done.text
    assert wang.post(path + "/decide", grant, "grant-0001").headers.get("Idempotent-Replay"), "decided twice"
    assert people["admin"].post(path + "/decide", grant, "grant-late", 409)["code"] == "STATE"
    for i, meter in enumerate(meters[LIMIT:]):
        li.post(f"/meters/{meter}/relay", CUT, f"more-{i:04}", 202)
    assert li.get(path)["cuts"] == ROOMS
    kinds = [e["kind"] for e in li.get(f"/projects/{projects['dorm']}/events")["events"]]
    assert "breaker.asked" in kinds and "breaker.released" in kinds, kinds

    assert platform.end() == 0
    db = sqlite3.connect(f"{folder}/data/ledger.db", timeout=GUARD_S)
    rows = db.execute("SELECT action, actor FROM audit WHERE action LIKE 'breaker.%' ORDER BY seq").fetchall()
    db.close()
    second = done["released_by"]
    assert rows == [("breaker.asked", asked["asked_by"]), ("breaker.grant", second), ("breaker.release", second)], rows
    yufu("verify", "--data", f"{folder}/data")


run([two_persons_release_it])
