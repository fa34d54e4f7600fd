"""Real processes under test: start, wait for what they say, end. Nothing here sleeps: every wait is
for a line of output, and the deadline is only the end of a broken test."""
import concurrent.futures
import os
import queue
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

GUARD_S = 60


given, giving = set(), threading.Lock()


def free_port():
    """A port for a listener that is started later, and again after it was killed: below those that
    the system gives to connections, which could take it meanwhile. Never the same twice."""
    while True:
        port = random.randrange(20000, 32000)
        with giving, socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in given:
                given.add(port)
                return port


class Process:
    """A child whose lines (standard output and error together) can be waited for in order."""
    mine = threading.local()  # tests run beside each other: each thread ends its own children

    def __init__(self, name, *argv, **how):
        self.name, self.lines, self.said = name, queue.Queue(), []
        self.child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      errors="replace", **how)
        threading.Thread(target=self._read, daemon=True).start()
        Process.mine.all = getattr(Process.mine, "all", []) + [self]

    def _read(self):
        for line in self.child.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait(self, pattern, guard_s=GUARD_S):
        """The match of the next line that has `pattern`; earlier lines are passed over."""
        end = time.monotonic() + guard_s
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.name} never said {pattern!r}; it said:\n  " +
                                     "\n  ".join(self.said[-40:])) from None
            if line is None:
                self.lines.put(None)
                raise AssertionError(f"{self.name} ended without {pattern!r}; it said:\n  " +
                                     "\n  ".join(self.said[-40:]))
            self.said.append(line)
            match = re.search(pattern, line)
            if match:
                return match

    def tell(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()

    def end(self, number=signal.SIGTERM):
        """Ends the child and gives its exit status (negative: by that signal)."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.exit()

    def exit(self):
        status = self.child.wait(timeout=GUARD_S)
        while True:  # everything that it said is looked at, too
            line = self.lines.get(timeout=GUARD_S)
            if line is None:
                self.lines.put(None)
                return status
            self.said.append(line)

    def never_said(self, pattern):
        for line in self.said:
            assert not re.search(pattern, line), f"{self.name} said {line!r}"


def run_one(test):
    folder = tempfile.mkdtemp(prefix="yufu-system-")
    try:
        test(folder)
        return True, f"ok      {test.__name__}"
    except Exception as e:  # noqa: BLE001 - every failure is told, and the rest still runs
        return False, f"FAILED  {test.__name__}: {type(e).__name__}: {e}"
    finally:
        for p in getattr(Process.mine, "all", []):
            if p.child.poll() is None:
                p.child.kill()
                p.child.wait()
        Process.mine.all = []
        shutil.rmtree(folder, ignore_errors=True)


def run(tests):
    """Runs each function with a folder of its own, several at a time (they mostly wait); prints one
    line a test. ONLY=text in the environment picks those whose name has it."""
    tests = [t for t in tests if os.environ.get("ONLY", "") in t.__name__]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = []
        for result in pool.map(run_one, tests):
            print(result[1], flush=True)
            results.append(result[0])
    print(f"{sum(results)} of {len(results)} passed")
    sys.exit(0 if results and all(results) else 1)
