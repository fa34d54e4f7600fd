#!/usr/bin/env python3
"""`yufu person` beside a running platform, and `yufu manual`: person.py YUFU SOURCE_ROOT"""
import os
import pathlib
import re
import signal
import subprocess
import sys

from browser import Browser
from processes import Process, run

YUFU, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
SECRET = "a much better secret"


def yufu(*words):
    done = subprocess.run([YUFU, *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def open_site(folder):
    data = f"{folder}/data"
    with open(f"{folder}/site.csv", "w") as f:
        f.write("project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,model\n"
                "dorm,D,1,A1,platform,flat,standard,GW-1,1,tcp:127.0.0.1:1,1,yufu-plain\n")
    for name, text in (("flat", '{"kind": "flat", "price": "0.5"}'), ("standard", "{}")):
        with open(f"{folder}/{name}.json", "w") as f:
            f.write(text)
    os.mkdir(data)
    code, out, err = yufu("import", "--data", data, "--plan", f"flat={folder}/flat.json", "--strategy",
                          f"standard={folder}/standard.json", f"{folder}/site.csv")
    assert code == 0, out + err
    platform = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0)
    platform.wait(r"one-time password (\S+)")
    return data, platform, int(platform.wait(r"program\.start .*http=(\d+)").group(1))


def log_in(port, login, password, status=200):
    b = Browser(port)
    r = b.post("/login", {"login": login, "password": password}, status=status)
    b.csrf = r["csrf"] if status == 200 else None
    return b


def one_time(out):
    return re.search(r"one-time password .*: (\S+)$", out, re.M).group(1)


def test_people(folder):
    data, platform, port = open_site(folder)

    def person(*words):
        return yufu("person", "--data", data, *words)

    code, out, err = person("add", "mei", "--role", "cashier", "--name", "王梅", "--projects", "dorm")
    assert code == 0, out + err
    b = log_in(port, "mei", one_time(out))
    b.get("/projects", 403)  # only the password may be changed
    b.csrf = b.post("/me/password", {"password": one_time(out), "new_password": SECRET})["csrf"]
    assert [p["code"] for p in b.get("/projects")["projects"]] == ["dorm"]
    account = b.get("/search?q=A1")["hits"][0]["account_id"]
    order = {"order_id": "order-of-mei", "amount_fen": 100, "method": "cash"}
    b.post(f"/accounts/{account}/orders", order, "order-of-mei", 201)

    code, out, err = person("add", "guest", "--role", "auditor")
    assert code == 0
    guest = log_in(port, "guest", one_time(out))
    guest.csrf = guest.post("/me/password", {"password": one_time(out), "new_password": SECRET})["csrf"]
    assert guest.get("/projects")["projects"] == []  # nothing was granted

    assert person("disable", "mei")[0] == 0  # at once, in a platform that runs
    b.get("/projects", 401)
    log_in(port, "mei", SECRET, 401)
    assert person("enable", "mei")[0] == 0
    log_in(port, "mei", SECRET)
    code, out, _ = person("reset", "mei")
    assert code == 0
    log_in(port, "mei", SECRET, 401)
    log_in(port, "mei", one_time(out))

    code, out, _ = person("list")
    rows = {line.split()[0]: line.split()[1:4] for line in out.splitlines()[1:]}
    assert rows == {"admin": ["admin", "0", "one-time"], "guest": ["auditor", "0", "active"],
                    "mei": ["cashier", "1", "one-time"]}, out
    assert "王梅" in out

    for words, name in ((("add", "mei", "--role", "cashier"), "EXISTS"),
                        (("add", "x", "--role", "king"), "NOT_FOUND"),
                        (("add", "x", "--role", "cashier", "--projects", "moon"), "NOT_FOUND"),
                        (("add", "x", "--role", "cashier", "--projects", ",dorm"), "RANGE"),
                        (("add", "a b", "--role", "cashier"), "RANGE"),
                        (("reset", "nobody"), "NOT_FOUND"), (("disable", "nobody"), "NOT_FOUND"),
                        (("disable", "admin"), "STATE")):
        code, out, err = person(*words)
        assert code == 1 and name in err and out == "", (words, code, out, err)
    for words in ((), ("add", "x"), ("add",), ("list", "x"), ("marry", "mei")):
        assert person(*words)[0] == 2, words
    assert person("list")[1].count("\n") == 4  # nothing was changed by any of them
    code, _, err = yufu("person", "--data", f"{folder}/nowhere", "add", "x", "--role", "admin")
    assert code == 1 and "IO_FILE" in err and not os.path.exists(f"{folder}/nowhere")

    assert platform.end(signal.SIGTERM) == 0
    assert yufu("verify", "--data", data)[0] == 0


def test_manual(folder):
    for what, table, row in (("events", "journal/event_table.h", r'^EVENT_ROW\(\w+, "([^"]+)"'),
                             ("logs", "io/log_table.h", r'^LOG_ROW\(\w+, "([^"]+)"'),
                             ("errors", "base/err_table.h", r"^ERR_ROW\(ERR_(\w+)")):
        code, out, _ = yufu("manual", what)
        names = re.findall(row, (ROOT / "src" / table).read_text(), re.M)
        assert code == 0 and names, what
        lines = [line for line in out.splitlines() if line.startswith("| `")]
        assert [re.match(r"\| `([^`]+)`", line).group(1) for line in lines] == names, what
        assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines), what
    assert yufu("manual")[0] == 2 and yufu("manual", "life")[0] == 2


def test_demo_leaves_a_site_alone(folder):
    data, platform, _ = open_site(folder)
    before = sorted(os.listdir(data))
    code, out, err = yufu("demo", "--data", data, "--http", "0")
    assert code == 1, out + err
    assert sorted(os.listdir(data)) == before
    assert f"yufu serve --data {data}" in err and "another folder" in err and "另选一个文件夹" in err, err
    assert platform.end() == 0


run([test_people, test_manual, test_demo_leaves_a_site_alone])
