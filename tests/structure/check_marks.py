#!/usr/bin/env python3
"""Chinese text has Chinese marks: check_marks.py ROOT

No comma, colon, semicolon, question or exclamation mark of half a width touches a Chinese character, and no
parenthesis opens behind one, in what people read: strings of the sources, titles of models, words of the
console, the Chinese of the manual. Code in pages is left alone, and a mark with a space behind it belongs to
the English half of a line in both languages."""
import pathlib
import re
import sys

HAN = "\u3400-\u9fff"
MARK = re.compile(rf"[{HAN}][,;:!?](?! )|[,;:!?][{HAN}]|[{HAN}]\(|\)[{HAN}]")
TWICE = re.compile("[\u00c2-\u00ef][\u0080-\u00bf]")  # UTF-8, read as one byte a letter and written again
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
CODE = re.compile(r"`[^`]*`|\]\([^)]*\)")
DATA = {"src/app/demo/demo_site.c"}  # rows with commas between them

root = pathlib.Path(sys.argv[1])
assert TWICE.search("共".encode().decode("latin-1")) and not TWICE.search("25 °C · m³")
assert MARK.search('"已满,请"') and MARK.search('"见(x"') and not MARK.search('"已满\uff0c请"')
found, read = [], 0


def look(path, parts):
    global read
    read += 1
    for number, part in parts:
        if MARK.search(part) or TWICE.search(part):
            found.append(f"{path.relative_to(root)}:{number}: {part.strip()}")


def strings(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for part in STRING.findall(line):
            yield number, part


def prose(path):
    """The lines of a Chinese page, or of the Chinese part of an English one."""
    fenced, chinese = False, path.name.endswith(".zh-CN.md")
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fenced ^= line.startswith("```")
        chinese |= line.startswith("## 中文")
        if chinese and not fenced:
            yield number, CODE.sub("`", line)


for pattern in ("src/**/*.[ch]", "sim/**/*.[ch]", "models/*.json", "web/src/i18n/*.json"):
    for path in sorted(root.glob(pattern)):
        if str(path.relative_to(root)) not in DATA:
            look(path, strings(path))
for path in sorted([*root.glob("docs/manual/*.md"), root / "README.zh-CN.md"]):
    look(path, prose(path))
for line in found:
    print(line)
assert read > 300, read
print(f"{1 if not found else 0} passed, {1 if found else 0} failed")
sys.exit(1 if found else 0)
