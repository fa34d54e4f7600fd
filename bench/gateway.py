#!/usr/bin/env python3
"""What the gateway needs: resident memory and CPU per poll with 8 lines of 64 meters, beside the bare
exchange on the same lines, and beside libmodbus's blocking client on simulated Modbus meters. What the
machine has no part in stands beside the microseconds: how often the gateway was woken and, counted by valgrind
in a run of its own, its instructions.
gateway.py BUILD [--seconds N] [--settle N] [--lines N] [--meters N] [--instructions]"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/system")
from processes import Process, free_port  # noqa: E402

HEAD = "project,building,room,account,wallet,plan,gateway,line,endpoint,baud,parity,address,model\n"
MEMORY_AIM_KIB, CPU_AIM_US, BARE_AIM = 16 * 1024, 50, 3


class Site:
    """A fleet of simulated meters and the platform's end of the uplink, for one gateway."""

    def __init__(self, build, folder, lines, meters, model, endpoint):
        self.build, self.folder = build, folder
        os.makedirs(folder)
        rows, told = [HEAD], []
        for line in range(1, lines + 1):
            for i in range(1, meters + 1):
                address = i if model.startswith("acrel") else line * 1000 + i
                first = f"{endpoint},9600,E" if i == 1 else ",,"
                rows.append(f"demo,B,R{line}-{i},A{line}-{i},platform,flat,GW,{line},{first},{address},{model}\n")
                number = (line - 1) * meters + i
                told.append(f"meter={number},{line},{address},{model},3,000000000000")
        with open(f"{folder}/site.csv", "w") as f:
            f.writelines(rows)
        with open(f"{folder}/flat.json", "w") as f:
            json.dump({"kind": "flat", "price": "0.5"}, f)
        self.fleet = Process("fleet", f"{build}/sim/yufu-fleet", "--site", f"{folder}/site.csv",
                             "--volatile", "--no-people", "--delay", "1-5", "--plan",
                             f"flat={folder}/flat.json")
        self.ready = json.loads(self.fleet.wait(r'\{.*"event":"ready".*\}').group(0))["lines"]
        self.told = told

    def start_gateway(self, *under):
        self.server = Process("server", f"{self.build}/tests/system/uplink_server", f"{self.folder}/server",
                              *[f"line={x['line']},{x['endpoint']},9600" for x in self.ready], *self.told)
        port = int(self.server.wait(r"listening port=(\d+)").group(1))
        self.status = free_port()
        self.gateway = Process("gateway", *under, f"{self.build}/src/app/yufu-gateway", "--data",
                               f"{self.folder}/gateway", "--platform", f"127.0.0.1:{port}", "--ca",
                               f"{self.folder}/server/ca.pem", "--serial", "GW-1", "--claim", "CODE-1",
                               "--status", self.status)
        self.server.wait(r"applied session=\d+ version=1")
        return self.gateway.child.pid

    def look(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/status.json", timeout=10) as r:
            return json.load(r)


def cpu_us(pid):
    """CPU time of all threads, user and system."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total // 1000


def wakings(pid):
    """How often its threads had nothing to do and were woken again."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt"))
    return total


def memory_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        rows = dict(line.split(":", 1) for line in f)
    return {k: int(rows[k].split()[0]) for k in ("VmRSS", "VmHWM", "RssAnon", "RssFile")}


def count(status, name):
    return sum(line[name] for line in status["lines"])


