"""Units of other makers that dial in, from their makers' descriptions and not from our code: pass-through
modems (DTU), Acrel's gateways and its 4G meters. Each runs in a thread of its own, has meters behind it, and dials again when it is
closed.

A meter is anything with hear(bytes) -> bytes."""
import datetime
import hashlib
import re
import socket
import subprocess
import threading
import time
import zlib


def crc16(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


class Registers:
    """A Modbus RTU meter: holding registers as they stand; those of its relay may be written."""

    def __init__(self, unit, registers):
        self.unit, self.registers, self.asked = unit, dict(registers), 0

    def hear(self, data):
        if len(data) < 8 or data[0] != self.unit or crc16(data[:-2]) != data[-2:]:
            return b""
        self.asked += 1
        first, count = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:6], "big")
        if data[1] == 3 and all(first + i in self.registers for i in range(count)):
            words = b"".join(self.registers[first + i].to_bytes(2, "big") for i in range(count))
            answer = data[:2] + bytes([len(words)]) + words
        elif data[1] == 16 and first == 0x57 and count == 2:
            self.registers[0x57], self.registers[0x58] = 1, data[10]
            answer = data[:6]
        else:
            answer = bytes([data[0], data[1] | 0x80, 2])
        return answer + crc16(answer)


class Unit(threading.Thread):
    """Dials `port`, again and again with a pause, until stopped. Parts: on_open, on_data, on_idle."""

    def __init__(self, port, idle_s=0.5):
        super().__init__(daemon=True)
        self.port, self.idle_s, self.stopped, self.peer, self.dials = port, idle_s, False, None, 0
        self.closed = threading.Event()  # set whenever the other side has ended a connection
        self.start()

    def run(self):
        while not self.stopped:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as peer:
                    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    peer.settimeout(self.idle_s)
                    self.peer, self.dials = peer, self.dials + 1
                    self.on_open(peer)
                    self.talk(peer)
            except OSError:
                pass
            self.closed.set()
            time.sleep(0.3)

    def talk(self, peer):
        while not self.stopped:
            try:
                data = peer.recv(4096)
            except TimeoutError:
                self.on_idle(peer)
                continue
            if not data:
                return
            self.on_data(peer, data)

    def stop(self):
        self.stopped = True
        self.drop()

    def drop(self):
        """The connection is cut, as when a modem loses its cell."""
        try:
            self.peer.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass

    def on_open(self, peer):
        pass

    def on_idle(self, peer):
        pass


class Dtu(Unit):
    """Registration first, a heartbeat whenever it has been idle, else the bytes of the bus. A modem
    sends what it has: heartbeats stick to answers, answers come in pieces."""

    def __init__(self, port, registration, heartbeat, *meters, before_data=False, idle_s=0.5):
        self.registration, self.heartbeat, self.meters = registration, heartbeat, meters
        self.before_data, self.turn, self.beats = before_data, 0, 0
        super().__init__(port, idle_s)

    def on_open(self, peer):
        peer.sendall(self.registration)

    def on_idle(self, peer):
        self.beats += 1
        peer.sendall(self.heartbeat)

    def on_data(self, peer, data):
        for answer in filter(None, (m.hear(data) for m in self.meters)):
            self.turn += 1
            if self.before_data:
                answer = self.registration + answer
            if self.turn % 3 == 0:  # the heartbeat was due at the same moment
                self.beats += 1
                answer += self.heartbeat
            if self.turn % 3 == 1:  # in two pieces, and the heartbeat between them
                self.beats += 1
                cut = len(answer) // 2
                peer.sendall(answer[:cut])
                time.sleep(0.05)
                peer.sendall(self.heartbeat[:3])
                time.sleep(0.02)
                answer = self.heartbeat[3:] + answer[cut:]
            peer.sendall(answer)


def aes(secret, data, decrypt=False):
    """AES-128-CBC of the openssl program; key and initial value are the secret."""
    key = secret.encode().hex()
    return subprocess.run(["openssl", "enc", "-aes-128-cbc", "-K", key, "-iv", key] + ["-d"] * decrypt, input=data,
                          capture_output=True, check=True).stdout


