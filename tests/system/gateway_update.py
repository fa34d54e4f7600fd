#!/usr/bin/env python3
"""Updates of the gateway's own program, with real programs: gateway_update.py YUFU_GATEWAY NEXT BAD
OTHER_STORE UPLINK_SERVER YUFU_FLEET

NEXT is the same program with a higher version, BAD one that never proves good, OTHER_STORE one that
keeps another database. What is refused changes nothing; what fails its trial is left by itself."""
import json
import os
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys

from processes import GUARD_S, Process, run

GATEWAY, NEXT, BAD, OTHER_STORE, SERVER, FLEET = sys.argv[1:7]
HEADER, SIGNED, NEW = 192, 128, "9.1.0"


def tool(*argv, status=0, **how):
    done = subprocess.run([GATEWAY, "update", *map(str, argv), "--lang", "en"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **how)
    assert done.returncode == status, (argv, done.returncode, done.stdout)
    return done.stdout


def keys(folder, name="release"):
    tool("key", "--secret", f"{folder}/{name}.pem", "--public", f"{folder}/{name}.pub")
    return f"{folder}/{name}"


def packed(folder, program=NEXT, name="next.update", key=None, minimum="0.1.0"):
    key = key or (f"{folder}/release" if os.path.exists(f"{folder}/release.pem") else keys(folder))
    out = f"{folder}/{name}"
    tool("pack", "--program", program, "--key", key + ".pem", "--minimum", minimum, "--output", out)
    return out


def apply(folder, file, *more, status=0, **how):
    return tool("apply", file, "--data", f"{folder}/gateway", "--keys", f"{folder}/release.pub", *more,
                status=status, **how)


def server_of(folder, *lines):
    server = Process("server", SERVER, f"{folder}/server", *lines)
    server.port = int(server.wait(r"listening port=(\d+)").group(1))
    return server


def gateway_of(folder, server, program=GATEWAY, ca="server", bad=None):
    return Process("gateway", program, "--data", f"{folder}/gateway", "--platform", f"127.0.0.1:{server.port}",
                   "--ca", f"{folder}/{ca}/ca.pem", "--serial", "GW-1", "--claim", "CODE-1",
                   env={**os.environ, **({"BAD": bad} if bad else {})})


def claimed(folder):
    server = server_of(folder)
    gateway = gateway_of(folder, server)
    gateway.wait(r"uplink\.connected")
    assert gateway.end() == 0
    return server


def is_confirmed(folder, server):
    """NEXT, applied and tried out, and ended again."""
    apply(folder, packed(folder))
    gateway = gateway_of(folder, server)
    gateway.wait(rf"update\.trial .*version={NEW} start=1 slot=a")
    gateway.wait(rf"program\.start .*version={NEW}")
    server.wait(rf"hello .*program=\"yufu-gateway {re.escape(NEW)} \(trial\)\"")
    gateway.wait(rf"update\.confirmed .*version={NEW}")
    assert gateway.end() == 0


def tree(folder):
    return {f"{d}/{n}": os.stat(f"{d}/{n}").st_size for d, _, names in os.walk(folder) for n in names}


# ---- trials -----------------------------------------------------------------------------------------
def good_one_is_tried_confirmed_and_taken_back(folder):
    server = claimed(folder)
    is_confirmed(folder, server)
    gateway = gateway_of(folder, server)  # no trial any more, and no process beside it
    gateway.wait(rf"program\.start .*version={NEW}")
    assert os.path.samefile(f"/proc/{gateway.child.pid}/exe", f"{folder}/gateway/program/a")
    server.wait(rf"hello .*program=\"yufu-gateway {re.escape(NEW)}\"")
    gateway.wait(r"uplink\.connected")
    assert gateway.end() == 0
    gateway.never_said(r"update\.trial")
    assert re.search(rf"a +{NEW} +runs$", tool("show", "--data", f"{folder}/gateway"), re.M)
    said = tool("back", "--data", f"{folder}/gateway")
    assert re.search(r"installed +\S+ +runs$", said, re.M) and f"left: {NEW} (hand)" in said, said
    gateway = gateway_of(folder, server)
    gateway.wait(r"program\.start .*version=(?!9)")
    server.wait(rf"hello .*program=\"yufu-gateway \S+ \({re.escape(NEW)} taken back\)\"")
    assert gateway.end() == 0
    assert "STATE" in tool("back", "--data", f"{folder}/gateway", status=1)


def running_gateway_follows(folder):
    """One service from beginning to end, never restarted from outside."""
    server = server_of(folder)
    gateway = gateway_of(folder, server, bad="crash")
    gateway.wait(r"uplink\.connected")
    apply(folder, packed(folder))
    gateway.wait(rf"update\.trial .*version={NEW} start=1 slot=a")
    gateway.wait(r"update\.confirmed")
    apply(folder, packed(folder, BAD, "bad.update"))
    gateway.wait(r"program\.stop")
    gateway.wait(r"update\.trial .*version=9\.2\.0 start=1 slot=b")
    gateway.wait(r"update\.left .*why=starts next=a")
    gateway.wait(rf"program\.start .*version={NEW}")
    server.wait(rf"hello .*program=\"yufu-gateway {re.escape(NEW)} \(9\.2\.0 failed\)\"")
    gateway.wait(r"uplink\.connected")
    assert os.path.samefile(f"/proc/{gateway.child.pid}/exe", f"{folder}/gateway/program/a")
    tool("back", "--data", f"{folder}/gateway")
    gateway.wait(r"program\.stop")
    gateway.wait(r"program\.start .*version=(?!9)")
    gateway.wait(r"uplink\.connected")
    assert os.path.samefile(f"/proc/{gateway.child.pid}/exe", GATEWAY)
    assert gateway.end() == 0


def one_that_ends_is_left_after_three_starts(folder):
    server = claimed(folder)
    apply(folder, packed(folder, BAD))
    gateway = gateway_of(folder, server, bad="crash")
    for n in (1, 2, 3):
        gateway.wait(rf"update\.trial .*start={n} ")
        gateway.wait(r"bad: yufu-gateway")
    gateway.wait(r"update\.left .*version=9\.2\.0 why=starts next=installed")
    gateway.wait(r"program\.start .*version=(?!9)")
    server.wait(r'hello .*program="yufu-gateway \S+ \(9\.2\.0 failed\)"')
    gateway.wait(r"uplink\.connected")
    assert gateway.end() == 0


def former_slot_comes_back_and_the_next_goes_elsewhere(folder):
    server = claimed(folder)
    is_confirmed(folder, server)
    apply(folder, packed(folder, BAD, "bad.update"))
    gateway = gateway_of(folder, server, bad="end")
    gateway.wait(r"update\.trial .*version=9\.2\.0 start=1 slot=b")
    gateway.wait(r"update\.left .*why=starts next=a")
    gateway.wait(rf"program\.start .*version={NEW}")
    gateway.wait(r"uplink\.connected")
    assert gateway.end() == 0
    apply(folder, f"{folder}/bad.update")  # a is what runs: it is left alone
    assert re.search(rf"a +{NEW} +former\nb +9\.2\.0 +runs, on trial$",
                     tool("show", "--data", f"{folder}/gateway"), re.M)
    assert "TRIAL" in apply(folder, f"{folder}/bad.update", status=1)
    tool("back", "--data", f"{folder}/gateway")
    gateway = gateway_of(folder, server)
    gateway.wait(rf"program\.start .*version={NEW}")
    assert gateway.end() == 0


def one_that_hangs_is_left_when_its_time_is_over(folder):
    server = claimed(folder)
    apply(folder, packed(folder, BAD), "--trial", 10)
    gateway = gateway_of(folder, server, bad="hang")
    gateway.wait(r"bad: yufu-gateway 9\.2\.0 .*hang")
    gateway.wait(r"update\.left .*why=time next=installed")
    gateway.wait(r"uplink\.connected")
    assert gateway.end() == 0
    assert gateway.child.returncode == 0


def one_that_the_platform_refuses_is_left(folder):
    """Lines or not: who cannot talk to a platform that is there must not stay."""
    server = claimed(folder)
    apply(folder, packed(folder), "--trial", 10)
    stranger = Process("stranger", SERVER, f"{folder}/stranger")
    stranger.wait("listening")
    gateway = gateway_of(folder, server, ca="stranger")
    gateway.wait(rf"program\.start .*version={NEW}")
    gateway.wait(r"uplink\.refused .*error=TLS")
    gateway.wait(r"update\.left .*why=time")
    gateway.never_said(r"update\.confirmed")
    gateway.wait(r"program\.start .*version=(?!9)")
    assert gateway.end() == 0


def while_the_platform_is_away_lines_decide(folder):
    site = "project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model\n" \
           "demo,D1,301,,A301,meter,dorm,GW,1,tcp:127.0.0.1:0,9600,301,yufu-dorm3\n"
    with open(f"{folder}/site.csv", "w") as f:
        f.write(site)
    fleet = Process("fleet", FLEET, "--site", f"{folder}/site.csv", "--volatile", "--no-people")
    ready = json.loads(fleet.wait(r'\{.*"event":"ready".*\}').group(0))
    server = server_of(folder, f"line=1,{ready['lines'][0]['endpoint']},9600",
                       "meter=1,1,301,yufu-dorm3,3,000000000000")
    gateway = gateway_of(folder, server)
    server.wait(r"applied session=\d+ version=1")
    assert gateway.end() == 0
    server.end()
    apply(folder, packed(folder), "--trial", 20)
    gateway = gateway_of(folder, server)
    gateway.wait(r"line\.up")
    gateway.wait(r"update\.confirmed")
    assert sum("uplink.lost" in x for x in gateway.said) >= 3  # not at once: it might have come back
    assert gateway.end() == 0


def watcher_that_is_killed_takes_the_trial_along(folder):
    server = claimed(folder)
    apply(folder, packed(folder, BAD))
    gateway = gateway_of(folder, server, bad="hang")
    gateway.wait(r"bad: ")
    child = int(open(f"/proc/{gateway.child.pid}/task/{gateway.child.pid}/children").read())
    os.kill(child, signal.SIGKILL)
    gateway.wait(r"update\.trial .*start=2")
    gateway.wait(r"bad: ")
    gateway.end()  # this one does not listen: it is given some time, and then ended
    gateway.exit()  # nobody holds its output any more
    gateway = gateway_of(folder, server, bad="end")
    gateway.wait(r"update\.trial .*start=3")
    gateway.wait(r"update\.left .*why=starts")
    gateway.wait(r"uplink\.connected")
    assert gateway.end() == 0


def trial_that_is_stopped_ends_with_its_watcher(folder):
    server = claimed(folder)
    apply(folder, packed(folder))
    server.end()  # away: not confirmed so soon
    gateway = gateway_of(folder, server)
    gateway.wait(rf"program\.start .*version={NEW}")
    gateway.wait(r"uplink\.lost")
    assert gateway.end() == 0
    assert any("program.stop" in x for x in gateway.said)
    gateway = gateway_of(folder, server)
    gateway.wait(r"update\.trial .*start=2")
    gateway.wait(r"uplink\.lost")
    child = int(open(f"/proc/{gateway.child.pid}/task/{gateway.child.pid}/children").read())
    handle = os.pidfd_open(child)
    gateway.end(signal.SIGKILL)
    assert select.select([handle], [], [], GUARD_S)[0], "the trial runs on without its watcher"
    os.close(handle)


# ---- what a slot may have become ---------------------------------------------------------------------
def damaged_program_is_not_run(folder):
    server = claimed(folder)
    is_confirmed(folder, server)
    path = f"{folder}/gateway/program/a"
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))
    gateway = gateway_of(folder, server)
    gateway.wait(rf"update\.left .*version={NEW} why=broken next=installed")
    gateway.wait(r"program\.start .*version=(?!9)")
    assert gateway.end() == 0


