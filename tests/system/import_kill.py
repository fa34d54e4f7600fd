#!/usr/bin/env python3
"""An import, and its undoing, killed at any moment: the site is the one before or the one after.

    import_kill.py YUFU [ROWS [KILLS]]

The moments are spread over the whole run. After each kill the file must be sound (`yufu verify`), and
hold all of the change or nothing of it.
"""
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

YUFU = pathlib.Path(sys.argv[1])
ROWS = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 24
HEAD = "project,building,floor,room,account,customer_name,phone,wallet,plan,strategy,gateway,line,endpoint,address,model\n"
TABLES = ["place", "gateway", "line", "customer", "account", "meter", "price_plan", "strategy",
          "site_import_new", "site_import_fact", "event"]


def site(rows, name):
    lines = [HEAD]
    for i in range(rows):
        lines.append(f"kill,B{i // 500},{i % 500 // 50},{i},A{i},{name}{i},138{i:08d},platform,p,s,"
                     f"GW-{i // 1024},{i % 1024 // 64 + 1},tcp:10.0.0.1:{9000 + i // 64},{i:012d},yufu-plain\n")
    return "".join(lines)


def counts(path):
    if not path.exists():
        return None
    db = sqlite3.connect(path)
    try:
        return tuple(db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES) + \
            tuple(db.execute("SELECT coalesce(max(name), ''), min(length(name)) FROM customer").fetchone())
    except sqlite3.OperationalError:
        return None
    finally:
        db.close()


def run(words, kill_after=None):
    child = subprocess.Popen([YUFU, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if kill_after is not None:
        time.sleep(kill_after)
        child.kill()
    out = child.communicate()[0].decode()
    return child.returncode, out


def attack(tmp, data, words, before, is_final):
    """Kills the command at moments spread over its whole run, each time on a copy; then lets it end. What an
    undisturbed run leaves (`is_final` says what that must be) is the only other state that may be found."""
    fresh = not data.exists()
    seen = {"before": 0, "after": 0}
    copy = tmp / "copy"
    def again():
        shutil.rmtree(copy, ignore_errors=True)
        if data.exists():
            shutil.copytree(data, copy)
    again()
    began = time.monotonic()
    code, out = run([copy if w == data else w for w in words])
    took = time.monotonic() - began
    assert code == 0, out
    final = counts(copy / "ledger.db")
    assert final != before and is_final(final), final
    for i in range(KILLS):
        again()
        run([copy if w == data else w for w in words], took * 1.15 * i / KILLS)
        found = counts(copy / "ledger.db")
        now = before if found is None and fresh else found  # killed before there was a schema
        assert now in (before, final), f"neither before nor after: {now}, not {before} or {final}"
        seen["after" if now == final else "before"] += 1
        if found is not None and i % 4 == 0:
            code, out = run(["verify", "--data", copy])
            half_made = fresh and "STORE_OLDER" in out  # killed between two steps of making the schema
            assert code == 0 or half_made, out
    assert seen["before"] > 0, "every kill came too late"
    code, out = run(words)
    assert code == 0, out
    now = counts(data / "ledger.db")
    assert now == final, (now, final)
    return seen, now


def main():
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        (tmp / "p.json").write_text('{"kind":"flat","price":"0.5883"}')
        (tmp / "s.json").write_text("{}")
        (tmp / "a.csv").write_text(site(ROWS, "first"))
        (tmp / "b.csv").write_text(site(ROWS + ROWS // 4, "other"))
        data = tmp / "d"
        base = ["import", "--data", data, "--plan", f"p={tmp / 'p.json'}", "--strategy", f"s={tmp / 's.json'}"]
        total = {"before": 0, "after": 0}
        seen, first = attack(tmp, data, base + [tmp / "a.csv"], tuple([0] * len(TABLES) + ["", None]),
                             lambda n: n is not None and n[5] == ROWS and n[4] == ROWS and n[8] == 10)
        total = {k: total[k] + seen[k] for k in total}
        seen, second = attack(tmp, data, base + [tmp / "b.csv"], first,
                              lambda n: n[5] == ROWS + ROWS // 4 and n[9] == ROWS)
        total = {k: total[k] + seen[k] for k in total}
        assert second[11].startswith("other"), second
        undo = ["import", "--data", data, "--undo", 2, "--reason", "killed"]
        seen, third = attack(tmp, data, undo, second, lambda n: n[5] == ROWS)
        total = {k: total[k] + seen[k] for k in total}
        assert third[:8] == first[:8] and third[11:] == first[11:], (first, third)
        code, out = run(undo)
        assert code == 1 and "SITE_UNDONE" in out, out
        code, out = run(["import", "--data", data, "--list"])
        assert code == 0 and "undone 已撤销：killed" in out and out.count("\n") == 3, out
        assert re.search(r" 20\d\d-\d\d-\d\d \d\d:\d\d ", out), out
        code, out = run(["verify", "--data", data])
        assert code == 0, out
        print(f"{3 * KILLS} kills over an import, a changing import and its undoing, {ROWS} rows: "
              f"{total['before']} found nothing done, {total['after']} everything, none a part")


main()
