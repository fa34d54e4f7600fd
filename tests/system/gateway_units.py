#!/usr/bin/env python3
"""Units of other makers that dial in to yufu-gateway: gateway_units.py YUFU_GATEWAY UPLINK_SERVER

Modems with registration and heartbeat packets, heartbeats in the middle of answers, lost connections,
two of the same registration, and strangers; Acrel's gateways and 4G meters. The units are played by sim/vendor/units.py.
"""
import datetime
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from processes import Process, free_port, run  # noqa: E402
from sim.vendor.units import Acrel4g, AcrelGateway, Dtu, Registers  # noqa: E402

GATEWAY, SERVER = sys.argv[1:3]


def energy(unit, hundredths, relay=False):
    r = {i: 0 for i in range(10)}
    r.update({0: hundredths >> 16, 1: hundredths & 0xFFFF, 0x38: 1, 0x57: 1, 0x58: int(relay)})
    return Registers(unit, r)


class World:
    def __init__(self, folder, lines, meters, secrets=""):
        path = pathlib.Path(folder, "secrets")
        path.write_text(secrets)
        self.server = Process("server", SERVER, f"{folder}/server", *lines, *meters)
        port = int(self.server.wait(r"listening port=(\d+)").group(1))
        self.port = free_port()
        self.gateway = Process("gateway", GATEWAY, "--data", f"{folder}/gateway", "--platform",
                               f"127.0.0.1:{port}", "--ca", f"{folder}/server/ca.pem", "--serial", "GW-1",
                               "--claim", "CODE-1", "--units", f"127.0.0.1:{self.port}",
                               "--unit-secrets", path)
        self.gateway.wait(rf"unit.listening .*port={self.port}")
        self.server.wait(r"applied session=\d+ version=1")

    def reading(self, meter, **want):
        words = " ".join(f"(?=.*\\b{k}={v}\\b)" for k, v in want.items()).replace(" ", "")
        return self.server.wait(rf"reading meter={meter}\b{words}")


def meters_behind_modems_are_read(folder):
    w = World(folder, ["line=1,dtu:YUFU-0001;$heart$,9600", "line=2,dtu:0x8866AA55;0xFE0055,2400"],
              ["meter=1,1,3,acrel-ddsy1352,1,000000000000", "meter=2,1,4,acrel-ddsy1352,1,000000000000",
               "meter=3,2,3,acrel-ddsy1352,1,000000000000"])
    one = Dtu(w.port, b"YUFU-0001", b"$heart$", energy(3, 12345), energy(4, 678))
    two = Dtu(w.port, bytes.fromhex("8866AA55"), bytes.fromhex("FE0055"), energy(3, 99), before_data=True)
    w.gateway.wait(r"unit.connected .*unit=(YUFU-0001|0x8866AA55)")
    got = set()
    while got != {1, 2, 3}:
        m = w.server.wait(r"reading meter=(\d+) .*\bp1=(\d+)")
        want = {1: 123450, 2: 6780, 3: 990}[int(m.group(1))]
        assert int(m.group(2)) == want, m.group(0)
        got.add(int(m.group(1)))
    w.server.tell("relay 2001 1 1 1 1")
    assert w.server.wait(r"outcome command=2001 status=(\d+) .*relay=1").group(1) == "1"
    assert one.meters[0].registers[0x58] == 1
    assert one.beats > 2 and two.beats > 2
    assert w.gateway.end() == 0


def a_modem_comes_back(folder):
    w = World(folder, ["line=1,dtu:YUFU-0001;$heart$,9600"], ["meter=1,1,3,acrel-ddsy1352,1,000000000000"])
    unit = Dtu(w.port, b"YUFU-0001", b"$heart$", energy(3, 100))
    w.reading(1, p1=1000)
    unit.drop()
    w.gateway.wait(r"line.down .*line=1")
    unit.meters[0].registers[1] = 250
    w.gateway.wait(r"line.up .*line=1")
    w.reading(1, p1=2500)


