#!/usr/bin/env python3
"""yufu-fleet as a process: real sockets, its own frames made here, kill -9, control socket, replay.

fleet.py FLEET_PROGRAM [DATA_DIR]"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tty

FLEET = sys.argv[1]
DATA = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "../shared/data")
HEAD = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n"
SITE = HEAD + """demo,D1,301,,A301,meter,dorm,GW,1,tcp:127.0.0.1:0,9600,301,yufu-dorm3
demo,D1,302,,A302,platform,dorm,GW,1,,,302,yufu-dorm3
demo,P1,,S1,AS1,meter,shop,GW,2,tcp:127.0.0.1:0,9600,1101,yufu-shop3p
"""
PLANS = {"dorm": {"kind": "flat", "price": "0.5"},
         "shop": {"kind": "time_of_use", "prices": {"peak": "0.9", "valley": "0.3"},
                  "periods": [{"from": "08:00", "to": "22:00", "rate": "peak"},
                              {"from": "22:00", "to": "08:00", "rate": "valley"}]}}


def frame(address, control, data=b""):
    body = bytes([0x68]) + bytes.fromhex(address.rjust(12, "0"))[::-1] + bytes([0x68, control, len(data)])
    body += bytes((b + 0x33) & 0xFF for b in data)
    return b"\xfe\xfe\xfe\xfe" + body + bytes([sum(body) & 0xFF, 0x16])


def bcd(data):
    return int(data[::-1].hex())


class Line:
    """A master on one line. Answers are checked: checksum, address, end."""

    def __init__(self, endpoint):
        self.pty = endpoint.startswith("serial:")
        if self.pty:
            self.fd = os.open(endpoint[7:], os.O_RDWR | os.O_NOCTTY)
            tty.setraw(self.fd)
        else:
            self.sock = socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))

    def _send(self, data):
        os.write(self.fd, data) if self.pty else self.sock.sendall(data)

    def _receive(self, seconds):
        if self.pty:
            import select
            return os.read(self.fd, 512) if select.select([self.fd], [], [], seconds)[0] else b""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(512)
        except TimeoutError:
            return b""

    def ask(self, address, control, data=b"", seconds=3.0):
        self._send(frame(address, control, data))
        got, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            got += self._receive(max(0.0, end - time.monotonic()))
            at = got.find(b"\x68")
            if at >= 0 and len(got) >= at + 12 and len(got) >= at + 12 + got[at + 9]:
                f = got[at:at + 12 + got[at + 9]]
                assert f[-1] == 0x16 and sum(f[:-2]) & 0xFF == f[-2], f.hex()
                assert f[1:7][::-1].hex() == address.rjust(12, "0"), f.hex()
                return f[8], bytes((b - 0x33) & 0xFF for b in f[10:-2])
        return None, b""

    def read(self, address, di):
        control, data = self.ask(address, 0x11, bytes.fromhex(di)[::-1])
        assert control == 0x91 and data[:4] == bytes.fromhex(di)[::-1], (control, data.hex())
        return data[4:]

    def vend(self, address, di, fen, count, customer="0" * 12):
        return self.ask(address, 0x03, bytes.fromhex(di)[::-1] + bytes(4) + fen.to_bytes(4, "little") +
                        count.to_bytes(4, "little") + bytes(4) + bytes.fromhex(customer)[::-1] + bytes(4))

    def close(self):
        os.close(self.fd) if self.pty else self.sock.close()


running = []


class Fleet:
    def __init__(self, folder, *options, site=SITE, nvram=True):
        (folder / "site.csv").write_text(site)
        plans = []
        for code, body in PLANS.items():
            (folder / f"{code}.json").write_text(json.dumps(body))
            plans += ["--plan", f"{code}={folder}/{code}.json" if code == "dorm" else f"{code}={json.dumps(body)}"]
        memory = ["--nvram", str(folder / "nvram")] if nvram else ["--volatile"]
        self.process = subprocess.Popen([FLEET, "--site", str(folder / "site.csv"), *plans, *memory, *options],
                                        stdout=subprocess.PIPE, text=True)
        running.append(self.process)
        while True:
            line = self.process.stdout.readline()
            assert line, "the fleet did not start"
            event = json.loads(line)
            if event["event"] == "ready":
                break
        self.ready = event
        self.control = socket.create_connection(("127.0.0.1", event["control"]))
        self.stream = self.control.makefile("rw")

    def line(self, number):
        return Line(next(l["endpoint"] for l in self.ready["lines"] if l["line"] == number))

    def ask(self, **q):
        self.stream.write(json.dumps(q) + "\n")
        self.stream.flush()
        return json.loads(self.stream.readline())

    def ok(self, **q):
        a = self.ask(**q)
        assert a["ok"], (q, a)
        return a

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)
        self.control.close()
        self.process.stdout.close()
        return self.process.returncode


def test_sale_and_kill(folder):
    """A sale over the wire, kill -9, and everything is there again."""
    f = Fleet(folder, "--no-people")
    line = f.line(1)
    assert line.vend("301", "070101FF", 5000, 1)[0] == 0x83
    assert bcd(line.read("301", "00900200")) == 5000
    assert f.ok(op="status", meter="301")["balance_fen"] == 5000
    f.ok(op="owe", meter="301", circuit=2, energy_mwh=1_230_000)
    line.close()
    assert f.end(signal.SIGKILL) == -9
    f = Fleet(folder, "--no-people")
    line = f.line(1)
    control, data = line.vend("301", "070101FF", 5000, 1)
    assert control == 0xC3 and data == b"\x02\x00", "repeated"
    assert bcd(line.read("301", "03330201")) == 1
    assert line.vend("301", "070102FF", 100, 2)[0] == 0x83
    assert bcd(line.read("301", "03330601")) == 5100
    assert f.ok(op="applied", meter="301")["applied"] == [
        {"life": 1, "count": 2, "amount_fen": 100, "foreign": False}], "of this process"
    line.close()
    assert f.end() == 0


def test_control(folder):
    f = Fleet(folder, "--no-people", nvram=False)
    line = f.line(2)
    assert line.vend("1101", "070101FF", 1000, 1)[0] == 0x83
    f.ok(op="load", meter="1101", power_w=2000)
    assert f.ok(op="foreign_vend", meter="1101", amount_fen=700)
    s = f.ok(op="status", meter="1101")
    assert (s["balance_fen"], s["count"]) == (1700, 2), s
    assert line.vend("1101", "070102FF", 1, 2)[0] == 0xC3
    f.ok(op="power_off", meter="1101")
    assert line.ask("1101", 0x11, b"\0\0\1\0", seconds=0.5)[0] is None
    f.ok(op="power_on", meter="1101")
    assert bcd(line.read("1101", "00900200")) == 1700
    f.ok(op="cut_at_write", meter="1101", k=1, bytes=200, off_ms=100)
    line.ask("1101", 0x03, bytes.fromhex("070102FF")[::-1] + bytes(4) + (9).to_bytes(4, "little") +
             (3).to_bytes(4, "little") + bytes(14), seconds=0.5)
    assert line.vend("1101", "070102FF", 9, 3)[0] == 0x83, "the torn sale is completed"
    assert f.ok(op="status", meter="1101")["balance_fen"] == 1709
    f.ok(op="dead", meter="1101")
    assert line.ask("1101", 0x11, b"\0\0\1\0", seconds=0.5)[0] is None
    f.ok(op="dead", meter="1101", on=False)
    f.ok(op="faults", line=2, drop_answer=1000)
    assert line.ask("1101", 0x11, b"\0\0\1\0", seconds=0.5)[0] is None
    f.ok(op="faults", line=2)
    assert bcd(line.read("1101", "00900200")) == 1709
    f.ok(op="reset", meter="1101", preset_fen=55)
    assert f.ok(op="status", meter="1101")["count"] == 0
    f.ok(op="exchange", meter="1101")
    assert not f.ok(op="status", meter="1101")["opened"]
    assert f.ok(op="lines")["lines"][1]["requests"] > 8
    assert f.ok(op="list")["meters"] == ["000000000301", "000000000302", "000000001101"]
    for bad in ({"op": "nothing"}, {"op": "status"}, {"op": "status", "meter": "77"},
                {"op": "load", "meter": "301", "circuit": 4, "power_w": 1}, {"op": "faults", "line": 9},
                {"op": "faults", "line": 1, "drop_answer": 1001}):
        a = f.ask(**bad)
        assert not a["ok"] and a["error"] in ("SYNTAX", "NOT_FOUND", "RANGE"), a
    f.stream.write("no json\n")
    f.stream.flush()
    assert not json.loads(f.stream.readline())["ok"]
    line.close()
    f.ok(op="stop")
    f.process.wait(20)


def test_pty_and_prices(folder):
    """The same on a pseudo-terminal; the plan's prices and periods are in the meter."""
    f = Fleet(folder, "--no-people", "--lines", f"serial:{folder}/ttyS0,pty", nvram=False)
    assert f.ready["lines"][0]["endpoint"] == f"serial:{folder}/ttyS0"
    room, shop = f.line(1), f.line(2)
    assert bcd(room.read("302", "04050103")) == 5000
    assert bcd(shop.read("1101", "04050102")) == 9000
    assert shop.read("1101", "04010001").hex() == "020008" "040022"
    assert shop.ask("1101", 0x11, b"\1\2\3\4") == (0xD1, b"\2")
    room.close()
    shop.close()
    assert f.end() == 0
    assert not (folder / "ttyS0").is_symlink()


