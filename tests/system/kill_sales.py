#!/usr/bin/env python3
"""kill -9 of platform and gateway at random instants during sales: kill_sales.py YUFU YUFU_GATEWAY
YUFU_FLEET [SALES [SEED]]

Several tills sell at once over HTTP, into meters and onto the platform. Programs are killed while
requests, commits and meter visits are under way, and started again. A till says its sale again, with
the same Idempotency-Key and order id, until it is answered. In the end every order is in its meter (as
the meter itself tells) or on the platform exactly once, and `yufu verify` is clean.
"""
import collections
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

from browser import Browser
from processes import GUARD_S, Process, free_port, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
SALES = int(sys.argv[4]) if len(sys.argv) > 4 else int(os.environ.get("SALES", "100"))
SEED = int(sys.argv[5]) if len(sys.argv) > 5 else int(os.environ.get("SEED", "1"))
TILLS = 6
SALES_A_KILL = 8
SPEED = 20
SECRET = "a much better secret"
ACCOUNTS = [("M1", "301", "meter", "yufu-dorm3"), ("M2", "302", "meter", "yufu-dorm3"),
            ("P1", "303", "platform", "yufu-dorm3"), ("M3", "1101", "meter", "yufu-shop3p"),
            ("M4", "1102", "meter", "yufu-shop3p"), ("P2", "1103", "platform", "yufu-shop3p")]


class Site:
    """The real programs on loopback. `up` is set while a platform serves."""

    def __init__(self, folder):
        self.folder, self.data = folder, f"{folder}/data"
        os.mkdir(self.data)
        ports = [free_port(), free_port()]
        with open(f"{folder}/site.csv", "w") as f:
            f.write("project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,baud,"
                    "address,model\n")
            for i, (account, address, wallet, model) in enumerate(ACCOUNTS):
                end = f"tcp:127.0.0.1:{ports[i // 3]},9600" if i % 3 == 0 else ","
                f.write(f"till,D,{address},{account},{wallet},flat,standard,GW-1,{i // 3 + 1},{end},"
                        f"{address},{model}\n")
        with open(f"{folder}/flat.json", "w") as f:
            f.write('{"kind": "flat", "price": "0.5883"}')
        with open(f"{folder}/standard.json", "w") as f:
            f.write("{}")
        self.clock = f"{time.time():.3f},{int(time.time())},{SPEED}"
        self.yufu("import", "--plan", f"flat={folder}/flat.json", "--strategy",
                  f"standard={folder}/standard.json", f"{folder}/site.csv")
        self.http = self.uplink = 0
        self.up = threading.Event()
        self.start_platform()
        password = next(x for x in self.platform.said if "one-time password" in x).split()[-1]
        self.log_in(password)
        self.start_field()

    def yufu(self, command, *more):
        done = subprocess.run([YUFU, command, "--data", self.data, *more], capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_platform(self):
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", self.http,
                                "--uplink", self.uplink, "--clock", self.clock)
        ports = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.http, self.uplink = int(ports.group(1)), int(ports.group(2))
        self.up.set()

    def log_in(self, password):
        b = self.browser = Browser(self.http)
        b.log_in(password)
        b.csrf = b.post("/me/password", {"password": password, "new_password": SECRET})["csrf"]
        self.project = b.get("/projects")["projects"][0]["id"]
        gateway = b.get(f"/projects/{self.project}/gateways")["gateways"][0]["id"]
        self.claim = b.post(f"/gateways/{gateway}/claim-code", None, status=201)["code"]
        rows = b.get(f"/projects/{self.project}/wall")["rows"]
        self.accounts = {r["code"]: r["id"] for r in rows}

    def start_field(self):
        self.fleet = Process("fleet", FLEET, "--site", f"{self.folder}/site.csv", "--volatile",
                             "--no-people", "--plan", f"flat={self.folder}/flat.json", "--delay",
                             "1-5", "--clock", self.clock)
        ready = json.loads(self.fleet.wait('"event":"ready"').string)
        self.control = socket.create_connection(("127.0.0.1", ready["control"])).makefile("rw")
        self.start_gateway()
        self.gateway.wait(r"gateway\.claimed ")  # what was not committed yet needs a new code

    def start_gateway(self):
        self.gateway = Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                               f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem",
                               "--serial", "GW-1", "--claim", self.claim, "--clock", self.clock)
        self.gateway.wait(r"program\.start ")

    def kill(self, what):
        if what != "gateway":
            self.up.clear()
            self.platform.end(signal.SIGKILL)
        if what != "platform":
            self.gateway.end(signal.SIGKILL)
            self.start_gateway()
        if what != "gateway":
            self.start_platform()

    def ask(self, **question):
        self.control.write(json.dumps(question) + "\n")
        self.control.flush()
        answer = json.loads(self.control.readline())
        assert answer["ok"], (question, answer)
        return answer


