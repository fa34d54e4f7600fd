#!/usr/bin/env python3
"""yufu-gateway with meters of other makers, played here from their specifications, on three lines behind
TCP serial servers: gateway_models.py YUFU_GATEWAY UPLINK_SERVER

A line has meters of several protocols; half of the answers come in pieces, as serial servers send them.
"""
import socket
import struct
import sys
import threading
import time

from processes import Process, run

GATEWAY, SERVER = sys.argv[1:3]


def bcd(number, size):
    return bytes(int(f"{number:0{2 * size}d}"[2 * i:2 * i + 2], 16) for i in range(size))[::-1]


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


class Water:
    """CJ/T 188, cold water with a valve that needs five seconds."""

    def __init__(self, address, litres):
        self.address, self.litres, self.closed, self.moved_at = address, litres, False, 0.0
        self.wish = False

    def hear(self, data):
        at = data.find(0x68)
        if at < 0 or len(data) < at + 13 or len(data) != at + 13 + data[at + 10]:
            return b""
        f = data[at:]
        if f[2:9] != bytes.fromhex(self.address)[::-1] or sum(f[:-2]) % 256 != f[-2]:
            return b""
        if time.monotonic() - self.moved_at > 5:
            self.closed = self.wish
        if f[9] == 1 and f[11:13] == b"\x1f\x90":
            body = f[11:14] + bcd(self.litres // 10, 4) + b"\x2c" + bcd(0, 4) + b"\x2c"
            body += bytes.fromhex("30150822112620") + bytes([self.closed, 0])
        elif f[9] == 4 and f[11:13] == b"\xa0\x17" and f[14] in (0x55, 0x99):
            self.wish, self.moved_at = f[14] == 0x99, time.monotonic()
            body = f[11:14] + bytes([self.closed, 0])
        else:
            return self.frame(f[9] | 0xC0, f[13:14] + b"\x00\x00")
        return self.frame(f[9] | 0x80, body)

    def frame(self, control, body):
        f = b"\x68\x10" + bytes.fromhex(self.address)[::-1] + bytes([control, len(body)]) + body
        return b"\xfe\xfe" + f + bytes([sum(f) % 256, 0x16])


class Registers:
    """Modbus RTU: registers as they stand; those of the relay may be written."""

    def __init__(self, unit, registers):
        self.unit, self.registers = unit, registers

    def hear(self, data):
        if len(data) < 8 or data[0] != self.unit or crc(data[:-2]) != data[-2:]:
            return b""
        first, count = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:6], "big")
        if data[1] in (3, 4) and all(first + i in self.registers for i in range(count)):
            words = b"".join(self.registers[first + i].to_bytes(2, "big") for i in range(count))
            answer = bytes([data[0], data[1], len(words)]) + words
        elif data[1] == 16 and first == 0x57 and count == 2:
            self.registers[0x57], self.registers[0x58] = 1, data[10]
            answer = data[:6]
        else:
            answer = bytes([data[0], data[1] | 0x80, 2])
        return answer + crc(answer)


class Network:
    """Modbus TCP: input registers that are reals."""

    def __init__(self, unit, reals):
        self.unit, self.reals = unit, reals

    def hear(self, data):
        if len(data) != 12 or data[2:6] != b"\0\0\0\x06" or data[6] != self.unit or data[7] != 4:
            return b""
        first, count = int.from_bytes(data[8:10], "big"), int.from_bytes(data[10:12], "big")
        pdu = b"\x04\x04" + struct.pack(">f", self.reals[first]) if (
            first in self.reals and count == 2) else b"\x84\x02"
        return data[:4] + (len(pdu) + 1).to_bytes(2, "big") + data[6:7] + pdu


class Old:
    """DL/T 645-1997: energy and what else was asked for by the standard; no blocks."""

    def __init__(self, address, items):
        self.address, self.items = bytes.fromhex(address)[::-1], items

    def hear(self, data):
        f = data[data.find(0x68):] if 0x68 in data else b""
        if len(f) != 14 or f[1:7] != self.address or f[8:10] != b"\x01\x02" or sum(f[:-2]) % 256 != f[-2]:
            return b""
        item = bytes((b - 0x33) % 256 for b in f[10:12])
        body = item + self.items[item] if item in self.items else b"\x02"
        control = 0x81 if item in self.items else 0xC1
        answer = b"\x68" + self.address + bytes([0x68, control, len(body)])
        answer += bytes((b + 0x33) % 256 for b in body)
        return b"\xfe" * 3 + answer + bytes([sum(answer) % 256, 0x16])


class Heat:
    """M-Bus, reached by its number; what it tells needs two telegrams."""

    def __init__(self, number, wh):
        self.id, self.wh, self.selected, self.fcb, self.second = bcd(number, 4), wh, False, None, False

    def hear(self, data):
        if data[:1] == b"\x68" and data[6:7] == b"\x52" and data[5] == 0xFD:
            self.selected = data[7:11] == self.id
            self.fcb, self.second = None, False
            return b"\xe5" if self.selected else b""
        if not self.selected or data[:1] != b"\x10" or data[1] & 0xDF != 0x5B or data[2] != 0xFD:
            return b""
        if self.fcb not in (None, data[1] & 0x20):
            self.second = not self.second
        self.fcb = data[1] & 0x20
        records = bytes.fromhex("046d2f0b9811") if self.second else (
            b"\x04\x03" + self.wh.to_bytes(4, "little") + bytes.fromhex("025ac701 025e2e01 1f"))
        body = b"\x08\x01\x72" + self.id + bytes.fromhex("2d2c0104") + b"\x00\x00\x00\x00" + records
        return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) % 256, 0x16])


