#!/usr/bin/env python3
"""`yufu decide` on a data folder: each decision, its refusals, and that the books stay whole:
decide.py YUFU"""
import json
import os
import sqlite3
import subprocess
import sys
import time

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


def gateway_that_is_updated(folder):
    """Whoever is revoked says nothing more: its update ends by name."""
    for before, after in (("fetching", "failed"), ("trial", "failed"), ("stopping", "stopped")):
        os.mkdir(f"{folder}/{before}")
        site = Site(f"{folder}/{before}")
        site.sql("INSERT INTO gateway_package VALUES (1, zeroblob(32), '0.2.0', 'arm', 1, '0.1.0', 300, '', 'user:1', 5)")
        site.sql("INSERT INTO gateway_push VALUES (1, 1, 1, '0.2.0', 'running', 0, 0, 600, 0, 'x', 'user:1', 5)")
        site.sql(f"INSERT INTO gateway_push_part (id, push_id, gateway_id, stage, state, changed_at) VALUES (1, 1, 1, 1, '{before}', 5)")
        assert site.decide("revoke", "GW-1", *WHY)[0] == 0
        assert site.sql("SELECT state, error FROM gateway_push_part") == [(after, "HEADEND_REVOKED")]
        assert site.sql("SELECT state FROM gateway_push") == [("done",)]
        said = site.sql("SELECT count(*) FROM event WHERE kind = 'gateway.update_failed' AND detail LIKE '%HEADEND_REVOKED%'")
        assert said == [(int(after == "failed"),)], said


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


# --- the preview of a strategy -----------------------------------------------------------------

DAY = 86400
PREVIEW = ("--project", "dorm", "--strategy")


def money(site, account, seq, at, fen, kind="settlement"):
    """One transaction of the prepayment against another book."""
    prev = "zeroblob(32)" if seq == 1 else f"(SELECT hash FROM ledger_txn WHERE account_id = {account} AND seq = {seq - 1})"
    site.sql(f"INSERT INTO ledger_txn (account_id, seq, key, kind, at, occurred_at, business_day, actor, "
             f"detail, prev, hash) VALUES ({account}, {seq}, 'k{seq}', '{kind}', {at}, {at}, {at // DAY}, "
             f"'system', '{{}}', {prev}, randomblob(32))")
    for line, (book, amount) in enumerate((("prepayment", fen), ("cash" if fen > 0 else "revenue", -fen))):
        site.sql(f"INSERT INTO posting VALUES ({account}, {seq}, {line}, '{book}', {amount})")
    site.sql(f"UPDATE ledger_txn SET sealed = 1 WHERE account_id = {account} AND seq = {seq}")


def lived(folder):
    """A1 fell from 31 yuan to -1 yuan in the last 33 days, a yuan a day, and has a contract."""
    site = Site(folder)
    site.sql("UPDATE account SET wallet = 'platform', contract_at = 1, opened_at = 1")
    account, meter = site.sql("SELECT account_id, id FROM meter")[0]
    today = (int(time.time()) + 8 * 3600) // DAY * DAY - 8 * 3600
    first = today - 33 * DAY
    money(site, account, 1, first, 3200, "order.paid")
    for day in range(33):
        opened = first + day * DAY
        site.sql(f"INSERT INTO settlement VALUES ({account}, {meter}, 1, {opened}, {opened + DAY}, "
                 f"{opened // DAY}, 100, 1000, '{{}}')")
        money(site, account, day + 2, opened + DAY, -100)
    return site


def strategy(folder, name, text):
    with open(f"{folder}/{name}.json", "w") as f:
        f.write(json.dumps(text))
    return f"{folder}/{name}.json"


def preview(folder):
    site = lived(folder)
    any_time = {"cut": {"from": "00:00", "to": "24:00", "weekdays": [1, 2, 3, 4, 5, 6, 7], "holidays": True}}
    before = site.sql("SELECT count(*) FROM audit")
    same = strategy(folder, "same", {})
    code, out, err = site.decide(*PREVIEW, same, "--json")
    assert code == 0, out + err
    told = json.loads(out)
    [row] = told["rows"]
    assert not told["today_known"] and told["days"] == 30 and told["accounts"] == 1, told
    assert row["before"] == row["after"] and row["strategy"] == "standard@1", row
    past = row["after"]["past"]
    assert past["days"] == 30 and len(past["each"]) == 30 and past["notices"] == 2, past  # level 1 was told before
    assert [d["available_fen"] for d in past["each"]][-2:] == [4, -96], past["each"][-2:]
    late = strategy(folder, "late", {**any_time, "levels": ["2.00", "1.00", "-0.50"],
                                     "restore": {"above": "0.00"}, "cut": {**any_time["cut"], "at": "-0.50"}})
    staff = strategy(folder, "staff", {"levels": ["2.00", "1.00", "0.00"], "cut": {"automatic": False}})
    code, out, _ = site.decide(*PREVIEW, late)
    assert code == 0 and "newly cut 0" in out and "A1" in out and "最近 30 天" in out, out
    told = json.loads(site.decide(*PREVIEW, staff, "--json", "--days", "10")[1])
    [row] = told["rows"]
    assert row["after"]["past"]["cuts"] == 0 and row["after"]["past"]["days"] == 10, row
    assert "CUT_BY_STAFF" in [g["code"] for g in row["after"]["past"]["held"]], row
    assert told["change"]["past_no_longer_cut"] == row["before"]["past"]["cuts"], told["change"]
    code, out, _ = site.decide(*PREVIEW, late, "--code", "elsewhere")
    assert code == 0 and "A1" not in out, out
    assert site.sql("SELECT count(*) FROM audit") == before


def preview_refusals(folder):
    site = Site(folder)
    good, bad = strategy(folder, "good", {}), strategy(folder, "bad", {"levels": ["1", "2", "3"]})
    code, _, err = site.decide(*PREVIEW, bad)
    assert code == 1 and "LEVELS_RISE" in err and "levels" in err, err
    assert site.decide(*PREVIEW, f"{folder}/none.json")[0] == 1
    assert site.decide("--project", "nosuch", "--strategy", good)[0] == 1
    assert site.decide("--project", "dorm")[0] == 2
    assert site.decide("--strategy", good)[0] == 2
    assert site.decide("revoke", "GW-1", *PREVIEW, good)[0] == 2
    assert site.decide(*PREVIEW, good, *WHY)[0] == 2
    for days in ("-1", "367", "many"):
        assert site.decide(*PREVIEW, good, "--days", days)[0] == 1, days
    code, out, err = yufu("decide", "--data", f"{folder}/elsewhere", *PREVIEW, good)
    assert code == 1 and not os.path.exists(f"{folder}/elsewhere"), out + err


run([gateways, gateway_that_is_updated, breaker, refusals, preview, preview_refusals])
