#!/usr/bin/env python3
"""The whole river by HTTP: import, log in, claim a gateway, sell, cut, restore; real processes, real
sockets, every answer held against docs/openapi.yaml. river.py YUFU YUFU_GATEWAY YUFU_FLEET"""
import concurrent.futures
import os
import signal
import subprocess
import sys
import uuid

from browser import Browser
from processes import GUARD_S, Process, free_port, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
HEAD = ("project,building,room,shop,account,wallet,plan,strategy,contract,gateway,line,endpoint,baud,"
        "address,model\n")
SECRET = "a much better secret"
PARALLEL = 50


class Site:
    """A platform with four meters on one line, its gateway and its fleet."""

    def __init__(self, folder):
        self.folder, self.data = folder, f"{folder}/data"
        os.mkdir(self.data)
        line = f"tcp:127.0.0.1:{free_port()}"
        common = "standard,2026-09-01,GW-1,1"
        with open(f"{folder}/site.csv", "w") as f:
            f.write(HEAD + f"demo,D1,301,,A301,platform,dorm,{common},{line},9600,301,yufu-dorm3\n"
                           f"demo,D1,302,,A302,meter,dorm,{common},,,302,yufu-dorm3\n"
                           f"demo,P1,,S1,AS1,platform,dorm,{common},,,1101,yufu-shop3p\n"
                           f"demo,P1,,S2,AS2,meter,dorm,{common},,,1102,yufu-shop3p\n")
        with open(f"{folder}/plan.json", "w") as f:
            f.write('{"kind": "flat", "price": "0.5883"}')
        with open(f"{folder}/strategy.json", "w") as f:
            f.write("{}")
        self.yufu("import", "--plan", f"dorm={folder}/plan.json", "--strategy",
                  f"standard={folder}/strategy.json", f"{folder}/site.csv")
        self.http = self.uplink = 0
        self.serve()
        self.password = self.platform.wait(r"one-time password (\S+)").group(1)
        self.wait_serving()

    def yufu(self, command, *more):
        done = subprocess.run([YUFU, command, "--data", self.data, *more], capture_output=True,
                              text=True, timeout=GUARD_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def serve(self):
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http",
                                str(self.http), "--uplink", str(self.uplink))

    def wait_serving(self):
        ports = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.http, self.uplink = int(ports.group(1)), int(ports.group(2))

    def field(self, claim):
        """Meters, and the gateway that is claimed by its one-time code."""
        self.fleet = Process("fleet", FLEET, "--site", f"{self.folder}/site.csv", "--volatile",
                             "--no-people", "--plan", f"dorm={self.folder}/plan.json", "--delay",
                             "1-5")
        self.fleet.wait('"event":"ready"')
        self.gateway = Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                               f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem",
                               "--serial", "GW-1", "--claim", claim)

    def end(self):
        for p in (self.gateway, self.fleet, self.platform):
            assert p.end() == 0, (p.name, p.said[-20:])


def begin(folder):
    """Log in, change the one-time password, claim the gateway, wait until every meter is read."""
    site = Site(folder)
    browser = Browser(site.http)
    assert browser.log_in(site.password)["must_change"]
    assert browser.get("/projects", 403)["code"] == "AUTH_PASSWORD_CHANGE"
    r = browser.post("/me/password", {"password": site.password, "new_password": SECRET})
    browser.csrf = r["csrf"]
    project = browser.get("/projects")["projects"][0]["id"]
    gateway = browser.get(f"/projects/{project}/gateways")["gateways"][0]
    assert gateway["state"] == "unclaimed"
    wall = browser.get(f"/projects/{project}/wall")
    stream = browser.listen(project, wall["stream_id"])
    site.field(browser.post(f"/gateways/{gateway['id']}/claim-code", None, status=201)["code"])
    missing = {r["id"] for r in wall["rows"] if r["state_at"] is None}
    assert len(missing) == 4
    while missing:
        rows = stream.wait("wall", lambda data: any(r["state_at"] for r in data["rows"]))["rows"]
        missing -= {r["id"] for r in rows if r["state_at"]}
    accounts = {r["code"]: r for r in browser.get(f"/projects/{project}/wall")["rows"]}
    return site, browser, project, stream, accounts


def look_at_everything(browser, project, accounts):
    now = browser.get(f"/projects/{project}/wall")["now"]
    for path in ("places", "gateways", "freshness", "events?limit=500"):
        browser.get(f"/projects/{project}/{path}")
    for account in accounts.values():
        for path in ("", "/orders", "/ledger", "/settlements", "/messages"):
            browser.get(f"/accounts/{account['id']}{path}")
        for step in ("raw", "hour", "day"):
            points = browser.get(f"/accounts/{account['id']}/series?meter={account['meters'][0]}"
                                 f"&from={now - 3600}&to={now + 60}&step={step}")["points"]
            assert points, step
    assert [h["kind"] for h in browser.get("/search?q=A301")["hits"]] == ["account"]
    assert browser.get("/search?q=000000001102")["hits"][0]["kind"] == "meter"


