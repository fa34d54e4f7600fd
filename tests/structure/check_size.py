#!/usr/bin/env python3
"""No source is longer than a person reads in one go: LINES lines. Written by a program: not counted."""
import pathlib
import sys

LINES = 800
WHERE = ['bench', 'sim', 'src', 'tests', 'tools', 'web/src']
KINDS = {'.c', '.h', '.py', '.sql', '.ts', '.tsx', '.mjs', '.sh'}
GENERATED = {'web/src/api/schema.ts'}


def main(root):
    root = pathlib.Path(root)
    seen, failed = 0, 0
    for path in (p for w in WHERE for p in sorted((root / w).rglob('*'))):
        name = path.relative_to(root).as_posix()
        if path.suffix not in KINDS or 'node_modules' in path.parts or name in GENERATED:
            continue
        seen += 1
        lines = path.read_bytes().count(b'\n')
        if lines > LINES:
            failed += 1
            print(f'{name}: {lines} lines, at most {LINES}')
    print(f'{seen - failed} passed, {failed} failed, 0 skipped')
    return failed > 0 or seen == 0


sys.exit(main(sys.argv[1]))
