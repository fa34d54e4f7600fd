#!/usr/bin/env python3
"""The terminal as a firmware image: firmware.py make | check | build DIR

  make        build both images, live the scripted day in an emulator, write firmware/size.md
  check       build, and say where firmware/size.md is out of date (exit 1 beyond the tolerance)
  build DIR   only the images: DIR/TARGET/image.elf
"""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[1]
REPORT = ROOT / "firmware/size.md"
DAY = ROOT / "firmware/day.txt"
PREFIX = "arm-none-eabi-"
EMULATOR = "qemu-system-arm"

# The emulator has no Cortex-M0+; its Cortex-M0 runs the same instructions (ARMv6-M). Its board has less
# memory than the world around the terminal wants, so it gets more.
TARGETS = {
    "cortex-m0plus": ["-M", "microbit", "-global", "nrf51-soc.sram-size=131072"],
    "cortex-m4": ["-M", "mps2-an386"],
}
FLAGS = ("-mthumb -std=gnu2x -Os -g -ffreestanding -fno-tree-loop-distribute-patterns "
         "-ffunction-sections -fdata-sections -fstack-usage -Wall -Wextra -Wshadow -Wconversion -Werror "
         "-Wno-missing-field-initializers").split()

# Group -> files. The first four are the terminal; the rest is what drives it in the emulator.
BASE = ["bytes", "clock", "err"]
PROTO = ["dlt645", "crypto", "modbus", "say"]
OWN = ["memory", "startup", "loop", "divide", "divide_arm"]
# What only some cores need: the M4 divides 32 bits by itself, and libgcc makes 64 of that.
ONLY = {"divide": "cortex-m0plus", "divide_arm": "cortex-m0plus"}
RIG = ["day", "world", "record", "board_arm"]
TERMINAL = ("terminal", "base", "proto", "libgcc", "image")