class Line:
    """A TCP serial server with its meters. Every second answer comes in two pieces."""

    def __init__(self, *meters):
        self.meters, self.turn = meters, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.server.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while data := peer.recv(512):
                    self.answer(peer, data)
            except OSError:
                pass  # the gateway went away in the middle of an answer

    def answer(self, peer, data):
        for answer in filter(None, (m.hear(data) for m in self.meters)):
            self.turn += 1
            cut = len(answer) // 2 if self.turn % 2 else len(answer)
            peer.sendall(answer[:cut])
            if cut < len(answer):
                time.sleep(0.03)  # the second half is on the wire
                peer.sendall(answer[cut:])


def registers(at, *words):
    return {at + i: w for i, w in enumerate(words)}


class World:
    def __init__(self, folder):
        self.water = Water("78331505900569", 123450)
        self.prepaid = Registers(3, {**registers(0, 0, 45678, 0, 0, 0, 0, 0, 45678, 0, 0), **registers(0x57, 0, 0)})
        self.dtsd = Registers(4, {**registers(0x0A, 0, 1000), **registers(0x16A, 0xFFFF, 0xFE0C),
                                  **registers(0x14, 0, 7), **registers(0x17F, 998), **registers(0x77, 5001),
                                  **registers(0x61, 2301, 2302, 2303, 11, 12, 13)})
        old = Old("010003635927", {b"\x10\x90": bcd(142679, 4), b"\x11\xb6": bcd(223, 2)})
        one = Line(self.water, Water("00000000000012", 10), self.prepaid, old)
        three = Line(Network(9, {0x156: 1234.5, 0x0C: -12.0, 0x00: 230.5}))
        two = Line(Heat(12345678, 3600), Heat(87654321, 7200), self.dtsd)
        meters = ["meter=1,1,78331505900569,water-valve-188,1,000000000000",
                  "meter=2,1,12,water-valve-188,1,000000000000",
                  "meter=3,1,3,acrel-ddsy1352,1,000000000000",
                  "meter=4,2,12345678,heat-mbus-secondary,1,000000000000",
                  "meter=5,2,000087654321,heat-mbus-secondary,1,000000000000",
                  "meter=6,2,4,acrel-dtsd1352,1,000000000000",
                  "meter=7,1,010003635927,plain-645-1997,1,000000000000",
                  "meter=8,3,9,energy-modbus-tcp,1,000000000000"]
        lines = [f"line={i},tcp:127.0.0.1:{l.port},9600" for i, l in ((1, one), (2, two), (3, three))]
        self.server = Process("server", SERVER, f"{folder}/server", *lines, *meters)
        port = int(self.server.wait(r"listening port=(\d+)").group(1))
        self.gateway = Process("gateway", GATEWAY, "--data", f"{folder}/gateway", "--platform",
                               f"127.0.0.1:{port}", "--ca", f"{folder}/server/ca.pem", "--serial",
                               "GW-1", "--claim", "CODE-1")
        self.server.wait(r"applied session=\d+ version=1")


# by the numbers of src/meter/point.h: 1 what is charged, 7 reverse, 10 power, 23 volume, 24 heat ...
WANTED = {1: {"p1": 123450, "p23": 123450, "p30": 0, "p35": 0, "p36": 0},
          2: {"p1": 10, "p30": 0},
          3: {"p1": 456780, "p4": 456780, "p30": 0},
          4: {"p1": 13, "p24": 3600, "p27": 4550, "p28": 3020, "p34": 1327376820},
          5: {"p1": 26, "p24": 7200, "p34": 1327376820},
          6: {"p1": 10000, "p7": 70, "p10": -500, "p11": 2301, "p14": 2303, "p16": 130, "p17": 5001, "p18": 998},
          7: {"p1": 1426790, "p11": 2230},
          8: {"p1": 1234500, "p10": -12, "p11": 2305}}


def every_make_is_read(folder):
    w = World(folder)
    got = {meter: {} for meter in WANTED}
    while not all(WANTED[m].keys() <= got[m].keys() for m in WANTED):
        words = w.server.wait(r"reading meter=.*").group(0).split()
        values = {k: int(v) for k, v in (x.split("=") for x in words[1:])}
        got[values.pop("meter")].update(values)
    for meter, values in WANTED.items():
        told = {k: got[meter][k] for k in values}
        assert told == values, (meter, told, values)
    assert w.gateway.end() == 0


def relays_and_valves_obey(folder):
    w = World(folder)
    w.server.wait(r"reading meter=1 ")
    w.server.tell("relay 2001 1 0 1 1")  # a valve: twenty seconds until it is looked at
    w.server.tell("relay 2002 3 1 1 1")
    line = w.server.wait(r"outcome command=(\d+) status=(\d+) .*relay=1")
    assert line.group(1, 2) == ("2002", "1"), line.group(0)
    assert w.prepaid.registers[0x58] == 1
    w.server.tell("relay 2003 3 1 2 0")
    assert w.server.wait(r"outcome command=2003 status=(\d+) .*relay=0").group(1) == "1"
    line = w.server.wait(r"outcome command=2001 status=(\d+) .*relay=1")
    assert line.group(1) == "1" and w.water.closed
    w.server.tell("relay 2004 6 1 1 1")  # this one has no relay: refused, and nothing is sent
    assert " sent=0 " in w.server.wait(r"outcome command=2004 .*").group(0)


run([every_make_is_read, relays_and_valves_obey])
