"""Units of other makers that dial in, from their makers' descriptions and not from our code: pass-through
modems (DTU). Each runs in a thread of its own, has meters behind it, and dials again when it is
closed.

A meter is anything with hear(bytes) -> bytes."""
import socket
import threading
import time


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
