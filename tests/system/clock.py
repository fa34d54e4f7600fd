#!/usr/bin/env python3
"""The clock of the platform's machine is set wrong while everything runs: clock.py YUFU YUFU_GATEWAY YUFU_FLEET

A year ahead, then a year back, then right. What the platform says the time is, sales, readings and the
gateway's clock stay in the present; nothing of another year is written."""
import glob
import os
import signal
import sqlite3
import subprocess
import sys
import time

from browser import Browser
from processes import GUARD_S, Process, free_port, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
SECRET = "a much better secret"
YEAR_S = 365 * 86400
SLACK_S = 120
AWAY_S = 90  # at least two readings


def clock_of(**what):
    faketime = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0]
    return dict(os.environ, LD_PRELOAD=faketime, FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1",
                DONT_FAKE_MONOTONIC="1",
                ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0", **what)


class Site:
    def __init__(self, folder):
        self.folder, self.data, self.offset = folder, f"{folder}/data", f"{folder}/offset"
        line = f"tcp:127.0.0.1:{free_port()}"
        with open(f"{folder}/site.csv", "w") as f:
            f.write("project,building,room,shop,account,wallet,plan,strategy,contract,gateway,line,endpoint,"
                    "baud,address,model\n"
                    f"demo,D1,301,,A301,platform,dorm,standard,2026-09-01,GW-1,1,{line},9600,301,yufu-dorm3\n")
        with open(f"{folder}/plan.json", "w") as f:
            f.write('{"kind": "flat", "price": "0.5883"}')
        with open(f"{folder}/strategy.json", "w") as f:
            f.write("{}")
        done = subprocess.run([YUFU, "import", "--data", self.data, "--plan", f"dorm={folder}/plan.json",
                               "--strategy", f"standard={folder}/strategy.json", f"{folder}/site.csv"],
                              capture_output=True, text=True, timeout=GUARD_S)
        assert done.returncode == 0, done.stdout + done.stderr
        self.set_clock(0)
        self.serve(0, 0)
        self.log_in()
        self.begin_field()

    def set_clock(self, wrong_s):
        """In one step: no program may find the file half written."""
        with open(self.offset + ".new", "w") as f:
            f.write(f"{wrong_s:+d}")
        os.rename(self.offset + ".new", self.offset)

    def serve(self, http, uplink):
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", http, "--uplink", uplink,
                                env=clock_of(FAKETIME_TIMESTAMP_FILE=self.offset))
        ports = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.http, self.uplink = int(ports.group(1)), int(ports.group(2))

    def log_in(self):
        password = next(x for x in self.platform.said if "one-time password" in x).split()[-1]
        self.browser = Browser(self.http)
        self.browser.log_in(password)
        self.browser.csrf = self.browser.post("/me/password", {"password": password,
                                                               "new_password": SECRET})["csrf"]
        self.project = self.browser.get("/projects")["projects"][0]["id"]

    def begin_field(self):
        gateway = self.browser.get(f"/projects/{self.project}/gateways")["gateways"][0]["id"]
        code = self.browser.post(f"/gateways/{gateway}/claim-code", None, status=201)["code"]
        fleet = Process("fleet", FLEET, "--site", f"{self.folder}/site.csv", "--volatile", "--no-people",
                        "--plan", f"dorm={self.folder}/plan.json", "--delay", "1-5")
        fleet.wait('"event":"ready"')
        self.start_gateway("--claim", code)
        self.gateway.wait("uplink.clock")
        self.account = self.row()["id"]

    def start_gateway(self, *more, **how):
        self.gateway = Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                               f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem", "--serial", "GW-1",
                               *more, **how)

    def row(self):
        return self.browser.get(f"/projects/{self.project}/wall")["rows"][0]

    def wait_event(self, kind):
        end = time.monotonic() + GUARD_S
        while not [e for e in self.browser.get(f"/projects/{self.project}/events?limit=500")["events"]
                   if e["kind"] == kind]:
            assert time.monotonic() < end, f"no {kind}"
            time.sleep(0.2)

    def wait_reading(self):
        """One that came after now; the meter is read once a minute."""
        since, end = time.time(), time.monotonic() + 3 * GUARD_S
        while not (self.row()["state_at"] or 0) >= since - 1:
            assert time.monotonic() < end, self.row()
            time.sleep(0.2)

    def sell(self, order):
        made = self.browser.post(f"/accounts/{self.account}/orders",
                                 {"order_id": order, "amount_fen": 2500, "method": "cash"}, order, 201)
        at = [s["at"] for s in made["steps"] if s["at"]]
        assert at and all(abs(t - time.time()) < SLACK_S for t in at), made.text

    def live_an_hour_of_it(self, wrong_s):
        self.set_clock(wrong_s)
        self.wait_event("clock.leapt")
        now = self.browser.get(f"/projects/{self.project}/wall")["now"]
        assert abs(now - time.time()) < SLACK_S, now
        self.wait_reading()
        self.sell(f"while-it-was-{'ahead' if wrong_s > 0 else 'back'}-0001")
        self.set_clock(0)
        self.wait_event("clock.right")
        self.wait_reading()

    def nothing_is_of_another_year(self):
        db = sqlite3.connect(f"file:{self.data}/ledger.db?mode=ro", uri=True)
        for table, column in (("event", "at"), ("audit", "at"), ("ledger_txn", "at"), ("gateway", "last_seen"),
                              ("clock_watch", "believed_at")):
            least, most = db.execute(f"SELECT min({column}), max({column}) FROM {table}").fetchone()
            assert least is not None and time.time() - 600 < least and most < time.time() + SLACK_S, (
                table, least, most)
        db.close()

    def end(self):
        assert self.platform.end() == 0, self.platform.said[-20:]
        done = subprocess.run([YUFU, "verify", "--data", self.data], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def a_wrong_clock(folder, wrong_s):
    site = Site(folder)
    site.wait_reading()
    site.live_an_hour_of_it(wrong_s)
    site.nothing_is_of_another_year()
    site.end()
    assert site.gateway.end() == 0
    assert len([x for x in site.gateway.said if "uplink.clock" in x]) == 1, "the gateway followed"


def test_a_year_ahead(folder):
    a_wrong_clock(folder, YEAR_S)


def test_a_year_back(folder):
    a_wrong_clock(folder, -YEAR_S)


def test_a_start_in_the_past_goes_on(folder):
    """A machine without a battery: it starts at the time of its image, and fetches the true one later."""
    site = Site(folder)
    site.wait_reading()
    site.end()
    site.set_clock(-3 * YEAR_S)
    site.serve(site.http, site.uplink)
    site.wait_event("clock.leapt")
    site.wait_reading()
    site.sell("before-the-time-came-0001")
    site.set_clock(0)
    site.wait_event("clock.right")
    site.nothing_is_of_another_year()
    site.end()


def test_a_gateway_without_a_battery(folder):
    """It starts long before its certificates, and is told the time."""
    site = Site(folder)
    assert site.gateway.end() == 0
    site.start_gateway(env=clock_of(FAKETIME="-30y"))
    site.gateway.wait(r"uplink\.clock .*was_ahead_ms=-\d{12}")
    site.wait_reading()
    site.sell("after-it-was-told-0001")
    assert site.gateway.end() == 0
    site.nothing_is_of_another_year()
    site.end()


def test_a_gateway_that_starts_while_the_platform_is_away(folder):
    """Killed while nobody can tell it the time, it begins days in the past: what it reads is there afterwards,
    at its true time."""
    site = Site(folder)
    site.wait_reading()
    site.gateway.end(signal.SIGKILL)
    http, uplink = site.http, site.uplink
    site.end()
    began = time.time()
    site.start_gateway(env=clock_of(FAKETIME="-3d"))
    site.gateway.wait(r"uplink\.lost")
    time.sleep(AWAY_S)
    ended = time.time()
    site.serve(http, uplink)
    site.wait_reading()
    points = site.browser.get(f"/accounts/{site.account}/series?meter={site.row()['meters'][0]}"
                              f"&from={int(began) - 5 * 86400}&to={int(ended) + 60}&step=raw")["points"]
    meanwhile = [p["at"] for p in points if began - 1 <= p["at"] <= ended + 1]
    assert len(meanwhile) >= 2, (began, ended, points)
    site.sell("after-it-was-away-0001")
    site.nothing_is_of_another_year()
    assert site.gateway.end() == 0
    site.end()


run([test_a_year_ahead, test_a_year_back, test_a_start_in_the_past_goes_on, test_a_gateway_without_a_battery,
     test_a_gateway_that_starts_while_the_platform_is_away])
