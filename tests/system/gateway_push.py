#!/usr/bin/env python3
"""Updates of gateways through the uplink, with a real platform and real gateways: gateway_push.py YUFU
YUFU_GATEWAY NEXT BAD [YUFU_MQTT]

NEXT is the same program with a higher version, BAD one that never proves good. Whatever is cut, killed or
refused in the middle: a gateway runs what it ran before, or what was pushed, whole."""
import glob
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from browser import Browser
from processes import GUARD_S, Process, free_port, run

YUFU, GATEWAY, NEXT, BAD = sys.argv[1:5]
MQTT = sys.argv[5] if len(sys.argv) > 5 else None
NEW, HEADER, BLOCK = "9.1.0", 192, 4096
HEAD = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n"


def done(status, argv):
    d = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=60)
    assert d.returncode == status, (argv, d.returncode, d.stdout)
    return d.stdout


class Site:
    """A platform with gateways GW1, GW2 ... that have a line which nobody answers on."""

    def __init__(self, folder, gateways=1):
        self.folder, self.data, self.claims = folder, f"{folder}/data", {}
        self.http, self.port = free_port(), free_port()
        with open(f"{folder}/site.csv", "w") as f:
            f.write(HEAD + "".join(f"demo,D1,30{n},,,,,GW{n},1,tcp:127.0.0.1:1,9600,30{n},yufu-dorm3\n"
                                   for n in range(1, gateways + 1)))
        done(0, [YUFU, "import", "--data", self.data, f"{folder}/site.csv"])
        self.key("release")
        self.serve()
        password = self.platform.wait(r"one-time password (\S+)").group(1)
        self.platform.wait(r"program\.start")
        self.browser = b = Browser(self.http)
        assert b.log_in(password)["must_change"]
        b.csrf = b.post("/me/password", {"password": password, "new_password": "Old-tenders-live-long-7"})["csrf"]
        self.project = b.get("/projects")["projects"][0]["id"]
        for g in self.gateways():
            self.claims[g["serial"]] = b.post(f"/gateways/{g['id']}/claim-code", None, status=201)["code"]

    def serve(self):
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", self.http, "--uplink",
                                self.port, "--release-keys", f"{self.folder}/release.pub")

    def gateways(self):
        return self.browser.get(f"/projects/{self.project}/gateways")["gateways"]

    def told(self, serial="GW1"):
        return next(g for g in self.gateways() if g["serial"] == serial)["program"]

    def key(self, name):
        done(0, [GATEWAY, "update", "key", "--secret", f"{self.folder}/{name}.pem", "--public",
                 f"{self.folder}/{name}.pub"])

    def packed(self, program, name, key="release"):
        out = f"{self.folder}/{name}.update"
        done(0, [GATEWAY, "update", "pack", "--program", program, "--key", f"{self.folder}/{key}.pem", "--minimum",
                 "0.1.0", "--output", out])
        return out

    def update(self, *argv, status=0):
        return done(status, [YUFU, "update", *argv, "--data", self.data])

    def add(self, program, name, key="release"):
        said = self.update("add", self.packed(program, name, key), "--keys", f"{self.folder}/{key}.pub")
        return re.match(r" *(\d+) ", said).group(1)

    def push(self, package, *more, gateways="GW1", status=0):
        return self.update("push", "--package", package, "--gateways", gateways, "--reason", "a test", *more,
                           status=status)

    def gateway(self, serial="GW1", port=None, keys="release", bad=None):
        return Process(serial, GATEWAY, "--data", f"{self.folder}/{serial}", "--platform",
                       f"127.0.0.1:{port or self.port}", "--ca", f"{self.data}/pki/ca.pem", "--serial", serial,
                       "--claim", self.claims[serial], "--release-keys", f"{self.folder}/{keys}.pub",
                       env={**os.environ, **({"BAD": bad} if bad else {})})

    def wait_for(self, true, what, serial="GW1"):
        end = time.monotonic() + GUARD_S
        while not true(self.told(serial)):
            assert time.monotonic() < end, (what, self.told(serial), self.update("show"))
            time.sleep(0.1)

    def is_confirmed(self, serial="GW1"):
        self.wait_for(lambda p: p["update"]["state"] == "confirmed", "confirmed", serial)
        told = self.told(serial)
        assert told["version"] == NEW and not told["trial"] and told["place"] == "a", told

    def has_failed(self, why, serial="GW1"):
        self.wait_for(lambda p: p["update"]["state"] == "failed", "failed", serial)
        told = self.told(serial)
        assert told["update"]["error"] == why and told["version"] != NEW, told

    def events(self, kind):
        found = self.browser.get(f"/projects/{self.project}/events?limit=100")["events"]
        return [e for e in found if e["kind"] == kind]

    def fetched(self, more_than, serial="GW1"):
        """Waits until the gateway has so much of the file."""
        end = time.monotonic() + GUARD_S
        path = f"{self.folder}/{serial}/program/fetch"
        while not (os.path.exists(path) and os.path.getsize(path) > more_than):
            assert time.monotonic() < end, "nothing is fetched"
            time.sleep(0.002)
        return os.path.getsize(path)

    def ends(self, *gateways):
        for g in gateways:
            assert g.end() == 0
        assert self.platform.end() == 0


