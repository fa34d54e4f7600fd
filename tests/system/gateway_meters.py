#!/usr/bin/env python3
"""yufu-gateway between real (simulated) meters and a platform's end of the uplink: readings, sales,
relays, and kill -9 at random instants: gateway_meters.py YUFU_GATEWAY UPLINK_SERVER YUFU_FLEET"""
import json
import os
import random
import signal
import socket
import sys

from processes import Process, run

GATEWAY, SERVER, FLEET = sys.argv[1:4]
ROUNDS = int(os.environ.get("ROUNDS", "12"))
HEAD = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n"
SITE = HEAD + """demo,D1,301,,A301,meter,dorm,GW,1,tcp:127.0.0.1:0,9600,301,yufu-dorm3
demo,D1,302,,A302,platform,dorm,GW,1,,,302,yufu-dorm3
demo,P1,,S1,AS1,meter,shop,GW,2,pty,9600,1101,yufu-shop3p
demo,P1,,S2,AS2,meter,shop,GW,2,,,1102,yufu-shop3p
"""
METERS = ["meter=1,1,301,yufu-dorm3,3,000000000000", "meter=2,1,302,yufu-dorm3,3,000000000000",
          "meter=3,2,1101,yufu-shop3p,1,000000000000", "meter=4,2,1102,yufu-shop3p,1,000000000000"]
ADDRESS = {1: "301", 2: "302", 3: "1101", 4: "1102"}


class World:
    """Fleet, platform's end and gateway; the fleet is asked through its control socket."""

    def __init__(self, folder, *fleet_options):
        self.folder = folder
        with open(f"{folder}/site.csv", "w") as f:
            f.write(SITE)
        with open(f"{folder}/flat.json", "w") as f:
            json.dump({"kind": "flat", "price": "0.5"}, f)
        self.fleet = Process("fleet", FLEET, "--site", f"{folder}/site.csv", "--nvram",
                             f"{folder}/nvram", "--no-people", "--control", "0", "--plan",
                             f"dorm={folder}/flat.json", "--plan", f"shop={folder}/flat.json",
                             "--delay", "1-5", *fleet_options)
        ready = json.loads(self.fleet.wait(r'\{.*"event":"ready".*\}').group(0))
        self.control = socket.create_connection(("127.0.0.1", ready["control"])).makefile("rw")
        lines = [f"line={x['line']},{x['endpoint']},9600" for x in ready["lines"]]
        self.server = Process("server", SERVER, f"{folder}/server", *lines, *METERS)
        self.port = int(self.server.wait(r"listening port=(\d+)").group(1))
        self.gateway = None
        self.start_gateway()
        self.server.wait(r"applied session=\d+ version=1")
        for _ in lines:
            self.gateway.wait(r"line\.up ")

    def start_gateway(self):
        self.gateway = Process("gateway", GATEWAY, "--data", f"{self.folder}/gateway", "--platform",
                               f"127.0.0.1:{self.port}", "--ca", f"{self.folder}/server/ca.pem",
                               "--serial", "GW-1", "--claim", "CODE-1")

    def ask(self, **question):
        self.control.write(json.dumps(question) + "\n")
        self.control.flush()
        answer = json.loads(self.control.readline())
        assert answer["ok"], (question, answer)
        return answer

    def vend(self, number, meter, n, fen):
        self.server.tell(f"vend {number} {meter} {n} {fen}")

    def outcome(self, number):
        line = self.server.wait(rf"outcome command={number} .*").group(0)
        return {k: int(v) for k, v in (w.split("=") for w in line.split()[1:])}


def every_meter_is_read(folder):
    w = World(folder)
    w.ask(op="load", meter="1101", power_w=2000)
    got = {}
    while set(got) != {1, 2, 3, 4} or not all("p1" in g and "p32" in g for g in got.values()):
        words = w.server.wait(r"reading meter=.*").group(0).split()
        values = dict(x.split("=") for x in words[1:])
        got.setdefault(int(values.pop("meter")), {}).update(values)
    assert "p41" in got[1] and "p43" in got[2]  # three circuits
    assert "p20" in got[1] and "p20" in got[3] and "p20" not in got[2]  # wallets
    w.vend(9001, 3, 1, 1234)
    assert w.outcome(9001)["balance"] == 1234
    w.server.wait(r"reading meter=3 .*p20=1234\b")
    assert w.gateway.end() == 0


