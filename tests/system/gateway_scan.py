#!/usr/bin/env python3
"""The installer's commands of yufu-gateway on lines of simulated meters:
gateway_scan.py YUFU_GATEWAY YUFU_FLEET YUFU"""
import csv
import datetime
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from browser import Browser
from processes import GUARD_S, Process, free_port, run

GATEWAY, FLEET, YUFU = sys.argv[1:4]
HEAD = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n"
SITE = HEAD + """demo,D1,301,,A301,meter,dorm,GW,1,tcp:127.0.0.1:0,9600,301,yufu-dorm3
demo,D1,302,,A302,platform,dorm,GW,1,,,302,yufu-dorm3
demo,P1,,S1,AS1,meter,shop,GW,1,,,260300001103,yufu-shop3p
demo,P1,,S2,AS2,meter,shop,GW,2,pty,9600,1102,yufu-shop3p
"""


MIXED = """demo,D2,1,,B1,platform,dorm,GW,3,pty,2400,00201510270588,water-188
demo,D2,2,,B2,platform,dorm,GW,3,,,3,heat-mbus
demo,D2,3,,B3,platform,dorm,GW,3,,,7,acrel-ddsy1352
demo,D2,4,,B4,platform,dorm,GW,3,,,9,acrel-dtsd1352
"""


def fleet(folder, *options, site=SITE):
    with open(f"{folder}/site.csv", "w") as f:
        f.write(site)
    child = Process("fleet", FLEET, "--site", f"{folder}/site.csv", "--volatile", "--no-people",
                    "--delay", "1-20", *options)
    lines = json.loads(child.wait(r'\{.*"event":"ready".*\}').group(0))["lines"]
    return [x["endpoint"] for x in lines]


