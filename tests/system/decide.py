#!/usr/bin/env python3
"""`yufu decide` on a data folder: each decision, its refusals, and that the books stay whole:
decide.py YUFU"""
import os
import sqlite3
import subprocess
import sys

from processes import GUARD_S, run

YUFU = sys.argv[1]
WHY = ("--reason", "seen on site")


def yufu(*words):
    done = subprocess.run([YUFU, *words], capture_output=True, text=True, timeout=GUARD_S)
    return done.returncode, done.stdout, done.stderr


class Site:
    def __init__(self, folder):
        self.data = f"{folder}/data"
        os.mkdir(self.data)
        with open(f"{folder}/site.csv", "w") as f:
            f.write("project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,model\n"
                    "dorm,D,1,A1,meter,flat,standard,GW-1,1,tcp:127.0.0.1:1,1,yufu-shop3p\n")
        for name, text in (("flat", '{"kind": "flat", "price": "0.5"}'), ("standard", "{}")):
            with open(f"{folder}/{name}.json", "w") as f:
                f.write(text)
        code, out, err = yufu("import", "--data", self.data, "--plan", f"flat={folder}/flat.json",
                              "--strategy", f"standard={folder}/standard.json", f"{folder}/site.csv")
        assert code == 0, out + err

    def sql(self, text):
        db = sqlite3.connect(f"{self.data}/ledger.db", timeout=GUARD_S)
        with db:
            rows = db.execute(text).fetchall()
        db.close()
        return rows

    def decide(self, *words):
        return yufu("decide", "--data", self.data, *words)


def gateways(folder):
    site = Site(folder)
    site.sql("UPDATE gateway SET secret = zeroblob(32), certificate_hash = zeroblob(32)")
    code, out, err = site.decide("revoke", "GW-1", *WHY)
    assert code == 0 and "GW-1" in out, out + err
    row = "SELECT revoked, secret, certificate_hash FROM gateway"
    assert site.sql(row) == [(1, None, None)], site.sql(row)
    assert site.decide("readmit", "GW-1", *WHY)[0] == 0
    assert site.sql(row) == [(0, None, None)], site.sql(row)  # only a new code lets it in
    assert [r[0] for r in site.sql("SELECT action FROM audit WHERE action LIKE 'decide.%' ORDER BY seq")] \
        == ["decide.revoke", "decide.readmit"]
    code, _, err = site.decide("revoke", "GW-9", *WHY)
    assert code == 1 and "NOT_FOUND" in err, err


def breaker(folder):
    site = Site(folder)
    assert site.decide("release", "dorm", *WHY)[0] == 0
    assert site.sql("SELECT count(*) FROM control_breaker") == [(1,)]
    code, _, err = site.decide("release", "nosuch", *WHY)
    assert code == 1 and "NOT_FOUND" in err, err


def refusals(folder):
    site = Site(folder)
    before = site.sql("SELECT count(*) FROM audit")
    assert site.decide("revoke", "GW-1")[0] == 2  # no reason
    assert site.decide("revoke", *WHY)[0] == 2
    assert site.decide("burn", "GW-1", *WHY)[0] == 2
    code, _, err = yufu("decide", "--data", f"{folder}/elsewhere", "revoke", "GW-1", *WHY)
    assert code == 1 and not os.path.exists(f"{folder}/elsewhere"), err
    assert site.sql("SELECT count(*) FROM audit") == before
    assert yufu("verify", "--data", site.data)[0] == 0


run([gateways, breaker, refusals])
