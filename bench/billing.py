#!/usr/bin/env python3
"""A night's billing against stated baselines, in one run on one machine with the same data.

usage: billing.py PROGRAM [--accounts N] [--dir DIR] [--without sqlite postgresql]

(a) ours: accounts with four registers, time of use with five-step ladders, 64 plans: rated, settled as
    durable ledger records, the n-day list and the warnings queued
(b) the same as set-based SQL, one transaction, in SQLite and in PostgreSQL
(c) one plain pass over the memory that rating reads and writes: the physical limit of rating

All of them must come to the same sums; if one does not, the run fails.
"""
import argparse
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

NAMES = (["account"] + [f"{w}{r}" for r in range(4) for w in ("from", "to")]
         + ["position", "carry", "balance", "ahead", "plan", "policy", "level"])
PLAN = ["id"] + [f"price{r}" for r in range(4)] + [f"{w}{k}" for k in range(5) for w in ("above", "more")]
POLICY = ["id", "overdraft", "level1", "level2", "level3"]
EXACT, HALF = 1_000_000_000, 500_000_000


def create(table, names, key):
    columns = ", ".join(f"{n} BIGINT NOT NULL" for n in names)
    return f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({key}))"


TABLES = [create("usage", NAMES, "account"), create("plan", PLAN, "id"), create("policy", POLICY, "id"),
          create("ledger", ["account", "run", "amount", "carry", "used0", "used1", "used2", "used3"],
                 "account, run"),
          create("ahead", ["account", "run"], "account, run"),
          create("warning", ["account", "run", "level"], "account, run")]


def night(at_least, materialized):
    """The night as SQL: what is rated once feeds three tables."""
    energy = " + ".join(f"(u.to{r} - u.from{r}) * p.price{r}" for r in range(4))
    used = " + ".join(f"(u.to{r} - u.from{r})" for r in range(4))
    steps = " + ".join(
        f"({at_least}(u.position + {used} - p.above{k}, 0) - {at_least}(u.position - p.above{k}, 0))"
        f" * p.more{k}" for k in range(5))
    level = ("(CASE WHEN left_fen <= level3 THEN 3 WHEN left_fen <= level2 THEN 2 "
             "WHEN left_fen <= level1 THEN 1 ELSE 0 END)")
    rated = (f"SELECT u.*, {energy} + {steps} + u.carry + {HALF} AS exact FROM usage u "
             "JOIN plan p ON p.id = u.plan")
    priced = (f"SELECT r.*, exact / {EXACT} AS amount, exact % {EXACT} - {HALF} AS rest, "
              f"balance - exact / {EXACT} AS left_fen FROM rated r")
    looked = (f"SELECT q.*, overdraft, {level} AS now_level FROM priced q "
              "JOIN policy o ON o.id = q.policy")
    head = (f"WITH rated AS ({rated}), priced AS ({priced}), "
            f"looked AS {materialized} ({looked})")
    entries = ("SELECT account, 1, amount, rest, to0 - from0, to1 - from1, to2 - from2, to3 - from3 "
               "FROM looked")
    ahead = "SELECT account, 1 FROM looked WHERE left_fen + overdraft < ahead"
    warning = "SELECT account, 1, now_level FROM looked WHERE now_level > level"
    return head, entries, ahead, warning


SUMS = ("SELECT (SELECT sum(amount) FROM ledger), (SELECT count(*) FROM ahead), "
        "(SELECT count(*) FROM warning)")


def say(text):
    print(text, file=sys.stderr, flush=True)


# --- SQLite ------------------------------------------------------------------------------------------

def rows(path):
    with open(path) as lines:
        for line in lines:
            yield [int(x) for x in line.split("\t")]


