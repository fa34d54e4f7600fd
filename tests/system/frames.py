#!/usr/bin/env python3
"""Frames of CJ/T 188, Modbus and M-Bus by the command line: frames.py YUFU VECTORS

Every line of the vectors means what stands behind its bar, also when its protocol is named; streams of
several protocols; damage; what is no frame at all.
"""
import json
import subprocess
import sys

YUFU, VECTORS = sys.argv[1:3]
passed = failed = 0


def check(name, right, seen=""):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}\n{seen}")


def decode(*args):
    done = subprocess.run([YUFU, "frame", "decode", *args], capture_output=True, text=True)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def text(o):
    if "values" not in o:
        return f"{o['protocol']} {o['error']}"
    t = o["protocol"] + " " + o["direction"].replace(" ", "_")
    for k in ("meter", "unit"):
        if k in o:
            t += f" {k} {o[k]}"
    if "manufacturer" in o:
        t += f" {o['manufacturer']} {o['medium_en']}"
    t += " " + o["function"]
    if "item" in o:
        t += f" {o['identifier']} ({o['item']})"
    if o.get("refused"):
        t += " refused"
    if "error" in o:
        t += " " + o["error"]
    for v in o["values"]:
        t += f"; {v['name']} {'absent' if v['value'] is None else v['value']}"
        t += f" {v['unit']}" if "unit" in v else ""
        t += f" [{v['note']}]" if "note" in v else ""
    return t


PROTOCOLS = {"CJ/T 188": "cjt188", "Modbus RTU": "modbus", "Modbus TCP": "modbus-tcp", "M-Bus": "mbus",
             "Acrel gateway": "acrel", "Acrel 4G": "acrel-4g"}
frames = []
for line in open(VECTORS):
    if line.startswith("#") or "|" not in line:
        continue
    frame, meaning = (x.strip() for x in line.split("|", 1))
    frames.append((frame, meaning))
    code, found = decode(frame)
    check(frame, [text(o).strip() for o in found] == [meaning] and (code == 0) == (" BCD;" not in meaning), found)
    proto = PROTOCOLS[found[0]["protocol"]]
    check(f"{frame} by name", [text(o).strip() for o in decode("--proto", proto, frame)[1]] == [meaning])
    if "preamble" in found[0] and len(frame) > 12 and "Acrel gateway" not in meaning:  # it has no sum
        broken = frame[:-4] + f"{(int(frame[-4:-2], 16) + 1) % 256:02X}" + frame[-2:]
        check(f"{broken} is damaged", decode(broken)[0] == 1)

# What is no good frame, and why: protocol and error, also when its protocol is named.
for line in open(VECTORS.replace("frames.txt", "frames_refused.txt")):
    if line.startswith("#") or "|" not in line:
        continue
    frame, meaning = (x.strip() for x in line.split("|", 1))
    protocol, error = meaning.rsplit(" ", 1)
    for named in ((), ("--proto", PROTOCOLS[protocol])):
        code, found = decode(*named, frame)
        check(f"{frame} is refused {named}", code == 1 and len(found) == 1 and not found[0]["valid"] and
              (found[0]["protocol"], found[0]["error"]) == (protocol, error), found)

marked = [f for f, m in frames if m.startswith(("CJ/T", "M-Bus")) and " BCD;" not in m]
power = "FEFEFEFE6812345678101268910833333333583334335D16"
code, found = decode("00" + power + marked[0] + "FF" + power + marked[-3] + power)
check("a stream of several protocols", code == 0 and [o["protocol"][:4] for o in found] == [
    "DL/T", "CJ/T", "DL/T", found[3]["protocol"][:4], "DL/T"], found)
code, found = decode("010300000002C40B" "010304000186A0C9EB")
check("Modbus, question and answer in one", code == 0 and [o["direction"] for o in found] == ["request", "answer"],
      found)
code, found = decode("E5")
check("an acknowledgement", code == 0 and found[0]["function"] == "acknowledge", found)
code, found = decode("6899999999999968080593945833335816")
check("a broadcast time of five bytes is refused", code == 1 and found[0]["error"] == "FRAME_LENGTH", found)
# A frame over two lines, as a terminal prints it; between it and the next one nothing is lost.
done = subprocess.run([YUFU, "frame", "decode"], capture_output=True, text=True,
                      input="68 12 00 51 05 03 26 68\n11 04 33 35 C3 33 D4 16\n" + power + "\n681200\nhello\n")
found = [json.loads(line) for line in done.stdout.splitlines()]
check("broken lines", done.returncode == 1 and [o.get("name", o.get("error")) for o in found] == [
    "remaining money", "combined active energy, total", "TRUNCATED", "SYNTAX"], done.stdout)


