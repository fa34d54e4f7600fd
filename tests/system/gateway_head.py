#!/usr/bin/env python3
"""`yufu-gateway probe`: one meter before an optical head on a serial port. Meters are the fleet's; between them and
a pseudo-terminal stands a head that has a speed and a parity, hears itself, and whose meter may sleep.
gateway_head.py YUFU_GATEWAY YUFU_FLEET"""
import json
import os
import re
import select
import socket
import subprocess
import sys
import termios
import threading
import time
import tty

from processes import Process, run

GATEWAY, FLEET = sys.argv[1:3]
HEAD = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n"
ELECTRICITY = "260305510012,plain-645"
WATER = "00201510270588,water-188"
HEAT = "3,heat-mbus"
SPEEDS = {getattr(termios, f"B{n}"): n for n in (300, 600, 1200, 2400, 4800, 9600, 19200)}


def meters(folder, baud, *rows):
    """The meters on one line of a fleet; its endpoint's port."""
    with open(f"{folder}/site.csv", "w") as f:
        f.write(HEAD)
        for i, row in enumerate(rows):
            line = f"tcp:127.0.0.1:0,{baud}" if i == 0 else ","
            f.write(f"demo,D1,{i},,A{i},platform,dorm,GW,1,{line},{row}\n")
    child = Process("fleet", FLEET, "--site", f"{folder}/site.csv", "--volatile", "--no-people", "--delay", "1-20")
    ready = json.loads(child.wait(r'\{.*"event":"ready".*\}').group(0))
    return int(ready["lines"][0]["endpoint"].rsplit(":", 1)[1])


class Head(threading.Thread):
    """`ports`: of the meters before it. `wakes`: (byte, parity, how many) without which the meter hears nothing; `noise`: what it hears of a lamp.
    `clash`: meters that speak at the same time, not after one another."""

    def __init__(self, ports, baud, parity, echo=True, wakes=None, noise=b"", clash=False):
        super().__init__(daemon=True)
        self.speed, self.echo, self.wakes, self.noise, self.clash = (baud, parity), echo, wakes, noise, clash
        self.awake_until, self.count, self.asked_as = 0.0, 0, set()
        self.master, self.slave = os.openpty()  # the slave stays open: no hang-up between two programs
        tty.setraw(self.slave)
        self.endpoint = f"serial:{os.ttyname(self.slave)}"
        self.lines = [socket.create_connection(("127.0.0.1", port)) for port in ports]
        self.start()

    def set_to(self):
        """Speed and parity that the port was opened with. A pseudo-terminal drops PARENB and keeps what goes with it."""
        at = termios.tcgetattr(self.master)
        parity = "N" if not at[0] & termios.INPCK else "O" if at[2] & termios.PARODD else "E"
        return SPEEDS[at[5]], parity

    def hears(self, data):
        """What of the data reaches a meter that is awake."""
        if self.wakes is None or time.monotonic() < self.awake_until:
            return data if self.set_to() == self.speed else b""
        byte, parity, needed = self.wakes
        while data and data[0] == byte and self.set_to() == (self.speed[0], parity):
            self.count, data = self.count + 1, data[1:]
        if self.count >= needed:
            self.awake_until, self.count = time.monotonic() + 3.5, 0
        if data:
            self.count = 0
        return b""

    def from_meters(self, first):
        """What they say to one request."""
        said = [first.recv(1000)]
        while more := select.select([x for x in self.lines if x is not first], [], [], 0.08)[0]:
            said.append(more[0].recv(1000))
        self.awake_until = time.monotonic() + 3.5
        if self.set_to() != self.speed:
            said = [bytes(len(s)) for s in said]
        if self.clash and len(said) > 1:  # acknowledgements look like one; of data, one begins a little later
            said = [bytes(a & b for a, b in zip(said[0], said[1][2:])) or said[0]]
        for one in said:  # each takes its time on the wire
            time.sleep(0.1)
            os.write(self.master, one)

    def run(self):
        while True:
            for fd in select.select([self.master, *self.lines], [], [])[0]:
                if fd is not self.master:
                    self.from_meters(fd)
                    break
                data = os.read(self.master, 4096)
                while select.select([self.master], [], [], 0.01)[0]:  # a request goes on whole
                    data += os.read(self.master, 4096)
                self.asked_as.add(self.set_to())
                if self.echo:
                    os.write(self.master, data)
                heard = self.hears(data)
                for line in self.lines if heard else []:
                    line.sendall(heard)
                if self.noise:
                    os.write(self.master, self.noise)


