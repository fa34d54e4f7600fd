#!/usr/bin/env python3
"""A data folder has one owner: one_owner.py YUFU YUFU_GATEWAY

Two platforms would each rate by the readings that they heard themselves, and two gateways would each carry
out the same command. The second one is refused by name and changes nothing; when the first is gone, however
it ended, the next begins.
"""
import os
import signal
import subprocess
import sys

from processes import Process, run

YUFU, GATEWAY = sys.argv[1:3]


def state_of(data):
    return {n: os.stat(f"{data}/{n}").st_mtime_ns for n in os.listdir(data) if n.endswith(".db")}


def one_owner(start, data):
    first = start()
    first.wait(r"program\.start ")
    before = state_of(data)
    second = start()
    second.wait(r"program\.refused .*error=IO_IN_USE")
    assert second.exit() == 1, second.said
    assert state_of(data) == before, "the one that was refused wrote"
    assert first.child.poll() is None, first.said
    first.end(signal.SIGKILL)
    third = start()
    third.wait(r"program\.start ")
    assert third.end() == 0, third.said


def test_platform(folder):
    data = f"{folder}/data"
    one_owner(lambda: Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0), data)
    done = subprocess.run([YUFU, "verify", "--data", data], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_gateway(folder):
    data, keys = f"{folder}/gateway", f"{folder}/keys"
    platform = Process("yufu", YUFU, "serve", "--data", keys, "--http", 0, "--uplink", 0)
    port = platform.wait(r"program\.start .*uplink=(\d+)").group(1)
    one_owner(lambda: Process("gateway", GATEWAY, "--data", data, "--platform", f"127.0.0.1:{port}", "--ca",
                              f"{keys}/pki/ca.pem", "--serial", "GW-1", "--claim", "00000000"), data)


run([test_platform, test_gateway])
