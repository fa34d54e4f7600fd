#!/usr/bin/env python3
"""Shows that these tests can fail: mutants.py BUILD [--mutants N] [--seed N] [--least PERCENT] [--mistakes].
Takes the sources of src/rating, changes one operator or constant at a time, links the changed file
with the tests of this folder and runs them. The changed file is built so that an index outside its array
ends the program, as in the build with sanitizers. A mutant that no test notices survives and is printed; some
are equal to the original whatever one does (a check that another one repeats), so a share of them may.
The mistakes of mistakes.txt are made as well (with --mistakes they alone), and each must be noticed by the
random plans of `oracle`.

Not changed, because no input could show it: promises (MUST), the length of a buffer for a name, and the
-1 that stands for "no index" in a place."""
import argparse
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SWAPS = [(" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" == ", " != "),
         (" != ", " == "), (" + ", " - "), (" - ", " + "), (" && ", " || "), (" || ", " && "),
         (" += ", " -= "), (" -= ", " += "), ("return true", "return false"),
         ("return false", "return true"), ("++", "--")]
NUMBER = re.compile(r"(?<![\w.'%\"])([0-9]+)(?![\w.'\"])")

args = argparse.ArgumentParser()
args.add_argument("build", type=pathlib.Path)
args.add_argument("--mutants", type=int, default=60)
args.add_argument("--seed", type=int, default=1)
args.add_argument("--least", type=int, default=85)
args.add_argument("--mistakes", action="store_true")
args.add_argument("--skip", default="bulk.c", help="files of src/rating that other tests look after")
args = args.parse_args()
root = pathlib.Path(__file__).resolve().parents[2]
here = pathlib.Path(__file__).resolve().parent
build = args.build.resolve()


BUFFER = re.compile(r"^ +char \w+\[\d+\]( = \"\"\w*)?[;,]")
NO_INDEX = re.compile(r"(rating_spot\)?|refuse_period|RATING_PLACE).*-1\b")


def is_equal(line, at):
    """What is changed there is the same whatever it is."""
    return BUFFER.match(line) or (line[at - 1] == "-" and NO_INDEX.search(line))


def places(path):
    """Every (line number, changed line) of one file."""
    comment = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        code = line.strip()
        comment = (comment or code.startswith("/*")) and "*/" not in code
        if comment or code.startswith(("/*", "*", "#", "//", "static const", "TRY(", "MUST(")) or '"' in code:
            continue
        if not line.startswith(" "):
            continue
        for old, new in SWAPS:
            for m in re.finditer(re.escape(old), line):
                yield number, line[:m.start()] + new + line[m.end():]
        for m in NUMBER.finditer(line):
            if is_equal(line, m.start()):
                continue
            yield number, line[:m.start()] + str(int(m.group(1)) + 1) + line[m.end():]


def command(name):
    """A test's program and arguments, smaller than under `make test`."""
    table = str(here / "worked.txt")
    return {"built": [], "oracle": [str(here / "holidays.txt"), "--cases", "40000", "--jobs", "1"], "properties": ["--plans", "300"],
            "worked": [table],
            "worked_dated": [str(here / "holidays.txt"), str(here / "worked_dated.txt")],
            "refusals": [str(here / "refusals.txt"), "all"],
            "period_properties": [str(here / "holidays.txt"), "--plans", "2000"]}[name]


def link(folder, name, mutant):
    program = os.path.join(folder, name)
    main = build / f"tests/oracle/{name}.p/{name}.c.o"
    libs = [build / p for p in ("tests/oracle/liboracle.a", "src/rating/librating.a",
                                "src/base/libbase.a")]
    subprocess.run(["cc", "-o", program, main, mutant, *libs, *(["-lgmp", "-ljansson", "-lssl",
                    "-lcrypto", "-lsodium"])], check=True, capture_output=True)
    return program


def run(args):
    """None: it passed. A test's own children are ended with it."""
    child = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return "" if child.wait(timeout=60) != 0 else None
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return ", by the clock"


NOTICE = ("oracle", "period_properties")  # which mistakes must be noticed by
TESTS = ("built", "worked", "worked_dated", "refusals", "oracle", "properties", "period_properties")


def judge(name, text, tests):
    """A file with another text: killed by which test, "unbuildable", or None."""
    with tempfile.TemporaryDirectory(prefix="yufu-mutant-") as folder:
        source = os.path.join(folder, name)
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        made = subprocess.run(["cc", "-std=gnu2x", "-D_GNU_SOURCE", "-O1", "-w", "-fsanitize=bounds",
                               "-fsanitize-undefined-trap-on-error", f"-I{root}/src", "-c", "-o",
                               source + ".o", source], capture_output=True)
        if made.returncode != 0:
            return "unbuildable"
        for test in tests:
            verdict = run([link(folder, test, source + ".o"), *command(test)])
            if verdict is not None:
                return test + verdict
    return None


def judge_line(mutant):
    path, number, changed = mutant
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number] = changed
    return judge(path.name, "\n".join(lines) + "\n", TESTS)


def words(text):
    """Blanks and ends of lines are all one."""
    return r"\s+".join(re.escape(w) for w in text.split())


def mistakes():
    """(file, what, by what) of each line "file: what => by what"; the first stands there once."""
    for line in (here / "mistakes.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, change = line.split(": ", 1)
            what, instead = change.split(" =>", 1)
            yield root / "src/rating" / name, what, instead.strip()


def judge_mistake(mistake):
    path, what, instead = mistake
    text, count = re.subn(words(what), lambda _: instead, path.read_text(encoding="utf-8"))
    return judge(path.name, text, NOTICE) if count == 1 else f"there {count} times"


def make_mistakes(pool):
    made = list(mistakes())
    missed = 0
    for (path, what, instead), verdict in zip(made, pool.map(judge_mistake, made)):
        if verdict is None or not verdict.startswith(NOTICE):
            missed += 1
            print(f"{verdict or 'survived'}: {path.name}: {what} => {instead}")
    print(f"{len(made)} mistakes, {len(made) - missed} noticed by {' or '.join(NOTICE)}")
    return missed == 0


with ThreadPoolExecutor(2) as pool:
    noticed = make_mistakes(pool)
if args.mistakes:
    sys.exit(0 if noticed else 1)
files = [p for p in sorted((root / "src/rating").glob("*.c")) if p.name not in args.skip.split(",")]
found = [(p, n, c) for p in files for n, c in places(p)]
chosen = random.Random(args.seed).sample(found, min(args.mutants, len(found)))
with ThreadPoolExecutor(2) as pool:
    verdicts = list(pool.map(judge_line, chosen))
by = {}
for verdict in verdicts:
    by[verdict] = by.get(verdict, 0) + 1
for (path, number, changed), verdict in zip(chosen, verdicts):
    if verdict is None:
        print(f"survived: {path.relative_to(root)}:{number + 1}: {changed.strip()}")
alive, built = by.pop(None, 0), len(chosen) - by.pop("unbuildable", 0)
print(f"{len(found)} places, {built} mutants: {built - alive} killed (" + ", ".join(
    f"{k} {v}" for k, v in sorted(by.items())) + f"), {alive} survived; seed {args.seed}")
sys.exit(0 if noticed and built and (built - alive) * 100 >= built * args.least else 1)