class Sales:
    """The tills. Everything they count is told to whoever waits."""

    def __init__(self, site, chance):
        self.site, self.changed = site, threading.Condition()
        self.todo = collections.deque(
            (chance.choice(ACCOUNTS)[0], f"sale-{SEED}-{i:05d}", 1000 + i) for i in range(SALES))
        self.all = list(self.todo)
        self.asked = self.answered = self.repeated = self.allowed = 0
        self.failure = None
        self.threads = [threading.Thread(target=self.till, daemon=True) for _ in range(TILLS)]
        for t in self.threads:
            t.start()

    def count(self, name):
        with self.changed:
            setattr(self, name, getattr(self, name) + 1)
            self.changed.notify_all()

    def sell(self, account, order, fen):
        body = {"order_id": order, "amount_fen": fen, "method": "cash"}
        path = f"/accounts/{self.site.accounts[account]}/orders"
        end = time.monotonic() + 3 * GUARD_S
        while time.monotonic() < end:
            self.site.up.wait(GUARD_S)
            self.count("asked")
            try:
                r = self.site.browser.ask("POST", path, body, order)
            except (OSError, http.client.HTTPException):
                self.count("repeated")
                continue
            if r.status == 201:
                assert r["order_id"] == order and r["amount_fen"] == fen, r.text
                return
            assert r.status == 503, (r.status, r.text)
            self.count("repeated")
        raise AssertionError(f"{order} was never answered")

    def till(self):
        try:
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: self.allowed > 0 or not self.todo)
                    if not self.todo:
                        return
                    self.allowed -= 1
                    sale = self.todo.popleft()
                self.sell(*sale)
                self.count("answered")
        except BaseException as e:  # noqa: BLE001 - told to the main thread
            with self.changed:
                self.failure = e
                self.changed.notify_all()

    def allow(self, number):
        """So many customers come to the tills."""
        with self.changed:
            self.allowed += number
            self.changed.notify_all()

    def wait(self, name, number):
        with self.changed:
            self.changed.wait_for(lambda: self.failure or getattr(self, name) >= number, 3 * GUARD_S)
            if self.failure:
                raise self.failure
            assert getattr(self, name) >= number, (name, getattr(self, name), number)


def kill_all_the_time(site, sales, chance):
    """Customers come in groups, and in the middle of each group something dies: while requests are
    under way, between two answers, or a random number of looks later, while meters are visited."""
    kills = collections.Counter()
    come = 0
    while come < SALES:
        group = min(SALES - come, chance.randrange(1, 2 * SALES_A_KILL))
        answered, asked, come = sales.answered, sales.asked, come + group
        sales.allow(group)
        if chance.random() < 0.3:
            sales.wait("asked", asked + chance.randrange(1, group + 1))  # a request is on its way, its answer is not
        else:
            sales.wait("answered", min(come, answered + chance.randrange(group + 1)))
            for _ in range(chance.randrange(30)):
                orders_of(site, "M1")
        what = chance.choice(("platform", "gateway", "both"))
        site.kill(what)
        kills[what] += 1
        sales.wait("answered", come - chance.randrange(group + 1))
    return kills


def orders_of(site, account):
    return site.browser.get(f"/accounts/{site.accounts[account]}/orders?limit=500")["orders"]


def wait_until_all_are_final(site):
    stream = site.browser.listen(site.project, site.browser.get(
        f"/projects/{site.project}/wall")["stream_id"])
    for account, *_ in ACCOUNTS:
        while not all(o["final"] for o in orders_of(site, account)):
            stream.wait("order", lambda o: o["final"])


def compare(site, sales):
    """Orders, as sold, against what the platform says and what the meters took."""
    in_meters = on_platform = 0
    for account, address, wallet, _ in ACCOUNTS:
        sold = {order: fen for code, order, fen in sales.all if code == account}
        orders = {o["order_id"]: o for o in orders_of(site, account)}
        assert {k: o["amount_fen"] for k, o in orders.items()} == sold, account
        final = "CONFIRMED" if wallet == "meter" else "BOOKED"
        assert all(o["state"] == final for o in orders.values()), [o for o in orders.values()
                                                                   if o["state"] != final]
        applied = site.ask(op="applied", meter=address)["applied"]
        if wallet == "platform":
            assert applied == [], applied
            on_platform += len(sold)
            continue
        took = [(a["count"], a["amount_fen"], a["foreign"], a["life"]) for a in applied]
        bound = sorted((o["n"], o["amount_fen"], False, 1) for o in orders.values())
        assert took == bound, (account, took, bound)
        assert [t[0] for t in took] == list(range(1, len(sold) + 1)), took
        assert site.ask(op="status", meter=address)["purchased_fen"] == sum(sold.values())
        in_meters += len(sold)
    return in_meters, on_platform


def test_kill_during_sales(folder):
    chance = random.Random(SEED)
    site = Site(folder)
    sales = Sales(site, chance)
    kills = kill_all_the_time(site, sales, chance)
    for t in sales.threads:
        t.join(GUARD_S)
    sales.wait("answered", SALES)
    wait_until_all_are_final(site)
    in_meters, on_platform = compare(site, sales)
    for p in (site.gateway, site.fleet, site.platform):
        assert p.end() == 0, (p.name, p.said[-20:])
    said = site.yufu("verify")
    print(f"seed {SEED}: {SALES} sales, {sales.repeated} said again; kill -9: "
          f"{kills['platform']} platform, {kills['gateway']} gateway, {kills['both']} both; "
          f"exactly once: {in_meters} in meters, {on_platform} on the platform", flush=True)
    print(said.strip())


if __name__ == "__main__":
    run([test_kill_during_sales])