def run_sqlite(folder):
    """Scalar max() is its GREATEST; each list is a statement of its own, as it has no other way."""
    db = sqlite3.connect(os.path.join(folder, "set.db"), isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA cache_size = -1000000")
    for t in TABLES:
        db.execute(t + " WITHOUT ROWID")
    say("sqlite: loading ...")
    db.execute("BEGIN")
    for name, columns in (("plan", PLAN), ("policy", POLICY), ("usage", NAMES)):
        marks = ", ".join("?" * len(columns))
        db.executemany(f"INSERT INTO {name} VALUES ({marks})", rows(f"{folder}/{name}.tsv"))
    db.execute("COMMIT")
    head, entries, ahead, warning = night("max", "")
    say("sqlite: the night ...")
    began = time.monotonic()
    db.execute("BEGIN")
    db.execute(f"{head} INSERT INTO ledger {entries}")
    # what was rated is in the ledger now: both lists come from there
    joined = ("FROM ledger l JOIN usage u ON u.account = l.account AND l.run = 1 "
              "JOIN policy o ON o.id = u.policy")
    left = "(u.balance - l.amount)"
    level = (f"(CASE WHEN {left} <= level3 THEN 3 WHEN {left} <= level2 THEN 2 "
             f"WHEN {left} <= level1 THEN 1 ELSE 0 END)")
    db.execute(f"INSERT INTO ahead SELECT l.account, 1 {joined} WHERE {left} + overdraft < u.ahead")
    db.execute(f"INSERT INTO warning SELECT l.account, 1, {level} {joined} WHERE {level} > u.level")
    db.execute("COMMIT")
    took = time.monotonic() - began
    sums = db.execute(SUMS).fetchone()
    db.close()
    return {"s": took, "sums": list(sums), "version": sqlite3.sqlite_version}


# --- PostgreSQL --------------------------------------------------------------------------------------

SETTINGS = {"shared_buffers": "2GB", "work_mem": "512MB", "max_wal_size": "8GB",
            "checkpoint_timeout": "30min", "fsync": "on", "synchronous_commit": "on",
            "wal_compression": "on", "listen_addresses": "''", "max_parallel_workers": "0",
            "autovacuum": "off", "jit": "on"}


def find_postgres():
    for place in ("/usr/lib/postgresql/15/bin", os.path.dirname(shutil.which("initdb") or "")):
        if place and os.path.exists(os.path.join(place, "initdb")):
            return place
    return None


class Postgres:
    """A server of our own in a folder of our own, on a socket there; ended with the bench."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.data = os.path.join(folder, "pg")
        # the server refuses to run as root
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            os.chmod(folder, 0o755)
            os.makedirs(self.data)
            entry = pwd.getpwnam(self.user)
            os.chown(self.data, entry.pw_uid, entry.pw_gid)
        self.call("initdb", "-D", self.data, "-U", "bench", "-A", "trust", "--no-sync")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as f:
            for k, v in SETTINGS.items():
                f.write(f"{k} = {v}\n")
            f.write(f"unix_socket_directories = '{self.data}'\n")
        self.call("pg_ctl", "-D", self.data, "-l", os.path.join(self.data, "log"), "-w", "start")

    def call(self, program, *args):
        subprocess.run([os.path.join(self.programs, program), *args], check=True, user=self.user,
                       cwd=self.data if os.path.exists(self.data) else "/", stdout=subprocess.DEVNULL)

    def sql(self, *statements):
        words = [w for s in statements for w in ("-c", s)]
        done = subprocess.run([os.path.join(self.programs, "psql"), "-h", self.data, "-U", "bench", "-d",
                               "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1", *words],
                              check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def end(self):
        self.call("pg_ctl", "-D", self.data, "-m", "immediate", "stop")


def run_postgres(folder):
    programs = find_postgres()
    if not programs:
        return None
    server = Postgres(programs, folder)
    try:
        server.sql(*TABLES)
        say("postgresql: loading ...")
        for name in ("plan", "policy", "usage"):
            server.sql(f"\\copy {name} FROM '{folder}/{name}.tsv'")
        server.sql("VACUUM ANALYZE", "CHECKPOINT", "SELECT sum(position) FROM usage")
        head, entries, ahead, warning = night("greatest", "MATERIALIZED")
        one = (f"{head}, a AS (INSERT INTO ledger {entries}), b AS (INSERT INTO ahead {ahead}) "
               f"INSERT INTO warning {warning}")
        say("postgresql: the night ...")
        began = time.monotonic()
        server.sql("BEGIN;" + one + ";COMMIT")
        took = time.monotonic() - began
        sums = [int(x) for x in server.sql(SUMS).split("|")]
        version = server.sql("SHOW server_version")
    finally:
        server.end()
    return {"s": took, "sums": sums, "version": version}


# --- all of it ---------------------------------------------------------------------------------------

def ours(program, *args):
    done = subprocess.run([program, *args], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def line(what, seconds, accounts, note=""):
    print(f"{what:<46} {seconds:9.3f} s {seconds * 1e9 / accounts:9.1f} ns/account  {note}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--accounts", type=int, default=2_000_000)
    parser.add_argument("--dir", help="where to work; a disk, not memory")
    parser.add_argument("--without", nargs="*", default=[], choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    n = options.accounts
    folder = tempfile.mkdtemp(prefix="yufu-bench-", dir=options.dir)
    try:
        say(f"making {n} accounts ...")
        ours(options.program, "make", folder, str(n))
        memory = ours(options.program, "pass", folder)
        rated = ours(options.program, "rate", folder)
        whole = ours(options.program, "night", folder)
        folded = ours(options.program, "fold", folder, str(min(n, 100_000)))
        sums = [whole["amount_fen"], whole["selected"], whole["warned"]]
        lite = None if "sqlite" in options.without else run_sqlite(folder)
        post = None if "postgresql" in options.without else run_postgres(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    a, r, c = whole["ns"] / 1e9, rated["ns"] / 1e9, memory["ns"] / 1e9
    print(f"{n} accounts, 4 registers, 64 plans of 5 steps; {sums[0]} fen, "
          f"{sums[1]} in the n-day list, {sums[2]} warnings")
    line("(a) the night, durable", a, n, "one core; aim: under 2 s for 2,000,000")
    line("    of it rating, in memory", r, n, "of processor")
    line("(c) plain pass over the same bytes", c, n, f"of processor; {memory['bytes'] / c / 1e9:.1f} GB/s")
    print(f"    rating / pass                                {r / c:9.2f}    aim: at most 3")
    bad = rated["amount_fen"] != sums[0] or whole["refused"] != 0 or whole["accounts"] != n
    for name, other in (("SQLite", lite), ("PostgreSQL", post)):
        if name.lower() in options.without:
            continue
        if not other:
            print(f"(b) {name}: skipped, it is not installed (Debian: postgresql-15)")
            continue
        line(f"(b) {name} {other['version'].split()[0]}, set-based SQL", other["s"], n)
        aim = "aim: at least 7" if name == "PostgreSQL" else ""
        print(f"    {name} / (a){'':<{32 - len(name)}} {other['s'] / a:9.1f}    {aim}")
        bad = bad or other["sums"] != sums
    print(f"afterwards, little by little: {folded['rows'] / folded['ns'] * 1e9:.0f} records a second are "
          f"entered into the accounts' own chains")
    if bad:
        print("NOT the same sums:", sums, lite, post)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