def damaged_record_starts_what_is_installed(folder):
    server = claimed(folder)
    is_confirmed(folder, server)
    path = f"{folder}/gateway/program/state"
    whole = open(path, "rb").read()
    for bad in (b"", whole[:-1], whole + b"x", whole[:20] + bytes([whole[20] ^ 1]) + whole[21:]):
        open(path, "wb").write(bad)
        gateway = gateway_of(folder, server)
        gateway.wait(r"update\.state .*error=UPDATE_STATE")
        gateway.wait(r"program\.start .*version=(?!9)")
        assert gateway.end() == 0
    apply(folder, f"{folder}/next.update")  # and a new one may come
    gateway = gateway_of(folder, server)
    gateway.wait(r"update\.confirmed")
    assert gateway.end() == 0


def installed_package_wins_over_slots(folder):
    server = claimed(folder)
    is_confirmed(folder, server)
    gateway = gateway_of(folder, server, program=NEXT)  # the package's program is another one now
    gateway.wait(r"update\.left .*why=package next=installed")
    gateway.wait(r"uplink\.connected")
    assert os.path.samefile(f"/proc/{gateway.child.pid}/exe", NEXT)
    assert gateway.end() == 0


# ---- refusals -----------------------------------------------------------------------------------------
def other_machine(folder):
    """An ELF head of 32-bit ARM, and what the program says of itself."""
    path = f"{folder}/arm"
    with open(path, "wb") as f:
        f.write(b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HH", 2, 40) + bytes(32))
        f.write(b"YUFU-PROGRAM yufu-gateway 9.1.0 store 1\0")
    return path


def wrong_files_are_refused_and_change_nothing(folder):
    os.mkdir(f"{folder}/gateway")
    whole = open(packed(folder), "rb").read()
    stranger = keys(folder, "stranger")
    cases = [("SIGN_KEY", open(packed(folder, name="s.update", key=stranger), "rb").read()),
             ("UPDATE_MACHINE", open(packed(folder, other_machine(folder), "m.update"), "rb").read()),
             ("UPDATE_FROM", open(packed(folder, name="f.update", minimum="8.0.0"), "rb").read()),
             ("UPDATE_OLD", open(packed(folder, GATEWAY, "o.update"), "rb").read()),
             ("UPDATE_STORE", open(packed(folder, OTHER_STORE, "t.update"), "rb").read()),
             ("TRUNCATED", b""), ("TRUNCATED", whole[:7]), ("TRUNCATED", whole[:HEADER - 1]),
             ("TRUNCATED", whole[:HEADER]), ("TRUNCATED", whole[:-1]), ("UPDATE_DATA", whole + b"x"),
             ("UPDATE_FILE", b"X" + whole[1:]), ("UPDATE_DATA", whole[:-1] + bytes([whole[-1] ^ 1]))]
    for at in range(10, HEADER, 3):  # whatever is altered: the signature, or a field out of range
        cases.append(("SIGN_WRONG|SIGN_KEY|UPDATE_FILE", whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:]))
    before = tree(f"{folder}/gateway")
    for word, content in cases:
        open(f"{folder}/case", "wb").write(content)
        said = apply(folder, f"{folder}/case", status=1)
        assert re.search(rf": ({word}): ", said), (word, said)
        assert tree(f"{folder}/gateway") == before == {}, word
    assert ": NOT_FOUND: " in apply(folder, f"{folder}/none", status=1)
    assert ": SIGN_KEY: " in tool("apply", f"{folder}/next.update", "--data", f"{folder}/gateway", "--keys",
                                  f"{folder}/release.pem", status=1)  # not the public half
    assert tree(f"{folder}/gateway") == {}


