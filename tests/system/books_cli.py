#!/usr/bin/env python3
"""`yufu import`, `verify` and `backup` as a person runs them: words, exit codes, and what is on disk.

Both hash chains are also computed here, from docs/formats/journal.md and ledger.md alone.
  books_cli.py YUFU SOURCE_ROOT
"""
import hashlib
import pathlib
import re
import resource
import sqlite3
import struct
import subprocess
import sys
import tempfile

YUFU, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
FORMATS = ROOT / "docs/formats"
WITH = ["--plan", f"dorm={FORMATS}/plan-example.json",
        "--plan", f"shop={FORMATS}/plan-example.json",
        "--strategy", f"standard={FORMATS}/strategy-example.json"]
checks = 0


def run(*words, file_size=None):
    """file_size: no file may grow beyond it, as on a disk that is full."""
    limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))) if file_size else None
    done = subprocess.run([YUFU, *map(str, words)], capture_output=True, text=True, timeout=60,
                          preexec_fn=limit, restore_signals=not file_size)  # Python ignores SIGXFSZ
    return done.returncode, done.stdout, done.stderr


def expect(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"not so: {what}")


def field(value):
    if isinstance(value, int):
        return struct.pack(">q", value)
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(data)) + data


def chain_hash(domain, *fields):
    return hashlib.sha256(b"".join(field(f) for f in (domain, *fields))).digest()


def check_chains(path):
    db = sqlite3.connect(path)
    prev = bytes(32)
    rows = list(db.execute("SELECT seq, at, actor, action, object, detail, prev, hash FROM audit ORDER BY seq"))
    for row in rows:
        expect(row[6] == prev and row[7] == chain_hash("yufu.audit.1", *row[:7]), f"audit row {row[0]}")
        prev = row[7]
    transactions, last = 0, {}
    for t in db.execute("SELECT account_id, seq, key, kind, at, occurred_at, business_day, actor, detail,"
                        " prev, hash FROM ledger_txn ORDER BY account_id, seq"):
        postings = list(db.execute("SELECT line, book, amount_fen FROM posting WHERE account_id = ? AND"
                                   " seq = ? ORDER BY line", t[:2]))
        flat = [x for p in postings for x in p]
        expect(t[9] == last.get(t[0], (0, bytes(32)))[1], f"ledger prev {t[0]}/{t[1]}")
        expect(t[10] == chain_hash("yufu.ledger.1", *t[:9], len(postings), *flat, t[9]),
               f"ledger hash {t[0]}/{t[1]}")
        last[t[0]] = (t[1], t[10])
        transactions += 1
    heads = [x for account in sorted(last) for x in (account, *last[account])]
    db.close()
    return len(rows), prev.hex().upper(), transactions, chain_hash("yufu.ledger.heads.1", *heads).hex().upper()


