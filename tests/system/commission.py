#!/usr/bin/env python3
"""Commissioning: communication managers with a single meter each are at work; a file brings all the
others, is looked at, written, and every meter has its first reading by itself. Real processes, real
sockets, lines of 2400 baud, meters that take 20 to 100 ms to answer. How long it took is printed beside what
is promised and not judged, for it is also the machine's: `yufu-sim line` judges it in virtual time.
commission.py YUFU YUFU_GATEWAY YUFU_FLEET [GATEWAYS LINES METERS [SPEED]]"""
import os
import resource
import subprocess
import sys
import time

from browser import Browser
from processes import Process, free_port, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
GATEWAYS, LINES, METERS, SPEED = ([int(a) for a in sys.argv[4:]] + [2, 4, 64, 4][len(sys.argv) - 4:])
PROMISE_S = 180
GUARD_SITE_S = 1200  # of the site's time: only the end of a broken test
SECRET = "a much better secret"
HEAD = ("project,building,room,account,wallet,plan,strategy,contract,gateway,line,endpoint,baud,"
        "address,model\n")


def rows(ports):
    """Every second meter is a three-circuit terminal, the others have three phases."""
    for g in range(GATEWAYS):
        for line in range(LINES):
            for m in range(METERS):
                code = f"{g + 1}-{line + 1}-{m + 1}"
                number = (g * LINES + line) * METERS + m
                yield m + line, (f"site,B{g + 1},{line + 1}{m + 1:03},A{code},platform,dorm,standard,"
                                 f"2026-09-01,GW-{g + 1},{line + 1},tcp:127.0.0.1:{ports[g][line]},2400,"
                                 f"{number + 1},{'yufu-dorm3' if m % 2 else 'yufu-shop3p'}\n")


class Site:
    def __init__(self, folder):
        self.folder, self.data = folder, f"{folder}/data"
        self.clock = f"{time.time():.3f},{int(time.time())},{SPEED}"
        os.mkdir(self.data)
        ports = [[free_port() for _ in range(LINES)] for _ in range(GATEWAYS)]
        everything = list(rows(ports))
        self.file = HEAD + "".join(row for _, row in everything)
        self.write("site.csv", self.file)
        self.write("first.csv", HEAD + "".join(row for place, row in everything if place == 0))
        self.write("plan.json", '{"kind": "flat", "price": "0.5883"}')
        self.write("strategy.json", "{}")
        done = subprocess.run([YUFU, "import", "--data", self.data, "--plan", f"dorm={folder}/plan.json",
                               "--strategy", f"standard={folder}/strategy.json", f"{folder}/first.csv"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", "0", "--uplink",
                                "0", "--clock", self.clock)
        password = self.platform.wait(r"one-time password (\S+)").group(1)
        ports = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.http, self.uplink = int(ports.group(1)), int(ports.group(2))
        self.browser = Browser(self.http)
        self.browser.log_in(password)
        self.browser.csrf = self.browser.post(
            "/me/password", {"password": password, "new_password": SECRET})["csrf"]
        self.project = self.browser.get("/projects")["projects"][0]["id"]

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as f:
            f.write(text)

    def field(self):
        """The whole fleet hangs on its lines; the managers know one meter each."""
        self.fleet = Process("fleet", FLEET, "--site", f"{self.folder}/site.csv", "--volatile", "--plan",
                             f"dorm={self.folder}/plan.json", "--no-people", "--clock", self.clock)
        self.fleet.wait('"event":"ready"')
        self.gateways = []
        for g in self.browser.get(f"/projects/{self.project}/gateways")["gateways"]:
            claim = self.browser.post(f"/gateways/{g['id']}/claim-code", None, status=201)["code"]
            p = Process(g["serial"], GATEWAY, "--data", f"{self.folder}/{g['serial']}", "--platform",
                        f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem", "--serial",
                        g["serial"], "--claim", claim, "--clock", self.clock)
            p.wait(r"gateway\.claimed ")
            self.gateways.append(p)

    def freshness(self):
        return self.browser.get(f"/projects/{self.project}/freshness")

    def until_read(self, count):
        """The site's time at which `count` meters had been read."""
        begin = None
        while True:
            f = self.freshness()
            begin = begin or f["now"]
            if f["meters"] - f["never"] >= count:
                return f["now"]
            assert f["now"] < begin + GUARD_SITE_S, f
            time.sleep(0.3)

    def bring(self):
        """The steps of the console's page; the number of the import."""
        path = f"/projects/{self.project}/imports/checks"
        check = self.browser.post(path, self.file, status=202, kind="text/csv")
        while check["state"] in ("reading", "comparing"):
            time.sleep(0.05)
            check = self.browser.get(f"{path}/{check['id']}")
        assert check["state"] == "ready" and check["rows"] == GATEWAYS * LINES * METERS, check.json
        assert check["added"] == check["rows"] - GATEWAYS, check.json
        written = self.browser.post(f"{path}/{check['id']}/write", None, "commission-1", status=200)
        return written["import"]

    def end(self):
        for p in (*self.gateways, self.fleet, self.platform):
            assert p.end() == 0, (p.name, p.said[-20:])


def cpu_s():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def test_first_readings(folder):
    all_meters = GATEWAYS * LINES * METERS
    site = Site(folder)
    site.field()
    site.until_read(GATEWAYS)
    real = time.monotonic()
    number = site.bring()
    written_s = time.monotonic() - real
    imported = site.browser.get(f"/projects/{site.project}/imports")["imports"][0]
    assert imported["id"] == number
    half = site.until_read(GATEWAYS + (all_meters - GATEWAYS) // 2) - imported["at"]
    last = site.until_read(all_meters) - imported["at"]
    lines = [line for g in site.browser.get(f"/projects/{site.project}/gateways")["gateways"]
             for line in g["lines"]]
    assert len(lines) == GATEWAYS * LINES and all(line["meters"] == METERS for line in lines), lines
    site.end()
    print(f"{GATEWAYS} managers x {LINES} lines x {METERS} meters = {all_meters} meters at 2400 baud, "
          f"{SPEED} x real time\n  looked at and written in {written_s:.1f} s; half were read {half} s, "
          f"all {last} s after that (promised {PROMISE_S}); {cpu_s():.0f} s of CPU", flush=True)


if __name__ == "__main__":
    run([test_first_readings])
