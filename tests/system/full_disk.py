#!/usr/bin/env python3
"""The platform on a disk that is full: full_disk.py YUFU

A sale is refused with STORE_FULL as problem+json and nothing is changed; what can be read is read; with
room again the same wish is granted, under the same key, without a restart, and the event list tells that the
disk was full. Once on a small file system
of its own (where this machine allows a mount), once with files that may not grow.
"""
import os
import resource
import signal
import subprocess
import sys
import time

from browser import Browser
from processes import Process, run

YUFU = sys.argv[1]
SECRET = "a much better secret"
TRIES = 2000
FEN = 100


class FullFileSystem:
    """A tmpfs, filled to the last byte."""
    size = "6m"

    def __init__(self, folder):
        self.data = f"{folder}/data"
        os.mkdir(self.data)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "none", self.data], check=True)

    def fill(self, platform):
        with open(f"{self.data}/filler", "wb", buffering=0) as f:
            for piece in (65536, 4096, 1):
                try:
                    while True:
                        f.write(b"x" * piece)
                except OSError:
                    pass

    def make_room(self, platform):
        os.remove(f"{self.data}/filler")


class FullFiles:
    """No file of the platform may grow beyond the largest there is."""

    def __init__(self, folder):
        self.data = f"{folder}/data"
        os.mkdir(self.data)

    def fill(self, platform):
        largest = max(os.path.getsize(f"{self.data}/{n}") for n in os.listdir(self.data))
        resource.prlimit(platform.child.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def make_room(self, platform):
        resource.prlimit(platform.child.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def yufu(data, command, *more):
    done = subprocess.run([YUFU, command, "--data", data, *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def open_site(folder, data):
    with open(f"{folder}/site.csv", "w") as f:
        f.write("project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,model\n"
                "full,D,1,A1,platform,flat,standard,GW-1,1,tcp:127.0.0.1:1,1,yufu-plain\n"
                "full,D,2,A2,meter,flat,standard,GW-1,1,,2,yufu-dorm3\n")
    with open(f"{folder}/flat.json", "w") as f:
        f.write('{"kind": "flat", "price": "0.5"}')
    with open(f"{folder}/standard.json", "w") as f:
        f.write("{}")
    yufu(data, "import", "--plan", f"flat={folder}/flat.json", "--strategy",
         f"standard={folder}/standard.json", f"{folder}/site.csv")
    platform = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0,
                       restore_signals=False)  # SIGXFSZ stays ignored: a write that fails is told
    password = platform.wait(r"one-time password (\S+)").group(1)
    b = Browser(int(platform.wait(r"program\.start .*http=(\d+)").group(1)))
    b.log_in(password)
    b.csrf = b.post("/me/password", {"password": password, "new_password": SECRET})["csrf"]
    return platform, b


def sell(b, account, order):
    body = {"order_id": order, "amount_fen": FEN, "method": "cash"}
    return b.ask("POST", f"/accounts/{account}/orders", body, order)


def refused(r):
    assert r.status == 503, (r.status, r.text)
    assert r.headers["Content-Type"].startswith("application/problem+json"), r.headers
    assert r["code"] == "STORE_FULL", r.text
    return True


def told_of_it(b):
    """In the list of events, once, as soon as it can be written."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        events = b.get("/projects/1/events?kind=store.full")["events"]
        if events:
            assert len(events) == 1 and events[0]["severity"] == "alarm", events
            return
        time.sleep(0.2)
    raise AssertionError("nobody was told of the full disk")


def fill_and_relieve(folder, disk):
    platform, b = open_site(folder, disk.data)
    accounts = {c: b.get(f"/search?q={c}")["hits"][0]["account_id"] for c in ("A1", "A2")}
    assert sell(b, accounts["A1"], "order-before").status == 201
    disk.fill(platform)
    sold, last = 1, None
    while last is None:  # the log file may have room inside for some more
        assert sold < TRIES, "the disk never got full"
        order = f"order-{sold:06d}"
        r = sell(b, accounts["A1"], order)
        if r.status == 201:
            sold += 1
        else:
            last = order if refused(r) else None
    for again in (last, "another-order"):
        refused(sell(b, accounts["A1"], again))
        refused(sell(b, accounts["A2"], again + "-in-meter"))
    assert b.get(f"/accounts/{accounts['A1']}")["balance"]["available_fen"] == sold * FEN
    b.get(f"/accounts/{accounts['A1']}/orders/{last}", 404)
    b.get(f"/accounts/{accounts['A2']}/orders/another-order-in-meter", 404)
    disk.make_room(platform)
    r = sell(b, accounts["A1"], last)
    assert r.status == 201 and "Idempotent-Replay" not in r.headers, (r.status, r.text)
    assert sell(b, accounts["A2"], "another-order-in-meter").status == 201
    told_of_it(b)
    assert b.get(f"/accounts/{accounts['A1']}")["balance"]["available_fen"] == (sold + 1) * FEN
    assert platform.end(signal.SIGTERM) == 0, platform.said[-5:]
    yufu(disk.data, "verify")
    print(f"{type(disk).__name__}: {sold} sold before it was full, 5 refusals, 2 sold again", flush=True)


def test_full_file_system(folder):
    disk = FullFileSystem(folder)
    try:
        fill_and_relieve(folder, disk)
    finally:
        subprocess.run(["umount", "-l", disk.data], check=False)


def test_files_that_may_not_grow(folder):
    fill_and_relieve(folder, FullFiles(folder))


signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
own = ["unshare", "--user", "--map-root-user", "--mount"]
if os.environ.get("OWN_MOUNTS") == "1":
    run([test_full_file_system, test_files_that_may_not_grow])
elif subprocess.run([*own, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0:
    os.environ["OWN_MOUNTS"] = "1"
    os.execvp(own[0], [*own, sys.executable, *sys.argv])
else:
    print("no mount allowed here: only with files that may not grow")
    run([test_files_that_may_not_grow])