def sell_by_hand(path):
    """Two ledger transactions, written by nothing but the documents."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    prev = bytes(32)
    for seq, (key, amount) in enumerate([("hand:1", 700), ("hand:2", -200)], 1):
        row = (1, seq, key, "by.hand", 1000 + seq, 1000, 20, "system", "{}")
        lines = [1, "cash", -amount, 2, "prepayment", amount]
        digest = chain_hash("yufu.ledger.1", *row, 2, *lines, prev)
        db.execute("INSERT INTO ledger_txn (account_id, seq, key, kind, at, occurred_at, business_day, actor,"
                   " detail, prev, hash) VALUES (?,?,?,?,?,?,?,?,?,?,?)", (*row, prev, digest))
        db.execute("INSERT INTO posting VALUES (1, ?, 1, 'cash', ?), (1, ?, 2, 'prepayment', ?)",
                   (seq, -amount, seq, amount))
        db.execute("UPDATE ledger_txn SET sealed = 1 WHERE account_id = 1 AND seq = ?", (seq,))
        prev = digest
    db.execute("COMMIT")
    db.close()


def test_import(tmp):
    site = FORMATS / "site-example.csv"
    code, out, _ = run("import", "--data", tmp / "dry", "--dry-run", *WITH, site)
    expect(code == 0 and "dry run" in out, "a dry run succeeds")
    expect(not (tmp / "dry").exists(), "a dry run makes nothing")
    code, out, _ = run("import", "--data", tmp / "d", *WITH, site)
    expect(code == 0 and re.search(r"^meter +4 +0 +0$", out, re.M), "four meters are new")
    code, out, _ = run("import", "--data", tmp / "d", *WITH, site)
    expect(code == 0 and re.search(r"^rows +0 +0 +4$", out, re.M), "again: all the same")
    code, out, _ = run("import", "--data", tmp / "d", "--dry-run", site)
    expect(code == 0 and re.search(r"^rows +0 +0 +4$", out, re.M), "plans of an earlier import are known")


def test_bad_imports(tmp):
    good = (FORMATS / "site-example.csv").read_text()
    bad = tmp / "bad.csv"
    before = check_chains(tmp / "d/ledger.db")
    for text, name in [(good.replace("13800000002", "1380"), "CSV_PHONE"),
                       (good.replace("yufu-shop3p", "abacus"), "CSV_MODEL"),
                       (good.replace("address", "number", 1), "CSV_HEADER"),
                       (good.replace("000000000302", "000000000301"), "CSV_DUPLICATE_METER"),
                       (good + "\"", "CSV_QUOTE"), ("", "CSV_EMPTY")]:
        bad.write_text(text)
        code, out, _ = run("import", "--data", tmp / "d", *WITH, bad)
        expect(code == 1 and name in out and "nothing was changed" in out, f"{name} is told")
    bad.write_text(good.replace("13800000002", "1380"))
    code, out, _ = run("import", "--data", tmp / "d", "--failed", tmp / "failed.csv", *WITH, bad)
    lines = (tmp / "failed.csv").read_text().splitlines()
    expect(code == 1 and len(lines) == 2 and "CSV_PHONE" in lines[1], "the failed row is written out")
    bad.write_bytes(b"x" * 20_000_001)
    code, _, err = run("import", "--data", tmp / "d", *WITH, bad)
    expect(code == 1 and "CSV_SIZE" in err, "a file too large is told")
    price = tmp / "price.json"
    price.write_text('{"kind": "flat", "price": "-1"}')
    code, out, _ = run("import", "--data", tmp / "d", "--plan", f"dorm={price}", FORMATS / "site-example.csv")
    expect(code == 1 and "RATING_PLAN" in out and "PRICE_NEGATIVE" in out, "a negative price is told")
    code, _, err = run("import", "--data", tmp / "d", tmp / "absent.csv")
    expect(code == 1 and "absent.csv" in err, "a missing file is told")
    for words in [["import"], ["import", "a", "b"], ["import", "--plan", "x", "a"], ["import", "--what"]]:
        expect(run(*words)[0] == 2, f"{words} is wrong usage")
    expect(check_chains(tmp / "d/ledger.db") == before, "nothing was changed by any of them")


def test_full_disk(tmp):
    rows = ["project,building,room,gateway,line,endpoint,address,model"]
    rows += [f"big,B{n % 10},{n},GW-BIG,{1 + n % 50},tcp:h:{1 + n % 50},{n},yufu-plain" for n in range(3000)]
    (tmp / "big.csv").write_text("\n".join(rows))
    before = check_chains(tmp / "d/ledger.db")
    code, _, err = run("import", "--data", tmp / "d", tmp / "big.csv", file_size=200_000)
    expect(code == 1 and "STORE_FULL" in err, "a full disk is told by its name")
    expect(check_chains(tmp / "d/ledger.db") == before, "and nothing was changed")
    code, out, _ = run("import", "--data", tmp / "d", tmp / "big.csv")
    expect(code == 0 and re.search(r"^meter +3000 +0 +0$", out, re.M), "with room again, it is imported")


def test_effective(tmp):
    site, price = FORMATS / "site-example.csv", tmp / "price.json"
    price.write_text('{"kind": "flat", "price": "0.61"}')
    more = ["import", "--data", tmp / "d", "--plan", f"dorm={price}"]
    for day, name in [("2026-13-01", "CSV_DATE"), ("tomorrow", "CSV_DATE"), ("2026-12-01x", "CSV_DATE")]:
        code, _, err = run(*more, "--effective", day, site)
        expect(code == 1 and name in err, f"{day} is no day")
    expect(run(*more, "--effective", "2026-12-01", "--zone", "Mars", site)[0] == 1, "no such zone")
    expect(run(*more, "--effective", "2026-12-01", site)[0] == 0, "a price from a day on")
    db = sqlite3.connect(tmp / "d/ledger.db")
    at = db.execute("SELECT effective_at FROM price_plan WHERE code = 'dorm' AND version = 2").fetchone()
    db.close()
    expect(at == (1796054400,), "it begins at midnight in Shanghai: 2026-11-30 16:00 UTC")


def test_verify(tmp):
    ledger = tmp / "d/ledger.db"
    sell_by_hand(ledger)
    rows, audit, transactions, head = check_chains(ledger)
    code, out, _ = run("verify", "--data", tmp / "d")
    expect(code == 0 and "nothing wrong" in out, "good books pass: " + out)
    expect(f"head {rows}:{audit}" in out, "the audit head is the one computed here")
    expect(f"{transactions} transactions" in out and f"head {head}" in out, "and so is the ledger's")
    expect(run("verify", "--data", tmp / "d", "--audit-head", f"{rows}:{audit}")[0] == 0, "a kept head fits")
    wrong = audit[:-1] + ("0" if audit[-1] != "0" else "1")
    code, out, _ = run("verify", "--data", tmp / "d", "--audit-head", f"{rows}:{wrong}")
    expect(code == 1 and "FAULT audit" in out, "another head does not")
    expect(run("verify", "--data", tmp / "d", "--audit-head", "x")[0] == 2, "a head looks like SEQ:HASH")
    code, _, err = run("verify", "--data", tmp / "nowhere")
    expect(code == 1 and "IO_FILE" in err, "a missing database is told")


def test_backup(tmp):
    code, out, _ = run("backup", "--data", tmp / "d", tmp / "b")
    expect(code == 0 and "ledger.db" in out, "a backup is made")
    expect(check_chains(tmp / "b/ledger.db") == check_chains(tmp / "d/ledger.db"), "it has the same chains")
    expect(run("verify", "--data", tmp / "b")[0] == 0, "and verifies")
    code, _, err = run("backup", "--data", tmp / "d", tmp / "b")
    expect(code == 1 and "EXISTS" in err, "it is not overwritten")


def test_tampering(tmp):
    db = sqlite3.connect(tmp / "b/ledger.db")
    db.execute("DROP TRIGGER posting_no_update")
    db.execute("UPDATE posting SET amount_fen = 2 * amount_fen")
    db.execute("UPDATE balance SET amount_fen = 2 * amount_fen")
    db.commit()
    db.close()
    code, out, _ = run("verify", "--data", tmp / "b")
    expect(code == 1 and "FAULT ledger   account 1, transaction 1: hash" in out, "a balanced forgery is found")


with tempfile.TemporaryDirectory(prefix="yufu-books-") as folder:
    for test in (test_import, test_bad_imports, test_full_disk, test_effective, test_verify, test_backup, test_tampering):
        test(pathlib.Path(folder))
print(f"{checks} checks")
