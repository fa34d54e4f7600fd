#!/usr/bin/env python3
"""Every address that is read, as docs/openapi.yaml lists them, with numbers and names that do not exist,
that are somebody else's, and that are none at all: 404, or a refusal that names the place; never 500, never
a word about another project. addresses.py YUFU"""
import os
import subprocess
import sys
import time
import urllib.parse

from browser import Browser
from contract import follow, spec
from processes import Process, run

YUFU = sys.argv[1]
SECRET = "a much better secret"
HEAD = "project,building,room,account,wallet,plan,strategy,contract,gateway,line,endpoint,address,model\n"
NOT_IDS = ("0", "-1", "+1", "01", "1.5", "1e3", "x", "999999999999999999999", "%00", "1%00", "%2e%2e", "1%2F2")
NOT_NUMBERS = ("-1", "x", "1.5", "0x1", "999999999999999999999", "")


class Project:
    """What one project has of everything that an address can name."""

    def __init__(self, admin, row, code):
        self.admin, self.code = admin, code
        self.project, account = row["id"], None
        wall = admin.get(f"/projects/{self.project}/wall")
        account = wall["rows"][0]
        self.now, self.account, self.meter = wall["now"], account["id"], account["meters"][0]
        self.gateway = admin.get(f"/projects/{self.project}/gateways")["gateways"][0]["id"]
        self.place = f"B{code}"
        self.order = self.sell()
        self.check, self.imported = self.bring()
        self.run = self.propose()
        self.plan = self.strategy = self.package = f"only-{code}"
        self.versions()

    def post(self, path, body, status=201):
        return self.admin.post(path, body, f"{self.code}-{path.strip('/').replace('/', '.')}", status)

    def sell(self):
        order = {"order_id": f"order-of-{self.code}", "amount_fen": 100, "method": "cash"}
        self.post(f"/accounts/{self.account}/orders", order)
        return order["order_id"]

    def bring(self):
        """A written import, and a file that is only looked at."""
        path = f"/projects/{self.project}/imports/checks"
        kept = []
        for room in ("8", "9"):
            text = HEAD + site_row(self.code, room)
            check = self.admin.post(path, text, status=202, kind="text/csv")["id"]
            while self.admin.get(f"{path}/{check}")["state"] in ("reading", "comparing"):
                time.sleep(0.02)
            kept.append(check)
            if room == "8":
                written = self.post(f"{path}/{check}/write", None, 200)["import"]
        return kept[1], written

    def propose(self):
        rule = {"code": f"run-{self.code}", "period": "2026-10", "title": "a trial", "place": "", "members": "",
                "method": "equal", "each_fen": 100, "last_day": 0}
        return self.post(f"/projects/{self.project}/runs/subsidy", rule)["id"]

    def versions(self):
        for kind, text in (("price-plans", '{"kind": "flat", "price": "0.5"}'), ("strategies", "{}")):
            self.post(f"/projects/{self.project}/{kind}",
                      {"code": self.plan, "version": 1, "past": False, "text": text, "effective_at": self.now,
                       "reason": "a trial"})
        self.post(f"/projects/{self.project}/fee-packages",
                  {"code": self.package, "name_zh": "试", "name_en": "Trial", "strategy": self.strategy,
                   "channels": "", "restore": "strategy", "offered": True, "effective_at": self.now})


def site_row(code, room):
    return (f"{code},B{code},{room},A{code}{room},platform,flat,standard,2026-09-01,GW-{code},1,"
            f"tcp:127.0.0.1:1,{ord(code) * 10 + int(room)},yufu-dorm3\n")


# What an address names, by the parameter's name: the member of a Project, and one that does not exist.
NAMES = {
    "project_id": ("project", 999999), "account_id": ("account", 999999), "meter_id": ("meter", 999999),
    "gateway_id": ("gateway", 999999), "order_id": ("order", "order-of-nobody"), "check": ("check", "none-such"),
    "account": ("account", 999999), "meter": ("meter", 999999), "run": ("run", 999999),
    "import": ("imported", 999999), "project": ("project", 999999), "package": ("package", "none"),
    "under": ("place", "NONE"),
}
CODES = {"/projects/{project_id}/price-plans/versions": "plan",
         "/projects/{project_id}/strategies/versions": "strategy"}
# Values of other parameters that are needed, or that only certain words fit.
VALUES = {"from": lambda p: p.now - 86400, "to": lambda p: p.now, "step": lambda p: "hour",
          "month": lambda p: 202001, "change": lambda p: "new", "q": lambda p: "A"}
DAYS = {"/projects/{project_id}/meter-report": 20260901}  # its from and to are days
# Words that only choose among what is there: no number, and nothing that could be missing.
CHOICES = {"kind", "severity", "state", "only", "after", "before", "skip", "limit", "now", "open", "load", "hours"}
# Who sees all projects may ask for these of any; the others are looked for in what stands before them.
FIRST = {"project_id", "account_id", "meter_id", "gateway_id", "project"}
ENDLESS = "/stream"  # its answers other than 200 end