class Wire:
    """Between gateway and platform: counts what goes down, can be slow, and can be cut."""

    def __init__(self, port, bytes_per_s=None):
        self.far, self.open, self.down, self.rate = port, [], 0, bytes_per_s
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.far))
            self.open += [near, far]
            threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source, sink, down):
        try:
            while data := source.recv(65536):
                self.down += len(data) if down else 0
                if self.rate:
                    time.sleep(len(data) / self.rate)
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []


def begun(folder):
    site = Site(folder)
    gateway = site.gateway()
    gateway.wait(r"uplink\.connected")
    return site, gateway


def handled(gateway):
    """Bytes that the gateway's loop, its first thread, has read and written since it began."""
    with open(f"/proc/{gateway.child.pid}/task/{gateway.child.pid}/io") as f:
        words = f.read().split()
    return int(words[1]), int(words[3])


# ---- it goes well ----------------------------------------------------------------------------------------
def pushed_tried_confirmed(folder):
    site, gateway = begun(folder)
    package = site.add(NEXT, "next")
    assert "EXISTS" in site.update("add", f"{folder}/next.update", "--keys", f"{folder}/release.pub", status=1)
    site.push(package)
    assert "UPDATE_BUSY" in site.push(package, status=1)
    assert "UPDATE_USED" in site.update("remove", package, status=1)
    gateway.wait(r"update\.push .*stage=2")
    gateway.wait(r"update\.push .*stage=3")
    gateway.wait(r"update\.push .*stage=4")
    gateway.wait(r"program\.stop")
    gateway.wait(rf"update\.trial .*version={NEW} start=1 slot=a")
    gateway.wait(r"update\.confirmed")
    gateway.wait(r"update\.push .*stage=5")
    site.is_confirmed()
    assert not os.path.exists(f"{folder}/GW1/program/fetch")
    assert site.events("gateway.update_ordered")[0]["detail"]["why"] == "a test"
    assert site.events("gateway.update_done")[0]["detail"]["version"] == NEW
    assert "UPDATE_OLD" in site.push(package, status=1)
    site.update("remove", package)
    assert site.update("list") == ""
    site.ends(gateway)


def rest_follows_the_first(folder):
    site = Site(folder, 3)
    gateways = [site.gateway(f"GW{n}") for n in (1, 2, 3)]
    for g in gateways:
        g.wait(r"uplink\.connected")
    site.push(site.add(NEXT, "next"), "--first", 1, gateways="GW2,GW1,GW3")
    site.is_confirmed("GW2")
    for serial in ("GW1", "GW3"):
        site.is_confirmed(serial)
    began = {g.name: next(i for i, line in enumerate(g.said) if "stage=2" in line) if
             any("stage=2" in line for line in g.said) else None for g in gateways}
    site.ends(*gateways)
    time_of = lambda g: next(re.match(r"\S+", x).group(0) for x in g.said if "update.push" in x)  # noqa: E731
    confirmed = next(re.match(r"\S+", x).group(0) for x in gateways[1].said if "update.confirmed" in x)
    assert time_of(gateways[0]) >= confirmed and time_of(gateways[2]) >= confirmed, began
    assert re.search(r"push 1: 9\.1\.0 done", done(0, [YUFU, "update", "show", "--data", site.data]))


