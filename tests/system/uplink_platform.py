#!/usr/bin/env python3
"""The same attacks on the whole platform: yufu serve, yufu-gateway, yufu-fleet, and between them a
TLS terminator with all the keys but the gateway's secret: uplink_platform.py YUFU GATEWAY FLEET"""
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import uplink_proxy
from processes import GUARD_S, Process, free_port, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
HEAD = ("project,building,room,shop,account,wallet,plan,strategy,contract,gateway,line,endpoint,baud,"
        "address,model\n")
CODE = "one-time-code-of-gw-1"


class Site:
    def __init__(self, folder):
        self.folder, self.data = folder, f"{folder}/data"
        os.makedirs(self.data)
        with open(f"{folder}/site.csv", "w") as f:
            f.write(HEAD + "demo,D1,301,,A301,platform,dorm,standard,2026-09-01,GW-1,1,"
                           f"tcp:127.0.0.1:{free_port()},9600,301,yufu-dorm3\n")
        with open(f"{folder}/plan.json", "w") as f:
            json.dump({"kind": "flat", "price": "0.5"}, f)
        with open(f"{folder}/strategy.json", "w") as f:
            f.write("{}")
        done = subprocess.run([YUFU, "import", "--data", self.data, "--plan",
                               f"dorm={folder}/plan.json", "--strategy",
                               f"standard={folder}/strategy.json", f"{folder}/site.csv"],
                              capture_output=True, text=True, timeout=GUARD_S)
        assert done.returncode == 0, done.stdout + done.stderr
        self.new_code()
        self.uplink = 0
        self.serve()

    def ledger(self, sql, *values):
        db = sqlite3.connect(f"{self.data}/ledger.db", timeout=GUARD_S)
        with db:
            rows = db.execute(sql, values).fetchall()
        db.close()
        return rows

    def new_code(self):
        """What the console does when an operator asks for a code."""
        self.ledger("UPDATE gateway SET claim_hash = ?, claim_until = ? WHERE serial = 'GW-1'",
                    hashlib.sha256(CODE.encode()).digest(), int(time.time()) + 3600)

    def serve(self):
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", "0",
                                "--uplink", str(self.uplink))
        self.uplink = int(self.platform.wait(r"program\.start .*uplink=(\d+)").group(1))

    def meters(self):
        fleet = Process("fleet", FLEET, "--site", f"{self.folder}/site.csv", "--volatile",
                        "--no-people", "--plan", f"dorm={self.folder}/plan.json", "--delay", "1-5")
        fleet.wait('"event":"ready"')

    def gateway(self, data="gateway", port=None, claim=CODE):
        return Process(data, GATEWAY, "--data", f"{self.folder}/{data}", "--platform",
                       f"127.0.0.1:{port or self.uplink}", "--ca", f"{self.data}/pki/ca.pem",
                       "--serial", "GW-1", "--claim", claim)

    def claimed(self):
        gateway = self.gateway()
        gateway.wait(r"gateway\.claimed ")
        gateway.wait(r"uplink\.connected .*epoch=1\b")
        gateway.wait(r"gateway\.config .*lines=1 meters=1")
        return gateway

    def proxy(self, trick):
        """Has everything that a thief of all certificates has."""
        db = sqlite3.connect(f"{self.folder}/gateway/gateway.db")
        setting = dict(db.execute("SELECT name, value FROM setting"))
        db.close()
        pki = f"{self.data}/pki"
        for name in ("certificate", "key"):
            with open(f"{pki}/stolen.{name}", "wb") as f:
                f.write(setting[name])
        return uplink_proxy.Proxy(pki, self.uplink, trick,
                                  (f"{pki}/stolen.certificate", f"{pki}/stolen.key"))

    def end(self):
        """The events of the gateway, as the console shows them: (kind, reason)."""
        assert self.platform.end() == 0, self.platform.said[-20:]
        return [(kind, json.loads(detail).get("reason"))
                for kind, detail in self.ledger("SELECT kind, detail FROM event ORDER BY id")]


def code_is_asked_for_and_good_once(folder):
    site = Site(folder)
    stranger = site.gateway("stranger", claim="one-time-code-of-gw-2")
    stranger.wait(r"gateway\.claim_refused .*error=SITE_CLAIM")
    gateway = site.claimed()
    late = site.gateway("late")
    late.wait(r"gateway\.claim_refused .*error=SITE_CLAIM")
    for p in (stranger, gateway, late):
        assert p.end() == 0
    kinds = [kind for kind, _ in site.end()]
    assert kinds.count("gateway.claimed") == 1, kinds


