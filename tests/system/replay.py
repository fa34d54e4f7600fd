#!/usr/bin/env python3
"""Real rooms, lived again: replay.py YUFU YUFU_GATEWAY YUFU_FLEET DATA_DIR

The recorded balances of two dormitory rooms (three prepaid accounts) and the half hours of three
households go through meter, bus, gateway, platform and ledger, all real processes, on a clock on which
a day takes seconds. Every recorded recharge is sold over HTTP when it falls due. At the end the meters'
registers, the platform's readings and the ledger (settled and accrued) hold the data's consumption to
the meter's resolution of 10 Wh, every fen sold is where it belongs, and `yufu verify` is clean.

In the environment: DAYS (28) from the data, SPEED (30000), FULL=1 for all 467 days of room A.
"""
import calendar
import contextlib
import csv
import decimal
import json
import os
import pathlib
import queue
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time

from browser import Browser
from processes import GUARD_S, Process, free_port, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
DATA = pathlib.Path(os.environ.get("YUFU_DATA") or sys.argv[4])
FULL = os.environ.get("FULL") == "1"
DAYS = int(os.environ.get("DAYS", "467" if FULL else "28"))
SPEED = int(os.environ.get("SPEED", "60000" if FULL else "30000"))
# The gateway is told a slow line and waits a second for an answer, which is milliseconds of the world;
# the meters answer as on a fast one.
LINE_SPEED, GATEWAY_BAUD, METER_BAUD = 300, 300, 9600
COMMISSION_SPEED = 20
DAY_S = 86400
SECRET = "a much better secret"
ROOM_PRICE = decimal.Decimal("0.5583")
PLANS = {"dorm": {"kind": "flat", "price": str(ROOM_PRICE)},
         "shop": {"kind": "time_of_use", "prices": {"peak": "1.0172", "valley": "0.2861"},
                  "periods": [{"from": "08:00", "to": "22:00", "rate": "peak"},
                              {"from": "22:00", "to": "08:00", "rate": "valley"}]}}
ROOM_A, ROOM_B = DATA / "dorm-balance/zzu-room-balance.csv", DATA / "dorm-balance/ecust-room-daily.csv"
HOMES = DATA / "household-halfhour/block_62.csv"
# account, address, wallet, plan, model, file, column or household
LIVES = [("A-light", "301", "platform", "dorm", "yufu-dorm3", "a.csv", "light"),
         ("A-ac", "302", "meter", "dorm", "yufu-dorm3", "a.csv", "ac"),
         ("B", "303", "meter", "dorm", "yufu-dorm3", "b.csv", "kwh"),
         ("H1", "1101", "platform", "shop", "yufu-shop3p", "h.csv", "MAC000010"),
         ("H2", "1102", "platform", "shop", "yufu-shop3p", "h.csv", "MAC004391"),
         ("H3", "1103", "platform", "shop", "yufu-shop3p", "h.csv", "MAC004929")]
ROOMS = {x[0] for x in LIVES if x[3] == "dorm"}
IN_METER = {x[0] for x in LIVES if x[2] == "meter"}


def moment(text):
    """Seconds of a row's time as it is written, read as Beijing time."""
    t = re.match(r"(\d+)-(\d+)-(\d+)(?:.(\d+):(\d+):(\d+))?", text)
    return calendar.timegm(tuple(int(x or 0) for x in t.groups())) - 8 * 3600


def window(source, target, time_column, begin):
    """Rows of DAYS days from `begin`, carried over digit for digit."""
    lines = source.read_text().splitlines()
    first = None
    with open(target, "w") as out:
        out.write(lines[0] + "\n")
        for line in lines[1:]:
            text = line.split(",")[time_column]
            if text < begin:
                continue
            first = first or moment(text)
            if moment(text) <= first + DAYS * DAY_S:
                out.write(line + "\n")


def mwh(text):
    return int(decimal.Decimal(text.strip()) * 1_000_000)


