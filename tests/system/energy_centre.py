#!/usr/bin/env python3
"""`yufu report-energy` from a real platform's readings to a data centre that was written from the protocol's
description and not from our code: login, reports, heartbeats, a cut connection, a refused proof.
energy_centre.py YUFU YUFU_GATEWAY YUFU_FLEET"""
import datetime
import hashlib
import json
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

from browser import Browser
from processes import GUARD_S, Process, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
HEAD = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n"
# A meter is read once a minute: a period has several readings, however slowly a machine gives them.
SPEED, EVERY_MIN, WAIT_S = 100, 5, 30
KEY, IV, SECRET = b"0123456789abcdef", b"fedcba9876543210", "useful"


def aes(data, *more):
    return subprocess.run(["openssl", "enc", "-aes-128-cbc", "-K", KEY.hex(), "-iv", IV.hex(), *more], input=data,
                          capture_output=True, check=True).stdout


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Centre(threading.Thread):
    """One collector at a time. `drop_after`: ends the connection instead of acknowledging that many-th report.
    `asks`: asks for the newest values after the log-in and after each report."""

    def __init__(self, secret=SECRET, acknowledges=True, drop_after=0, asks=False):
        super().__init__(daemon=True)
        self.secret, self.acknowledges, self.drop_after, self.asks = secret, acknowledges, drop_after, asks
        self.replies = []
        self.reports, self.seen, self.logins, self.beats, self.fails = [], 0, 0, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            with peer:
                try:
                    self.serve(peer)
                except (ConnectionError, EOFError):
                    pass

    def read(self, peer, n):
        data = b""
        while len(data) < n:
            more = peer.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def hear(self, peer):
        assert self.read(peer, 4) == b"\x68\x68\x16\x16"
        size, = struct.unpack("<I", self.read(peer, 4))
        inner = self.read(peer, size)
        assert self.read(peer, 2) == crc(inner) and self.read(peer, 4) == b"\x55\xaa\x55\xaa"
        root = ET.fromstring(aes(inner[4:], "-d"))
        assert root.findtext("common/building_id") == "310101A064"
        assert root.findtext("common/gateway_id") == "01"
        return root

    def say(self, peer, kind, inside):
        text = f"""<?xml version="1.0" encoding="utf-8"?>
<root><common><building_id>310101A064</building_id><gateway_id>01</gateway_id><type>{kind}</type></common>
{inside}</root>"""
        inner = struct.pack("<I", 1) + aes(text.encode())
        peer.sendall(b"\x68\x68\x16\x16" + struct.pack("<I", len(inner)) + inner + crc(inner) + b"\x55\xaa\x55\xaa")

    def serve(self, peer):
        root = self.hear(peer)
        assert root.find("id_validate").get("operation") == "request"
        challenge = f"{time.time_ns()}"
        self.say(peer, "sequence", f'<id_validate operation="sequence"><sequence>{challenge}</sequence></id_validate>')
        root = self.hear(peer)
        right = hashlib.md5((self.secret + challenge).encode()).hexdigest()
        if root.findtext("id_validate/md5") != right:
            self.fails += 1
            self.say(peer, "result", '<id_validate operation="result"><result>fail</result></id_validate>')
            return
        self.logins += 1
        now = datetime.datetime.now().strftime("%Y%m%d%H%M%S")
        self.say(peer, "result", f'<id_validate operation="result"><result>pass</result><time>{now}</time></id_validate>')
        if self.asks:
            self.say(peer, "query", '<data operation="query"/>')
        while True:
            root = self.hear(peer)
            if root.find("heart_beat") is not None:
                self.beats += 1
                self.say(peer, "time", f'<heart_beat operation="time"><time>{now}</time></heart_beat>')
                continue
            data = root.find("data")
            if data.get("operation") == "reply":
                self.replies.append(data)
                continue
            self.seen += 1
            if self.asks:  # before the acknowledgement: a report is under way
                self.say(peer, "query", '<data operation="query"/>')
            if self.seen == self.drop_after:
                return  # cut before the answer: it must come again
            self.reports.append(data)
            if self.acknowledges:
                kind = data.get("operation")
                self.say(peer, f"{kind}_ack", f'<data operation="{kind}_ack"><sequence>{data.findtext("sequence")}'
                                              '</sequence></data>')


