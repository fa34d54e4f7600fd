#!/usr/bin/env python3
"""Turns numbered schema files into C arrays: embed_sql.py OUT DIR PREFIX..."""
import pathlib
import re
import sys


def literal(text):
    lines = text.splitlines()
    return "\n".join('        "%s\\n"' % l.replace("\\", "\\\\").replace('"', '\\"') for l in lines)


out, folder, *prefixes = sys.argv[1:]
parts = ['#include "store/store_impl.h"\n']
for prefix in prefixes:
    parts.append(f"const struct store_migration store_{prefix}_migrations[] = {{")
    for path in sorted(pathlib.Path(folder).glob(f"{prefix}_*.sql")):
        number = int(re.match(rf"{prefix}_(\d+)\.sql", path.name).group(1))
        parts.append(f"    {{{number},\n{literal(path.read_text())}}},")
    parts.append("    {0, 0},\n};\n")
pathlib.Path(out).write_text("\n".join(parts))
