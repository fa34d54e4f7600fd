#!/usr/bin/env python3
"""Every kind of event has a title in both languages and a place in the console's filter: check_events.py ROOT."""
import json
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
kinds = re.findall(r'^EVENT_ROW\(\w+, "([^"]+)"', (root / "src/journal/event_table.h").read_text(), re.M)
assert kinds


def titles(language):
    """The names of kinds that have a title in any of the language's files."""
    found = set()
    for path in (root / "web/src/i18n").glob(f"*{language}.json"):
        walk(json.loads(path.read_text()).get("kind", {}), "", found)
    return found


def walk(node, name, found):
    if isinstance(node, str):
        found.add(name)
        return
    for key, below in node.items():
        walk(below, f"{name}.{key}" if name else key, found)


missing = [f"{kind}: no title in {language}" for language in ("zh-CN", "en") for kind in kinds if kind not in titles(language)]
console = (root / "web/src/lib/events.ts").read_text()
missing += [f"{kind}: not in EVENT_KINDS" for kind in kinds if f"'{kind}'" not in console]
print("\n".join(missing) or f"{len(kinds)} kinds of event have their titles")
sys.exit(1 if missing else 0)
