#!/usr/bin/env python3
"""Checks every #include of src/ against the layer table, and that only public headers cross rooms."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
rows, sideways = {}, {}
for line in (root / "tests/structure/layers.txt").read_text().splitlines():
    words = line.split("#")[0].split()
    if words:
        rows[words[1]] = int(words[0])
        sideways[words[1]] = {w[1:] for w in words[2:]}

faults, checked = [f"layers.txt: there is no folder src/{room}" for room in rows if not (root / "src" / room).is_dir()], 0
for path in sorted((root / "src").rglob("*.[ch]")):
    here = path.relative_to(root / "src").parts[0]
    if here not in rows:
        faults.append(f"{path}: folder '{here}' is not in the layer table")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not m:
            continue
        checked += 1
        place = f"{path.relative_to(root)}:{number}"
        there = m.group(1).split("/")[0]
        if "/" not in m.group(1):
            faults.append(f"{place}: includes are written from src/: {m.group(1)}")
        elif there == "sim" or there not in rows:
            faults.append(f"{place}: src/ may not include {m.group(1)}")
        elif there != here and rows[there] >= rows[here] and there not in sideways[here]:
            faults.append(f"{place}: {here} (row {rows[here]}) includes {there} (row {rows[there]})")
        elif there != here and m.group(1).endswith("_impl.h"):
            faults.append(f"{place}: {m.group(1)} is private to {there}")

print("\n".join(faults))
print(f"{checked} includes checked, {len(faults)} wrong")
sys.exit(1 if faults else 0)
