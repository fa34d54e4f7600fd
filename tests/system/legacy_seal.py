#!/usr/bin/env python3
"""The legacy seal (3DES) from a real gateway to a real platform: refused by name until somebody allows it for
this gateway, loud while it is used, ended within seconds when the leave is taken back.
legacy_seal.py YUFU YUFU_GATEWAY YUFU_FLEET"""
import json
import subprocess
import sys
import time

from browser import Browser
from processes import GUARD_S, Process, run

YUFU, GATEWAY, FLEET = sys.argv[1:4]
HEAD = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n"


class Site:
    def __init__(self, folder):
        with open(f"{folder}/site.csv", "w") as f:
            f.write(HEAD + "demo,D1,301,,A301,meter,dorm,GW,1,tcp:127.0.0.1:0,9600,301,yufu-dorm3\n")
        fleet = Process("fleet", FLEET, "--site", f"{folder}/site.csv", "--volatile", "--no-people", "--delay",
                        "1-20")
        lines = json.loads(fleet.wait(r'\{.*"event":"ready".*\}').group(0))["lines"]
        with open(f"{folder}/site.csv", "w") as f:
            f.write(HEAD + f"demo,D1,301,,,,,GW,1,{lines[0]['endpoint']},9600,301,yufu-dorm3\n")
        self.folder, self.data = folder, f"{folder}/data"
        done = subprocess.run([YUFU, "import", "--data", self.data, f"{folder}/site.csv"], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, (done.stdout, done.stderr)
        self.platform = Process("yufu", YUFU, "serve", "--data", self.data, "--http", 0, "--uplink", 0)
        password = self.platform.wait(r"one-time password (\S+)").group(1)
        http, self.uplink = self.platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)").groups()
        self.browser = b = Browser(int(http))
        assert b.log_in(password)["must_change"]
        b.csrf = b.post("/me/password", {"password": password, "new_password": "Old-tenders-live-long-7"})["csrf"]
        self.project = b.get("/projects")["projects"][0]["id"]
        self.gateway_id = self.told()["id"]
        self.code = b.post(f"/gateways/{self.gateway_id}/claim-code", None, status=201)["code"]

    def told(self):
        return self.browser.get(f"/projects/{self.project}/gateways")["gateways"][0]

    def gateway(self, *more):
        return Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                       f"127.0.0.1:{self.uplink}", "--ca", f"{self.data}/pki/ca.pem", "--serial", "GW",
                       "--claim", self.code, *more)

    def seal(self, until, reason):
        return self.browser.post(f"/gateways/{self.gateway_id}/legacy-seal", {"until": until, "reason": reason})

    def wait_for(self, true, what):
        end = time.monotonic() + GUARD_S
        while not true(self.told()):
            assert time.monotonic() < end, (what, self.told(), self.platform.said[-10:])
            time.sleep(0.2)

    def events(self, kind):
        found = self.browser.get(f"/projects/{self.project}/events?limit=100")["events"]
        return [e for e in found if e["kind"] == kind]


def refused_allowed_warned_taken_back(folder):
    site = Site(folder)
    gateway = site.gateway("--legacy-seal")
    gateway.wait(r"gateway\.claimed")  # a claim needs no seal
    gateway.wait(r"uplink\.refused .*UPLINK_LEGACY")
    assert site.told()["state"] == "offline" and site.told()["legacy"] is None
    assert site.events("gateway.refused")[0]["detail"]["reason"] == "UPLINK_LEGACY"

    until = int(time.time()) + 86_400
    site.seal(until, "tender 7 asks for 3DES")
    gateway.wait(r"uplink\.legacy")
    site.platform.wait(rf"uplink\.legacy .*GW.*{until}")
    site.wait_for(lambda g: g["state"] == "online" and g["fresh"] == 1, "its meter is read")
    told = site.told()["legacy"]
    assert told["until"] == until and told["used_at"] and not told["over"], told
    used = site.events("gateway.legacy")
    assert used[0]["detail"]["why"] == "tender 7 asks for 3DES" and "3DES" in used[0]["text_zh"], used

    site.seal(0, "the tender is over")
    gateway.wait(r"uplink\.refused .*UPLINK_LEGACY")
    site.wait_for(lambda g: g["state"] == "offline", "it is not online any more")
    assert site.told()["legacy"] is None and site.events("gateway.legacy_ended")
    assert gateway.end() == 0

    usual = site.gateway()
    usual.wait(r"uplink\.connected")
    site.wait_for(lambda g: g["state"] == "online", "the usual seal needs no leave")
    assert not any("uplink.legacy" in line for line in usual.said)
    assert usual.end() == 0 and site.platform.end() == 0


run([refused_allowed_warned_taken_back])
