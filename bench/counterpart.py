#!/usr/bin/env python3
"""CPU per poll of another program that polls Modbus meters, beside the gateway, on the same simulated ones.

counterpart.py BUILD --pid PID [--port 15001] [--lines N] [--meters N] [--seconds N]

Lines of simulated meters (acrel-ddsy1352, units 1 to N, Modbus RTU over TCP) stand at 127.0.0.1, one port
after another from --port on. The other program is set up by its own means to read of every unit registers
0 to 9 and 88 there. Once it polls every line it is watched; then it is kept out, and the gateway is watched
on the same lines. Polls are counted on the way to the meters, by the same count for both."""
import argparse
import os
import selectors
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import Site, cpu_us, end_all, memory_kib  # noqa: E402


class Counter:
    """Stands before one line of the fleet and counts what is asked and answered. One master at a time."""

    def __init__(self, port, line):
        self.line, self.asked, self.answered, self.master, self.closed = line, 0, 0, None, False
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            master, _ = self.listener.accept()
            if self.closed:
                master.close()
                continue
            self.master = master
            try:
                with master, socket.create_connection(self.line) as meters:
                    self.join(master, meters)
            except OSError:  # the fleet is gone: the bench ends
                return

    def join(self, master, meters):
        wait = selectors.DefaultSelector()
        for s in (master, meters):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wait.register(s, selectors.EVENT_READ)
        while True:
            for key, _ in wait.select():
                try:
                    data = key.fileobj.recv(4096)
                    if not data:
                        return
                    (meters if key.fileobj is master else master).sendall(data)
                except OSError:
                    return
                self.asked += key.fileobj is master
                self.answered += key.fileobj is meters

    def keep_out(self, closed):
        self.closed = closed
        if closed and self.master:
            try:
                self.master.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def watched(name, pid, counters, seconds):
    """Answered polls and CPU over so long, once every line was asked."""
    end, start = time.monotonic() + 300, [c.answered for c in counters]
    while any(c.answered < s + 20 for c, s in zip(counters, start)):
        assert time.monotonic() < end, f"{name} does not poll: {[c.answered for c in counters]}"
        time.sleep(1)
    before, cpu = sum(c.answered for c in counters), cpu_us(pid)
    time.sleep(seconds)
    polls, cpu = sum(c.answered for c in counters) - before, cpu_us(pid) - cpu
    print(f"  {name}: {polls} polls, {polls / seconds:.0f} a second; CPU per poll {cpu / max(1, polls):.1f} us, "
          f"all its threads; {memory_kib(pid)['VmHWM']} KiB", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--pid", type=int, required=True)
    p.add_argument("--port", type=int, default=15001)
    p.add_argument("--lines", type=int, default=8)
    p.add_argument("--meters", type=int, default=64)
    p.add_argument("--seconds", type=int, default=60)
    a = p.parse_args()
    with open(f"/proc/{a.pid}/comm") as f:
        name = f.read().strip()
    folder = tempfile.mkdtemp()
    try:
        site = Site(a.build, f"{folder}/site", a.lines, a.meters, "acrel-ddsy1352", "tcp:127.0.0.1:0")
        counters = []
        for i, line in enumerate(site.ready):
            host, port = line["endpoint"].removeprefix("tcp:").rsplit(":", 1)
            counters.append(Counter(a.port + i, (host, int(port))))
            line["endpoint"] = f"tcp:127.0.0.1:{a.port + i}"
        print(f"{a.lines} lines of {a.meters} Modbus meters, {a.seconds} s each", flush=True)
        watched(name, a.pid, counters, a.seconds)
        for c in counters:
            c.keep_out(True)
        os.kill(a.pid, 19)  # stopped, so that it does not knock at the door meanwhile
        try:
            for c in counters:
                c.keep_out(False)
            watched("yufu-gateway", site.start_gateway(), counters, a.seconds)
        finally:
            os.kill(a.pid, 18)
    finally:
        end_all()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


sys.exit(main())