def lines(text):
    done = subprocess.run([YUFU, "frame", "decode"], capture_output=True, text=True, input=text)
    return [o["frame"] if o["valid"] else o["error"] for o in map(json.loads, done.stdout.splitlines())]


# Dumps as tools print them, and lines that have marks of their own.
answer = "68332211000020689106333434358A569D16"
raw = bytes.fromhex(answer)
seen = "".join(chr(b) if 32 <= b < 127 else "." for b in raw)
pairs = raw.hex(" ")
xxd = "\n".join(f"{at:08x}: {raw[at:at + 16].hex(' ', 2):<39}  {seen[at:at + 16]}" for at in (0, 16))
hexdump = "\n".join(f"{at:08x}  {raw[at:at + 8].hex(' '):<23}  {raw[at + 8:at + 16].hex(' '):<23}  |{seen[at:at + 16]}|"
                    for at in (0, 16)) + f"\n{len(raw):08x}"
capture = "\n".join(f"{at:04x}   {raw[at:at + 16].hex(' '):<47}   {seen[at:at + 16]}" for at in (0, 16))
monitor = "\n".join(f"    {raw[at:at + 16].hex(' '):<47}   {seen[at:at + 16]:<16}\t" for at in (0, 16))


def words(data, base="x"):
    """As hexdump and od -x (whose offsets are octal) print it: words of two bytes, the low one first."""
    rows = [data[at:at + 16] for at in range(0, len(data), 16)]
    return "\n".join(f"{at * 16:07{base}} " + " ".join(f"{int.from_bytes(row[i:i + 2], 'little'):04x}" for i in
                     range(0, len(row), 2)) for at, row in enumerate(rows)) + f"\n{len(data):07{base}}"


for name, dump in (("xxd", xxd), ("hexdump in words", words(raw)), ("od", words(raw, "o")), ("hexdump", hexdump), ("capture", capture), ("a monitor", monitor)):
    check(f"a dump of {name}", lines(dump + "\n") == [answer], lines(dump + "\n"))
    check(f"two dumps of {name}", lines(dump + "\n" + dump + "\n") == [answer, answer], lines(dump + "\n" + dump))
    check(f"a dump of {name} in one word", [o["frame"] for o in decode(dump)[1]] == [answer], decode(dump))
volume = bytes.fromhex("110304000186A0D82A")  # nine bytes
check("a dump of words of odd length", lines(words(volume) + "\n") == [volume.hex().upper()], lines(words(volume)))




def od(*form):
    """As od prints the frame, and a second one behind it."""
    return subprocess.run(["od", *form], input=raw + volume, capture_output=True).stdout.decode()


def rows(width, cell, base="x"):
    """A dump whose cells begin with the low byte, its characters behind them."""
    return "\n".join(f"{at:08x}: " + " ".join(cell(raw[at:at + width])) + f"  {seen[at:at + width]}"
                     for at in range(0, len(raw), width)) + "\n"


# In other bases, of which only whole frames are believed.
both = [answer, volume.hex().upper()]
for form in ("", "-b", "-c", "-tx4", "-td1", "-tu1", "-An -tx4", "-An -b", "-An -tu1", "-Ax -to1", "-Ad -td1"):
    check(f"od {form}", lines(od(*form.split())) == both, lines(od(*form.split())))
check("bits", lines(rows(6, lambda row: [f"{b:08b}" for b in row])) == [answer], lines(rows(6, lambda row: [f"{b:08b}" for b in row])))
longs = rows(16, lambda row: [f"{int.from_bytes(row[i:i + 4], 'little'):{2 * len(row[i:i + 4])}x}".replace(" ", "0").rjust(8)
                              for i in range(0, len(row), 4)])
check("words of four bytes, turned", lines(longs) == [answer], (longs, lines(longs)))
for name, row in (("index", "[{i}] = 0x{b:02x}"), ("name and index", "buf[{i}]: 0x{b:02X};"), ("number", "{i}: {b:02X}"),
                  ("byte", "{b:02x}"), ("decimal", "{b}"), ("index in hexadecimal", "data[0x{i:02X}]=0x{b:X},")):
    told = lines("".join(row.format(i=i, b=b) + "\n" for i, b in enumerate(raw)))
    check(f"one byte a line, {name}", told == [answer], told)
memory = "".join(f"0x7ffe{at:04x} <frame+{at}>:\t" + "\t".join(f"0x{b:02x}" for b in raw[at:at + 8]) + "\n"
                 for at in range(0, len(raw), 8))
check("a debugger's memory", lines(memory) == [answer], lines(memory))
check("a log before and behind a listing", lines(f"TX: {volume.hex(' ')}\n" + od("-b") + f"RX: {pairs}\n") ==
      [both[1], *both, answer], lines(f"TX: {volume.hex(' ')}\n" + od("-b") + f"RX: {pairs}\n"))