def ordered_at_the_console(folder):
    site = Site(folder)
    b, gateway = site.browser, site.gateway()
    gateway.wait(r"uplink\.connected")
    whole = open(site.packed(NEXT, "next"), "rb").read()
    address, kind = "/gateway-packages", "application/octet-stream"
    for code, status, content in (("UPDATE_DATA", 422, whole[:-1] + bytes([whole[-1] ^ 1])), ("UPDATE_FILE", 422, b"Y"), ("UPDATE_DATA", 422, whole[:-1]),
                                  ("UPDATE_SIZE", 422, whole + bytes(16 * 1024 * 1024 + 1 - len(whole)))):
        assert b.post(address, content, status=status, kind=kind)["code"] == code, code
    package = b.post(address, whole, status=201, kind=kind).json
    assert package["version"] == NEW and package["size"] == len(whole), package
    assert b.post(address, whole, status=409, kind=kind)["code"] == "EXISTS"
    wish = {"package_id": package["id"], "gateways": [site.gateways()[0]["id"]], "first": 0, "from_minute": 0,
            "until_minute": 0, "trial_s": 600, "downgrade": False, "reason": "by a person"}
    pushes = f"/projects/{site.project}/gateway-updates"
    push = b.post(pushes, wish, key="push-0001", status=201).json
    assert b.post(pushes, wish, key="push-0001", status=201)["id"] == push["id"]
    seen = set()

    def over(program):
        seen.add((program["update"]["state"], program["update"]["percent"]))
        return program["update"]["state"] == "confirmed"
    site.wait_for(over, "confirmed")
    assert {state for state, _ in seen} & {"fetching", "ready", "trial"}, seen
    site.is_confirmed()
    told = b.get(pushes)["pushes"][0]
    assert told["state"] == "done" and told["actor"] == "user:1" and told["gateways"][0]["percent"] == 100, told
    assert b.post(pushes + "/stop", {"push_id": push["id"], "reason": "x"}, key="stop-0001", status=409)
    b.post("/gateway-packages/remove", {"package_id": package["id"]})
    site.ends(gateway)


def orders_do_not_wait(folder):
    """On a line of 16 kB a second orders go between the blocks; half of the line is left to the rest."""
    site = Site(folder)
    wire = Wire(site.port, 16_000)
    gateway = site.gateway(port=wire.port)
    gateway.wait(r"uplink\.connected")
    site.push(site.add(NEXT, "next"))
    site.fetched(4 * BLOCK)
    meter = site.browser.get(f"/gateways/{site.gateways()[0]['id']}/meters")["meters"][0]["id"]
    waits = []
    for n in range(8):
        time.sleep(0.11)  # in every part of a block and of the pause behind it
        began = time.monotonic()
        site.browser.post(f"/meters/{meter}/relay", {"circuit": n % 3 + 1, "desired": "closed", "reason": "a test"},
                          key=f"relay-{n:05}", status=202)
        gateway.wait(r"gateway\.command .*kind=2")  # one for each
        waits.append(time.monotonic() - began)
    assert site.told()["update"]["state"] == "fetching", site.told()
    print(f"        orders at the gateway after {sorted(waits)[4]:.2f} s, at most {max(waits):.2f} s")
    assert max(waits) < 1.5, waits  # a block takes a quarter of a second
    site.update("stop", 1, "--reason", "seen")
    gateway.wait(r"update\.push .*stage=7")
    site.ends(gateway)


def over_mqtt(folder):
    broker = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not MQTT or not os.path.exists(broker):
        return
    site, port = Site(folder), free_port()
    with open(f"{folder}/broker.conf", "w") as f:
        f.write(f"listener {port} 127.0.0.1\nset_tcp_nodelay true\nallow_anonymous true\npersistence false\nlog_dest stderr\n"
                "log_type all\n")
    Process("broker", broker, "-c", f"{folder}/broker.conf").wait(r"running")
    far = Process("far", MQTT, "platform", "--broker", f"127.0.0.1:{port}", "--to", f"127.0.0.1:{site.port}")
    far.wait(r"mqtt\.up")
    near = Process("near", MQTT, "gateway", "--broker", f"127.0.0.1:{port}", "--name", "GW1")
    relay = near.wait(r"program\.start .*port=(\d+)").group(1)
    near.wait(r"mqtt\.up")
    gateway = site.gateway(port=relay)
    gateway.wait(r"uplink\.connected")
    site.push(site.add(NEXT, "next"))
    gateway.wait(r"update\.confirmed", 240)  # with sanitizers the file is eleven times as large
    site.is_confirmed()
    site.ends(gateway)


# ---- it does not -----------------------------------------------------------------------------------------
def version_that_is_no_good_is_left_and_told(folder):
    site = Site(folder, 2)
    first, other = site.gateway("GW1", bad="end"), site.gateway("GW2")
    first.wait(r"uplink\.connected")
    other.wait(r"uplink\.connected")
    site.push(site.add(BAD, "bad"), "--first", 1, gateways="GW1,GW2")
    first.wait(r"update\.left .*version=9\.2\.0 why=starts next=installed")
    site.has_failed("UPDATE_STARTS")
    assert site.told("GW1")["left"] == "9.2.0"
    assert site.told("GW2")["update"] == {**site.told("GW2")["update"], "state": "stopped", "error": "UPDATE_HALTED"}
    assert site.events("gateway.update_failed")[0]["detail"]["why"] == "UPDATE_STARTS"
    assert site.events("gateway.update_halted")[0]["detail"]["gateways"] == 1
    site.push(site.add(NEXT, "next"))  # and the next one is taken
    site.is_confirmed()
    site.ends(first, other)
    other.never_said(r"update\.push")