def older_one_needs_words(folder):
    server = claimed(folder)
    is_confirmed(folder, server)
    older = packed(folder, GATEWAY, "older.update")
    assert "UPDATE_OLD" in apply(folder, older, status=1)
    assert "RANGE" in apply(folder, older, "--downgrade", "", status=2)
    assert "RANGE" in apply(folder, older, "--downgrade", "x" * 64, status=2)
    apply(folder, older, "--downgrade", "9.1.0 loses readings")
    assert "words: 9.1.0 loses readings" in tool("show", "--data", f"{folder}/gateway")
    gateway = gateway_of(folder, server)
    gateway.wait(r"update\.trial .*slot=b")
    gateway.wait(r"program\.start .*version=(?!9)")
    gateway.wait(r"update\.confirmed")
    assert os.path.samefile(f"{folder}/gateway/program/b",
                            f"/proc/{open(f'/proc/{gateway.child.pid}/task/{gateway.child.pid}/children').read().strip()}/exe")
    assert gateway.end() == 0


def wrong_commands_are_named(folder):
    for argv in ((), ("what",), ("apply",), ("apply", "x"), ("check",), ("back",), ("show",), ("pack",), ("key",),
                 ("apply", "x", "--data", folder, "--trial", "9"), ("apply", "x", "--data", folder, "--trial", "no"),
                 ("pack", "--program", "x", "--key", "y", "--output", "z", "--minimum", "1.0")):
        tool(*argv, status=2)
    release = keys(folder)
    assert "EXISTS" in tool("key", "--secret", release + ".pem", "--public", release + ".pub", status=1)
    assert "UPDATE_PROGRAM" in tool("pack", "--program", "/bin/true", "--key", release + ".pem", "--output",
                                    f"{folder}/x", status=1)
    assert "SIGN_KEY" in tool("pack", "--program", NEXT, "--key", release + ".pub", "--output", f"{folder}/x",
                              status=1)
    assert not os.path.exists(f"{folder}/x")
    assert "请指定" in subprocess.run([GATEWAY, "update", "--lang", "zh"], stderr=subprocess.PIPE, text=True).stderr


