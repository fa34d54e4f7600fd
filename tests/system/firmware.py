#!/usr/bin/env python3
"""The terminal as firmware: firmware.py TERMINAL_DAY SOURCE_ROOT

The scripted day, and days made from seeds, on this computer and as images in emulated Cortex-M cores:
the records are equal to the byte. The stack never goes deeper than the call graph says, and
firmware/size.md is not out of date. Without the cross compiler or the emulator: the computer's part.
"""
import pathlib
import random
import subprocess
import sys
import tempfile

DAY_PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(ROOT / "tools"))
import firmware  # noqa: E402

SEEDS = 6
passed = failed = skipped = 0


def check(name, right, seen=""):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}\n{str(seen)[:2000]}")


def host(script, record):
    return subprocess.run([DAY_PROGRAM, script, record], capture_output=True, text=True).returncode


def write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path


def the_day(folder):
    """What must have happened, or the comparison below says little."""
    record = pathlib.Path(folder) / "host.record"
    check("the day is lived to its end", host(firmware.DAY, record) == 0)
    text = record.read_text()
    for word in ("open:malignant", "open:remote", "open:key", "locked:aircon", "open:overdraft", "open:timed",
                 "open:time", "open:night", "torn ", "alarm 1", "alarm 2", "alarm 3", "\na0 ", "\na1 ",
                 "\nd ", "\nw ", "\nregisters ", "\nnvram "):
        check(f"in the day: {word.strip()}", word in text)
    again = pathlib.Path(folder) / "again.record"
    other = write(folder, "other.txt", firmware.DAY.read_text().replace("load 2 1872000", "load 2 1871000"))
    check("lived again, the same", host(firmware.DAY, again) == 0 and again.read_bytes() == record.read_bytes())
    check("a kettle of another watt is another day",
          host(other, again) == 0 and again.read_bytes() != record.read_bytes())
    return record


def refusals(folder):
    for text in ("sleep 3\n", "cycles\n", "cycles 3 4\n", "cycles x\n", "load 4 1 1 1 1 1\n", "frame\n", "frame 1\n",
                 "spoil 16384\n", "port 2\n", "seconds 999999999999999\n", "frame " + "00" * 400 + "\n"):
        record = pathlib.Path(folder) / "bad.record"
        code = host(write(folder, "bad.txt", "clock 1772405400 0\nboot\n" + text), record)
        check(f"refused: {text[:20].strip()}", code == 1 and "\n! " in record.read_text(), code)


def made_up(seed):
    """A day from a seed: any order of anything, with power cuts in every third line or so."""
    r = random.Random(seed)

    def load():
        watt = r.choice((0, 2, 60, 320, 700, 1800, 2100, 3400))
        return f"load {r.randint(1, 3)} {watt * 1000} {r.choice((0, 1500, 26000, 900000))} {watt * 1000 // 215} " \
               f"{r.randint(0, 300)} {r.randint(0, 30)}"

    def read():
        return "frame 11 " + r.choice(("00 FF 00 00", "00 90 02 00", "FF 01 05 04", "FF 01 80 04", "02 10 80 04",
                                       "01 01 00 1D", "01 11 80 04", "02 28 80 04", "01 01 33 03", "01 30 80 04"))

    def rules():
        return f"frame 14 0{r.randint(1, 3)} 24 80 04 02000000 00000000 0{r.randint(0, 7)} " \
               f"{r.choice(('0000', 'D007', '6400'))} 0000 2C01 0000 01 0{r.randint(0, 3)} 1E00 9600 0500 05"

    def order():
        return f"frame 1C 02000000 44332211 {r.choice(('1A', '1B', '1C', '1D', '3A', '3B', '2A'))} " \
               f"0{r.randint(0, 3)} 999999999999"

    def money():
        return f"frame 03 FF {r.choice(('01', '02'))} 01 07 00000000 {r.choice(('20030000', '64000000'))} " \
               f"0{r.randint(1, 4)}000000 00000000 563412000000 00000000"

    kinds = [load, load, read, rules, order, money, lambda: f"cycles {r.randint(1, 120)}",
             lambda: f"seconds {r.randint(1, 90)}", lambda: f"minutes {r.randint(1, 60)}", lambda: "key",
             lambda: "boot", lambda: f"tear {r.randint(1, 4)} {r.randint(0, 700)}", lambda: "save", lambda: "show",
             lambda: f"port {r.randint(0, 1)}", lambda: f"mains {r.randint(1500, 2500)} {r.randint(4900, 5100)}",
             lambda: f"bytes {r.randbytes(r.randint(1, 20)).hex()}",
             lambda: f"modbus {r.randbytes(6).hex()}", lambda: f"spoil {r.randint(0, 16383)}"]
    weights = [3 if k in (load, read, order, money) else 2 for k in kinds[:-1]] + [0.3]
    lines = ["clock 1772405400 0", "mains 2200 5000", "boot"]
    return "\n".join(lines + [r.choices(kinds, weights)[0]() for _ in range(300)]) + "\n"


def same(folder, target, image, script, record, name):
    other = pathlib.Path(folder) / "image.record"
    remarks = firmware.emulate(target, image, script, other, "-icount", "shift=8")
    check(f"{target}: {name} equal byte for byte", other.read_bytes() == record.read_bytes())
    return remarks


def images(folder, record):
    days = []
    for seed in range(SEEDS):
        script, made = write(folder, f"{seed}.txt", made_up(seed)), pathlib.Path(folder) / f"{seed}.record"
        check(f"made up from {seed}: lived to its end", host(script, made) == 0)
        days.append((script, made))
    for target in firmware.TARGETS:
        image = firmware.build(target, folder)
        remarks = [same(folder, target, image, firmware.DAY, record, "the day")]
        remarks += [same(folder, target, image, s, m, f"made up from {i}") for i, (s, m) in enumerate(days)]
        now, _, stack = firmware.figures(image)
        bound, deepest = stack.of("reset")[0], max(m["stack"]["bytes"] for m in remarks)
        check(f"{target}: {deepest} bytes of stack, at most {bound} by the call graph", 0 < deepest <= bound)
        cycle = remarks[0]["cycle"]
        print(f"{target}: {cycle['instructions'] // cycle['count']} instructions a mains cycle, stack {deepest} of "
              f"{bound} bytes")
        for what, then, value, beyond in firmware.differences(target, now):
            check(f"{target}: firmware/size.md is out of date: {what} {then}, now {value}: make firmware", not beyond)


with tempfile.TemporaryDirectory() as place:
    day = the_day(place)
    refusals(place)
    if firmware.missing():
        skipped += 1
        print(f"{firmware.missing()} is not installed: images skipped")
    else:
        images(place, day)

print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