def one_that_hangs_is_left_when_its_time_is_over(folder):
    site = Site(folder)
    gateway = site.gateway(bad="hang")
    gateway.wait(r"uplink\.connected")
    site.push(site.add(BAD, "bad"), "--trial", 10)
    gateway.wait(r"update\.left .*why=time")
    site.has_failed("UPDATE_TIME")
    site.ends(gateway)


def wrong_files_never_leave_the_platform(folder):
    site = Site(folder)
    whole = open(site.packed(NEXT, "next"), "rb").read()
    site.key("stranger")
    stranger = open(site.packed(NEXT, "stranger", key="stranger"), "rb").read()
    for word, content in (("SIGN_KEY", stranger), ("UPDATE_DATA", whole[:-1] + bytes([whole[-1] ^ 1])),
                          ("TRUNCATED", whole[:-1]), ("TRUNCATED", b""), ("UPDATE_DATA", whole + b"x"),
                          ("UPDATE_FILE", b"X" + whole[1:]), ("SIGN_WRONG", whole[:40] + b"\1" + whole[41:]),
                          ("UPDATE_SIZE", whole + bytes(16 * 1024 * 1024))):
        open(f"{folder}/case", "wb").write(content)
        said = site.update("add", f"{folder}/case", "--keys", f"{folder}/release.pub", status=1)
        assert f" {word} " in said, (word, said)
    assert site.update("list") == ""
    assert "NOT_FOUND" in site.push(1, status=1)
    assert "NOT_FOUND" in site.push(1, gateways="GW7", status=1)
    site.add(NEXT, "next")
    assert "STATE" in site.push(1, status=1)  # not claimed yet
    assert "RANGE" in site.push(1, "--first", 2, status=1)
    assert "SYNTAX" in site.push(1, "--from", "24:00", status=1)
    for argv in (("push",), ("add",), ("remove", "x"), ("stop", "1"), ("what",), ()):
        site.update(*argv, status=2)
    site.ends()


def gateway_believes_its_own_keys_alone(folder):
    """A platform that was taken over can send what it likes: the release key is not there."""
    site = Site(folder)
    site.key("other")
    gateway = site.gateway(keys="other")
    gateway.wait(r"uplink\.connected")
    site.push(site.add(NEXT, "next"))
    site.has_failed("SIGN_KEY")
    assert len(glob.glob(f"{folder}/GW1/program/*")) == 1  # its record of the wish
    site.ends(gateway)