def until(f, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        f.control.settimeout(seconds)
        if condition():
            return
    raise AssertionError("it did not come to pass")


def test_replay(folder):
    """Two recorded days in two seconds: purchases fall due, consumption comes out exact, also after
    a kill in the middle."""
    rows = "time,light_kwh_left,ac_kwh_left\n"
    lefts = [(100, 20), (98.4, 20), (97, 19.5), (150, 19.5), (149.1, 17.2), (140, 17.2)]
    for i, (light, ac) in enumerate(lefts):
        rows += f"2026-03-{1 + i // 3:02d}T{8 * (i % 3):02d}:00:00+08:00,{light},{ac}\n"
    (folder / "room.csv").write_text(rows)
    real0 = time.time()
    start = 1772294400  # the first row; the fleet gets the day before to start in
    options = ("--no-people", "--replay-as-is", "--replay", f"302={folder}/room.csv",
               "--clock", f"{real0:.3f},{start - 86400},50000")
    f = Fleet(folder, *options)
    until(f, lambda: f.ok(op="clock")["wall"] > start + 20 * 3600)
    before = f.ok(op="status", meter="302")["energy_mwh"]
    assert before > 0
    f.end(signal.SIGKILL)
    f = Fleet(folder, *options)
    until(f, lambda: f.ok(op="clock")["wall"] > start + 60 * 3600)
    s = f.ok(op="status", meter="302")
    assert [c["energy_mwh"] for c in s["circuits"]] == [1_600_000 + 1_400_000 + 900_000 + 9_100_000, 0,
                                                        500_000 + 2_300_000], s
    dues = f.ok(op="dues")["dues"]
    # sorted: what falls due within one tick is told in the order of the series
    assert sorted((d["id"], d["energy_mwh"], d["amount_fen"]) for d in dues) == [
        ("000000000302-ac-1", 20_000_000, 1000), ("000000000302-light-1", 100_000_000, 5000),
        ("000000000302-light-2", 53_000_000, 2650)], dues
    assert f.end() == 0


def test_real_room(folder):
    """Ten days of the real room at full speed on a meter that obeys only the platform."""
    path = DATA / "dorm-balance/zzu-room-balance.csv"
    if not path.exists():
        return "skipped: no shared data"
    start = 1736928000  # 2025-01-15 16:00 in Beijing
    f = Fleet(folder, "--no-people", "--replay-as-is", "--replay", f"302={path}#light",
              "--clock", f"{time.time():.3f},{start},50000", nvram=False)
    until(f, lambda: f.ok(op="clock")["wall"] > start + 10 * 86400, 120)
    f.ok(op="status", meter="302")
    used = [float(l.split(",")[1]) for l in path.read_text().splitlines()[1:]]
    energy = f.ok(op="status", meter="302")["energy_mwh"]
    falls = sum(max(0, round(a * 10) - round(b * 10)) for a, b in zip(used, used[1:])) * 100_000
    assert 20_000_000 < energy < falls, (energy, falls)
    assert f.end() == 0


def test_refusals(folder):
    site = folder / "site.csv"
    good = [FLEET, "--site", str(site), "--volatile"]
    cases = [([FLEET], 2), ([FLEET, "--site", str(site)], 2), (good + ["--nvram", "x"], 2),
             (good + ["--nothing"], 2), (good + ["--seed"], 2), (good + ["--dead", "65"], 2),
             (good + ["--seed", "x"], 2), (good + ["--clock", "1,2"], 2), (good + ["--delay", "9-1"], 2),
             ([FLEET, "--site", "/nonexistent", "--volatile"], 1), (good + ["--replay", "77=x"], 1),
             (good + ["--plan", "dorm=/nonexistent"], 1), (good + ["--plan", "dorm={}"], 1),
             (good + ["--plan", 'dorm={"kind":"flat","price":"0.12345"}'], 1),
             (good + ["--lines", "tcp:8.8.8.8:1"], 1), (good + ["--lines", "x,y,z"], 1)]
    site.write_text(SITE)
    for argv, code in cases:
        p = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert p.returncode == code and "yufu-fleet: " in p.stderr, (argv, p)
    for text in ("", HEAD, "a,b\n1,2\n", SITE.replace("yufu-dorm3", "toaster"),
                 SITE.replace(",302,", ",301,"), SITE.replace("GW,1,", "GW,300,"), SITE.replace("9600", "7")):
        site.write_text(text)
        p = subprocess.run(good, capture_output=True, text=True, timeout=20)
        assert p.returncode == 1 and p.stderr.startswith("yufu-fleet: "), (text, p)
    p = subprocess.run([FLEET, "--help"], capture_output=True, text=True)
    assert p.returncode == 0 and "--replay" in p.stdout


def main():
    tests = [v for k, v in globals().items() if k.startswith("test_")]
    for t in tests:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="yufu-fleet-"))
        try:
            note = t(folder)
        finally:
            for process in running:
                process.kill()
                process.wait()
            running.clear()
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{t.__name__}: {note or 'ok'}", flush=True)


main()
