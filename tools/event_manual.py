#!/usr/bin/env python3
"""Makes docs/manual/events.md from src/journal/event_table.h: event_manual.py ROOT [--check].

--check compares instead of writing: the manual must say what the program says.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
manual = root / "docs/manual/events.md"
MEANING = {"INFO": "info", "WARNING": "warning", "ALARM": "**alarm**"}

lines = ["# Events 事件", "",
         "Made from `src/journal/event_table.h` by `tools/event_manual.py`. An event is written in the same",
         "transaction as what happened; words in braces are facts of that one event. *info* needs nobody,",
         "*warning* should be looked at during the day, ***alarm*** now."]
rows = 0
for line in (root / "src/journal/event_table.h").read_text().splitlines():
    row = re.fullmatch(r'EVENT_ROW\(\w+, "([^"]+)", (\w+), "([^"]+)", "([^"]+)"\)', line)
    if line.startswith("EVENT_ROW") and not row:
        sys.exit(f"cannot read: {line}")
    if row:
        rows += 1
        name, severity, en, zh = row.groups()
        lines.append(f"| `{name}` | {MEANING[severity]} | {en}<br>{zh} |")
    elif section := re.fullmatch(r"/\* (.*) \*/", line):
        lines += ["", f"## {section.group(1)[0].upper()}{section.group(1)[1:]}", "",
                  "| event | severity | what it says |", "|---|---|---|"]
text = "\n".join(lines) + "\n"

if "--check" not in sys.argv:
    manual.write_text(text)
elif not manual.exists() or manual.read_text() != text:
    sys.exit(f"{manual} is not what the table says: run tools/event_manual.py {root}")
print(f"{rows} events")
