#!/usr/bin/env python3
"""The pages hold together: every link leads to a file and a heading that are there, and every page of docs/ is led to
by another: check_links.py ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]).resolve()
pages = sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("firmware/*.md"),
                *root.glob("tests/**/README.md"), *root.glob("web/*.md")])
pages = [p for p in pages if "node_modules" not in p.parts]
LINK = re.compile(r"\]\(([^)\s]+)\)")
faults, led_to = [], set()


def lines(path):
    """What stands outside of fences."""
    fenced = False
    for line in path.read_text().splitlines():
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith("```"):
            yield line


def anchors(path):
    """Headings as the pages are shown: lower case, marks gone, blanks as hyphens."""
    return {re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
            for line in lines(path) if re.match(r"#+ ", line)}


def follow(page, link):
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return f"{link} is not there"
    if target != page:
        led_to.add(target)
    if anchor and anchor not in anchors(target):
        return f"{link}: no such heading"
    return None


for page in pages:
    place = page.relative_to(root)
    for link in LINK.findall("\n".join(lines(page))):
        if "://" not in link and (fault := follow(page, link)):
            faults.append(f"{place}: {fault}")

faults += [f"{p.relative_to(root)}: no page leads to it" for p in pages
           if p.is_relative_to(root / "docs") and p not in led_to]
print("\n".join(faults) or f"the links of {len(pages)} pages hold")
sys.exit(1 if faults or len(pages) < 60 else 0)