def operations():
    """Address, and its parameters as (where, name, needed, whether it is a number)."""
    for path, item in spec["paths"].items():
        if "get" not in item or "servers" in item:
            continue
        found = [follow(p) for p in item.get("parameters", []) + item["get"].get("parameters", [])]
        yield path, [(p["in"], p["name"], p.get("required", False), follow(p["schema"]).get("type") == "integer")
                     for p in found if p["in"] != "header"]


def name_of(path, name):
    return (CODES[path], "none") if name == "code" else NAMES.get(name)


def good(path, parameters, project):
    """The parameters that make the address one that answers."""
    values = {}
    for where, name, needed, _ in parameters:
        if name_of(path, name):
            values[name] = getattr(project, name_of(path, name)[0])
        elif needed:
            values[name] = DAYS.get(path) or VALUES[name](project)
    return values


def address(path, parameters, values):
    query = {name: values[name] for where, name, _, _ in parameters if where == "query" and name in values}
    for where, name, _, _ in parameters:
        if where == "path":
            path = path.replace("{" + name + "}", str(values[name]))
    return path + ("?" + urllib.parse.urlencode(query, safe="%") if query else "")


class Walk:
    def __init__(self, who, everywhere):
        self.who, self.everywhere, self.faults, self.asked = who, everywhere, [], 0

    def ask(self, where, statuses, pointer=None):
        r = self.who.ask("GET", where)
        self.asked += 1
        if r.status not in statuses:
            self.faults.append(f"{where}: {r.status} {r.text[:100]}")
        elif pointer and r.status in (400, 422) and pointer not in [e["pointer"] for e in r.json.get("errors", [])]:
            self.faults.append(f"{where}: does not name {pointer}: {r.text[:100]}")
        return r

    def end(self):
        print(f"{self.asked} requests, {len(self.faults)} faults")
        assert self.asked > 100 and not self.faults, "\n  " + "\n  ".join(self.faults)


def write(name, text):
    with open(name, "w") as f:
        f.write(text)


def yufu(command, data, *more):
    done = subprocess.run([YUFU, command, "--data", data, *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def as_manager(data, port, code):
    said = yufu("person", data, "add", f"manager-{code}", "--role", "manager", "--projects", code)
    password = said.split()[-1]
    b = Browser(port)
    b.csrf = b.post("/login", {"login": f"manager-{code}", "password": password})["csrf"]
    b.csrf = b.post("/me/password", {"password": password, "new_password": SECRET})["csrf"]
    return b


def begin(folder):
    data = f"{folder}/data"
    os.mkdir(data)
    write(f"{folder}/flat.json", '{"kind": "flat", "price": "0.5"}')
    write(f"{folder}/standard.json", "{}")
    for code in ("a", "b"):
        write(f"{folder}/site.csv", HEAD + site_row(code, "1"))
        yufu("import", data, "--plan", f"flat={folder}/flat.json", "--strategy",
             f"standard={folder}/standard.json", f"{folder}/site.csv")
    platform = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0)
    password = platform.wait(r"one-time password (\S+)").group(1)
    port = int(platform.wait(r"program\.start .*http=(\d+)").group(1))
    admin = Browser(port)
    admin.log_in(password)
    admin.csrf = admin.post("/me/password", {"password": password, "new_password": SECRET})["csrf"]
    rows = {p["code"]: p for p in admin.get("/projects")["projects"]}
    return platform, admin, Project(admin, rows["a"], "a"), Project(admin, rows["b"], "b"), as_manager(data, port, "a")


def test_every_address(folder):
    platform, admin, mine, theirs, manager = begin(folder)
    for who, everywhere in ((admin, True), (manager, False)):
        walk = Walk(who, everywhere)
        for path, parameters in operations():
            values = good(path, parameters, mine)
            if path != ENDLESS and (everywhere or "{check}" not in path):
                walk.ask(address(path, parameters, values), (200, 409) if path.endswith("/month") else (200,))
            look_at(walk, path, parameters, values, theirs)
        walk.end()
    platform.never_said(r"api\.failed")
    assert platform.end() == 0


def look_at(walk, path, parameters, values, theirs):
    if "{check}" in path and not walk.everywhere:  # a file that is looked at is its person's
        parameters = [p for p in parameters if p[0] == "path"]
    for where, name, needed, number in parameters:
        named = name_of(path, name)
        if named:
            walk.ask(address(path, parameters, {**values, name: named[1]}), (404,))
            if name not in FIRST or not walk.everywhere:
                walk.ask(address(path, parameters, {**values, name: getattr(theirs, named[0])}), (404,))
        elif name not in VALUES:
            assert name in CHOICES, f"{path}: tests/system/addresses.py does not know {name}"
        if where == "path":
            for wrong in NOT_IDS if number else ("%00", "%2e%2e", "a%2Fb", "x" * 200):
                walk.ask(address(path, parameters, {**values, name: wrong}), (400, 404))
        elif number:
            for wrong in NOT_NUMBERS:
                walk.ask(address(path, parameters, {**values, name: wrong}), (400, 422), name)
        if needed and where == "query":
            walk.ask(address(path, parameters, {k: v for k, v in values.items() if k != name}), (400, 422), name)


if __name__ == "__main__":
    run([test_every_address])