# ---- disks -----------------------------------------------------------------------------------------------
def full_disk_leaves_what_was(folder):
    """A file system without room, told before; and files that cannot grow, met while writing."""
    server = claimed(folder)
    file = packed(folder)
    small = os.path.getsize(NEXT) // 2
    said = apply(folder, file, status=1,
                 preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                     resource.setrlimit(resource.RLIMIT_FSIZE, (small, small))))
    assert "UPDATE_SPACE" in said, said
    assert sorted(os.listdir(f"{folder}/gateway/program")) == ["state"]
    gateway = gateway_of(folder, server)
    gateway.wait(r"program\.start .*version=(?!9)")
    assert gateway.end() == 0
    os.mkdir(f"{folder}/small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", f"{folder}/small"],
                      stderr=subprocess.DEVNULL).returncode == 0:
        try:
            assert "UPDATE_SPACE" in tool("apply", file, "--data", f"{folder}/small", "--keys",
                                          f"{folder}/release.pub", status=1)
            assert tree(f"{folder}/small") == {}
            subprocess.run(["mount", "-o", "remount,size=64m,noexec", f"{folder}/small"], check=True)
            assert "UPDATE_RUN" in tool("apply", file, "--data", f"{folder}/small", "--keys",
                                        f"{folder}/release.pub", status=1)
            assert set(tree(f"{folder}/small")) == {f"{folder}/small/program/state"}
        finally:
            subprocess.run(["umount", f"{folder}/small"], check=True)
    apply(folder, file)  # with room it goes on