check("numbers that are no listing", lines("".join(f"{i}: {i * 7 % 100}\n" for i in range(9))).count("FRAME_DIGITS") == 9)
check("a line that begins with its number", lines(f"#12 0.012 IRP_MJ_READ Serial0 SUCCESS Length 18: {pairs}\n# {pairs}\n") ==
      [answer], lines(f"#12 0.012 IRP_MJ_READ Serial0 SUCCESS Length 18: {pairs}\n"))

array = "unsigned char frame[] = {\n  " + ", ".join(f"0x{b:02x}" for b in raw[:12]) + ",\n  " + ", ".join(
    f"0x{b:02x}" for b in raw[12:]) + "\n};\n"
numbers = "[\n" + ",\n".join(f"  {b}" for b in raw) + "\n]\n"
for name, block in (("an array of C", array), ("an array and its length", array + "unsigned int frame_len = 18;\n"), ("a list of JSON", numbers)):
    check(f"{name} over lines", lines(block) == [answer], lines(block))


def piped(data):
    done = subprocess.run([YUFU, "frame", "decode"], capture_output=True, input=data)
    return done.returncode, [o["frame"] if o["valid"] else o["error"] for o in
                             map(json.loads, done.stdout.decode().splitlines())]


# Bytes themselves, as a capture of a serial port holds them, and text in the two bytes of Windows.
check("raw bytes", piped(raw) == (0, [answer]), piped(raw))
check("raw bytes of several frames", piped(volume + raw + b"\x00" + raw) ==
      (0, [volume.hex().upper(), answer, answer]), piped(volume + raw + b"\x00" + raw))
check("raw bytes with a line end in them", piped(bytes.fromhex("0103000A0001A408")) == (0, ["0103000A0001A408"]),
      piped(bytes.fromhex("0103000A0001A408")))
check("raw bytes that are damaged", piped(raw[:-2] + b"\x00\x16") == (1, ["FRAME_CHECKSUM"]),
      piped(raw[:-2] + b"\x00\x16"))
check("raw bytes that are nothing", piped(b"\x00\x01\x02\x03") == (1, ["FRAME_UNKNOWN"]), piped(b"\x00\x01\x02\x03"))
for order in ("utf-16-le", "utf-16-be"):
    told = piped(("\ufeff" + f"收到 {pairs}\r\n").encode(order))
    check(f"a log in {order}", told == (0, [answer]), told)
check("a log with a stray zero", piped(b"\x0009:05:07 RX: " + pairs.encode() + b"\n") == (0, [answer]),
      piped(b"\x0009:05:07 RX: " + pairs.encode() + b"\n"))
check("a line that is none, and one that is cut", lines(f"0102030405060708\n{pairs[:20]}\n{pairs}\n") ==
      ["FRAME_UNKNOWN", "TRUNCATED", answer], lines(f"0102030405060708\n{pairs[:20]}\n{pairs}\n"))
check("a frame over lines with stamps and remarks", lines(f"09:05:07 RX: {pairs[:23]}\n09:05:08 RX: {pairs[24:]}\n"
      f"0x68, 0x33, 0x22, 0x11, 0x00, 0x00, 0x20, 0x68, // address\n0x91, 0x06, // length\n"
      f"0x33, 0x34, 0x34, 0x35, 0x8A, 0x56, 0x9D, 0x16\n") == [answer, answer])
check("a frame that is cut, and the same one again", lines(f"RX: {pairs[:30]}\nRX: {pairs}\n") == ["TRUNCATED", answer])
packet = ("02000000000102000000000208004500003400074000400626BB0A000001"
          "0A0000029C4001F600000001000000025018040000000000000700000006210300640002")
check("a packet without its Ethernet", lines(packet[28:]) == ["000700000006210300640002"], lines(packet[28:]))
check("a packet of the network", lines(packet) == ["000700000006210300640002"], lines(packet))
check("Modbus over two lines without a mark", lines("21 03 0C 00 01 00 02 00 03 00\n04 00 05 00 06 FC 37\n") ==
      ["21030C000100020003000400050006FC37"], lines("21 03 0C 00 01 00 02 00 03 00\n04 00 05 00 06 FC 37\n"))
check("marks of a log", lines(f"2026-03-09 09:05:07.250 | DEBUG | line 3 - {pairs}\n[#12] RX {pairs}\n| read | {pairs} |\n"
                              f"# {pairs}\n{pairs} # read\n{pairs} | 210300640002 82B4\n") == 5 * [answer])
for junk in ("010300000002C40C", "00112233445566", "6810"):
    code, found = decode(junk)
    check(f"{junk} is none", code == 1 and not found[0]["valid"], found)
check("no such protocol", decode("--proto", "dlms", "00")[0] == 2)

print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed else 0)
