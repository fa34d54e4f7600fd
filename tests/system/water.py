#!/usr/bin/env python3
"""Water and heat by HTTP through real processes: the meters are played here from CJ/T 188, behind a TCP
serial server. water.py YUFU YUFU_GATEWAY [--stay]

--stay keeps everything running after the walk, prints where, and ends with its standard input: to look
at the console."""
import datetime
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid

from browser import Browser
from processes import GUARD_S, Process, run

YUFU, GATEWAY = sys.argv[1:3]
STAY = "--stay" in sys.argv
HEAD = ("project,building,room,account,account_name,wallet,plan,strategy,contract,gateway,line,endpoint,"
        "baud,parity,address,model,area\n")
SECRET = "a much better secret"
VALVE_S = 3
REAL0, NOON = time.time(), 1796097600  # 1 December 2026 in Beijing: day and season are always the same
CLOCK = f"{REAL0:.3f},{NOON},1"


def bcd(number, size):
    return bytes.fromhex(f"{number:0{2 * size}d}")[::-1]


class Meter:
    """CJ/T 188: water with a valve, or heat without."""

    def __init__(self, kind, address):
        self.kind, self.address = kind, bytes.fromhex(address)[::-1]
        self.litres = 12340
        self.closed = self.battery = False
        self.moves = self.fault = 0
        self.target, self.moved_at = False, 0.0

    def settle(self):
        if time.monotonic() - self.moved_at >= VALVE_S:
            self.closed = self.target

    def clock(self):
        d = datetime.datetime.utcfromtimestamp(NOON + time.time() - REAL0 + 8 * 3600)
        return bytes.fromhex(d.strftime("%S%M%H%d%m")) + bcd(d.year, 2)

    def now(self):
        status = bytes([self.closed | self.battery << 2, self.fault])
        if self.kind == 0x10:
            return bcd(self.litres // 10, 4) + b"\x2c" + bcd(0, 4) + b"\x2c" + self.clock() + status
        return (bcd(0, 4) + b"\x05" + bcd(432100, 4) + b"\x05" + bcd(350, 4) + b"\x17" + bcd(4200, 4) + b"\x35" +
                bcd(98765, 4) + b"\x2c" + bcd(5512, 3) + bcd(4238, 3) + bcd(1234, 3) + self.clock() + status)

    def hear(self, data):
        at = data.find(b"\x68")
        f = data[at:]
        if at < 0 or len(f) < 13 or len(f) != 13 + f[10] or sum(f[:-2]) % 256 != f[-2] or f[2:9] != self.address:
            return b""
        self.settle()
        if f[9] == 1 and f[11:13] == b"\x1f\x90":
            return self.frame(0x81, f[11:14] + self.now())
        if f[9] == 4 and f[11:13] == b"\xa0\x17" and self.kind == 0x10 and f[14] in (0x55, 0x99):
            self.target, self.moved_at, self.moves = f[14] == 0x99, time.monotonic(), self.moves + 1
            return self.frame(0x84, f[11:14] + bytes([self.closed, 0]))
        return self.frame(f[9] | 0xC0, f[13:14] + b"\0\0")

    def frame(self, control, body):
        f = b"\x68" + bytes([self.kind]) + self.address + bytes([control, len(body)]) + body
        return b"\xfe\xfe" + f + bytes([sum(f) % 256, 0x16])


class Line:
    def __init__(self, *meters):
        self.meters, self.server = meters, socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.server.accept()
            try:
                while data := peer.recv(512):
                    for answer in filter(None, (m.hear(data) for m in self.meters)):
                        peer.sendall(answer)
            except OSError:
                pass  # the gateway was ended


class Site:
    def __init__(self, folder):
        self.folder, self.data = folder, f"{folder}/data"
        self.water, self.other = Meter(0x10, "00000000000701"), Meter(0x10, "00000000000702")
        self.heat = Meter(0x20, "00000000000703")
        line = Line(self.water, self.other, self.heat)
        files = {"water": '{"kind":"flat","unit":"m3","price":"5"}',
                 "heat": '{"kind":"flat","unit":"GJ","price":"44.45","fees":[{"code":"basic","price":"12",'
                         '"per":"area","cycle":"heating_season","start":"11-15","end":"03-15"}]}', "standard": "{}"}
        os.mkdir(self.data)
        for name, text in files.items():
            with open(f"{folder}/{name}.json", "w") as f:
                f.write(text)
        rows = [("101", "W101", "张伟 用水", "water", "701", "water-valve-188", ""),
                ("102", "W102", "李娜 用水", "water", "702", "water-valve-188", ""),
                ("101", "H101", "张伟 用热", "heat", "703", "heat-188", "90")]
        with open(f"{folder}/site.csv", "w") as f:
            f.write(HEAD)
            for i, (room, code, name, plan, address, model, area) in enumerate(rows):
                where = f"tcp:127.0.0.1:{line.port},2400,E" if i == 0 else ",,"
                f.write(f"garden,B1,{room},{code},{name},platform,{plan},standard,2026-01-01,GW-1,1,{where},"
                        f"{int(address):014d},{model},{area}\n")
        self.yufu("import", "--clock", CLOCK, "--plan", f"water={folder}/water.json", "--plan", f"heat={folder}/heat.json",
                  "--strategy", f"standard={folder}/standard.json", f"{folder}/site.csv")
        web = os.environ.get("YUFU_WEB")
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", 0, "--uplink", 0,
                                "--clock", CLOCK, *(("--web", web) if web else ()))
        self.password = self.platform.wait(r"one-time password (\S+)").group(1)
        ports = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.http, self.uplink = int(ports.group(1)), int(ports.group(2))

    def yufu(self, command, *more):
        done = subprocess.run([YUFU, command, "--data", self.data, *more], capture_output=True, text=True,
                              timeout=GUARD_S)
        assert done.returncode == 0, done.stdout + done.stderr

    def field(self, claim):
        self.gateway = Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                               f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem", "--serial", "GW-1",
                               "--claim", claim, "--clock", CLOCK)


