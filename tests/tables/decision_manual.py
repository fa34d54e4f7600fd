#!/usr/bin/env python3
"""docs/manual/decisions.md must say what the tables of decisions say: decision_manual.py PROGRAM MANUAL
TABLE... [--write]"""
import pathlib
import sys

from program import run

write = "--write" in sys.argv
program, manual, *tables = [word for word in sys.argv[1:] if word != "--write"]
text = run(program, "--manual", *tables, check=True).stdout
if write:
    pathlib.Path(manual).write_text(text)
elif pathlib.Path(manual).read_text() != text:
    sys.exit(f"{manual} is not what the tables say: run {sys.argv[0]} ... --write")
print(f"{text.count('| **')} decisions")