def expected(folder):
    """What the data says of each account: energy used in mWh, number of recharges, money of them."""
    say = {}
    columns = {"light": "light_kwh_left", "ac": "ac_kwh_left", "kwh": "kwh_left"}
    for account, _, _, _, _, name, series in LIVES:
        rows = list(csv.DictReader(open(f"{folder}/{name}")))
        if series in columns:
            left = [mwh(r[columns[series]]) for r in rows]
            steps = list(zip(left, left[1:]))
            rises = ([left[0]] if left[0] > 0 else []) + [b - a for a, b in steps if b > a]
            used = sum(a - b for a, b in steps if a > b)
        else:
            rises, used = [], sum(mwh(r["energy_kWh"]) for r in rows if r["LCLid"] == series)
        assert used > 0
        fen = sum(-(-r * int(ROOM_PRICE * 10000) // 100_000_000) for r in rises)
        say[account] = {"used_mwh": used, "recharges": len(rises), "fen": fen}
    return say


class Site:
    def __init__(self, folder):
        self.folder, self.data = folder, f"{folder}/data"
        os.mkdir(self.data)
        window(ROOM_A, f"{folder}/a.csv", 0, "2025-01-15" if FULL else "2025-07-10T15")
        window(ROOM_B, f"{folder}/b.csv", 0, "2022-12-04" if FULL else "2024-06-01")
        window(HOMES, f"{folder}/h.csv", 1, "2013-01-01" if FULL else "2013-12-01")
        self.line_ports = [free_port() for _ in range(3)]
        self.write_site("site.csv", GATEWAY_BAUD)
        self.write_site("meters.csv", METER_BAUD)
        for code, body in PLANS.items():
            pathlib.Path(f"{folder}/{code}.json").write_text(json.dumps(body))
        pathlib.Path(f"{folder}/standard.json").write_text("{}")
        # Noon in Beijing: each of the recorded lives then begins some hours later.
        self.noon = int(time.time()) // DAY_S * DAY_S + DAY_S + 4 * 3600
        self.http = self.uplink = 0
        self.browser = None

    def write_site(self, name, baud):
        with open(f"{self.folder}/{name}", "w") as f:
            f.write("project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,baud,"
                    "address,model\n")
            for i, (account, address, wallet, plan, model, _, _) in enumerate(LIVES):
                line = i // 2
                end = f"tcp:127.0.0.1:{self.line_ports[line]},{baud}" if i % 2 == 0 else ","
                f.write(f"past,D,{address},{account},{wallet},{plan},standard,GW-1,{line + 1},{end},"
                        f"{address},{model}\n")

    def plans(self):
        return [x for code in PLANS for x in ("--plan", f"{code}={self.folder}/{code}.json")]

    def yufu(self, command, *more):
        done = subprocess.run([YUFU, command, "--data", self.data, *more], capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, clock, *line_speed):
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", self.http,
                                "--uplink", self.uplink, "--clock", clock)
        if self.browser is None:
            self.password = self.platform.wait(r"one-time password (\S+)").group(1)
        ports = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.http, self.uplink = int(ports.group(1)), int(ports.group(2))
        lives = [x for _, address, _, _, _, name, series in LIVES
                 for x in ("--replay", f"{address}={self.folder}/{name}#{series}")]
        self.fleet = Process("fleet", FLEET, "--site", f"{self.folder}/meters.csv", "--nvram",
                             f"{self.folder}/nvram", "--no-people", *self.plans(), *lives,
                             "--clock", clock, "--delay", "1-5", "--control", "0")
        ready = json.loads(self.fleet.wait('"event":"ready"').string)
        self.control = socket.create_connection(("127.0.0.1", ready["control"])).makefile("rw")
        if self.browser is None:
            self.log_in()
        self.gateway = Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                               f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem",
                               "--serial", "GW-1", "--claim", self.claim, "--clock", clock,
                               *line_speed)

    def log_in(self):
        b = self.browser = Browser(self.http)
        b.log_in(self.password)
        b.csrf = b.post("/me/password", {"password": self.password, "new_password": SECRET})["csrf"]
        self.project = b.get("/projects")["projects"][0]["id"]
        gateway = b.get(f"/projects/{self.project}/gateways")["gateways"][0]["id"]
        self.claim = b.post(f"/gateways/{gateway}/claim-code", None, status=201)["code"]

    def wall(self):
        return self.browser.get(f"/projects/{self.project}/wall")

    def ask(self, **question):
        self.control.write(json.dumps(question) + "\n")
        self.control.flush()
        answer = json.loads(self.control.readline())
        assert answer["ok"], (question, answer)
        return answer

    def end(self):
        for p in (self.gateway, self.fleet, self.platform):
            assert p.end(signal.SIGTERM) == 0, (p.name, p.said[-20:])


def opened(site, accounts):
    """Every charge has its opening registers (a wallet in a meter is proven first, by reading it twice):
    nothing used from now on is missed."""
    with contextlib.closing(sqlite3.connect(f"file:{site.data}/ledger.db?mode=ro", uri=True)) as ledger:
        return ledger.execute("SELECT count(*) FROM charge_open").fetchone()[0] == len(accounts)


def commission(site):
    """Unhurried: import, claim, read every meter, at registers of 0."""
    clock = f"{time.time():.3f},{site.noon},{COMMISSION_SPEED}"
    site.yufu("import", "--clock", clock, *site.plans(), "--strategy",
              f"standard={site.folder}/standard.json", f"{site.folder}/site.csv")
    site.start(clock)
    stream = site.browser.listen(site.project, site.wall()["stream_id"])
    accounts = {r["code"]: r for r in site.wall()["rows"]}
    while not opened(site, accounts):
        stream.wait("wall", lambda data: True)
    site.begin = site.ask(op="clock")["wall"] + 60
    site.end()
    return accounts


