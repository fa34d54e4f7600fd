#!/usr/bin/env python3
"""Makes a mutant's source: mutate.py MUTANTS SOURCE_ROOT NAME OUT; or lists them: mutate.py MUTANTS."""
import pathlib
import sys


def read(path):
    blocks, block = [], None
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith("== "):
            name, file, why = line[3:].split(None, 2)
            block = {"name": name, "file": file, "why": why, "old": [], "new": []}
            blocks.append(block)
        elif block and line.startswith("-"):
            block["old"].append(line[1:])
        elif block and line.startswith("+"):
            block["new"].append(line[1:])
    return blocks


blocks = read(sys.argv[1])
if len(sys.argv) == 2:
    for b in blocks:
        print(b["name"], b["file"])
    sys.exit(0)

_, _, root, name, out = sys.argv
b = next(b for b in blocks if b["name"] == name)
text = (pathlib.Path(root) / "src" / b["file"]).read_text()
old, new = "\n".join(b["old"]) + "\n", "\n".join(b["new"]) + "\n"
if text.count(old) != 1:
    sys.exit(f"mutant {name}: its line stands {text.count(old)} times in {b['file']}; mend mutants.txt")
pathlib.Path(out).write_text(f"/* mutant: {b['why']} */\n" + text.replace(old, new))
