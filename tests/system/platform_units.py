#!/usr/bin/env python3
"""Units of other makers on the whole platform: a modem, an Acrel gateway and an Acrel 4G meter dial in to a
gateway; their meters are imported, read, shown and cut like any other. platform_units.py YUFU GATEWAY
"""
import os
import pathlib
import subprocess
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from browser import Browser  # noqa: E402
from processes import GUARD_S, Process, free_port, run  # noqa: E402
from sim.vendor.units import Acrel4g, AcrelGateway, Dtu, Registers  # noqa: E402

YUFU, GATEWAY = sys.argv[1:3]
HEAD = ("project,building,room,account,wallet,plan,strategy,contract,gateway,line,endpoint,baud,"
        "address,model\n")
SECRET, PASSWORD = "0123456789abcdef", "a much better secret"


def energy(unit, hundredths):
    r = {i: 0 for i in range(10)}
    r.update({0: hundredths >> 16, 1: hundredths & 0xFFFF, 0x57: 1, 0x58: 0})
    return Registers(unit, r)


class Site:
    def __init__(self, folder):
        self.folder, self.data = folder, f"{folder}/data"
        os.mkdir(self.data)
        pathlib.Path(folder, "secrets").write_text(f"ANET-1 {SECRET}\n")
        pathlib.Path(folder, "plan.json").write_text('{"kind": "flat", "price": "0.5883"}')
        pathlib.Path(folder, "strategy.json").write_text("{}")
        rows = ["dtu:YUFU-0001;$heart$,9600,3", "acrel:ANET-1/1,9600,4", "acrel-4g:02121031700227,9600,1"]
        pathlib.Path(folder, "site.csv").write_text(HEAD + "".join(
            f"demo,D1,30{i},A30{i},platform,dorm,standard,2026-09-01,GW-1,{i},{row},acrel-ddsy1352\n"
            for i, row in enumerate(rows, 1)))
        done = subprocess.run([YUFU, "import", "--data", self.data, "--plan", f"dorm={folder}/plan.json",
                               "--strategy", f"standard={folder}/strategy.json", f"{folder}/site.csv"],
                              capture_output=True, text=True, timeout=GUARD_S)
        assert done.returncode == 0, done.stdout + done.stderr
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", "0", "--uplink", "0")
        password = self.platform.wait(r"one-time password (\S+)").group(1)
        ports = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.uplink, self.units = int(ports.group(2)), free_port()
        self.browser = Browser(int(ports.group(1)))
        self.browser.log_in(password)
        r = self.browser.post("/me/password", {"password": password, "new_password": PASSWORD})
        self.browser.csrf = r["csrf"]

    def field(self, claim):
        self.gateway = Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                               f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem", "--serial", "GW-1",
                               "--claim", claim, "--units", f"127.0.0.1:{self.units}", "--unit-secrets",
                               f"{self.folder}/secrets")
        self.gateway.wait(r"gateway\.config .*lines=3 meters=3")
        self.modem = Dtu(self.units, b"YUFU-0001", b"$heart$", energy(3, 111))
        self.anet = AcrelGateway(self.units, "ANET-1", SECRET, {1: [energy(4, 222)]})
        self.meter = Acrel4g(self.units, "02121031700227", energy(1, 333))


def register_wh(browser, account):
    now = int(time.time())
    points = browser.get(f"/accounts/{account['id']}/series?meter={account['meters'][0]}"
                         f"&from={now - 3600}&to={now + 60}&step=raw")["points"]
    return points[-1]["total_wh"]


def from_import_to_the_relay(folder):
    site = Site(folder)
    browser = site.browser
    project = browser.get("/projects")["projects"][0]["id"]
    gateway = browser.get(f"/projects/{project}/gateways")["gateways"][0]
    wall = browser.get(f"/projects/{project}/wall")
    stream = browser.listen(project, wall["stream_id"])
    site.field(browser.post(f"/gateways/{gateway['id']}/claim-code", None, status=201)["code"])
    accounts = {r["code"]: r for r in wall["rows"]}
    for code in ("A301", "A302", "A303"):
        stream.row(accounts[code]["id"], lambda r: r["state_at"])
    for code, wh in (("A301", 1110), ("A302", 2220), ("A303", 3330)):
        assert register_wh(browser, accounts[code]) == wh, code
    for code, at in (("A301", site.modem.meters[0]), ("A302", site.anet.ports[1][0]), ("A303", site.meter.meter)):
        meter = accounts[code]["meters"][0]
        for desired, bit in (("open", 1), ("closed", 0)):
            browser.post(f"/meters/{meter}/relay", {"circuit": 0, "desired": desired, "reason": "trial"},
                         uuid.uuid4().hex, 202)
            stream.row(accounts[code]["id"], lambda r: r["relay_open"] == bit and not r["relay_pending"])
            assert at.registers[0x58] == bit
    assert site.gateway.end() == 0 and site.platform.end() == 0


run([from_import_to_the_relay])