def sell_fifty_times_at_once(browser, account):
    """One wish, said fifty times by an impatient finger."""
    order = "order-" + uuid.uuid4().hex
    body = {"order_id": order, "amount_fen": 2500, "method": "cash"}
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        replies = list(pool.map(lambda _: browser.post(f"/accounts/{account}/orders", body, order,
                                                       201), range(PARALLEL)))
    assert len({r.text for r in replies}) == 1
    assert sum("Idempotent-Replay" in r.headers for r in replies) == PARALLEL - 1
    return order, replies[0]


def test_from_import_to_light(folder):
    site, browser, project, stream, accounts = begin(folder)
    look_at_everything(browser, project, accounts)

    # a sale into a meter: the page sees each step until the meter itself confirms
    shop = accounts["AS2"]["id"]
    order, first = sell_fifty_times_at_once(browser, shop)
    done = stream.wait("order", lambda o: o["order_id"] == order and o["final"])
    assert done["state"] == "CONFIRMED" and done["n"] == 1, done
    assert all(step["at"] for step in done["steps"]), done
    assert len(browser.get(f"/accounts/{shop}/orders")["orders"]) == 1
    assert stream.row(shop, lambda r: r["available_fen"] == 2500)

    # a sale on the platform is there at once
    dorm = accounts["A301"]["id"]
    order, booked = sell_fifty_times_at_once(browser, dorm)
    assert booked["state"] == "BOOKED" and booked["final"]
    balance = browser.get(f"/accounts/{dorm}")["balance"]
    assert balance["available_fen"] == sum(p["amount_fen"] for p in balance["parts"])

    # cut and restore one output, as the meter confirms it
    meter = accounts["A301"]["meters"][0]
    for desired, bits in (("open", 2), ("closed", 0)):
        browser.post(f"/meters/{meter}/relay",
                     {"circuit": 2, "desired": desired, "reason": "trial"}, uuid.uuid4().hex, 202)
        stream.row(dorm, lambda r: r["relay_open"] == bits and not r["relay_pending"])

    # keep-power stands above a cut
    browser.post(f"/meters/{meter}/keep", {"on": True, "reason": "ill"}, uuid.uuid4().hex, 202)
    r = browser.post(f"/meters/{meter}/relay", {"circuit": 0, "desired": "open", "reason": "x"},
                     uuid.uuid4().hex, 409)
    assert r["code"] == "CONTROL_KEEP_POWER"

    look_at_everything(browser, project, accounts)
    site.end()
    site.yufu("verify")


def test_answers_survive_a_kill(folder):
    """kill -9 after the answer: log-in, order and the key's answer are there after the restart."""
    site = Site(folder)
    browser = Browser(site.http)
    browser.log_in(site.password)
    r = browser.post("/me/password", {"password": site.password, "new_password": SECRET})
    browser.csrf = r["csrf"]
    account = browser.get("/search?q=A301")["hits"][0]["account_id"]
    body = {"order_id": "order-before-the-kill", "amount_fen": 100, "method": "cash"}
    first = browser.post(f"/accounts/{account}/orders", body, "key-of-the-order", 201)
    site.platform.end(signal.SIGKILL)
    site.serve()
    site.wait_serving()
    site.platform.never_said("one-time password")
    again = browser.post(f"/accounts/{account}/orders", body, "key-of-the-order", 201)
    assert again.text == first.text and again.headers.get("Idempotent-Replay") == "true"
    assert browser.get(f"/accounts/{account}")["balance"]["available_fen"] == 100
    assert site.platform.end() == 0
    site.yufu("verify")


def test_import_by_http(folder):
    site = Site(folder)
    browser = Browser(site.http)
    browser.log_in(site.password)
    r = browser.post("/me/password", {"password": site.password, "new_password": SECRET})
    browser.csrf = r["csrf"]
    project = browser.get("/projects")["projects"][0]["id"]
    path, text = f"/projects/{project}/import", open(f"{folder}/site.csv").read()
    same = browser.post(path, text, kind="text/csv")
    assert (same["rows"], same["same"], same["added"]) == (4, 4, 0)
    more = text + "demo,P1,,S3,AS3,meter,dorm,standard,2026-09-01,GW-1,1,,,1103,yufu-shop3p\n"
    assert browser.post(path + "?dry_run=1", more, kind="text/csv")["added"] == 1
    assert len(browser.get(f"/projects/{project}/wall")["rows"]) == 4
    assert browser.post(path, more, kind="text/csv")["added"] == 1
    assert len(browser.get(f"/projects/{project}/wall")["rows"]) == 5
    r = browser.post(path, text.replace("yufu-dorm3", "no-such-meter"), status=422, kind="text/csv")
    assert {e["row"] for e in r["errors"]} == {2, 3}
    assert len(browser.get(f"/projects/{project}/wall")["rows"]) == 5
    assert site.platform.end() == 0


run([test_from_import_to_light, test_answers_survive_a_kill, test_import_by_http])