def pass_periods(n):
    time.sleep(n * EVERY_MIN * 60 / SPEED)


def platform_with_readings(folder):
    """Minutes pass in seconds: a meter read over more than six periods. Returns the data
    folder, the clock and when it had been read."""
    now = int(time.time())
    clock = f"{now},{now},{SPEED}"
    with open(f"{folder}/site.csv", "w") as f:
        f.write(HEAD + "demo,P1,,S1,AS1,meter,shop,GW,1,tcp:127.0.0.1:0,9600,1101,yufu-shop3p\n")
    fleet = Process("fleet", FLEET, "--site", f"{folder}/site.csv", "--volatile", "--delay", "1-20", "--clock", clock)
    line = json.loads(fleet.wait(r'\{.*"event":"ready".*\}').group(0))["lines"][0]
    with open(f"{folder}/site.csv", "w") as f:
        f.write(HEAD + f"demo,P1,,S1,,,,GW,1,{line['endpoint']},9600,1101,yufu-shop3p\n")
    data = f"{folder}/data"
    done = subprocess.run([YUFU, "import", "--data", data, f"{folder}/site.csv"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    platform = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0, "--clock", clock)
    password = platform.wait(r"one-time password (\S+)").group(1)
    http, uplink = platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)").groups()
    b = Browser(int(http))
    assert b.log_in(password)["must_change"]
    b.csrf = b.post("/me/password", {"password": password, "new_password": "Every-quarter-upward-7"})["csrf"]
    project = b.get("/projects")["projects"][0]["id"]
    manager = b.get(f"/projects/{project}/gateways")["gateways"][0]
    code = b.post(f"/gateways/{manager['id']}/claim-code", None, status=201)["code"]
    gateway = Process("gateway", GATEWAY, "--data", f"{folder}/gateway", "--platform", f"127.0.0.1:{uplink}", "--ca",
                      f"{data}/pki/ca.pem", "--serial", "GW", "--claim", code, "--clock", clock)
    end = time.monotonic() + GUARD_S
    while b.get(f"/projects/{project}/freshness")["never"] > 0:
        assert time.monotonic() < end, gateway.said[-20:]
        time.sleep(0.2)
    read_s = now + (time.time() - now) * SPEED
    pass_periods(8)
    return data, clock, read_s


def write_profile(folder, centre_port, **more):
    profile = {"format": 1, "host": "127.0.0.1", "port": centre_port, "building": "310101A064", "gateway": "01",
               "secret": SECRET, "key": KEY.decode(), "iv": IV.hex(), "every_min": EVERY_MIN, "wait_s": WAIT_S, "heartbeat_s": 5,
               "meters": [{"address": "000000001101", "id": "7", "functions": [
                   {"id": "1", "coding": "01A10"}, {"id": "2", "coding": "01A11", "point": "flat"}]}]} | more
    with open(f"{folder}/profile.json", "w") as f:
        json.dump(profile, f)


def report(folder, data, clock, *more, code=0):
    done = subprocess.run([YUFU, "report-energy", "--profile", f"{folder}/profile.json", "--data", data, "--state",
                           f"{folder}/state", "--clock", clock, *more], capture_output=True, text=True, timeout=90)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def civil(wall_s):
    beijing = datetime.timezone(datetime.timedelta(hours=8))
    return datetime.datetime.fromtimestamp(wall_s, beijing).strftime("%Y%m%d%H%M%S")


def local(moment):
    return datetime.datetime.strptime(moment, "%Y%m%d%H%M%S")


