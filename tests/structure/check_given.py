#!/usr/bin/env python3
"""Every error, log line and event of the tables is given by some source: check_given.py ROOT."""
import collections
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
TABLES = {"src/base/err_table.h": (r"^ERR_ROW\((\w+)", ""),
          "src/io/log_table.h": (r"^LOG_ROW\((\w+)", ""),
          "src/journal/event_table.h": (r"^EVENT_ROW\((\w+)", "EVENT_")}

used = collections.Counter()
for folder in ("src", "sim"):
    for path in (root / folder).rglob("*.[ch]"):
        if str(path.relative_to(root)) not in TABLES:
            used.update(re.findall(r"\b[A-Z][A-Z0-9_]+\b", path.read_text()))

names = [prefix + name for table, (row, prefix) in TABLES.items()
         for name in re.findall(row, (root / table).read_text(), re.M)]
idle = [name for name in names if not used[name]]
print("\n".join(f"{name}: nobody gives it" for name in idle) or f"{len(names)} names are given")
sys.exit(1 if idle or len(names) < 200 else 0)