def sale_arrives_once_and_says_what_the_meter_says(folder):
    w = World(folder)
    w.vend(1001, 3, 1, 5000)
    o = w.outcome(1001)
    assert (o["status"], o["count"], o["record_n"], o["record_fen"]) == (1, 1, 1, 5000), o
    assert o["purchased"] == 5000 and o["reply"] == 1 and o["sent"] == 1, o
    assert w.ask(op="status", meter="1101")["balance_fen"] == 5000
    w.vend(1002, 3, 3, 700)  # a count too far: nothing is sent
    o = w.outcome(1002)
    assert o["count"] == 1 and o["record_n"] != 3, o
    assert w.ask(op="applied", meter="1101")["applied"] == [
        {"life": 1, "count": 1, "amount_fen": 5000, "foreign": False}]


def relay_obeys_and_is_read_back(folder):
    w = World(folder)
    w.vend(2000, 3, 1, 5000)  # without money the meter itself would refuse to close
    assert w.outcome(2000)["status"] == 1
    w.server.tell("relay 2001 3 0 1 1")
    o = w.outcome(2001)
    assert (o["status"], o["relay"] & 1) == (1, 1), o
    w.server.tell("relay 2002 3 0 3 0")
    o = w.outcome(2002)
    assert (o["status"], o["relay"] & 1) == (1, 0), o
    w.server.tell("relay 2003 3 0 2 1")  # an older version comes late: it is not obeyed
    assert w.outcome(2003)["status"] == 5
    assert w.ask(op="status", meter="1101")["ok"]


def dead_gateway_forgets_nothing_and_does_nothing_twice(folder):
    """kill -9 at a random instant of every sale; what the platform does is to say it again. ROUNDS
    in the environment makes it longer: three sales and one kill a round."""
    w = World(folder)
    chance = random.Random(20261122)
    total = {1: 0, 3: 0, 4: 0}
    number = 3000
    for n in range(1, ROUNDS + 1):
        for meter in total:
            number += 1
            w.vend(number, meter, n, 100 + number)
            total[meter] += 100 + number
        # From the arrival of the first command to the outcome of some: each wait is for one more.
        for _ in range(chance.randrange(5)):
            w.gateway.wait(r"gateway\.(command|outcome)")
        w.gateway.end(signal.SIGKILL)
        w.start_gateway()
        w.gateway.wait(r"uplink\.connected")
        w.server.wait(r"hello session=\d+ config=1")
        for back, meter in enumerate(total):
            again = number - len(total) + 1 + back
            w.vend(again, meter, n, 100 + again)
        missing = {number - i for i in range(len(total))}
        while missing:  # a repeat may be answered twice; the order of meters is free
            line = w.server.wait(r"outcome command=(\d+) status=(\d+) .*")
            assert line.group(2) == "1", line.group(0)
            missing.discard(int(line.group(1)))
    for meter, fen in total.items():
        applied = w.ask(op="applied", meter=ADDRESS[meter])["applied"]
        assert [a["count"] for a in applied] == list(range(1, ROUNDS + 1)), applied
        assert sum(a["amount_fen"] for a in applied) == fen, applied
        assert w.ask(op="status", meter=ADDRESS[meter])["count"] == ROUNDS
    assert w.gateway.end() == 0


def damaged_frames_delay_but_do_not_deceive(folder):
    w = World(folder, "--damage", "200")
    for n in range(1, 7):
        for attempt in range(40):  # an outcome is final, also one without proof: look again
            number = 4000 + 100 * n + attempt
            w.vend(number, 4, n, 1000)
            o = w.outcome(number)
            if o["status"] == 1 and o["record_n"] == n:
                break
            assert o["status"] in (1, 3), o
        assert (o["count"], o["record_n"], o["record_fen"]) == (n, n, 1000), o
    applied = w.ask(op="applied", meter="1102")["applied"]
    assert [a["count"] for a in applied] == list(range(1, 7)), applied


run([every_meter_is_read, sale_arrives_once_and_says_what_the_meter_says,
     relay_obeys_and_is_read_back, dead_gateway_forgets_nothing_and_does_nothing_twice,
     damaged_frames_delay_but_do_not_deceive])