AIM = {"flash": 48 * 1024, "ram": 8 * 1024, "stack": 1024, "cycle": 48_000_000 // 50 // 50}
# A report may be off by so much before it counts as out of date.
TOLERANCE = {"flash": 1024, "ram": 256, "stack": 64}


def missing():
    """The first program that is not installed, or None."""
    for name in (PREFIX + "gcc", EMULATOR):
        if subprocess.run(["which", name], capture_output=True, check=False).returncode != 0:
            return name
    return None


def run(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"firmware: {args[0]} failed\n{done.stdout}{done.stderr}")
    return done.stdout


# --- building ---------------------------------------------------------------------------------------

def sources(target=None):
    """object name -> (group, file); of one target, or of all"""
    found = {p.stem: ("terminal", p) for p in sorted((ROOT / "src/terminal").glob("*.c"))}
    found |= {n: ("base", ROOT / f"src/base/{n}.c") for n in BASE}
    found |= {n: ("proto", ROOT / f"src/proto/{n}.c") for n in PROTO}
    found |= {n: ("image", ROOT / f"firmware/{n}.c") for n in OWN}
    found |= {n: ("rig", ROOT / f"firmware/{n}.c") for n in RIG}
    return {n: v for n, v in found.items() if target is None or ONLY.get(n, target) == target}


def build(target, folder):
    folder = pathlib.Path(folder) / target
    folder.mkdir(parents=True, exist_ok=True)
    cpu = f"-mcpu={target}"

    def compile_one(item):
        name, (_, path) = item
        run(PREFIX + "gcc", cpu, *FLAGS, "-isystem", ROOT / "firmware/include", "-I", ROOT, "-I",
            ROOT / "src", f"-ffile-prefix-map={ROOT}/=", "-c", path, "-o", folder / f"{name}.o")

    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        list(pool.map(compile_one, sources(target).items()))
    run(PREFIX + "gcc", cpu, "-mthumb", "-nostdlib", "-Wl,--gc-sections", f"-Wl,-Map={folder}/map",
        "-T", ROOT / "firmware/image.ld", *[folder / f"{n}.o" for n in sources(target)], "-lgcc", "-o",
        folder / "image.elf")
    return folder


# --- size -------------------------------------------------------------------------------------------

def sections(folder):
    """(section, address, size, object name) of all that was linked"""
    text = (folder / "map").read_text().split("Linker script and memory map", 1)[1]
    found = []
    pattern = r"^ (\.[\w.$]+|COMMON)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$"
    for name, at, size, path in re.findall(pattern, text, re.M):
        if int(size, 16) == 0 or name.startswith((".debug", ".comment", ".ARM")):
            continue
        inner = re.search(r"libgcc\.a\((\w+)\.o\)", path)
        found.append((name, int(at, 16), int(size, 16),
                      "libgcc:" + inner[1] if inner else pathlib.Path(path).stem))
    return found


def group_of(obj):
    return "libgcc" if obj.startswith("libgcc:") else sources()[obj][0]


def sizes(folder):
    """group -> {code, data (in flash), ram}; what stands in RIG memory is not counted"""
    found = collections.defaultdict(lambda: dict(code=0, data=0, ram=0))
    for name, at, size, obj in sections(folder):
        kind = ("ram" if at >= 0x20000000 else
                "data" if name.startswith((".rodata", ".vectors")) else "code")
        if 0x20004000 <= at < 0x20020000:
            continue
        found[group_of(obj)][kind] += size
    return found


# --- stack ------------------------------------------------------------------------------------------

class Stack:
    """The worst depth under each function: frames of -fstack-usage, calls of the disassembly, and the
    functions that stand in the tables which a function with a call through a pointer refers to."""

    def __init__(self, folder):
        self.folder = folder
        self.section_at = {(obj, name): at for name, at, _, obj in sections(folder)}
        self.owner = {at: obj for name, at, _, obj in sections(folder) if name.startswith(".text")}
        self.read_frames()
        self.read_code()
        self.read_tables()
        self.indirect = []
        self.resolve()
        self.worst, self.path = {}, []

    def read_frames(self):
        self.frame_of = {}
        for path in self.folder.glob("*.su"):
            for line in path.read_text().splitlines():
                where, size, kind = line.split("\t")
                if "dynamic" in kind and "bounded" not in kind:
                    sys.exit(f"firmware: {where}: a stack frame without a bound")
                self.frame_of[path.stem, where.split(":")[-1]] = int(size)

    def read_code(self):
        """Functions by address, with what they call and the frame of those gcc knows nothing about."""
        self.name, self.calls, self.pointer, self.frame = {}, {}, set(), {}
        at, self.popped = None, []
        for line in run(PREFIX + "objdump", "-d", "--no-show-raw-insn", self.folder / "image.elf").splitlines():
            head = re.match(r"^([0-9a-f]+) <(.+)>:$", line)
            if head:
                at = int(head[1], 16)
                self.name[at], self.calls[at], self.frame[at] = head[2], set(), 0
                continue
            code = re.match(r"^\s+[0-9a-f]+:\s+(\S+)\s*(.*)$", line)
            if code and at is not None:
                self.read_instruction(at, code[1], code[2])
        first = min(self.owner)
        for f in [f for f in self.name if f < first]:  # the vectors
            del self.name[f], self.calls[f], self.frame[f]
        for f in self.name:
            obj, name = self.object_of(f), re.sub(r"\.\d+$", "", self.name[f])
            if not obj.startswith("libgcc:"):
                said = self.frame_of.get((obj, name)) or self.frame_of.get((obj, self.name[f]))
                self.frame[f] = said or self.frame[f]  # 0 is also said of functions without a frame of gcc's

    def read_instruction(self, at, code, rest):
        if code.startswith("pop"):
            self.popped = re.findall(r"\br\d+\b", rest)
        elif not code.startswith(("bx", "add")):
            self.popped = []
        to = re.search(r"([0-9a-f]+) <([^>+]+)(\+0x[0-9a-f]+)?>", rest)
        if code.startswith(("b", "cb")) and to and not code.startswith(("bic", "bfi", "bfc", "bkpt")):
            if to[2] != self.name[at] and not to[3]:
                self.calls[at].add(int(to[1], 16))
        elif code == "blx" or (code == "bx" and not self.returns(rest)):
            self.pointer.add(at)
        elif code.startswith("push") or (code.startswith("stmdb") and rest.startswith("sp!")):
            self.frame[at] += 4 * self.registers(rest)
        elif code.startswith("str") and re.search(r"\[sp, #-\d+\]!", rest):
            self.frame[at] += int(re.search(r"#-(\d+)", rest)[1])
        elif code.startswith("sub") and rest.startswith("sp,"):
            self.frame[at] += int(re.search(r"#(\d+)", rest)[1])

    def returns(self, register):
        """A return, by lr or by a register that was popped just before."""
        return register.strip() == "lr" or register.strip() in self.popped

    @staticmethod
    def registers(text):
        count = 0
        for part in re.search(r"\{(.*?)\}", text)[1].split(","):
            ends = re.findall(r"r(\d+)", part)
            count += int(ends[1]) - int(ends[0]) + 1 if len(ends) == 2 else 1
        return count

    def object_of(self, f):
        return self.owner.get(f) or self.owner[max(a for a in self.owner if a <= f)]

    def read_tables(self):
        """(object, section) -> sections or symbols its contents point at"""
        self.points, self.symbols = collections.defaultdict(set), {}
        for obj in sources(self.folder.name):
            where = None
            for line in run(PREFIX + "objdump", "-r", self.folder / f"{obj}.o").splitlines():
                head = re.match(r"RELOCATION RECORDS FOR \[(.+)\]", line)
                where = head[1] if head else where
                entry = re.match(r"^[0-9a-f]+ R_ARM_ABS32\s+([^\s+]+)", line)
                if entry and where and not where.startswith(".debug"):
                    self.points[obj, where].add(entry[1])
            for line in run(PREFIX + "objdump", "-t", self.folder / f"{obj}.o").splitlines():
                entry = re.match(r"^[0-9a-f]+ (.).{5}([FO ]) (\.\S+)\s+[0-9a-f]+ (?:\.hidden )?(\S+)$", line)
                if entry:
                    key = (obj, entry[4]) if entry[1] == "l" else entry[4]
                    self.symbols[key] = (obj, entry[3])

    def section_of(self, obj, name):
        """Where a relocation of this object points: (object, section)"""
        if (obj, name) in self.section_at:
            return obj, name
        return self.symbols.get((obj, name)) or self.symbols.get(name)

    def functions_in(self, obj, section, depth=0):
        """Functions that a table holds, also behind one more pointer."""
        found = set()
        for name in self.points[obj, section]:
            to = self.section_of(obj, name)
            if to and to[1].startswith(".text"):
                found.add(self.section_at.get(to))
            elif to and depth < 3:
                found |= self.functions_in(*to, depth + 1)
        return found - {None}

    def resolve(self):
        """Calls through pointers: the tables that the function itself refers to; else all of its file;
        else everything whose address is taken anywhere."""
        text = {at: (obj, name) for (obj, name), at in self.section_at.items() if name.startswith(".text")}
        for f in sorted(self.pointer):
            if f not in text or text[f][0].startswith("libgcc:"):
                continue
            obj, section = text[f]
            own, how = self.functions_in(obj, section), "its table"
            if not own:
                own = set().union(*[self.functions_in(o, s) for o, s in list(self.points) if o == obj])
                how = "tables of its file"
            if not own:
                own = set().union(*[self.functions_in(o, s) for o, s in list(self.points)])
                how = "any function whose address is taken"
            own.discard(f)
            self.calls[f] |= own
            self.indirect.append((self.name[f], how, sorted(self.name[t] for t in own)))

    def depth(self, f):
        """(bytes, names from f to the deepest)"""
        if f in self.worst:
            return self.worst[f]
        if f in self.path:
            loop = [self.name[a] for a in self.path[self.path.index(f):]]
            sys.exit(f"firmware: the stack has no bound: {' -> '.join(loop)}")
        self.path.append(f)
        below = max((self.depth(c) for c in self.calls[f] if c in self.name), default=(0, []))
        self.path.pop()
        self.worst[f] = (self.frame[f] + below[0], [f"{self.name[f]} {self.frame[f]}"] + below[1])
        return self.worst[f]

    def of(self, name):
        return self.depth(next(f for f in self.name if self.name[f] == name))

    def public(self):
        """The library's interface: every terminal_... function of terminal.h that was linked."""
        said = set(re.findall(r"\b(terminal_\w+)\(", (ROOT / "src/terminal/terminal.h").read_text()))
        return sorted(((*self.depth(f), n) for f, n in self.name.items() if n in said), reverse=True)


# --- running ----------------------------------------------------------------------------------------

def emulate(target, folder, script, record, *more):
    """Lives a script; the remarks of the image as {word: {name: value}}."""
    out = run("timeout", "300", EMULATOR, *TARGETS[target], "-nographic", "-monitor", "none", "-serial",
              "none", *more, "-semihosting-config",
              f"enable=on,target=native,arg=image,arg={script},arg={record}", "-kernel", folder / "image.elf")
    return {m[1]: {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", m[2])}
            for m in re.finditer(r"^(\w+)((?: \w+=\d+)+)$", out, re.M)}


def live(target, folder, record):
    return emulate(target, folder, DAY, record, "-icount", "shift=8")


def spots(target, folder, work):
    """Instructions a mains cycle by function, from a trace of a second of the day's beginning."""
    begin = DAY.read_text().split("# A write with a wrong password", 1)[0]
    script, pipe = pathlib.Path(work) / "second.txt", pathlib.Path(work) / "trace"
    script.write_text(begin + "load 1 40000 6000 185 20 3\nload 2 60000 22000 290 60 5\n"
                      "load 3 2000 1500 12 1 20\nclock 1772420400 0\nmains 2231 4998\ncycles 1\ncycles 49\n")
    symbols = sorted((int(a, 16) & ~1, n) for a, t, n in
                     (s.split() for s in run(PREFIX + "nm", folder / "image.elf").splitlines())
                     if t in "tT" and not n.startswith("$"))
    name_at = {}
    for (at, name), (end, _) in zip(symbols, symbols[1:] + [(symbols[-1][0] + 4096, "")]):
        name_at.update(dict.fromkeys(range(at, end, 2), name))
    begins = {at for at, name in symbols if name == "loop_take"}
    if pipe.exists():
        pipe.unlink()
    os.mkfifo(pipe)
    count, calls, on = collections.Counter(), 0, False
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(emulate, target, folder, script, pathlib.Path(work) / "second.out",
                           "-singlestep", "-d", "exec,nochain", "-D", pipe)
        with open(pipe, encoding="ascii", errors="replace") as trace:
            for line in trace:
                if not line.startswith("Trace"):
                    continue
                at = int(line[line.index("/") + 1:][:8], 16)
                name = name_at.get(at)
                if at in begins:
                    on, calls = True, calls + 1
                elif name == "world_pass":
                    on = False
                if on:
                    count[name] += 1
        done.result()
    return calls, count


# --- the report -------------------------------------------------------------------------------------

def figures(folder):
    """What is held against the aims."""
    s, stack = sizes(folder), Stack(folder)
    flash = sum(s[g]["code"] + s[g]["data"] for g in TERMINAL)
    worst = stack.public()[0]
    static = sum(g["ram"] for g in s.values())
    return {"flash": flash, "ram": static + worst[0], "stack": worst[0]}, s, stack


def verdict(value, aim):
    return "kept" if value <= aim else f"**missed by {value - aim:,}**"


def aims_table(results):
    lines = ["| | aim |" + "".join(f" {t} | |" for t in results), "|---|---|" + "---|---|" * len(results)]
    rows = [("flash", "flash of the terminal, bytes"), ("ram", "RAM with the worst stack, bytes"),
            ("stack", "worst stack, bytes"), ("cycle", "instructions a mains cycle, mean")]
    for key, text in rows:
        cells = "".join(f" {r['aims'][key]:,} | {verdict(r['aims'][key], AIM[key])} |" for r in results.values())
        lines.append(f"| {text} | {AIM[key]:,} |{cells}")
    return lines


def size_table(results):
    lines = ["| part |" + "".join(f" {t} code | constants | RAM |" for t in results),
             "|---|" + "---|---|---|" * len(results)]
    for group in (*TERMINAL, "rig"):
        cells = "".join(" {code:,} | {data:,} | {ram:,} |".format(**r["sizes"][group]) for r in results.values())
        lines.append(f"| {group} |{cells}")
    return lines


def stack_table(results):
    lines = []
    for target, r in results.items():
        lines += [f"### {target}", "", "| bytes | from | down to (frame of each) |", "|---|---|---|"]
        for depth, chain, name in r["stack"].public()[:6]:
            lines.append(f"| {depth} | `{name}` | {', '.join(chain)} |")
        lines += ["", f"From reset, with the loop and the script's driver: {r['stack'].of('reset')[0]} bytes; the "
                  f"day itself went {r['day']['stack']['bytes']} deep, measured in painted memory.", "",
                  "Calls through pointers and what they may reach:", ""]
        lines += [f"- `{n}`: {how}: {', '.join(to)}" for n, how, to in r["stack"].indirect]
        lines.append("")
    return lines


def cost_table(results):
    lines = ["| input |" + "".join(f" {t}: how many | mean | most |" for t in results),
             "|---|" + "---|---|---|" * len(results)]
    for kind in ("cycle", "second", "frame", "boot"):
        days = [r["day"][kind] for r in results.values()]
        cells = "".join(f" {d['count']:,} | {d['instructions'] // d['count']:,} | {d['most']:,} |" for d in days)
        lines.append(f"| {kind} |{cells}")
    lines.append("")
    for target, r in results.items():
        calls, count = r["spots"]
        lines += [f"### {target}: where a mains cycle's instructions go", "",
                  f"A second at rest under three small loads, {sum(count.values()) // calls:,} a cycle.", "",
                  "| function | instructions a cycle |", "|---|---|"]
        lines += [f"| `{name}` | {n // calls:,} |" for name, n in count.most_common(12)]
        lines.append("")
    return lines


def report(results):
    compiler = run(PREFIX + "gcc", "--version").splitlines()[0]
    return "\n".join([
        "# The terminal as firmware: size, stack, time", "",
        f"Written by `make firmware` ({compiler}, -Os). How each figure is found: docs/manual/firmware.md.", "",
        "## Aims", "", *aims_table(results), "", "## Bytes", "", *size_table(results), "",
        "`image` is startup, memory functions and the loop; `rig` is the script's driver, which a board does not",
        "have. The 16 KiB of memory that keeps its contents are not RAM.", "",
        "## Stack", "", *stack_table(results), "## Instructions", "",
        "Without what the world around the terminal does (writing the record).", "", *cost_table(results)]) + "\n"


def measure(target, work):
    folder = build(target, work)
    aims, size, stack = figures(folder)
    day = live(target, folder, pathlib.Path(work) / f"{target}.record")
    aims["cycle"] = day["cycle"]["instructions"] // day["cycle"]["count"]
    return {"aims": aims, "sizes": size, "stack": stack, "day": day, "spots": spots(target, folder, work)}


def make():
    if missing():
        sys.exit(f"firmware: {missing()} is not installed: tools/setup.sh test")
    with tempfile.TemporaryDirectory() as work:
        results = {t: measure(t, work) for t in TARGETS}
        records = [(pathlib.Path(work) / f"{t}.record").read_bytes() for t in TARGETS]
    if len(set(records)) != 1:
        sys.exit("firmware: the targets lived different days")
    text = report(results)
    REPORT.write_text(text)
    print("\n".join(aims_table(results) + [""] + size_table(results) + [""] + cost_table(results)))
    print(f"firmware: all of it in {REPORT.relative_to(ROOT)}")


def reported():
    """target -> aims as firmware/size.md has them"""
    text = REPORT.read_text() if REPORT.exists() else ""
    rows = re.findall(r"^\| (flash|RAM|worst)[^|]*\| [\d,]+ \| ([\d,]+) \|[^|]*\| ([\d,]+) \|", text, re.M)
    key = {"flash": "flash", "RAM": "ram", "worst": "stack"}
    return {t: {key[name]: int(v[i].replace(",", "")) for name, *v in rows} for i, t in enumerate(TARGETS)}


def differences(target, now):
    """(what, reported, now, whether beyond the tolerance) where firmware/size.md differs"""
    then = reported()[target]
    return [(k, then.get(k), now[k], k not in then or abs(then[k] - now[k]) > TOLERANCE[k])
            for k in TOLERANCE if then.get(k) != now[k]]


def check():
    if missing():
        sys.exit(f"firmware: {missing()} is not installed: tools/setup.sh test")
    stale = False
    with tempfile.TemporaryDirectory() as work:
        for target in TARGETS:
            for what, then, now, beyond in differences(target, figures(build(target, work))[0]):
                stale |= beyond
                print(f"{target} {what}: reported {then}, now {now}{' - out of date: make firmware' if beyond else ''}")
    sys.exit(1 if stale else 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["make"]:
        make()
    elif sys.argv[1:] == ["check"]:
        check()
    elif len(sys.argv) == 3 and sys.argv[1] == "build":
        for each in TARGETS:
            build(each, sys.argv[2])
    else:
        sys.exit(__doc__)