def bare_exchange(site, a):
    """CPU of a poll by a program that does nothing else, in microseconds; the fleet serves one master a line."""
    ports = [x["endpoint"].rsplit(":", 1)[1] for x in site.ready]
    done = subprocess.run([f"{site.build}/bench/bare_exchange", str(a.seconds), str(a.meters), *ports],
                          capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    print(f"a bare exchange on the same lines, {told['answered'] / a.seconds:.0f} a second "
          f"({told['failed']} failed): one write, the waits, the reads; nothing decoded, stored or told")
    return told["cpu_us"] / max(1, told["answered"])


def busy_gateway(build, folder, a):
    site = Site(build, folder, a.lines, a.meters, "yufu-dorm3", "tcp:127.0.0.1:0")
    bare = bare_exchange(site, a)
    print(f"  CPU per poll: {bare:.1f} us")
    pid = site.start_gateway()
    after, polls, cpu, woken = watched(site, pid, a)
    memory = memory_kib(pid)
    assert after["meters"] == a.lines * a.meters and after["welcomed"], after
    print(f"yufu-gateway, {a.lines} lines of {a.meters} meters, {a.seconds} s, readings acknowledged, "
          f"status page on")
    print(f"  resident memory: {memory['VmRSS']} KiB now, {memory['VmHWM']} KiB at most "
          f"(aim: {MEMORY_AIM_KIB}); of it anonymous {memory['RssAnon']}, of files {memory['RssFile']}")
    print(f"  {polls} polls, {polls / a.seconds:.0f} a second; CPU per poll: {cpu / polls:.1f} us "
          f"(aim: {CPU_AIM_US}), everything included: frames, points, queue, seal, TLS")
    print(f"  gateway / bare exchange: {cpu / polls / bare:.2f} (aim: at most {BARE_AIM})")
    print(f"  woken {woken / polls:.2f} times a poll; load of the machine {os.getloadavg()[0]:.1f}, "
          f"{os.cpu_count()} cores")
    return memory["VmHWM"] <= MEMORY_AIM_KIB


def count_instructions(build, folder, a):
    """Its own, without the kernel's: as many on an idle machine as on a busy one."""
    site = Site(build, folder, a.lines, a.meters, "yufu-dorm3", "tcp:127.0.0.1:0")
    out = f"{folder}/callgrind"
    pid = site.start_gateway("valgrind", "--tool=callgrind", "--instr-atstart=no",
                             f"--callgrind-out-file={out}")
    settle(site, a)
    before = count(site.look(), "answered")
    control("-i", "on", pid)
    time.sleep(a.seconds)
    control("-i", "off", pid)
    polls = count(site.look(), "answered") - before
    control("-d", pid)
    with open(f"{out}.1") as f:
        total = next(int(line.split()[1]) for line in f if line.startswith("totals:"))
    print(f"  instructions of the gateway and its libraries, by valgrind: {total / polls:.0f} a poll")


def control(*words):
    subprocess.run(["callgrind_control", *map(str, words)], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)


def settle(site, a):
    """Until every meter was read twice, and then until the first round is over in which all rows are due."""
    meters = site.look()["meters"]
    end = time.monotonic() + 300
    while count(site.look(), "answered") < 2 * meters:
        assert time.monotonic() < end, site.look()
        time.sleep(1)
    time.sleep(a.settle)


def watched(site, pid, a):
    """Answered polls, CPU and wakings over so many seconds."""
    settle(site, a)
    before, cpu, woken = site.look(), cpu_us(pid), wakings(pid)
    time.sleep(a.seconds)
    after, cpu, woken = site.look(), cpu_us(pid) - cpu, wakings(pid) - woken
    return after, count(after, "answered") - count(before, "answered"), cpu, woken


def beside_libmodbus(build, folder, a):
    """One line of Modbus meters on a pseudo-terminal: first libmodbus, then the gateway."""
    client = f"{build}/bench/modbus_blocking"
    if not os.path.exists(client):
        print("libmodbus: skipped, libmodbus-dev was not there when this was built")
        return
    site = Site(build, folder, 1, a.meters, "acrel-ddsy1352", "pty")
    device = site.ready[0]["endpoint"].removeprefix("serial:")
    done = subprocess.run([client, device, "9600", str(a.meters), str(a.seconds)], capture_output=True,
                          text=True, check=True)
    other = json.loads(done.stdout)
    pid = site.start_gateway()
    after, polls, cpu, _ = watched(site, pid, a)
    print(f"one line of {a.meters} Modbus meters, {a.seconds} s each")
    print(f"  libmodbus, blocking, as fast as it can: {other['answered']} polls ({other['failed']} failed), "
          f"CPU per poll: {other['cpu_us'] / max(1, other['answered']):.1f} us, {other['memory_kib']} KiB; "
          f"a thread a line, nothing stored or told")
    print(f"  yufu-gateway, as often as the model says: {polls} polls, CPU per poll: {cpu / polls:.1f} us, "
          f"{memory_kib(pid)['VmHWM']} KiB; all lines in one thread, readings stored and told")


def end_all():
    for process in reversed(getattr(Process.mine, "all", [])):
        process.child.kill()
        process.child.wait()
    Process.mine.all = []


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("build")
    p.add_argument("--seconds", type=int, default=60)
    p.add_argument("--settle", type=int, default=60)
    p.add_argument("--lines", type=int, default=8)
    p.add_argument("--meters", type=int, default=64)
    p.add_argument("--without", choices=["libmodbus"])
    p.add_argument("--instructions", action="store_true", help="counted too; needs valgrind")
    a = p.parse_args()
    folder = tempfile.mkdtemp()
    try:
        kept = busy_gateway(a.build, f"{folder}/busy", a)
        end_all()
        if a.instructions:
            count_instructions(a.build, f"{folder}/counted", a)
            end_all()
        if a.without != "libmodbus":
            beside_libmodbus(a.build, f"{folder}/modbus", a)
    finally:
        end_all()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
