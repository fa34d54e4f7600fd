#!/usr/bin/env python3
"""Recorded appliances through the load watch: classify.py YUFU_TERMINAL DATA_DIR

Every format of docs/manual/load.md, the refusals with their line, the options; and, where the recorded
data is at hand, that no heating is missed and nothing else trips.
"""
import gzip
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
DATA = pathlib.Path(os.environ.get("YUFU_DATA") or sys.argv[2]) / "appliances"
passed = failed = skipped = 0


def check(name, right, seen=""):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}\n{seen}")


def classify(*args):
    done = subprocess.run([PROGRAM, "classify", *map(str, args)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def table(text):
    """class -> (heating, labels, small, hit, missed, false, plain hit, plain missed, plain false)"""
    rows = {}
    for line in text.splitlines():
        m = re.match(r"(\S.*?)\s+(heating|allowed)\s+(\d+)\s+(\d+) \|\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+ms \|"
                     r"\s+(\d+)\s+(\d+)\s+(\d+)$", line)
        if m:
            rows[m[1]] = (m[2] == "heating", *map(int, m.groups()[2:]))
    return rows


def write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path


def plain(folder):
    head = "time,P,Q,U,I,label\n"
    rows = [(t, 5.0, 1.0, 220.0, 0.02, "") for t in range(5)]
    rows += [(5, 700, 1.0, 220.0, 3.2, "kettle")]
    rows += [(t, 1805.0, 2.0, 220.0, 8.205, "") for t in range(6, 12)]
    rows += [(t, 5.0, 1.0, 220.0, 0.02, "") for t in range(12, 20)]
    rows += [(20, 400, 300, 220.0, 2.3, "washing machine")]
    rows += [(t, 405.0, 300.0, 220.0, 2.29, "") for t in range(21, 30)]
    path = write(folder, "room.csv", head + "".join(",".join(map(str, r)) + "\n" for r in rows))
    code, out, _ = classify(path)
    t = table(out)
    check("plain: the kettle trips, the washing machine does not",
          code == 0 and t.get("kettle", (0,) * 9)[3] == 1 and t.get("washing machine", (0,) * 9)[5] == 0, out)
    check("plain: the reason stands beside the verdict", "heating" in out and "纯阻性" in out, out)
    _, out, _ = classify("--white", "1800", path)
    check("a white load does not trip", " white " in out and table(out)["kettle"][3] == 0, out)
    _, out, _ = classify("--limit", "2000", path)
    check("below the limit nothing trips", table(out)["kettle"][3] == 0, out)


ROOM = [(t, 30.0, 5.0, 219.5, 0.139) for t in range(6)] + [(6, 640.25, 5.5, 219.4, 2.92)] + \
       [(t, 1830.5, 6.0, 218.5, 8.378) for t in range(7, 14)] + [(t, 30.0, 5.0, 219.5, 0.139) for t in range(14, 20)]


def clock(t):
    return f"16:42:{t + 10:02d}"


def spelt(head, row, by=",", end="\n", comma=False, mark=""):
    lines = [head] + [by.join(str(c) for c in row(*r)) for r in ROOM]
    body = (lines[0] + end + end.join(lines[1:]).replace(".", ",") if comma else end.join(lines)) + end
    return mark + body


# The same room as different loggers and spreadsheets write it.
SPELLINGS = {
    "a byte order mark and CRLF": spelt("time,P,Q,U,I", lambda *r: r, end="\r\n", mark="\ufeff"),
    "semicolons and decimal commas": spelt("time;P;Q;U;I", lambda *r: r, by=";", comma=True),
    "tabs": spelt("time\tP\tQ\tU\tI", lambda *r: r, by="\t"),
    "quotes and blanks": spelt('"time" , "Active Power (W)", "Reactive Power (var)","Voltage (V)",Current (A)',
                               lambda *r: [f' "{c}" ' for c in r]),
    "units in kilo and milli": spelt("time_ms,P_kW,Q (kvar),U [mV],I(mA)", lambda t, p, q, u, i: (
        t * 1000, round(p / 1000, 6), q / 1000, u * 1000, round(i * 1000))),
    "Chinese headings": spelt("时间,有功功率(kW),无功功率（var）,电压(V),电流(A)",
                              lambda t, p, q, u, i: (t, p / 1000, q, u, i)),
    "other order, columns nobody needs": spelt("PF,I,U,frequency,Q,timestamp,P", lambda t, p, q, u, i: (
        0.99, i, u, 49.98, q, t, p)),
    "date and time": spelt("datetime,P,Q,U,I", lambda t, *r: ("2022-11-14T" + clock(t) + ".000+08:00", *r)),
    "date beside time": spelt("Date,Time,P,Q,U,I", lambda t, *r: ("14/11/2022", clock(t), *r)),
    "dots between day and month": spelt("time;P;Q;U;I", lambda t, *r: ("14.11.2022 " + clock(t), *r), by=";"),
    "seconds since 1970": spelt("time,P,Q,U,I", lambda t, *r: (1668415330 + t, *r)),
    "milliseconds since 1970": spelt("time,P,Q,U,I", lambda t, *r: (1668415330000 + t * 1000, *r)),
    "exponents": spelt("time,P,Q,U,I", lambda t, p, *r: (t, f"{p:.6e}", *r)),
    "apparent power instead of current": spelt("time,P,Q,U,S", lambda t, p, q, u, i: (t, p, q, u, round(u * i, 3))),
    "the transformer turned round": spelt("time,P,Q,U,I", lambda t, p, q, *r: (t, -p, -q, *r)),
    "device instead of label": spelt("time,P,Q,U,I,device", lambda *r: (*r, "")),
    "remarks and empty lines": "# a logger\n\n" + spelt("time,P,Q,U,I", lambda *r: r) + "\n# end\n",
    "gaps": spelt("time,P,Q,U,I", lambda t, *r: (t, *r) if t != 3 else (t, "", "NaN", "null", "-")),
    "the last line without an end": spelt("time,P,Q,U,I", lambda *r: r)[:-1],
    "lines that end with CR": spelt("time,P,Q,U,I", lambda *r: r, end="\r"),
    "columns lined up with blanks": spelt("  time     P     Q     U     I", lambda *r: r, by="   "),
    "decimal commas in quotes": spelt("time,P,Q,U,I", lambda t, *r: (
        t, *(f'"{c}"'.replace(".", ",") for c in r[:3]), f'"{r[3]:.4f}"'.replace(".", ","))),
    "thousands apart": spelt("time,P,Q,U,I", lambda t, p, *r: (t, f'"{p:,}"', *r)),
    "thousands with points": spelt("time;P;Q;U;I", lambda t, p, *r: (
        t, f"{p:,}".translate(str.maketrans(",.", ".,")), *(str(c).replace(".", ",") for c in r)), by=";"),
    "a logger's words above the heading": "Logger X,12345\nStart,2024-03-05\n\n" + spelt("time,P,Q,U,I", lambda *r: r),
    "a spreadsheet's line above it": "sep=;\n" + spelt("time;P;Q;U;I", lambda *r: r, by=";"),
    "remarks with other marks": "// a logger\n% of a room\n" + spelt("time,P,Q,U,I", lambda *r: r),
    "the heading as a remark": spelt("# time,P,Q,U,I", lambda *r: r),
    "units below the heading": spelt("time,P,Q,U,I\ns,kW,kvar,V,mA", lambda t, p, q, u, i: (
        t, round(p / 1000, 6), q / 1000, u, round(i * 1000))),
    "units in the cells": spelt("time,P,Q,U,I", lambda t, p, q, u, i: (t, f"{p} W", f"{q}var", f"{u}V", f"{i * 1000:.0f} mA")),
    "units for names": spelt("time,kW,var,V,mA", lambda t, p, q, u, i: (t, round(p / 1000, 6), q, u, round(i * 1000))),
    "units right behind the names": spelt("timestamp,activePowerKW,reactivePowerVar,voltageV,currentA",
                                          lambda t, p, *r: (t, round(p / 1000, 6), *r)),
    "units behind strokes and words": spelt("time / s,P in W,Q:var,\"U, V\",I/A", lambda *r: r),
    "Chinese units": spelt("采样时间(毫秒),有功功率（千瓦）,总无功功率(乏),电压V,电流（毫安）", lambda t, p, q, u, i: (
        t * 1000, round(p / 1000, 6), q, u, round(i * 1000))),
    "words beside the names": spelt("elapsed time (s),Total Active Power (W),mains_reactive,Vrms [V],avg_current",
                                    lambda *r: r),
    "German headings": spelt("time,Wirkleistung (W),Blindleistung,Spannung,Strom", lambda *r: r),
    "commas behind the last cell": spelt("time,P,Q,U,I", lambda *r: (*r, "", "")),
    "the heading in the middle again": "\n".join(
        x for n, r in enumerate(spelt("time,P,Q,U,I", lambda *r: r).splitlines())
        for x in (["time,P,Q,U,I", r] if n == 9 else [r])) + "\n",
    "a date without strokes": spelt("ts,P,Q,U,I", lambda t, *r: (f"20221114T1642{t + 10:02d}Z", *r)),
    "fourteen digits": spelt("ts,P,Q,U,I", lambda t, *r: (f"202211141642{t + 10:02d}", *r)),
    "a Chinese date": spelt("时间,P,Q,U,I", lambda t, *r: (f"2022年11月14日 16时42分{t + 10:02d}秒", *r)),
    "an American date": spelt("time,P,Q,U,I", lambda t, *r: (f"11/14/2022 04:42:{t + 10:02d} PM", *r)),
    "a month by its name": spelt("time,P,Q,U,I", lambda t, *r: (f"14-Nov-2022 {clock(t)}.000", *r)),
    "a month by its whole name": spelt("time;P;Q;U;I", lambda t, *r: (f"November 14, 2022 4:42:{t + 10:02d} PM", *r), by=";"),
    "a day of the week before the month": spelt("time,P,Q,U,I", lambda t, *r: (f"Mon Nov 14 {clock(t)} 2022", *r)),
    "a month by its name, with a zone": spelt("time,P,Q,U,I", lambda t, *r: (f'"Mon, 14 Nov 2022 {clock(t)} +0800"', *r)),
    "a month by its name beside the time": spelt("Date,Time,P,Q,U,I", lambda t, *r: ("14/nov/2022", clock(t), *r)),
    "no heading, in the plain order": "\n".join(spelt("", lambda t, *r: (f"{t}.0", *r)).splitlines()[1:]) + "\n",
    "no heading, decimal commas": "\n".join(spelt("", lambda *r: r, by=";", comma=True).splitlines()[1:]) + "\n",
    "a date with strokes, day first": spelt("time,P,Q,U,I", lambda t, *r: (f"14-11-2022 {clock(t)}", *r)),
    "a zone's name in brackets": spelt("time,P,Q,U,I", lambda t, *r: (f"2022-11-14T{clock(t)}+08:00[Asia/Shanghai]", *r)),
    "a clock past midnight": spelt("time,P,Q,U,I", lambda t, *r: (f"23:59:{t + 50}" if t < 10 else f"00:00:{t - 10:02d}", *r)),
    "microseconds since 1970": spelt("time,P,Q,U,I", lambda t, *r: (1668415330000000 + t * 10**6, *r)),
    "nanoseconds since 1970": spelt("time (ns),P,Q,U,I", lambda t, *r: (1668415330000000000 + t * 10**9, *r)),
    "rows written twice": "\n".join(x for r in spelt("time,P,Q,U,I", lambda *r: r).splitlines()
                                    for x in ([r] if "time" in r else [r, r])) + "\n",
}


def steps(text):
    """The events without their times."""
    return [re.sub(r"^\S+", "", line) for line in text.splitlines() if "  dP " in line]


def spellings(folder):
    _, out, _ = classify(write(folder, "room.csv", spelt("time,P,Q,U,I", lambda *r: r)))
    wanted = steps(out)
    check("the room: a kettle on and off", len(wanted) == 2 and " heating " in wanted[0], out)
    for i, (name, text) in enumerate(SPELLINGS.items()):
        path = pathlib.Path(folder) / f"spelt{i}.csv"
        path.write_bytes(text.encode("utf-8"))
        code, out, err = classify(path)
        check(f"read alike: {name}", code == 0 and err == "" and steps(out) == wanted, out + err)
    path = pathlib.Path(folder) / "gbk.csv"
    path.write_bytes(SPELLINGS["Chinese headings"].encode("gb18030"))
    code, out, err = classify(path)
    check("read alike: GBK", code == 0 and err == "" and steps(out) == wanted, out + err)
    code, out, err = classify(write(folder, "more.csv", spelt("time,P,Q,U,I,fan", lambda *r: (*r, 7))))
    check("a column that nobody knows is named and left", code == 0 and steps(out) == wanted and
          'column 6: "fan"' in err, out + err)


def cycles_of(hz):
    """A kettle of 1800 W, a row a cycle."""
    rows = ["time,P,Q,U,I"]
    for n in range(4 * hz):
        on = n >= 2 * hz
        rows.append(f"{n / hz:.4f},{1830.0 if on else 30.0},{6.0 if on else 5.0},219.5,{8.337 if on else 0.139}")
    return "\n".join(rows) + "\n"


def packed(folder):
    """Compressed, or in UTF-16, as loggers and spreadsheets leave it."""
    plain = spelt("time,P,Q,U,I", lambda *r: r)
    wanted = steps(classify(write(folder, "unpacked.csv", plain))[1])
    chinese = SPELLINGS["Chinese headings"]
    for name, data in (("room.csv.gz", gzip.compress(plain.encode())),
                       ("two.csv.gz", gzip.compress(plain[:100].encode()) + gzip.compress(plain[100:].encode())),
                       ("gzip_by_its_bytes.csv", gzip.compress(chinese.encode("gb18030"))),
                       ("marked_little.csv", b"\xff\xfe" + chinese.encode("utf-16-le")),
                       ("marked_big.csv", b"\xfe\xff" + chinese.encode("utf-16-be")),
                       ("little.csv", plain.encode("utf-16-le")), ("big.csv", plain.encode("utf-16-be")),
                       ("both.csv.gz", gzip.compress(chinese.encode("utf-16")))):
        path = pathlib.Path(folder) / name
        path.write_bytes(data)
        code, out, err = classify(path)
        check(f"read alike: {name}", code == 0 and err == "" and steps(out) == wanted, out + err)
    write(folder, "room.labels.csv", "time,label\n7,kettle\n")
    _, out, _ = classify(pathlib.Path(folder) / "room.csv.gz")
    check("labels beside what is compressed", table(out).get("kettle", (0,) * 9)[3] == 1, out)
    inner = pathlib.Path(folder) / "packed"
    inner.mkdir()
    (inner / "a.csv.gz").write_bytes(gzip.compress(plain.encode()))
    code, out, err = classify(inner)
    check("a folder: what is compressed is read", code == 0 and steps(out) == wanted, out + err)
    whole = gzip.compress(plain.encode())
    for name, data, line, word in (
            ("torn.csv.gz", whole[:-20], 0, "gzip: its end is missing"),
            ("spoilt.csv.gz", whole[:-8] + bytes(8), 0, "gzip: it is damaged"),
            ("odd.csv", "time,P\n1,2\n".encode("utf-16")[:-1], 2, "UTF-16: half a character"),
            ("lone.csv", "time,P\n1,2\n".encode("utf-16") + b"\x00\xdc", 2, "UTF-16: no character"),
            ("zip.csv.gz", gzip.compress(b"PK\x03\x04junk"), 1, "unpack it")):
        path = pathlib.Path(folder) / name
        path.write_bytes(data)
        code, out, err = classify(path)
        check(f"refused: {name}", code == 1 and word in err and (not line or f"{name}, line {line}: " in err), out + err)


def named_columns(folder):
    """A file without a heading, or with one that nobody knows."""
    plain = spelt("", lambda *r: r)
    _, wanted, _ = classify(write(folder, "known.csv", spelt("time,P,Q,U,I", lambda *r: r)))
    for name, columns, text in (
            ("no heading", "time,P,Q,U,I", plain[1:]),
            ("another order", "U,I,P,Q,time", spelt("", lambda t, p, q, u, i: (u, i, p, q, t))[1:]),
            ("units", "time_ms;P (kW);-;Q;U;I", spelt("", lambda t, p, q, u, i: (t * 1000, p / 1000, "x", q, u, i))[1:]),
            ("decimal commas", "time,P,Q,U,I", spelt("", lambda *r: r, by=";", comma=True)[1:]),
            ("decimal commas and blanks", "time,P,Q,U,I", spelt("", lambda *r: r, by=" ", comma=True)[1:]),
            ("a heading of another tongue", "time,P,Q,U,I", "aika,teho,lois,jannite,virta" + plain),
            ("a heading that is known", "time,P,Q,U,I", "time,Q,P,U,I" + plain)):
        code, out, err = classify("--columns", columns, write(folder, "bare.csv", text))
        check(f"--columns: {name}", code == 0 and err == "" and steps(out) == steps(wanted), out + err)
    for name, columns, text, where, word in (
            ("columns that are not known", None, "0,220,1.5,300,10\n1,220,1.5,300,10\n", ", line 1: ", "--columns time,P"),
            ("what may be the factor", None, "0,5,1,220,.02,.98\n1,5,1,220,.02,.98\n", ", line 1: ", "--columns time,P"),
            ("below words that are no heading", None, "aika,teho,lois,jannite,virta" + plain, ", line 1: ", "--columns"),
            ("no P", "time,Q", "1,2\n2,3\n", ", line 1: ", "no column P"),
            ("a unit", "time,P (furlong)", "1,2\n2,3\n", ", line 1, column 2: ", "unknown unit"),
            ("more cells", "time,P", "1,2,3\n2,3,3\n", ", line 1, column 3: ", "3 cells, but --columns has 2")):
        args = ["--columns", columns] if columns else []
        code, out, err = classify(*args, write(folder, "bare.csv", text))
        check(f"refused without a heading: {name}", code == 1 and "bare.csv" + where in err and word in err, out + err)
    truth = write(folder, "bare_truth.csv", "7,kettle\n14,off\n")
    _, out, err = classify("--labels", truth, write(folder, "bare.csv", plain[1:]))
    check("labels without a heading", table(out).get("kettle", (0,) * 9)[1:4] == (1, 0, 1), out + err)


def frequencies(folder):
    for hz in (50, 60):
        _, out, _ = classify(write(folder, f"{hz}.csv", cycles_of(hz)))
        m = re.search(r"^2\.0\d\d .* (\d+) ms  heating ", out, re.M)
        check(f"{hz} Hz: known within a second", m and int(m[1]) < 1000, out)
        rows = [r.partition(",")[2] for r in cycles_of(hz).splitlines()]
        counted = "\n".join(["cycle," + rows[0]] + [f"{n},{r}" for n, r in enumerate(rows[1:])]) + "\n"
        _, again, _ = classify("--mains", hz, write(folder, f"counted{hz}.csv", counted))
        check(f"{hz} Hz: cycles that are counted", re.findall(r"dP.*h3|  heating", again) == re.findall(r"dP.*h3|  heating", out), again)
    # a hole of half a minute: nobody knows what was switched in it
    rows = cycles_of(50).splitlines()
    late = [",".join([f"{float(r.split(',')[0]) + 30:.4f}", *r.split(",")[1:]]) for r in rows[101:]]
    _, out, _ = classify(write(folder, "hole.csv", "\n".join(rows[:101] + late) + "\n"))
    check("a gap is not looked across", not steps(out), out)


def label_columns(folder):
    rows = ["time,P,Q,label"]
    for t in range(30):
        on = 8 <= t < 20
        rows.append(f"{t},{1830 if on else 30},5,{'kettle' if on else 'idle'}")
    _, out, _ = classify(write(folder, "state.csv", "\n".join(rows) + "\n"))
    check("a label in every row while it is on is one", table(out).get("kettle", (0,) * 9)[1:4] == (1, 0, 1), out)
    text = "\n".join(rows).replace("\n8,1830,5,kettle", "\n8,1830,5,kettle on").replace(",kettle\n", ",\n")
    text = text.replace("20,30,5,idle", "20,30,5,kettle off")
    _, out, _ = classify(write(folder, "edge.csv", text + "\n"))
    check("on and off are told apart", table(out).get("kettle", (0,) * 9)[1:4] == (1, 0, 1), out)


def label_words(folder):
    """How a row says that the kettle is switched on, alone or beside a fan."""
    for name, head, word in (
            ("signs", "label", lambda t: "+kettle" if t == 8 else "-kettle" if t == 20 else ""),
            ("before the name", "event", lambda t: "turn on kettle" if t == 8 else "off:kettle" if t == 20 else ""),
            ("a column of its own", "appliance,event", lambda t: "kettle," + {8: "on", 20: "off"}.get(t, "")),
            ("a state", "state,device", lambda t: ("1" if 8 <= t < 20 else "0") + ",kettle"),
            ("all that is on", "label", lambda t: "fan;kettle" if 8 <= t < 20 else "fan")):
        rows = [f"time,P,Q,{head}"] + [f"{t},{1830 if 8 <= t < 20 else 30},5,{word(t)}" for t in range(30)]
        _, out, _ = classify(write(folder, "words.csv", "\n".join(rows) + "\n"))
        check(f"labels: {name}", table(out).get("kettle", (0,) * 9)[1:4] == (1, 0, 1), out)
    for word, heating in (("malignant", True), ("non-malignant", False), ("恶性负载", True), ("非恶性", False)):
        rows = ["time,P,Q,class"] + [f"{t},{1830 if t >= 8 else 30},5,{word if t == 8 else ''}" for t in range(20)]
        _, out, _ = classify(write(folder, "class.csv", "\n".join(rows) + "\n"))
        check(f"a class: {word}", table(out).get(word, (None,))[0] is heating, out)


def clocks(folder):
    """Events carry the recording's own clock, and labels fall into place by it."""
    rows = [f"2022-11-14T16:42:{t:02d}.500+08:00,{1830 if t >= 8 else 30},5" for t in range(20)]
    path = write(folder, "dated.csv", "time,P,Q\n" + "\n".join(rows) + "\n")
    _, out, _ = classify(path)
    check("an event has the recording's date, zone and milliseconds", "\n2022-11-14T16:42:08.500 " in out, out)
    for time in ("16:42:08", "2022-11-14 16:42:08", "2022-11-14T08:42:08Z", "1668415328"):
        labels = write(folder, "clock.labels.csv", f"start_time,end_time,label\n{time},,kettle\n")
        _, out, err = classify("--labels", labels, path)
        check(f"a label at {time}", table(out).get("kettle", (0,) * 9)[3] == 1 and "no label" not in err, out + err)
    labels = write(folder, "late.labels.csv", "time_ms,label\n8000,kettle\n")
    _, _, err = classify("--labels", labels, path)
    check("labels of another day are told", "no label lies within the recording" in err, err)
    series = write(folder, "zero.csv", "time,P,Q\n" + "".join(f"{t},{1830 if t >= 8 else 30},5\n" for t in range(20)))
    _, out, _ = classify("--labels", labels, series)
    check("labels in milliseconds", table(out).get("kettle", (0,) * 9)[3] == 1, out)


def percent(folder):
    """Harmonics as a share of the fundamental, and power from the power factor."""
    amps = ["time,P,Q,U,I,h3"] + [f"{t},{900 if t >= 8 else 20},{400 if t >= 8 else 5},220,{5.1 if t >= 8 else 0.1},"
                                 f"{2.2 if t >= 8 else 0}" for t in range(20)]
    _, wanted, _ = classify(write(folder, "amps.csv", "\n".join(amps) + "\n"))
    first = (5.1 ** 2 - 2.2 ** 2) ** 0.5
    for head in ("h3 (%)", "h3_pct"):
        shares = [f"time,P,Q,U,I,{head}"] + [r.rsplit(",", 1)[0] + f",{220 / first if r.endswith('2.2') else 0:.3f}"
                                             for r in amps[1:]]
        _, out, err = classify(write(folder, "shares.csv", "\n".join(shares) + "\n"))
        check(f"harmonics in per cent: {head}", steps(out) == steps(wanted) and err == "", out + err)
    _, out, _ = classify(write(folder, "pf.csv", "time,U,I,PF\n" + "".join(
        f"{t},220,{9 if t >= 8 else 0.1},{1 if t >= 8 else 0.6}\n" for t in range(20))))
    check("power from U, I and PF", " heating " in out, out)
    code, out, err = classify(write(folder, "over.csv", "time,P,PF\n" + "".join(
        f"{t},{1980 if t >= 8 else 20},{1.0018 if t >= 8 else 1}\n" for t in range(20))))
    check("a factor that was rounded above one", code == 0 and " heating " in out, out + err)


def labels_apart(folder):
    """A file of labels beside the recording, or named; names in other words."""
    rows = ["time,P,Q"] + [f"{t},{1830 if 8 <= t < 20 else 30},5" for t in range(30)]
    path = write(folder, "apart.csv", "\n".join(rows) + "\n")
    beside = write(folder, "apart.labels.csv", "appliance;edge;time\n热水壶 开;on;8\n热水壶;off;20\n")
    _, out, _ = classify(path)
    check("labels beside it", table(out).get("热水壶", (0,) * 9)[:4] == (True, 1, 0, 1), out)
    named = write(folder, "truth.tsv", "label\ttimestamp\nblow dryer\t8.2\n")
    _, out, _ = classify("--labels", named, path)
    check("labels that are named", table(out).get("blow dryer", (0,) * 9)[:4] == (True, 1, 0, 1), out)
    write(folder, "apart.labels.csv", "time,label\n8,kettle\nsoon,kettle\n")
    code, _, err = classify(path)
    check("a bad file of labels is refused", code == 1 and 'apart.labels.csv, line 3, column 1: "soon"' in err, err)
    beside.unlink()
    for word, heating in (("微波炉", False), ("暖风机", True), ("电热水壶", True), ("soldering iron", False),
                          ("hair straightener", True), ("Microwave oven", False), ("空调", False)):
        _, out, _ = classify("--labels", write(folder, "word.csv", f"time,label\n8,{word}\n"), path)
        check(f"a name: {word}", table(out).get(word, (None,))[0] is heating, out)


def without_reactive(folder):
    """A vacuum cleaner at 0.983: what stands in for Q tells it from a kettle."""
    for name, p, pf, word in (("vacuum", 1900, 0.983, " motor "), ("kettle", 1900, 1.0, " heating ")):
        for head, more in (("PF", lambda p, f: f), ("S (VA)", lambda p, f: round(p / f, 1)),
                           ("U,I", lambda p, f: f"230,{p / f / 230:.3f}")):
            rows = [f"time,P,{head}"] + [f"{t},{p if t >= 8 else 20},{more(p if t >= 8 else 20, pf)}" for t in range(20)]
            _, out, _ = classify(write(folder, "noq.csv", "\n".join(rows) + "\n"))
            check(f"without Q, with {head}: {name}", word in out, out)


def folders(folder):
    inner = pathlib.Path(folder) / "rooms"
    inner.mkdir()
    for name in ("b.csv", "a.csv", "notes.md", "labels.csv"):
        write(inner, name, "no table" if "." not in name or name.endswith("md") else
              spelt("time,P,Q,U,I", lambda *r: r))
    code, out, err = classify(inner)
    read = [line for line in out.splitlines() if "/rooms/" in line]
    check("a folder: its recordings by name", code == 0 and [r[-5:] for r in read] == ["a.csv", "b.csv"], out + err)
    (inner / "empty").mkdir()
    code, _, err = classify(inner / "empty")
    check("an empty folder is refused", code == 1 and "without .csv" in err, err)


def bench_half_wave(folder):
    """Behind a diode: I is root 2 times that of the fundamental, Q is all that is not active."""
    rows = ["Timestamp,RMS Current,Apparent (W),Active (W),Reactive (W),Fundamental Frequency (50Hz),"
            "Third Harmonics (150Hz),Fifth (250Hz)"]
    for t in range(20):
        p = 620 if t >= 8 else 10
        s = p * 2 ** 0.5 if t >= 8 else 10
        q = (s * s - p * p) ** 0.5
        rows.append(f"2022-11-14 16:42:{t:02d},{s / 230:.2f},{s:.1f},{p},{q:.1f},{p / 230 * 2 ** 0.5:.2f},0.01,0.01")
    _, out, _ = classify(write(folder, "half.csv", "\n".join(rows) + "\n"))
    check("bench meter: half waves by the fundamental", " heating_half_wave " in out, out)


def bench_channels(folder):
    """events.csv of the folder above; the channel of one appliance has its labels alone."""
    inner = pathlib.Path(folder) / "bench" / "set"
    inner.mkdir(parents=True)
    write(inner.parent, "events.csv", "recording,time,appliance,edge\nset,2022-11-14 16:42:08,kettle,on\n"
          "set,2022-11-14 16:42:10,vacuum,on\nother,2022-11-14 16:42:08,iron,on\n")
    rows = ["Timestamp,RMS Current,Apparent (W),Active (W),Reactive (W),Third Harmonics (150Hz)"]
    rows += [f"2022-11-14 16:42:{t:02d},{8.1 if t >= 8 else 0},{2000 if t >= 8 else 2},{2000 if t >= 8 else 1},2,0.0"
             for t in range(20)]
    for name, wanted in (("kettle", {"kettle"}), ("main", {"kettle", "vacuum"})):
        _, out, _ = classify(write(inner, name + ".csv", "\n".join(rows) + "\n"))
        check(f"labels of a channel: {name}", set(table(out)) == wanted, out)
    check("what a meter beside it showed", re.search(r"\[\+199\d\.\d W at 246\.9 V\]", out), out)


REFUSED = [  # text, line, column (0: none), a word of the reason
    ("time,Q\n1,2\n", 1, 0, "no column P"), ("P,Q\n1,2\n", 1, 0, "no column time"),
    ("time,P\n1,2\nsoon,3\n", 3, 1, '"soon" is no time'), ("time,P\n1,2\n2,much\n", 3, 2, '"much" is no number for P'),
    ("time,P,Q\n1,2,x\n", 2, 3, '"x" is no number for Q'), ("time,P\n5,2\n4,2\n", 3, 1, "backwards"),
    ("time,P (furlong)\n1,2\n", 1, 2, "unknown unit"), ("time,h3 (%),P\n1,2,3\n", 1, 0, "column for the current"),
    ("time,P (min)\n1,2\n", 1, 2, "unknown unit"), ("time,P_mw\n1,2\n", 1, 0, "no column P"),
    ("time,P,Q\n", 1, 0, "no row"), ("time,P,Q\n1,2,\n2,3,nan\n", 3, 3, "empty in every row"),
    ("time,P,U,I\n" + "".join(f"{t},1.8,220,8.2\n" for t in range(9)), 10, 2, "P_kW"),
    ("time,P,U,I\n" + "".join(f"{t},1800,220,0.82\n" for t in range(9)), 10, 2, "more than the apparent"),
    ("time,P,I,h3\n" + "".join(f"{t},1800,8,12\n" for t in range(9)), 10, 4, "h3_pct"),
    ('time,P\n1,"1,829"\n', 2, 2, "is no number"), ("time;P\n1;29,5\n2;29.5\n", 3, 2, "points and commas"),
    ('time,P\n1,"1,82,9.5"\n', 2, 2, "is no number"), ("time,P\n05/03/24 10:00:00,2\n", 2, 1, "is no time"),
    ("time,P\n13:00:00 PM,2\n", 2, 1, "is no time"), ("time,P,Q,U,I\ns,W,furlong,V,A\n", 2, 1, "is no time"),
    ("time,P,power\n1,2,3\n", 1, 3, "a second column for P"),
    ("time,P\n1,2\n2,3,5\n", 3, 3, "decimal commas"), ("time,P,Q\n1,2\n", 2, 3, "2 cells, but the heading has 3"),
    ("time,P,U\n1,2,-5\n", 2, 3, "U is out of its range"), ("time,P\n1,3e9\n", 2, 2, "P is out of its range"),
    ("time,P\n31/02/2022 10:00:00,2\n", 2, 1, "is no time"), ("time,P\n2022-01-05 25:00:00,2\n", 2, 1, "is no time"),
    ("time,P\n01/32/2022 10:00:00,2\n", 2, 1, "is no time"), ("0,5\n1,6\n", 1, 0, "no heading"),
    ("time,P\n" + "".join(f"7,{n}\n" for n in range(9)), 7, 1, "have this time"),
    ('time,P\n1,"2\n', 2, 0, "quote"), ("time,P\n1," + "2" * 9000 + "\n", 2, 0, "longer than"),
    ("time,P\n1,2\n\0\n", 3, 0, "zero byte"), ("", 0, 0, "empty"), ("\n\n", 2, 0, "empty"),
    ("time,P\n" + "".join(f"{n * 60},{n}\n" for n in range(9)), 6, 1, "more than 10 s apart"),
    ("PK\x03\x04junk\n", 1, 0, "unpack it"), ("BZh91AY\n", 1, 0, "bzip2"), ("time,P,PF\n1,2,3\n", 2, 3, "PF is out of"),
    ("30/11/2011 06:42:00;15\n", 1, 0, "time;watts"), ("30/11/2011 06:42:00;lots;1\n", 1, 2, "no active power"),
    ("row,label,name,on\n0,1,Kettle,1\n", 1, 0, "missing")]


def refusals(folder):
    for i, (text, line, column, word) in enumerate(REFUSED):
        code, out, err = classify(write(folder, f"bad{i}.csv", text))
        place = (f", line {line}" if line else "") + (f", column {column}" if column else "") + ": "
        check(f"refused: {word}", code == 1 and f".csv{place}" in err and word in err, err + out[:200])
    code, _, err = classify(pathlib.Path(folder) / "nowhere.csv")
    check("no such file", code == 1 and "No such file" in err, err)
    _, _, err = classify(write(folder, "maybe.csv", "time,P\n" + "".join(f"{t},1.8\n" for t in range(9))))
    check("small powers alone: kilowatts?", "P_kW" in err, err)
    for args in ([], ["--white", "x", "f"], ["--mains", "55", "f"], ["--limit"], ["--what", "1", "f"]):
        check(f"usage: {args}", classify(*args)[0] == 2)


ZH = (pathlib.Path(__file__).resolve().parents[2] / "docs/manual/load.zh-CN.md").read_text(encoding="utf-8")
MANUAL = (pathlib.Path(__file__).resolve().parents[2] / "docs/manual/load.md").read_text(encoding="utf-8")


def documented(name, t):
    """Heating found and false trips, as the manual has them."""
    rows = t.values()
    hit, aim = sum(r[3] for r in rows), sum(r[1] - r[2] for r in rows if r[0])
    ours = f"| {name} | {hit} of {aim} | {sum(r[5] for r in rows)} | "
    plain = f" | {sum(r[6] for r in rows)} of {aim} | {sum(r[8] for r in rows)} |\n"
    row = re.escape(ours) + r"\d+ of \d+ \| \d+" + re.escape(plain)
    check(f"the manual has the figures: {name}", re.search(row, MANUAL), ours + "..." + plain)
    row = f"| {hit}/{aim} | {sum(r[5] for r in rows)} | "
    check(f"the Chinese manual has them: {name}", row in ZH, row)


def recorded():
    global skipped
    if not DATA.exists():
        skipped += 1
        print(f"{DATA} has no recordings: skipped")
        return
    _, out, _ = classify("--quiet", *sorted(DATA.glob("malaysia-1hz/*/main.csv")))
    t = table(out)
    check("bench: 7 of 7 heating, 0 of 7 vacuum cleaners",
          t["kettle"][3] + t["water_heater"][3] == 7 and t["vacuum"][5] == 0 and t["vacuum"][8] == 7, out)
    documented("bench meter, 1 Hz: kettle, water heater, vacuum cleaner", t)
    _, out, err = classify("--quiet", DATA / "plaid-cycles/index.csv")
    check("single cycles: their labels are their own", err == "", err)
    t = table(out)
    check("single cycles: every kettle and coffee maker, nothing else",
          t["WaterKettle"][3] == t["CoffeeMaker"][3] == 20 and sum(r[5] for r in t.values()) == 0
          and sum(r[8] for r in t.values()) > 0, out)
    documented("single cycles, 250 switchings of 12 appliances", t)
    code, out, _ = classify("--quiet", *sorted(DATA.glob("tracebase/*.csv")))
    t = table(out)
    check("active power alone: all files are read, laptops and lamps below",
          code == 0 and t["Iron"][3] == t["Iron"][1] and t["PC-Laptop"][5] == 0, out)
    documented("plugs, active power only: 14 traces", t)


with tempfile.TemporaryDirectory() as folder:
    plain(folder)
    spellings(folder)
    packed(folder)
    named_columns(folder)
    frequencies(folder)
    label_columns(folder)
    label_words(folder)
    clocks(folder)
    percent(folder)
    labels_apart(folder)
    folders(folder)
    bench_half_wave(folder)
    bench_channels(folder)
    without_reactive(folder)
    refusals(folder)
recorded()
rules = subprocess.run([PROGRAM, "rules"], capture_output=True, text=True)
for name in ("terminal.md", "terminal.zh-CN.md"):
    manual = pathlib.Path(__file__).resolve().parents[2] / "docs/manual" / name
    check(f"{name} shows the table of reasons as it is", rules.returncode == 0 and
          rules.stdout in manual.read_text(encoding="utf-8"), rules.stdout)

print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