def other_machine_is_refused_at_once(folder):
    site, gateway = begun(folder)
    site.wait_for(lambda p: p and p["machine"], "it told its machine")
    with open(f"{folder}/arm", "wb") as f:
        f.write(b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HH", 2, 40) + bytes(32))
        f.write(b"YUFU-PROGRAM yufu-gateway 9.1.0 store 1\0")
    assert "UPDATE_MACHINE" in site.push(site.add(f"{folder}/arm", "arm"), status=1)
    site.ends(gateway)


def loop_goes_on(folder):
    """The file is hashed, and written to its slot, by another thread: what the loop itself reads and writes are
    its blocks, whatever the processor's speed."""
    site, gateway = begun(folder)
    package = site.add(NEXT, "next")
    size = os.path.getsize(f"{folder}/next.update")
    before = handled(gateway)
    minute = (int(time.time()) + 8 * 3600) // 60 % 1440
    later = [f"{m // 60:02}:{m % 60:02}" for m in ((minute + 120) % 1440, (minute + 180) % 1440)]
    site.push(package, "--from", later[0], "--until", later[1])
    gateway.wait(r"update\.push .*stage=3")
    read, written = (now - was for now, was in zip(handled(gateway), before))
    assert read < 2 * size and size <= written < 2 * size, (read, written, size)
    site.update("stop", 1, "--reason", "counted")
    site.wait_for(lambda p: p["update"]["state"] == "stopped", "taken back")
    site.push(package)
    gateway.wait(r"update\.push .*stage=4")
    written = handled(gateway)[1] - before[1]
    assert 2 * size <= written < 3 * size, (written, size)  # twice its blocks, and not the slot
    gateway.wait(r"update\.confirmed")
    site.is_confirmed()
    site.ends(gateway)


# ---- cut and killed ---------------------------------------------------------------------------------------
def goes_on_where_the_uplink_broke(folder):
    site = Site(folder)
    wire = Wire(site.port)
    gateway = site.gateway(port=wire.port)
    gateway.wait(r"uplink\.connected")
    size = os.path.getsize(site.packed(NEXT, "next"))
    site.push(site.add(NEXT, "next"))
    wire.down = 0
    for part in (1, 2, 3):
        site.fetched(size * part // 5)
        wire.cut()
        gateway.wait(r"uplink\.lost")
        gateway.wait(r"uplink\.connected")
    gateway.wait(r"update\.push .*stage=3")
    assert wire.down < size + size // 4, (wire.down, size)  # nothing came twice, but for a block a cut
    gateway.wait(r"update\.confirmed")
    site.is_confirmed()
    site.ends(gateway)


def goes_on_after_kills(folder):
    """kill -9 of the gateway, of the platform, of both, in the middle of the file."""
    site, gateway = begun(folder)
    size = os.path.getsize(site.packed(NEXT, "next"))
    site.push(site.add(NEXT, "next"))
    for part, who in ((1, "gateway"), (2, "platform"), (3, "both")):
        had = site.fetched(size * part // 5)
        if who != "platform":
            gateway.end(signal.SIGKILL)
        if who != "gateway":
            site.platform.end(signal.SIGKILL)
            site.serve()
            site.platform.wait(r"program\.start")
        if who != "platform":
            gateway = site.gateway()
        assert os.path.getsize(f"{folder}/GW1/program/fetch") >= had
    gateway.wait(r"update\.push .*stage=3")
    gateway.wait(r"update\.confirmed")
    site.is_confirmed()
    site.ends(gateway)


def damaged_part_is_fetched_again(folder):
    """As a power cut may leave it: the file has its length, and zeros."""
    site, gateway = begun(folder)
    site.push(site.add(NEXT, "next"))
    had = site.fetched(20 * BLOCK)
    gateway.end(signal.SIGKILL)
    with open(f"{folder}/GW1/program/fetch", "r+b") as f:
        f.seek(had // 2)
        f.write(bytes(BLOCK))
    gateway = site.gateway()
    gateway.wait(r"update\.push .*stage=2")  # once more, from its beginning
    gateway.wait(r"update\.push .*stage=3")
    gateway.wait(r"update\.confirmed")
    site.is_confirmed()
    site.ends(gateway)


def killed_on_trial(folder):
    site, gateway = begun(folder)
    site.push(site.add(NEXT, "next"))
    gateway.wait(r"update\.trial .*start=1")
    gateway.end(signal.SIGKILL)
    gateway = site.gateway()
    gateway.wait(r"update\.trial .*start=2|program\.start")
    site.is_confirmed()
    site.ends(gateway)


# ---- when it may ------------------------------------------------------------------------------------------
def waits_for_its_time_and_is_taken_back(folder):
    site, gateway = begun(folder)
    now = (int(time.time()) + 8 * 3600) // 60 % 1440  # the site's minute
    hours = [f"{m // 60:02}:{m % 60:02}" for m in ((now + 120) % 1440, (now + 180) % 1440)]
    site.push(site.add(NEXT, "next"), "--from", hours[0], "--until", hours[1])
    gateway.wait(r"update\.push .*stage=3")
    site.wait_for(lambda p: p["update"]["state"] == "ready", "it waits")
    assert site.told()["version"] != NEW
    site.update("stop", 1, "--reason", "another night")
    assert "STATE" in site.update("stop", 1, "--reason", "again", status=1)
    gateway.wait(r"update\.push .*stage=7")
    site.wait_for(lambda p: p["update"]["state"] == "stopped", "taken back")
    assert not os.path.exists(f"{folder}/GW1/program/fetch")
    hours = [f"{m // 60:02}:{m % 60:02}" for m in ((now - 60) % 1440, (now + 60) % 1440)]
    site.push(1, "--from", hours[0], "--until", hours[1])
    site.is_confirmed()
    site.ends(gateway)


run([pushed_tried_confirmed, ordered_at_the_console, orders_do_not_wait, over_mqtt, rest_follows_the_first, version_that_is_no_good_is_left_and_told,
     one_that_hangs_is_left_when_its_time_is_over, wrong_files_never_leave_the_platform,
     gateway_believes_its_own_keys_alone, other_machine_is_refused_at_once, goes_on_where_the_uplink_broke,
     goes_on_after_kills, damaged_part_is_fetched_again, killed_on_trial, loop_goes_on, waits_for_its_time_and_is_taken_back])