def sell_what_is_due(site, accounts, sold):
    """Everything the fleet has told since the last look."""
    while True:
        try:
            line = site.fleet.lines.get_nowait()
        except queue.Empty:
            return
        assert line is not None, "the fleet ended"
        due = json.loads(line) if line.startswith("{") else {}
        if due.get("event") != "recharge_due":
            continue
        body = {"order_id": due["id"], "amount_fen": due["amount_fen"], "method": "cash"}
        account = accounts[due["account"]]["id"]
        site.browser.post(f"/accounts/{account}/orders", body, due["id"], 201)
        sold.setdefault(due["account"], {})[due["id"]] = due["amount_fen"]


def arrived(site, accounts, say):
    """Every meter has used what the data says, the platform has read it and summed up its days, every order is
    final."""
    for account, address, *_ in LIVES:
        meter = site.ask(op="status", meter=address)
        if meter["energy_mwh"] != say[account]["used_mwh"] or any(c["owed_mwh"]
                                                                  for c in meter["circuits"]):
            return False
        seen = site.browser.get(f"/accounts/{accounts[account]['id']}")["meters"][0]
        if seen["values"].get("energy_wh") != meter["energy_mwh"] // 10_000 * 10:
            return False
        orders = site.browser.get(f"/accounts/{accounts[account]['id']}/orders?limit=200")["orders"]
        if not all(o["final"] for o in orders):
            return False
        daily = books_of(site, accounts[account]["id"])[5]
        if (daily or 0) < say[account]["used_mwh"] // 10_000 * 10:  # days are summed up after they are over
            return False
    return True


def live(site, accounts, say):
    began = time.time()
    clock = f"{began:.3f},{site.begin},{SPEED}"
    site.start(clock, "--line-speed", str(LINE_SPEED))
    stream = site.browser.listen(site.project, site.wall()["stream_id"])
    sold, end = {}, site.noon + (DAYS + 3) * DAY_S
    while site.ask(op="clock")["wall"] < end or not arrived(site, accounts, say):
        sell_what_is_due(site, accounts, sold)
        stream.wait("wall", lambda data: True)
        if site.ask(op="clock")["wall"] > end + (30 + DAYS) * DAY_S:
            raise AssertionError(f"it does not arrive: {[site.ask(op='status', meter=x[1]) for x in LIVES]}")
    sell_what_is_due(site, accounts, sold)
    return sold


def books_of(site, account):
    """What ledger and readings say in the end: settled and accrued energy, money, periods, newest
    register, the sum of the days, and (money, number) of the orders that arrived."""
    ledger = sqlite3.connect(f"file:{site.data}/ledger.db?mode=ro", uri=True)
    ledger.execute("ATTACH ? AS r", (f"file:{site.data}/readings.db?mode=ro",))
    settled, fen, days = ledger.execute(
        "SELECT sum(energy_wh), sum(amount_fen), count(*) FROM settlement WHERE account_id = ?",
        (account,)).fetchone()
    accrued, register = ledger.execute(
        "SELECT sum(l.value - c.total_wh), sum(l.value) FROM charge_open c JOIN r.latest l ON l.meter_id = "
        "c.meter_id AND l.point = 1 WHERE c.account_id = ?", (account,)).fetchone()
    daily = ledger.execute("SELECT sum(energy_wh) FROM r.daily d JOIN meter m ON m.id = d.meter_id "
                           "WHERE m.account_id = ?", (account,)).fetchone()[0]
    paid = ledger.execute("SELECT coalesce(sum(amount_fen), 0), count(*) FROM sale_order WHERE "
                          "account_id = ? AND state IN ('BOOKED', 'CONFIRMED')",
                          (account,)).fetchone()
    ledger.close()
    return settled, accrued, fen, days, register, daily, paid


def test_recorded_rooms(folder):
    site = Site(folder)
    say = expected(folder)
    accounts = commission(site)
    sold = live(site, accounts, say)
    site.end()
    for account, want in say.items():
        settled, accrued, fen, days, register, daily, paid = books_of(site, accounts[account]["id"])
        want_wh = want["used_mwh"] // 10_000 * 10
        print(f"{account:8} data {want['used_mwh'] / 1e6:.3f} kWh, ledger {settled} Wh settled in "
              f"{days} periods + {accrued} Wh accrued, {fen} fen; recharges {paid[1]} of "
              f"{want['recharges']}, {paid[0]} fen")
        # A price by time is settled from the registers of the rates, each of which drops less than
        # a step of 10 Wh; the total register itself has no such slack.
        slack_wh = 0 if account in ROOMS else 10 * len(PLANS["shop"]["prices"])
        assert 0 <= want_wh - (settled + accrued) < slack_wh + 1, (account, settled, accrued, want_wh)
        assert register == want_wh, (account, register, want_wh)
        assert daily == want_wh, (account, daily, want_wh)
        assert paid == (want["fen"], want["recharges"]), (account, paid, want)
        assert sum(sold.get(account, {}).values()) == want["fen"], (account, sold, want)
        assert days >= (DAYS if account not in IN_METER else 1), (account, days)
    said = site.yufu("verify")
    print(said.strip())


if not all(p.exists() for p in (ROOM_A, ROOM_B, HOMES)):
    print(f"{DATA} has no recorded lives\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)
run([test_recorded_rooms])