class AcrelGateway(Unit):
    """1F 1F, type, length, data. `ports`: number -> meters. mute: downlinks come to nothing."""

    def __init__(self, port, gateway_id, secret, ports, mute=False, idle_s=0.5):
        self.gateway_id, self.secret, self.ports, self.mute = gateway_id, secret, ports, mute
        self.rest, self.passed, self.results, self.times, self.downlinks = b"", False, [], [], 0
        self.report, self.zipped = None, False  # XML to be sent whenever it has been idle
        super().__init__(port, idle_s)

    def send(self, peer, kind, data):
        frame = b"\x1f\x1f" + bytes([kind]) + len(data).to_bytes(4, "big") + data
        peer.sendall(frame[:5])  # networks cut where they like
        peer.sendall(frame[5:])

    def validate(self, operation, inner):
        return (f'<?xml version="1.0" encoding="utf-8"?>\n<root>\n<common>\n<building_id>B1</building_id>\n'
                f"<gateway_id>{self.gateway_id}</gateway_id>\n<type>id_validate</type>\n</common>\n"
                f'<id_validate operation="{operation}">{inner}</id_validate>\n</root>').encode()

    def on_open(self, peer):
        self.rest, self.passed = b"", False
        self.send(peer, 1, self.validate("request", ""))

    def on_idle(self, peer):
        if not self.passed:
            return
        self.send(peer, 2, b"")
        if self.report:
            xml = self.report.encode()
            self.send(peer, 4 if self.zipped else 3, aes(self.secret, zlib.compress(xml) if self.zipped else xml))

    def on_data(self, peer, data):
        self.rest += data
        while len(self.rest) >= 7:
            size = int.from_bytes(self.rest[3:7], "big")
            if len(self.rest) < 7 + size:
                return
            kind, body, self.rest = self.rest[2], self.rest[7:7 + size], self.rest[7 + size:]
            self.on_frame(peer, kind, body)

    def on_frame(self, peer, kind, body):
        if kind == 1 and (m := re.search(rb'operation="sequence".*<sequence>(.*?)</sequence>', body, re.S)):
            proof = hashlib.md5(self.secret.encode() + m.group(1)).hexdigest()
            self.send(peer, 1, self.validate("md5", f"<md5>{proof}</md5>"))
        elif kind == 1 and (m := re.search(rb"<result>(.*?)</result>", body)):
            self.results.append(m.group(1).decode())
            self.passed = m.group(1) == b"pass"
        elif kind == 2:
            self.times.append(datetime.datetime.strptime(body.decode(), "%Y%m%d%H%M%S"))
        elif kind == 0xF1:
            self.on_downlink(peer, aes(self.secret, body, decrypt=True).decode())

    def on_downlink(self, peer, text):
        self.downlinks += 1
        meter, frame = text.split("|")
        assert len(meter) == 5 and frame == frame.lower()
        for m in self.ports.get(int(meter[:2]), ()):
            answer = m.hear(bytes.fromhex(frame))
            if answer and int(meter[2:]) == m.unit and not self.mute:
                self.send(peer, 0xF2, aes(self.secret, f"{meter}|{answer.hex()}".encode()))


class Acrel4g(Unit):
    """7B 7B, command, payload, sum, 7D 7D: a meter and its modem."""

    def __init__(self, port, serial, meter, with_serial=True, mute=False, idle_s=0.5):
        self.serial = serial.encode().ljust(20, b"\0")
        self.meter, self.with_serial, self.mute = meter, with_serial, mute
        self.acks, self.times, self.energy = {}, [], None
        super().__init__(port, idle_s)

    def send(self, peer, command, payload):
        body = bytes([command]) + payload
        peer.sendall(b"\x7b\x7b" + body + crc16(body) + b"\x7d\x7d")

    def on_open(self, peer):
        tail = bytes([21, 1, 2, 1, 0, 2, 16, 15])
        self.send(peer, 0x84, self.serial + b"89860012345678901234".ljust(30, b"\0") + tail)

    def on_idle(self, peer):
        self.send(peer, 0x94, b"")
        self.send(peer, 0x93, self.serial if self.with_serial else b"")
        if self.energy is not None:
            data = bytearray(0x60)
            data[42:46] = self.energy.to_bytes(4, "big")
            data[58:62] = self.energy.to_bytes(4, "big")
            answer = bytes([self.meter.unit, 3, 0x60]) + bytes(data)
            report = b"[[" + str(self.meter.unit).encode() + b"((" + answer + crc16(answer) + b"))]]"
            self.send(peer, 0x91, (self.serial if self.with_serial else b"") + report)

    def on_data(self, peer, data):
        for frame in re.findall(rb"\x7b\x7b.*?\x7d\x7d(?=\x7b\x7b|$)", data, re.S):
            body, sum_ = frame[2:-4], frame[-4:-2]
            assert crc16(body) == sum_
            self.acks[body[0]] = self.acks.get(body[0], 0) + 1
            if body[0] == 0x93:
                self.times.append(tuple(body[1:]))
            if body[0] == 0x90 and not self.mute and (answer := self.meter.hear(body[1:])):
                self.send(peer, 0x90, (self.serial if self.with_serial else b"") + answer)