def a_second_unit_of_one_registration_is_refused(folder):
    w = World(folder, ["line=1,dtu:YUFU-0001;$heart$,9600"], ["meter=1,1,3,acrel-ddsy1352,1,000000000000"])
    Dtu(w.port, b"YUFU-0001", b"$heart$", energy(3, 100))
    w.reading(1, p1=1000)
    twin = Dtu(w.port, b"YUFU-0001", b"$heart$", energy(3, 77777))
    w.gateway.wait(r"unit.twin .*unit=YUFU-0001")
    assert twin.closed.wait(5)
    assert twin.meters[0].asked == 0
    w.gateway.never_said(r"unit.displaced")


def strangers_are_told_and_closed(folder):
    w = World(folder, ["line=1,dtu:YUFU-0001,9600"], ["meter=1,1,3,acrel-ddsy1352,1,000000000000"])
    with socket.create_connection(("127.0.0.1", w.port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\n" + b"x" * 300)
        w.gateway.wait(r"unit.unknown .*unit=0x474554202F20")
        s.settimeout(5)
        try:
            assert s.recv(10) == b""
        except ConnectionResetError:
            pass
    bad = Dtu(w.port, b"YUFU-000", b"-", energy(3, 1))
    good = Dtu(w.port, b"hello\r\nYUFU-0001", b"YUFU-0001", energy(3, 5))
    w.reading(1, p1=50)
    assert bad.meters[0].asked == 0 and good.dials == 1


def no_more_connections_than_twice_the_lines(folder):
    """Each line's unit, and one more of each that comes back before the old connection is given up."""
    w = World(folder, ["line=1,dtu:YUFU-0001,9600"], ["meter=1,1,3,acrel-ddsy1352,1,000000000000"])
    callers = [socket.create_connection(("127.0.0.1", w.port)) for _ in range(513)]
    w.gateway.wait(r"listener.full .*streams=512\b")
    for s in callers:
        s.close()
    Dtu(w.port, b"YUFU-0001", b"", energy(3, 5))
    w.reading(1, p1=50)


def near_now(t):
    """Civil time of China, as the gateway was started."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(hours=8)
    return abs((t - now).total_seconds()) < 60


SECRET = "0123456789abcdef"


def meters_behind_an_acrel_gateway_are_read_and_obey(folder):
    w = World(folder, ["line=1,acrel:ANET-1/1,9600", "line=2,acrel:ANET-1/12,9600"],
              ["meter=1,1,3,acrel-ddsy1352,1,000000000000", "meter=2,1,4,acrel-ddsy1352,1,000000000000",
               "meter=3,2,3,acrel-ddsy1352,1,000000000000"], f"# gateways\nANET-1 {SECRET}\n")
    gateway = AcrelGateway(w.port, "ANET-1", SECRET,
                           {1: [energy(3, 12345), energy(4, 678)], 12: [energy(3, 99)]})
    got = set()
    while got != {1, 2, 3}:
        m = w.server.wait(r"reading meter=(\d+) .*\bp1=(\d+)")
        assert int(m.group(2)) == {1: 123450, 2: 6780, 3: 990}[int(m.group(1))], m.group(0)
        got.add(int(m.group(1)))
    w.server.tell("relay 2001 3 1 1 1")
    assert w.server.wait(r"outcome command=2001 status=(\d+) .*relay=1").group(1) == "1"
    assert gateway.ports[12][0].registers[0x58] == 1 and gateway.ports[1][0].registers[0x58] == 0
    assert gateway.results == ["pass"] and gateway.times and all(map(near_now, gateway.times))
    w.gateway.never_said(r"unit.(broken|unproven|twin)")


def an_acrel_gateway_must_prove_its_secret(folder):
    w = World(folder, ["line=1,acrel:ANET-1/1,9600", "line=2,acrel:ANET-2/1,9600"],
              ["meter=1,1,3,acrel-ddsy1352,1,000000000000", "meter=2,2,3,acrel-ddsy1352,1,000000000000"],
              f"ANET-1 {SECRET}\n")
    liar = AcrelGateway(w.port, "ANET-1", "fedcba9876543210", {1: [energy(3, 1)]})
    w.gateway.wait(r"unit.unproven .*unit=ANET-1")
    assert liar.closed.wait(5) and "pass" not in liar.results and "fail" in liar.results
    liar.stop()
    AcrelGateway(w.port, "ANET-2", SECRET, {1: [energy(3, 1)]})
    w.gateway.wait(r"unit.unproven .*unit=ANET-2")  # its secret is not known here
    AcrelGateway(w.port, "ANET-3", SECRET, {})
    w.gateway.wait(r"unit.unknown .*unit=ANET-3")
    AcrelGateway(w.port, "ANET-1", SECRET, {1: [energy(3, 55)]})
    w.reading(1, p1=550)


def reports_of_an_acrel_gateway_count_where_polls_do_not_reach(folder):
    w = World(folder, ["line=1,acrel:ANET-1/1,9600"], ["meter=1,1,3,acrel-ddsy1352,1,000000000000"],
              f"ANET-1 {SECRET}\n")
    gateway = AcrelGateway(w.port, "ANET-1", SECRET, {1: [energy(3, 1)]}, mute=True)
    gateway.report = ("<root><common><gateway_id>ANET-1</gateway_id></common><data><time>20200101000000</time>"
                      '<meter id="01003"><function id="WPP" error="">9</function></meter></data></root>')
    w.server.wait(r"event .*kind=1")  # the meter does not answer; that report is years old
    gateway.report = ('<root><data><meter id="01003"><function id="WPP" error="">433.31</function>'
                      '<function id="PowerHigher" error="7">1</function><function id="PowerLow">433</function></meter>'
                      '<meter id="01099"><function id="WPP">5</function></meter></data></root>')
    told = w.reading(1, p1=433310, p5=433000).string
    assert "p2=" not in told and gateway.downlinks > 2
    w.server.never_said(r"reading .*p1=9000")
    gateway.zipped, gateway.report = True, gateway.report.replace("433.31", "434.5")
    w.reading(1, p1=434500)
    w.gateway.never_said("unit.broken")


def a_4g_meter_of_acrel_is_read_and_obeys(folder):
    w = World(folder, ["line=1,acrel-4g:02121031700227,9600", "line=2,acrel-4g:02121031700228,9600"],
              ["meter=1,1,1,acrel-ddsy1352,1,000000000000", "meter=2,2,1,acrel-ddsy1352,1,000000000000"])
    one = Acrel4g(w.port, "02121031700227", energy(1, 4321))
    two = Acrel4g(w.port, "02121031700228", energy(1, 8765), with_serial=False)
    stranger = Acrel4g(w.port, "02121031700299", energy(1, 1))
    w.gateway.wait(r"unit.unknown .*unit=02121031700299")
    got = set()
    while got != {1, 2}:
        m = w.server.wait(r"reading meter=(\d+) .*\bp1=(\d+)")
        assert int(m.group(2)) == {1: 43210, 2: 87650}[int(m.group(1))], m.group(0)
        got.add(int(m.group(1)))
    w.server.tell("relay 2001 2 1 1 1")
    assert w.server.wait(r"outcome command=2001 status=(\d+) .*relay=1").group(1) == "1"
    assert two.meter.registers[0x58] == 1 and one.meter.registers[0x58] == 0 and stranger.meter.asked == 0
    for unit in (one, two):
        year, month, day, weekday, *time_ = unit.times[-1]
        told = datetime.datetime(2000 + year, month, day, *time_)
        assert near_now(told) and weekday == told.isoweekday() % 7 and unit.acks[0x84] == 1


def reports_of_a_4g_meter_count_where_polls_do_not_reach(folder):
    w = World(folder, ["line=1,acrel-4g:S1,9600"], ["meter=1,1,1,acrel-ddsy1352,1,000000000000"])
    unit = Acrel4g(w.port, "S1", energy(1, 1), mute=True)
    unit.energy = 7654
    w.reading(1, p1=76540, p5=76540)
    assert unit.acks[0x91] > 0


run([meters_behind_modems_are_read, a_modem_comes_back, a_second_unit_of_one_registration_is_refused,
     strangers_are_told_and_closed, no_more_connections_than_twice_the_lines, meters_behind_an_acrel_gateway_are_read_and_obey,
     an_acrel_gateway_must_prove_its_secret, reports_of_an_acrel_gateway_count_where_polls_do_not_reach,
     a_4g_meter_of_acrel_is_read_and_obeys, reports_of_a_4g_meter_count_where_polls_do_not_reach])