def probe(head, *words, lang="en", code=0):
    done = subprocess.run([GATEWAY, "probe", head.endpoint, *map(str, words), "--lang", lang], capture_output=True,
                          text=True, timeout=150)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr, head.asked_as)
    return done.stdout, done.stderr


def an_electricity_meter_is_found_and_read(folder):
    head = Head([meters(folder, 1200, ELECTRICITY)], 1200, "E")
    said, progress = probe(head)
    assert said.startswith("DL/T 645-2007 meter 260305510012, 1200 8E1, model "), said
    assert re.search(r"^voltage A +220\.0 V$", said, re.M) and "kWh" in said, said
    assert re.search(r"^ +\d+ % +1200 8E1 +DL/T 645-2007", progress, re.M), progress
    said, _ = probe(head, lang="zh")
    assert said.startswith("DL/T 645-2007 表 260305510012，1200 8E1，型号 "), said


def speed_and_parity_are_found(folder):
    port = meters(folder, 9600, ELECTRICITY)
    head = Head([port], 9600, "N", echo=False)
    said, progress = probe(head, "--protocols", "645")
    assert "260305510012, 9600 8N1" in said and "kWh" in said, said
    assert {(1200, "E"), (9600, "E"), (9600, "N")} <= head.asked_as, head.asked_as
    assert progress.count("8E1") >= 4, progress


def a_parity_is_found_at_a_given_speed(folder):
    head = Head([meters(folder, 2400, ELECTRICITY)], 2400, "O")
    said, _ = probe(head, "--baud", 2400, "--protocols", "645")
    assert "260305510012, 2400 8O1" in said and "kWh" in said, said
    assert {baud for baud, _ in head.asked_as} == {2400}, head.asked_as


def a_heat_meter_is_found_by_the_number_of_all(folder):
    head = Head([meters(folder, 2400, HEAT)], 2400, "E")
    said, _ = probe(head, "--protocols", "mbus")
    assert said.startswith("M-Bus meter 3, 2400 8E1, model heat-mbus"), said
    assert re.search(r"^volume +[0-9.]+ m3$", said, re.M), said


def a_heat_meter_that_sleeps_is_woken(folder):
    """2.2 s of 55H at 2400 8N1 are 528 bytes; a meter that wants 500 of them and falls asleep again."""
    head = Head([meters(folder, 2400, HEAT)], 2400, "E", wakes=(0x55, "N", 500))
    said, progress = probe(head, "--protocols", "mbus")
    assert said.startswith("M-Bus meter 3, 2400 8E1, asleep until it was woken, model heat-mbus"), said
    assert re.search(r"^volume +[0-9.]+ m3$", said, re.M) and "waking it first" in progress, (said, progress)


def a_water_meter_that_sleeps_is_woken(folder):
    head = Head([meters(folder, 2400, WATER)], 2400, "E", echo=False, wakes=(0xFE, "E", 400))
    said, _ = probe(head, "--protocols", "188", "--baud", 2400, "--parity", "E")
    assert said.startswith("CJ/T 188 meter 00201510270588, 2400 8E1, asleep until it was woken, model water-188"), said
    assert re.search(r"^volume +[0-9.]+ m3$", said, re.M), said


