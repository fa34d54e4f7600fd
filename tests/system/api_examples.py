#!/usr/bin/env python3
"""The commands of docs/manual/api.md, run as they stand there, against a platform with one account; the Chinese page
has the same ones. api_examples.py YUFU SOURCE_ROOT"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from processes import Process, run

YUFU, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
SITE = ("project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,model\n"
        "dorm,D,301,A301,platform,flat,standard,GW-1,1,tcp:127.0.0.1:1,1,yufu-plain\n")


def commands(name):
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs/manual" / name).read_text(), re.M | re.S)


def yufu(command, data, *more):
    done = subprocess.run([YUFU, command, "--data", data, *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def open_site(folder):
    data = f"{folder}/data"
    os.mkdir(data)
    for name, text in (("site.csv", SITE), ("flat.json", '{"kind": "flat", "price": "0.5"}'), ("standard.json", "{}")):
        with open(f"{folder}/{name}", "w") as f:
            f.write(text)
    yufu("import", data, "--plan", f"flat={folder}/flat.json", "--strategy", f"standard={folder}/standard.json",
         f"{folder}/site.csv")
    platform = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0)
    port = platform.wait(r"program\.start .*http=(\d+)").group(1)
    password = yufu("person", data, "add", "shop", "--role", "cashier", "--projects", "dorm").split()[-1]
    return platform, port, password


def answers(text):
    """The answers of the commands, one JSON text behind the other; the stream's lines lie between."""
    found, rest = [], re.sub(r"retry: \d+\n|id: \S+\nevent: .*\ndata: .*\n\n", "", text)
    decoder = json.JSONDecoder()
    while rest := rest.lstrip():
        one, end = decoder.raw_decode(rest)
        found.append(one)
        rest = rest[end:]
    return found


def test_commands(folder):
    platform, port, password = open_site(folder)
    script = "".join(commands("api.md")).replace(":8080/", f":{port}/").replace("xxxx-xxxx-xxxx-xxxx", password)
    done = subprocess.run(["sh", "-eu", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not re.sub("curl: \\(28\\).*", "", done.stderr).strip(), done.stderr
    projects, wall, hits, account, sold, order, missing, refused = answers(done.stdout)
    assert [p["code"] for p in projects["projects"]] == ["dorm"]
    assert wall["accounts"] == 1 and wall["next"] is None and wall["rows"][0]["code"] == "A301"
    assert hits["hits"][0]["kind"] == "account" and account["code"] == "A301"
    assert sold["amount_fen"] == order["amount_fen"] == 5000 and order["state"] == "BOOKED"
    assert missing["status"] == 404 and refused["errors"][0]["pointer"] == "amount_fen", refused
    assert "event: hello" in done.stdout
    assert platform.end() == 0


def test_both_languages_say_the_same(_folder):
    assert commands("api.md") == commands("api.zh-CN.md")


if not shutil.which("curl"):
    print("curl is not installed")
    sys.exit(77)
run([test_commands, test_both_languages_say_the_same])