def tool(*words, lang="en", code=0):
    done = subprocess.run([GATEWAY, *map(str, words), "--lang", lang], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def scan_finds_meters_and_writes_the_import_file(folder):
    endpoint = fleet(folder)[0]
    said = tool("scan", endpoint, "--baud", 9600, "--protocols", "645,188", "--output",
                f"{folder}/found.csv", "--project", "demo", "--building", "D1", "--gateway", "GW")
    assert "3 meters found" in said, said
    for address in ("000000000301", "000000000302", "260300001103"):
        assert re.search(rf"645-2007 +{address} +9600 E .* yufu-", said), said
    assert re.search(r"^ *[1-9][0-9]? %", said, re.M), "progress is shown"
    assert "000000000302       9600 E" in said and said.count("yufu-dorm3") == 2, said
    with open(f"{folder}/found.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert [r["address"] for r in rows] == ["000000000301", "000000000302", "260300001103"], rows
    assert rows[0]["endpoint"] == endpoint and rows[0]["baud"] == "9600"
    done = subprocess.run([YUFU, "import", "--data", f"{folder}/data", "--dry-run",
                           f"{folder}/found.csv"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert not os.path.exists(f"{folder}/data"), "a dry run makes nothing"


def found_meters_are_imported_and_read(folder):
    """Nobody types anything: three lines of five protocols are scanned, the files imported as they are
    written, the gateway claimed; then every meter has its first reading."""
    lines = fleet(folder, site=SITE + MIXED)
    ways = [["--baud", 9600, "--protocols", "645"], ["--baud", 9600, "--protocols", "645"],
            ["--baud", 2400, "--protocols", "188,modbus,mbus", "--units", "1-10"]]
    data, rows = f"{folder}/data", []
    for number, (endpoint, way) in enumerate(zip(lines, ways), 1):
        said = tool("scan", endpoint, *way, "--output", f"{folder}/{number}.csv", "--project", "found",
                    "--building", f"B{number}", "--gateway", "GW-7", "--line", number)
        with open(f"{folder}/{number}.csv") as f:
            rows += f.readlines()[1 if number > 1 else 0:]
    assert re.search(r"CJ/T 188 +00201510270588 .* water-188", said), said
    assert re.search(r"M-Bus +3 .* heat-mbus", said) and "4 meters found" in said, said
    with open(f"{folder}/all.csv", "w") as f:
        f.writelines(rows)
    for more in (["--dry-run"], []):
        done = subprocess.run([YUFU, "import", "--data", data, *more, f"{folder}/all.csv"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (done.stdout, done.stderr)
    platform = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0)
    password = platform.wait(r"one-time password (\S+)").group(1)
    http, uplink = platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)").groups()
    browser = Browser(int(http))
    assert browser.log_in(password)["must_change"]
    browser.csrf = browser.post("/me/password", {"password": password,
                                                 "new_password": "Installers-7-lines"})["csrf"]
    project = browser.get("/projects")["projects"][0]["id"]
    manager = browser.get(f"/projects/{project}/gateways")["gateways"][0]
    assert manager["serial"] == "GW-7", manager
    code = browser.post(f"/gateways/{manager['id']}/claim-code", None, status=201)["code"]
    gateway = Process("gateway", GATEWAY, "--data", f"{folder}/gateway", "--platform",
                      f"127.0.0.1:{uplink}", "--ca", f"{data}/pki/ca.pem", "--serial", "GW-7", "--claim",
                      code)
    end = time.monotonic() + GUARD_S
    while (f := browser.get(f"/projects/{project}/freshness"))["never"] > 0:
        assert time.monotonic() < end, (f, gateway.said[-20:])
        time.sleep(0.3)
    assert f["meters"] == 8, f
    assert gateway.end() == 0 and platform.end() == 0


def scan_on_a_serial_port_finds_the_speed(folder):
    """A pseudo-terminal has no speed on its wire: the first one that is tried fits."""
    endpoint = fleet(folder)[1]
    said = tool("scan", endpoint, "--protocols", "645", lang="zh")
    assert re.search("645-2007 +000000001102 ", said) and "共找到 1 块表" in said, said


class Network(threading.Thread):
    """A Modbus gateway on the network: unit 5 has reals in its input registers, unit 9 is said to be away."""
    reals = {342: 1234.5, 12: 777.0, 0: 230.1, 6: 5.5, 30: 0.98, 70: 50.0}

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            s, _ = self.listener.accept()
            with s:
                while len(q := s.recv(12)) == 12:
                    _, _, _, unit, function, first, count = struct.unpack(">HHHBBHH", q)
                    if unit == 9:
                        pdu = bytes([function | 0x80, 11])
                    elif function == 4 and first in self.reals and count == 2:
                        pdu = bytes([4, 4]) + struct.pack(">f", self.reals[first])
                    else:
                        pdu = bytes([function | 0x80, 2])
                    if unit in (5, 9):
                        s.sendall(q[:4] + struct.pack(">HB", len(pdu) + 1, unit) + pdu)


def a_device_of_modbus_tcp_is_found_when_asked_for(folder):
    network = Network()
    said = tool("scan", network.endpoint, "--protocols", "modbus-tcp", "--units", "4-9", "--output", f"{folder}/n.csv")
    assert re.search(r"Modbus TCP +5 .* energy-modbus-tcp .*6/6", said) and "1 meters found" in said, said
    with open(f"{folder}/n.csv", newline="") as f:
        row = next(csv.DictReader(f))
    assert (row["endpoint"], row["address"], row["model"]) == (network.endpoint, "5", "energy-modbus-tcp"), row


def scan_says_what_to_do_when_nobody_answers(folder):
    endpoint = fleet(folder, "--dead", 3)[0]
    said = tool("scan", endpoint, "--baud", 9600, "--protocols", "645", code=1)
    assert "0 meters found" in said and "Check that the meters have power" in said, said


def scan_can_be_stopped(folder):
    endpoint = fleet(folder)[0]
    child = Process("scan", GATEWAY, "scan", endpoint, "--baud", 9600, "--protocols", "645,modbus",
                    "--lang", "en")
    child.wait(r"^ *[1-9][0-9]? %")
    assert child.end(signal.SIGINT) in (0, 1)
    assert any("Stopped" in line for line in child.said), child.said


def wrong_words_are_refused_with_advice(folder):
    assert "serial:/dev/ttyS1" in tool("scan", code=2)
    assert "645,97,188" in tool("scan", "tcp:127.0.0.1:1", "--protocols", "morse", code=2)
    assert "dialout" in tool("scan", f"serial:{folder}/none", "--baud", 2400, code=1)
    assert "serial server" in tool("scan", "tcp:127.0.0.1:1", code=1)
    assert "yufu-dorm3" in tool("read", "tcp:127.0.0.1:1", "--address", 1, code=2)
    assert "protocol" in tool("read", "tcp:127.0.0.1:1", "--address", "x", "--model", "yufu-dorm3",
                              code=2)
    assert "端点" in tool("scan", "telepathy:1", "--baud", 2400, lang="zh", code=1)


def a_line_that_is_refused_at_first_is_tried_again(folder):
    """A serial server that just starts: its port is refused, and open a moment later."""
    port = free_port()
    child = Process("test", GATEWAY, "test", f"tcp:127.0.0.1:{port}", "--address", 301, "--model",
                    "yufu-dorm3", "--baud", 9600, "--count", 3, "--lang", "en")
    time.sleep(0.5)  # refused twice by now
    fleet(folder, site=SITE.replace("tcp:127.0.0.1:0", f"tcp:127.0.0.1:{port}"))
    assert child.exit() == 0, child.said
    assert any("3 asked, 3 answered" in line for line in child.said), child.said


def read_tells_values(folder):
    endpoint = fleet(folder, "--preset-fen", 12345)[0]
    said = tool("read", endpoint, "--address", 301, "--model", "yufu-dorm3", "--baud", 9600)
    assert re.search(r"^balance +123\.45 CNY$", said, re.M) and "kWh" in said, said
    said = tool("read", endpoint, "--address", 301, "--model", "yufu-dorm3", "--baud", 9600,
                lang="zh")
    assert re.search(r"^剩余金额 +123\.45 CNY$", said, re.M), said
    said = tool("read", endpoint, "--address", 999, "--model", "yufu-dorm3", "--baud", 9600, code=1)
    assert "No answer" in said, said


def a_water_meter_tells_no_energy(folder):
    """Its volume is what is charged, which is told under the number of energy; people see volume."""
    endpoint = fleet(folder, site=SITE + MIXED)[2]
    said = tool("read", endpoint, "--address", "00201510270588", "--model", "water-188")
    assert re.search(r"^volume +[0-9.]+ m3$", said, re.M), said
    assert "kWh" not in said and "energy" not in said, said


def a_value_stands_once(folder):
    """The rows of an M-Bus meter that are asked only if it says that there is more."""
    endpoint = fleet(folder, site=SITE + MIXED)[2]
    said = tool("read", endpoint, "--address", 3, "--model", "heat-mbus")
    names = [re.split(r"  +", line)[0] for line in said.splitlines()]
    assert "volume" in names and len(names) == len(set(names)), said


def a_word_that_is_no_command_is_told_with_the_usage(_folder):
    done = subprocess.run([GATEWAY, "raed", "--data", "/nonexistent"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2, done
    assert "no command raed" in done.stderr and "usage: yufu-gateway" in done.stderr, done.stderr


KEEPER = HEAD + "demo,D3,1,,C1,platform,dorm,GW,1,tcp:127.0.0.1:0,9600,260305510012,plain-645\n"


def profile(endpoint, *words, lang="en", code=0, address="260305510012"):
    """The rows of the CSV, and what was told beside it."""
    done = subprocess.run([GATEWAY, "read", endpoint, "--address", address, "--model", "plain-645",
                           "--baud", "9600", *words, "--lang", lang], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == code, (words, done.returncode, done.stdout[-2000:], done.stderr)
    return list(csv.DictReader(done.stdout.splitlines())), done.stderr


def load_records_become_a_file(folder):
    """Three days of quarters, gathered over several frames and questions, whole and in order, also on
    a bad line; a part of them by time and group."""
    for options in ([], ["--damage", "60"]):
        endpoint = fleet(folder, *options, site=KEEPER)[0]
        rows, said = profile(endpoint, "--profile", "2020-01-01", "2099-01-01")
        assert len(rows) in (288, 289) and f"{len(rows)} records" in said, (len(rows), said)
        times = [datetime.datetime.fromisoformat(r["time"]) for r in rows]
        assert all((b - a).seconds == 900 for a, b in zip(times, times[1:]))
        energy = [float(r["forward_active_kWh"]) for r in rows]
        assert energy == sorted(energy) and energy[-1] > energy[0]
        for r in rows:
            assert abs(float(r["current_a_A"]) * 220 - float(r["active_total_kW"]) * 1000) < 1
            assert r["voltage_a_V"] == "220.0" and r["voltage_b_V"] == "" and r["doubtful"] == "0"
    part, said = profile(endpoint, "--profile", rows[100]["time"], times[109].isoformat()[:16], "--group",
                         "energy", "--blocks", "3", lang="zh")
    assert [r["time"] for r in part] == [r["time"] for r in rows[100:110]] and "10 条" in said, said
    assert part[0]["forward_active_kWh"] == rows[100]["forward_active_kWh"] and len(part[0]) == 6


def load_records_are_refused_by_name(folder):
    endpoint = fleet(folder, site=KEEPER + "demo,D1,301,,A301,meter,dorm,GW,2,pty,9600,301,yufu-dorm3\n")
    for words in (["2026-11-25"], ["2026-11-25", "2026-11-24"], ["2026-11-31", "2026-12-01"],
                  ["2026-11-25T24:10", "2026-12-01"], ["x", "y"]):
        assert "FROM TO" in profile(endpoint[0], "--profile", *words, code=2)[1], words
    span = ["--profile", "2026-11-25", "2026-11-26"]
    assert "voltage" in profile(endpoint[0], *span, "--group", "water", code=2)[1]
    assert "1 to 9" in profile(endpoint[0], *span, "--blocks", "10", code=2)[1]
    assert "1440" in profile(endpoint[0], *span, "--step", "0", code=2)[1]
    rows, said = profile(endpoint[0], *span, address="5", code=1)
    assert rows == [] and "did not answer" in said, said
    assert "645-2007" in tool("read", endpoint[0], "--address", 7, "--model", "acrel-adw300", *span, code=2)
    said = tool("read", endpoint[1], "--address", 301, "--model", "yufu-dorm3", "--baud", 9600, *span,
                code=1)
    assert "keeps none" in said, said


def parameters_are_written_and_read_back(folder):
    endpoint = fleet(folder)[0]
    meter = ["--address", 301, "--model", "yufu-dorm3", "--baud", 9600]
    said = tool("set", endpoint, *meter)
    assert re.search(r"^alarm_limit_1_fen +1000 +\(0 \.\. 99999999\)$", said, re.M), said
    assert said.count("fen") == 5, said
    said = tool("set", endpoint, "alarm_limit_1_fen", 2500, *meter)
    assert re.findall(r"alarm_limit_1_fen +(\d+)", said) == ["1000", "2500"], said
    assert "So it stands in the meter" in said, said
    said = tool("set", endpoint, "alarm_limit_1_fen", 2500, *meter, lang="zh")
    assert re.findall(r"alarm_limit_1_fen +(\d+)", said) == ["2500"] and "表内即为此值" in said, said
    for words in (["alarm_limit_1_fen", -1], ["alarm_limit_1_fen", 100000000], ["alarm_limit_1_fen", "x"]):
        assert "from 0 to 99999999" in tool("set", endpoint, *words, *meter, code=2), words
    assert "no such parameter" in tool("set", endpoint, "colour", 1, *meter, code=2)
    assert "a parameter and its value" in tool("set", endpoint, "alarm_limit_1_fen", *meter, code=2)
    assert "no parameters" in tool("set", endpoint, "--address", 7, "--model", "acrel-adw300", code=2)
    assert "fen" in tool("set", endpoint, "alarm_limit_1_fen", 1, "--address", 999, *meter[2:], code=1)
    assert "2500" in tool("set", endpoint, *meter), "refused words change nothing"


def stubborn_meter(answer_to_write, holds):
    """A meter of DL/T 645 whose parameters read as `holds` says, one a reading (None: silence), and that
    answers every write alike and writes nothing; its endpoint."""
    listener = socket.create_server(("127.0.0.1", 0))

    def frame(address, control, data):
        body = b"\x68" + address + b"\x68" + bytes([control, len(data)]) + bytes((b + 0x33) & 255 for b in data)
        return body + bytes([sum(body) & 255, 0x16])

    def live():
        peer, _ = listener.accept()
        left, heard = list(holds), b""
        with peer:
            while more := peer.recv(1000):
                heard = (heard + more).lstrip(b"\xfe")
                if len(heard) < 12 or len(heard) < 12 + heard[9]:
                    continue
                address, control, data = heard[1:7], heard[8], bytes((b - 0x33) & 255 for b in heard[10:-2])
                heard = b""
                if control == 0x14:
                    peer.sendall(frame(address, *answer_to_write))
                elif (value := left.pop(0) if left else None) is not None:
                    peer.sendall(frame(address, 0x91, data[:4] + bytes.fromhex(f"{value:08d}")[::-1]))

    threading.Thread(target=live, daemon=True).start()
    return f"tcp:127.0.0.1:{listener.getsockname()[1]}"


def what_a_meter_says_to_a_write_proves_nothing(folder):
    words = ["alarm_limit_1_fen", 7, "--address", 301, "--model", "yufu-dorm3"]
    no, yes = (0xD4, b"\x04"), (0x94, b"")
    for answer, holds, code, told in ((no, [5, 5], 1, "The meter refused"), (yes, [5, 5], 1, "another value"),
                                      (no, [5, 7], 0, "So it stands"), (yes, [5], 1, "Not known")):
        said = tool("set", stubborn_meter(answer, holds), *words, code=code)
        assert told in said, (answer, holds, said)


def a_parameter_is_never_guessed_on_a_bad_line(folder):
    """Answers of the write and of the readings come damaged: what is said is what stands, or that
    nobody knows."""
    endpoint = fleet(folder, "--damage", 400)[0]
    known = 0
    for value in range(3000, 3006):
        done = subprocess.run([GATEWAY, "set", endpoint, "alarm_limit_1_fen", str(value), "--address", "301",
                               "--model", "yufu-dorm3", "--baud", "9600", "--lang", "en"],
                              capture_output=True, text=True, timeout=60)
        said = re.findall(r"alarm_limit_1_fen +(\d+) ", done.stdout)
        known += done.returncode == 0
        assert (done.returncode == 0) == ("So it stands" in done.stdout), (done.stdout, done.stderr)
        assert done.returncode != 0 or said[-1] == str(value), (value, done.stdout)
    assert known > 0


def texts_that_would_break_the_file_are_refused(folder):
    for option in ("--project", "--building", "--gateway", "--line"):
        for text in ("a,b", 'a"b', "a\nb", "a\rb", "x" * 65):
            said = tool("scan", "tcp:127.0.0.1:1", option, text, "--output", f"{folder}/f.csv", code=2)
            assert option in said, said
    for endpoint in ("serial:/dev/a,b", "serial:/dev/" + "x" * 70):
        said = tool("scan", endpoint, "--output", f"{folder}/f.csv", code=2)
        assert endpoint in said, said
    assert "serial server" in tool("scan", "tcp:127.0.0.1:1", "--project", "x" * 64, code=1)
    assert not os.path.exists(f"{folder}/f.csv")


def test_judges_the_line(folder):
    good = tool("test", fleet(folder)[0], "--address", 301, "--model", "yufu-dorm3", "--baud", 9600,
                "--count", 10)
    assert "10 asked, 10 answered, 0 silent, 0 damaged" in good and "is good" in good, good
    bad = tool("test", fleet(folder, "--damage", 400)[0], "--address", 301, "--model", "yufu-dorm3",
               "--baud", 9600, "--count", 30, code=1)
    assert "terminate both ends" in bad, bad


def garbage_is_another_speed(folder):
    """A serial server that hears meters at another speed passes on bytes that mean nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def babble():
        peer, _ = listener.accept()
        with peer:
            while peer.recv(1000):
                peer.sendall(bytes([0xF3, 0x00, 0xE0, 0x9C, 0x01] * 4))

    threading.Thread(target=babble, daemon=True).start()
    said = tool("test", f"tcp:127.0.0.1:{listener.getsockname()[1]}", "--address", 301, "--model",
                "yufu-dorm3", "--count", 2, code=1)
    assert "try --baud and --parity" in said, said


def relay(endpoint, talk):
    """What a meter says passes, and beside it what talk(peer) says by itself."""
    host, port = endpoint.removeprefix("tcp:").split(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def pass_on(one, other):
        while data := one.recv(1000):
            other.sendall(data)

    def until_closed(work, *args):
        try:
            work(*args)
        except OSError:
            pass

    def live():
        peer, _ = listener.accept()
        meter = socket.create_connection((host, int(port)))
        for work, args in ((pass_on, (peer, meter)), (pass_on, (meter, peer)), (talk, (peer,))):
            threading.Thread(target=until_closed, args=(work, *args), daemon=True).start()

    threading.Thread(target=live, daemon=True).start()
    return f"tcp:127.0.0.1:{listener.getsockname()[1]}"


def a_babbling_device_is_told_though_all_answers_come(folder):
    def babble(peer):
        while True:
            peer.sendall(bytes([0xF3, 0x00, 0xE0, 0x9C, 0x01] * 4))
            time.sleep(0.1)

    line = relay(fleet(folder)[0], babble)
    said = tool("test", line, "--address", 301, "--model", "yufu-dorm3", "--count", 20, code=1)
    assert "20 answered" in said and "something else sends" in said, said
    said = tool("scan", "serial:/dev/nowhere", "--baud", 1234, code=1)
    assert "speed" in said and "dialout" not in said, said


run([scan_finds_meters_and_writes_the_import_file, found_meters_are_imported_and_read, scan_on_a_serial_port_finds_the_speed,
     a_device_of_modbus_tcp_is_found_when_asked_for, scan_says_what_to_do_when_nobody_answers, scan_can_be_stopped, wrong_words_are_refused_with_advice,
     a_line_that_is_refused_at_first_is_tried_again, read_tells_values, a_water_meter_tells_no_energy,
     a_value_stands_once, a_word_that_is_no_command_is_told_with_the_usage,
     load_records_become_a_file, load_records_are_refused_by_name,
     parameters_are_written_and_read_back, what_a_meter_says_to_a_write_proves_nothing,
     a_parameter_is_never_guessed_on_a_bad_line,
     texts_that_would_break_the_file_are_refused, test_judges_the_line, garbage_is_another_speed,
     a_babbling_device_is_told_though_all_answers_come])