def reports_arrive_in_order_and_once(folder):
    data, clock, read_s = platform_with_readings(folder)
    start = civil(read_s + EVERY_MIN * 60)

    wrong = Centre(secret="another")
    write_profile(folder, wrong.port)
    said = report(folder, data, clock, "--from", start, "--once", code=1)
    assert "CENTRE_REFUSED" in said and wrong.fails == 1 and not wrong.reports, said

    centre = Centre(drop_after=3)
    write_profile(folder, centre.port)
    said = report(folder, data, clock, "--from", start, "--once", code=1)  # the centre hangs up at the third
    assert "2 reports arrived" in said, said
    with open(f"{folder}/state") as f:
        assert int(f.read()) == int(centre.reports[1].findtext("sequence"))
    report(folder, data, clock, "--once")  # goes on where it was: no --from
    times = [local(r.findtext("time")) for r in centre.reports]
    assert len(times) >= 5 and all((b - a).seconds == EVERY_MIN * 60 for a, b in zip(times, times[1:])), times
    assert {r.get("operation") for r in centre.reports[:4]} == {"continuous"}
    assert centre.reports[0].findtext("current") == "1" and int(centre.reports[0].findtext("total")) >= 5
    energies = []
    for r in centre.reports:
        meter = r.find("meter")
        assert meter.get("id") == "7" and meter.get("conn") == "conn", ET.tostring(r)
        one, two = meter.findall("function")
        assert (one.get("coding"), two.get("coding")) == ("01A10", "01A11")
        assert re.fullmatch(r"\d+\.\d{3}", one.text) and float(two.text) <= float(one.text)
        energies.append(float(one.text))
    assert energies == sorted(energies), energies

    silent = Centre(acknowledges=False)  # heartbeats say that it came
    write_profile(folder, silent.port, acknowledge="heartbeat")
    pass_periods(2)
    report(folder, data, clock, "--once")
    assert silent.reports and silent.beats >= len(silent.reports)
    assert local(silent.reports[0].findtext("time")) > times[-1]

    write_profile(folder, silent.port, acknowledge="heartbeat")
    daemon = Process("report", YUFU, "report-energy", "--profile", f"{folder}/profile.json", "--data", data,
                     "--state", f"{folder}/state", "--clock", clock)
    for _ in range(3):
        daemon.wait(r"centre\.reported")
    assert daemon.end() == 0
    assert any(r.get("operation") == "report" for r in silent.reports), "in its time it is no repair"


def a_question_is_answered_at_any_time(folder):
    """The newest period's registers, the same as its report has; what is reported stays whole and in order."""
    data, clock, read_s = platform_with_readings(folder)
    start = civil(read_s + EVERY_MIN * 60)
    centre = Centre(asks=True)
    write_profile(folder, centre.port)
    real, wall, speed = (int(x) for x in clock.split(","))
    newest = civil(wall + (time.time() - real) * speed - WAIT_S - EVERY_MIN * 60)  # at least, from now on
    report(folder, data, clock, "--from", start, "--once")
    times = [r.findtext("time") for r in centre.reports]
    assert len(times) >= 5 and all((local(b) - local(a)).seconds == EVERY_MIN * 60 for a, b in zip(times, times[1:]))
    assert len(centre.replies) >= 3, (len(centre.replies), times)
    values = {r.findtext("time"): [f.text for f in r.iter("function")] for r in centre.reports}
    compared = 0
    replied = [r.findtext("time") for r in centre.replies]
    assert replied == sorted(replied), replied
    for reply in centre.replies:
        assert reply.findtext("parser") == "yes" and reply.find("total") is None, ET.tostring(reply)
        assert reply.findtext("sequence") not in {r.findtext("sequence") for r in centre.reports}
        assert reply.find("meter").get("id") == "7" and reply.findtext("time") > newest, (reply.findtext("time"), newest)
        at = reply.findtext("time")
        if at in values:
            compared += 1
            assert [f.text for f in reply.iter("function")] == values[at], (ET.tostring(reply), values)
    assert compared > 0, times


def mistakes_are_named(folder):
    for change, word in (({"port": 0}, "port"), ({"key": "short"}, "key"), ({"proof": "both"}, "proof"),
                         ({"format": 2}, "format"), ({"meters": []}, "meters"), ({"secret": ""}, "secret"),
                         ({"meters": [{"address": "1", "id": "1", "functions": [{"id": "1", "point": "x"}]}]}, "meter 1: point")):
        write_profile(folder, 1, **change)
        assert word in report(folder, folder, "1,1,1", code=2), change
    write_profile(folder, 1)
    assert "IO_FILE" in report(folder, f"{folder}/none", "1,1,1", code=1)


run([mistakes_are_named, a_question_is_answered_at_any_time, reports_arrive_in_order_and_once])