# ---- another implementation -----------------------------------------------------------------------------
def openssl_agrees(folder):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", f"{folder}/release.pem"], check=True)
    subprocess.run(["openssl", "pkey", "-in", f"{folder}/release.pem", "-pubout", "-out", f"{folder}/release.pub"],
                   check=True)
    file = packed(folder)
    whole = open(file, "rb").read()
    open(f"{folder}/text", "wb").write(whole[:SIGNED])
    open(f"{folder}/signature", "wb").write(whole[SIGNED:HEADER])
    said = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{folder}/release.pub", "-rawin",
                           "-in", f"{folder}/text", "-sigfile", f"{folder}/signature"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    assert "Verified Successfully" in said, said
    assert whole[HEADER:] == open(NEXT, "rb").read()
    # Among several keys the one that made it is found.
    other = keys(folder, "other")
    shutil.copy(f"{folder}/release.pub", f"{folder}/one")
    open(f"{folder}/release.pub", "w").write(open(other + ".pub").read() + open(f"{folder}/one").read())
    assert f"yufu-gateway {NEW} for " in tool("check", file, "--keys", f"{folder}/release.pub")
    # Where there are no keys, they are named, and not the file.
    assert f"{folder}/none.pub: NOT_FOUND: " in tool("check", file, "--keys", f"{folder}/none.pub", status=1)


run([good_one_is_tried_confirmed_and_taken_back, running_gateway_follows, one_that_ends_is_left_after_three_starts,
     former_slot_comes_back_and_the_next_goes_elsewhere, one_that_hangs_is_left_when_its_time_is_over,
     one_that_the_platform_refuses_is_left, while_the_platform_is_away_lines_decide,
     watcher_that_is_killed_takes_the_trial_along, trial_that_is_stopped_ends_with_its_watcher,
     damaged_program_is_not_run, damaged_record_starts_what_is_installed, installed_package_wins_over_slots,
     wrong_files_are_refused_and_change_nothing, older_one_needs_words, wrong_commands_are_named,
     full_disk_leaves_what_was, openssl_agrees])