def asleep(folder, *argv, what, wakes, code=0, parity="E"):
    """One of the other tools before a meter that sleeps."""
    head = Head([meters(folder, 2400, what)], 2400, parity, echo=False, wakes=wakes)
    done = subprocess.run([GATEWAY, argv[0], head.endpoint, *map(str, argv[1:]), "--lang", "en", "--baud",
                           "2400", "--parity", parity], capture_output=True, text=True, timeout=150)
    assert done.returncode == code, (argv, done.stdout, done.stderr)
    return done.stdout


def the_other_tools_wake_a_meter_when_told(folder):
    heat = {"what": HEAT, "wakes": (0x55, "N", 500)}
    water = {"what": WATER, "wakes": (0xFE, "E", 400)}
    that = ["--address", "3", "--model", "heat-mbus"]
    assert re.search(r"^volume +[0-9.]+ m3$", asleep(folder, "read", *that, "--wake", **heat), re.M)
    assert "did not answer" in asleep(folder, "read", *that, code=1, **heat)
    it = ["--address", "00201510270588", "--model", "water-188"]
    assert "3 asked, 3 answered" in asleep(folder, "test", *it, "--count", "3", "--wake", **water)
    assert re.search(r"CJ/T 188 +00201510270588 .* water-188",
                     asleep(folder, "scan", "--protocols", "188", "--wake", **water))
    awake = subprocess.run([GATEWAY, "read", "serial:/dev/null", "--address", "1", "--model", "plain-645", "--wake"],
                           capture_output=True, text=True, timeout=150)
    assert awake.returncode == 2 and "--wake" in awake.stderr, awake


def several_meters_are_not_read(folder):
    for here, there, way in ((ELECTRICITY, "260305510013,plain-645", "645"),
                             (WATER, "00201510270589,water-188", "188"), (HEAT, "4,heat-mbus", "mbus")):
        for clash, told in ((False, "More than one meter answers"), (True, "two meters that answer at once")):
            head = Head([meters(folder, 2400, here), meters(folder, 2400, there)], 2400, "E", clash=clash)
            said, _ = probe(head, "--baud", 2400, "--parity", "E", "--protocols", way, code=1)
            assert told in said and "kWh" not in said and "volume" not in said, (way, clash, said)


def what_to_check_when_nothing_answers(folder):
    narrow = ["--baud", 1200, "--parity", "E", "--protocols", "645"]
    deaf = Head([], 1200, "E", echo=False)
    said, _ = probe(deaf, *narrow, code=1)
    assert "Nothing answered" in said and "38 kHz" in said and "A and B" in said, said
    assert "无任何应答" in probe(deaf, *narrow, lang="zh", code=1)[0]
    said, _ = probe(Head([], 1200, "E"), *narrow, code=1)
    assert "hears what it sends itself" in said and "Nothing answered" not in said, said
    said, _ = probe(Head([], 1200, "E", noise=bytes([0xF3, 0x00, 0xE0, 0x9C] * 5)), *narrow, code=1)
    assert "Bytes were heard" in said, said
    said, _ = probe(Head([meters(folder, 2400, ELECTRICITY)], 2400, "E"), *narrow, code=1)
    assert "hears what it sends itself" in said, said


def wrong_words_are_refused(folder):
    head = Head([], 1200, "E")
    for words in (["--protocols", "modbus"], ["--baud", "2401x"], ["--parity", "X"], ["more"]):
        assert "Which port" in probe(head, *words, code=2)[1], words
    assert not head.asked_as


run([an_electricity_meter_is_found_and_read, speed_and_parity_are_found, a_parity_is_found_at_a_given_speed,
     a_heat_meter_is_found_by_the_number_of_all, a_heat_meter_that_sleeps_is_woken,
     a_water_meter_that_sleeps_is_woken, the_other_tools_wake_a_meter_when_told, several_meters_are_not_read, what_to_check_when_nothing_answers,
     wrong_words_are_refused])