def stranger_with_a_certificate_of_another_ca_is_refused(folder):
    site, other = Site(f"{folder}/a"), Site(f"{folder}/b")
    gateway = Process("gateway", GATEWAY, "--data", f"{folder}/gateway", "--platform",
                      f"127.0.0.1:{site.uplink}", "--ca", f"{other.data}/pki/ca.pem", "--serial",
                      "GW-1", "--claim", CODE)
    gateway.wait(r"tls\.refused .*reason=")
    gateway.wait(r"uplink\.refused .*error=TLS")
    gateway.end()
    gateway.never_said("claiming")
    other.end()
    assert not [kind for kind, _ in site.end() if kind.startswith("gateway.")]


def attacks_end_the_session_and_nothing_else(folder):
    site = Site(folder)
    site.meters()
    site.claimed().end()
    connections, answered = [], threading.Event()

    def bend(frame):
        return [frame[:20] + bytes([frame[20] ^ 1]) + frame[21:]]

    script = [("up", 3, bend), ("up", 3, lambda f: [f, f]), ("down", 3, bend)]  # one for each

    def play(direction, number, frame):
        if (direction, number) == ("up", 1):
            connections.append(None)
        if len(connections) > len(script):
            if direction == "down" and number > 2:
                answered.set()
            return [frame]
        way, at, trick = script[len(connections) - 1]
        return trick(frame) if (direction, number) == (way, at) else [frame]

    proxy = site.proxy(play)
    gateway = site.gateway(port=proxy.port)
    for name in ("UPLINK_SEAL", "UPLINK_SEQUENCE", "UPLINK_SEAL"):
        gateway.wait(rf"uplink\.refused .*error={name}\b")
    gateway.wait(r"uplink\.connected .*epoch=5\b")
    assert answered.wait(GUARD_S) and len(connections) == 4  # this one works
    assert gateway.end() == 0
    recorded = b"".join(proxy.recorded["up"])
    context = proxy.client
    with uplink_proxy.connect(context, site.uplink) as s:  # all of it once more
        s.sendall(recorded)
        while True:
            frame = uplink_proxy.read_frame(s)
            if frame[4] in (5, 6):  # REFUSED, DENIED
                break
    events = site.end()
    reasons = [r for _, r in events]
    assert "UPLINK_SEAL" in reasons and "UPLINK_SEQUENCE" in reasons, events
    assert ("gateway.refused", "UPLINK_EPOCH") in events, events


def identity_without_its_certificate_is_refused(folder):
    site = Site(folder)
    site.claimed().end()
    proxy = site.proxy(None)
    proxy.client = uplink_proxy.Proxy(f"{site.data}/pki", site.uplink).client  # shows none
    gateway = site.gateway(port=proxy.port)
    gateway.wait(r"uplink\.refused .*error=HEADEND_CERTIFICATE")
    gateway.end()
    assert ("gateway.refused", "HEADEND_CERTIFICATE") in site.end()


def newer_epoch_fences_the_older_session(folder):
    site = Site(folder)
    gateway = site.claimed()
    gateway.end()
    shutil.copytree(f"{folder}/gateway", f"{folder}/clone")
    gateway = site.gateway()
    gateway.wait(r"uplink\.connected .*epoch=2\b")
    clone = site.gateway("clone")
    clone.wait(r"uplink\.refused .*error=UPLINK_EPOCH")  # it begins with the same epoch 2
    clone.wait(r"uplink\.connected .*epoch=3\b")
    gateway.wait(r"uplink\.refused .*error=UPLINK_EPOCH")
    clone.end(signal.SIGKILL)
    gateway.wait(r"uplink\.connected .*epoch=4\b")
    gateway.end()
    assert ("gateway.fenced", "UPLINK_EPOCH") in site.end()


def killed_platform_is_found_again(folder):
    site = Site(folder)
    site.meters()
    gateway = site.claimed()
    epoch = 1
    for _ in range(3):
        site.platform.end(signal.SIGKILL)
        gateway.wait(r"uplink\.lost")
        site.serve()
        now = int(gateway.wait(r"uplink\.connected .*epoch=(\d+)").group(1))
        assert now > epoch
        epoch = now
    assert gateway.end() == 0
    events = site.end()
    assert ("gateway.online", None) in events
    assert site.ledger("SELECT boot_epoch FROM gateway") == [(epoch,)]


run([code_is_asked_for_and_good_once, stranger_with_a_certificate_of_another_ca_is_refused,
     attacks_end_the_session_and_nothing_else, identity_without_its_certificate_is_refused,
     newer_epoch_fences_the_older_session, killed_platform_is_found_again])