def begin(folder):
    site = Site(folder)
    browser = Browser(site.http)
    browser.log_in(site.password)
    browser.csrf = browser.post("/me/password", {"password": site.password, "new_password": SECRET})["csrf"]
    project = browser.get("/projects")["projects"][0]["id"]
    gateway = browser.get(f"/projects/{project}/gateways")["gateways"][0]
    wall = browser.get(f"/projects/{project}/wall")
    stream = browser.listen(project, wall["stream_id"])
    site.field(browser.post(f"/gateways/{gateway['id']}/claim-code", None, status=201)["code"])
    missing = {r["id"] for r in wall["rows"] if r["state_at"] is None}
    while missing:
        rows = stream.wait("wall", lambda data: any(r["state_at"] for r in data["rows"]))["rows"]
        missing -= {r["id"] for r in rows if r["state_at"]}
    return site, browser, project, stream, {r["code"]: r for r in browser.get(f"/projects/{project}/wall")["rows"]}


def wish(browser, meter, desired, status=202):
    return browser.post(f"/meters/{meter}/relay", {"circuit": 0, "desired": desired, "reason": "trial"},
                        uuid.uuid4().hex, status)


def wait_until(what, ask):
    end = time.monotonic() + 3 * GUARD_S  # a meter is asked once a minute
    while not ask():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def test_water_and_heat(folder):
    site, browser, project, stream, accounts = begin(folder)
    water, heat = accounts["W101"], accounts["H101"]
    meter = water["meters"][0]

    order = "order-" + uuid.uuid4().hex
    sale = browser.post(f"/accounts/{water['id']}/orders", {"order_id": order, "amount_fen": 5000, "method": "cash"},
                        order, 201)
    assert sale["state"] == "BOOKED" and sale["final"], sale

    # the valve closes, and what flows afterwards is an alarm
    wish(browser, meter, "open")
    stream.row(water["id"], lambda r: r["relay_open"] == 1 and not r["relay_pending"])
    site.water.settle()
    assert site.water.closed and site.water.moves == 1
    wait_until("closed is read", lambda: browser.get(f"/meters/{meter}/flow")["closed_at"])
    flow = browser.get(f"/meters/{meter}/flow")
    assert flow["closed_flow_l"] == 0 and not flow["closed_alarm"], flow
    site.water.litres += 50
    site.water.battery = True
    wait_until("flow after closing", lambda: browser.get(f"/meters/{meter}/flow")["closed_alarm"])
    flow = browser.get(f"/meters/{meter}/flow")
    assert flow["closed_flow_l"] == 50 and flow["battery_low"] == 1, flow
    kinds = {e["kind"] for e in browser.get(f"/projects/{project}/events?limit=500")["events"]}
    assert {"valve.flow", "battery.low", "relay.done"} <= kinds, kinds
    wish(browser, meter, "closed")
    stream.row(water["id"], lambda r: r["relay_open"] == 0 and not r["relay_pending"])
    site.water.settle()
    assert not site.water.closed and site.water.moves == 2

    # whoever has no valve cannot be cut
    assert wish(browser, heat["meters"][0], "open", 409)["code"] == "CONTROL_SWITCH"

    # the report of heat, with everything that the meter tells
    day = datetime.datetime.utcfromtimestamp(browser.get(f"/projects/{project}/wall")["now"] + 8 * 3600)
    number = day.strftime("%Y%m%d")
    report = browser.get(f"/projects/{project}/meter-report?from={number}&to={number}&kind=heat")
    (row,) = report["rows"]
    newest = row["newest"]
    assert row["account"] == "H101" and row["closing"]["value"] == 15556, row  # MJ, of 4321 kWh
    assert newest["heat_wh"] == 4321000 and newest["flow_lh"] == 420 and newest["thermal_w"] == 3500, newest
    assert newest["supply_cdeg"] == 5512 and newest["return_cdeg"] == 4238 and newest["work_h"] == 1234, newest
    assert len(browser.get(f"/projects/{project}/meter-report?from={number}&to={number}&kind=water")["rows"]) == 2

    # the rule is data
    rule = browser.get(f"/projects/{project}/flow-rule")
    body = {k: v for k, v in json.loads(rule.text).items() if k not in ("changed_at", "actor")}
    body["least_l"] = 20
    assert browser.post(f"/projects/{project}/flow-rule", body, uuid.uuid4().hex)["version"] == 1
    assert browser.post(f"/projects/{project}/flow-rule", body, uuid.uuid4().hex, 409)["code"] == "STATE"
    if STAY:
        site.other.battery, site.heat.fault = True, 4
        print(f"http://127.0.0.1:{site.http}/ admin {SECRET} project={project} water={water['id']} heat={heat['id']}",
              flush=True)
        sys.stdin.read()
    for p in (site.gateway, site.platform):
        assert p.end() == 0, (p.name, p.said[-20:])


run([test_water_and_heat])
