#!/usr/bin/env python3
"""yufu-gateway against a platform's end of the uplink, over real TLS: claim, restart, kill -9, and
every attack on the wire: uplink_gateway.py YUFU_GATEWAY UPLINK_SERVER"""
import shutil
import signal
import socket
import ssl
import sys

import uplink_proxy
from processes import Process, run

GATEWAY, SERVER = sys.argv[1:3]


def start_server(folder, *line):
    server = Process("server", SERVER, f"{folder}/server", *line)
    server.port = int(server.wait(r"listening port=(\d+)").group(1))
    return server


def start_gateway(folder, port, data="gateway", ca="server/ca.pem", claim="CODE-1", serial="GW-1"):
    extra = ["--claim", claim] if claim else []
    return Process(data, GATEWAY, "--data", f"{folder}/{data}", "--platform", f"127.0.0.1:{port}",
                   "--ca", f"{folder}/{ca}", "--serial", serial, *extra)


def claimed(folder, *line):
    """A server and a gateway that has its identity and a session."""
    server = start_server(folder, *line)
    gateway = start_gateway(folder, server.port)
    gateway.wait(r"gateway\.claimed .*gateway=1")
    gateway.wait(r"uplink\.connected .*epoch=1\b")
    server.wait(r"hello session=\d+")
    return server, gateway


# ---- identity ---------------------------------------------------------------------------------------
def wrong_code_is_refused_and_the_right_one_counts_once(folder):
    server = start_server(folder)
    stranger = start_gateway(folder, server.port, data="stranger", claim="CODE-2")
    stranger.wait(r"gateway\.claiming serial=GW-1|gateway\.claiming .*serial=GW-1")
    server.wait(r"claim-refused serial=GW-1")
    stranger.wait(r"gateway\.claim_refused .*error=NOT_FOUND")
    assert stranger.end() == 0
    stranger.never_said(r"CODE-2|uplink\.connected")  # codes stay out of the log

    gateway = start_gateway(folder, server.port)
    server.wait(r"accepted session=\d+ certificate=none")
    gateway.wait(r"gateway\.claimed .*gateway=1")
    server.wait(r"accepted session=\d+ certificate=shown")
    gateway.wait(r"uplink\.connected .*gateway=1 epoch=1\b")
    assert gateway.end() == 0
    gateway.never_said("CODE-1")

    late = start_gateway(folder, server.port, data="late")
    late.wait(r"gateway\.claim_refused")
    assert late.end() == 0

    again = start_gateway(folder, server.port, claim=None)  # its identity is on its disk
    again.wait(r"uplink\.connected .*gateway=1 epoch=2\b")
    assert again.end() == 0
    again.never_said(r"gateway\.claiming")


def a_data_folder_belongs_to_one_serial(folder):
    server, gateway = claimed(folder)
    assert gateway.end() == 0
    other = start_gateway(folder, server.port, serial="GW-2", claim=None)
    other.wait(r"program\.refused .*error=STATE")
    assert other.exit() == 1


def wrong_options_are_named(folder):
    for argv in (["--data", folder], ["--nonsense"],
                 ["--data", folder, "--platform", "nowhere", "--ca", "x", "--serial", "s"],
                 ["--data", folder, "--platform", "h:1", "--ca", "x", "--serial", "s" * 64],
                 ["--data", folder, "--platform", "h:1", "--ca", "x", "--serial", "s", "--clock",
                  "1,2"]):
        assert Process("gateway", GATEWAY, *argv).exit() == 2, argv
    missing = Process("gateway", GATEWAY, "--data", f"{folder}/d", "--platform", "h:1", "--ca",
                      f"{folder}/none.pem", "--serial", "s")
    missing.wait(r"program\.refused .*error=NOT_FOUND")
    assert missing.exit() == 1


# ---- end and begin again --------------------------------------------------------------------------------
def sigterm_ends_in_order_and_kill_is_survived(folder):
    server, gateway = claimed(folder)
    epoch = 1
    for _ in range(5):
        assert gateway.end(signal.SIGKILL) == -signal.SIGKILL
        server.wait(r"closed session=\d+")
        gateway = start_gateway(folder, server.port, claim=None)
        now = int(gateway.wait(r"uplink\.connected .*epoch=(\d+)").group(1))
        assert now > epoch
        epoch = now
    assert gateway.end() == 0
    assert any("program.stop" in line for line in gateway.said)


def lost_connection_comes_back_with_a_higher_epoch(folder):
    server, gateway = claimed(folder)
    server.tell("drop")
    gateway.wait(r"uplink\.lost .*error=IO_CLOSED")
    gateway.wait(r"uplink\.connected .*epoch=2\b")
    server.wait(r"opened session=\d+ epoch=2")


def platform_that_is_away_is_waited_for(folder):
    server, gateway = claimed(folder)
    port = server.port
    server.end(signal.SIGKILL)
    gateway.wait(r"uplink\.lost")
    gateway.wait(r"uplink\.lost .*error=IO_REFUSED")
    back = socket.create_server(("127.0.0.1", port), reuse_port=False)
    connection, _ = back.accept()  # it keeps trying
    connection.close()
    gateway.wait(r"tls\.refused|uplink\.(lost|refused)")
    assert gateway.end() == 0


def restored_copy_catches_up_with_the_epoch(folder):
    server, gateway = claimed(folder)
    gateway.end()
    shutil.copytree(f"{folder}/gateway", f"{folder}/backup")
    for epoch in (2, 3, 4):
        gateway = start_gateway(folder, server.port, claim=None)
        gateway.wait(rf"uplink\.connected .*epoch={epoch}\b")
        gateway.end()
    restored = start_gateway(folder, server.port, data="backup", claim=None)
    restored.wait(r"uplink\.refused .*error=UPLINK_EPOCH")
    restored.wait(r"uplink\.connected .*epoch=5\b")


def newer_session_fences_the_older(folder):
    server, gateway = claimed(folder)
    gateway.end()
    shutil.copytree(f"{folder}/gateway", f"{folder}/clone")
    gateway = start_gateway(folder, server.port, claim=None)
    gateway.wait(r"uplink\.connected .*epoch=2\b")
    server.wait(r"opened session=(\d+) epoch=2")
    # The clone begins with the used epoch 2, is refused, and goes above it.
    clone = start_gateway(folder, server.port, data="clone", claim=None)
    clone.wait(r"uplink\.refused .*error=UPLINK_EPOCH")
    clone.wait(r"uplink\.connected .*epoch=3\b")
    server.wait(r"refused session=\d+ error=UPLINK_EPOCH")
    gateway.wait(r"uplink\.refused .*error=UPLINK_EPOCH")
    clone.end(signal.SIGKILL)
    gateway.wait(r"uplink\.connected .*epoch=4\b")


# ---- commands -------------------------------------------------------------------------------------------------
def configuration_and_commands_are_kept_over_a_kill(folder):
    bus = socket.create_server(("127.0.0.1", 0))
    server, gateway = claimed(folder, f"line=1,tcp:127.0.0.1:{bus.getsockname()[1]},2400")
    gateway.wait(r"gateway\.config .*version=1 lines=1")
    server.wait(r"applied session=\d+ version=1")
    gateway.wait(r"line\.up .*line=1")
    server.tell("relay 41 999 0 1 0")
    gateway.wait(r"gateway\.command .*command=41")
    server.wait(r"outcome command=41 status=7")  # no such meter
    gateway.wait(r"gateway\.outcome .*command=41 kind=2 status=7")
    gateway.end(signal.SIGKILL)
    gateway = start_gateway(folder, server.port, claim=None)
    gateway.wait(r"gateway\.config .*version=1 lines=1")  # from its disk, before the platform spoke
    gateway.wait(r"line\.up .*line=1")
    server.wait(r"hello session=\d+ config=1")
    server.tell("relay 41 999 0 1 0")  # a repeat is answered from the table
    server.wait(r"outcome command=41 status=7")
    server.tell("fence 42")
    server.wait(r"outcome command=42 status=6")
    gateway.end(signal.SIGKILL)
    gateway = start_gateway(folder, server.port, claim=None)
    server.wait(r"hello session=\d+ config=1")
    server.tell("relay 42 999 0 2 0")  # the tombstone stands: it was there before the command
    server.wait(r"outcome command=42 status=6")
    server.tell("relay 43 999 0 3 0")
    server.wait(r"outcome command=43 status=7")
    server.never_said(r"command=42 status=[^6]")
    bus.close()


# ---- attacks ---------------------------------------------------------------------------------------------------
def platform_of_another_ca_is_refused(folder):
    server = start_server(folder)
    stranger = Process("stranger", SERVER, f"{folder}/stranger")
    stranger.wait("listening")
    gateway = start_gateway(folder, server.port, ca="stranger/ca.pem")
    gateway.wait(r"tls\.refused .*reason=.*certificate")
    gateway.wait(r"uplink\.refused .*error=TLS")
    assert gateway.end() == 0
    gateway.never_said(r"claiming|claimed|connected")
    server.end()
    server.never_said("claim|accepted")


def old_tls_is_refused(folder):
    server = start_server(folder)
    context = ssl.create_default_context(cafile=f"{folder}/server/ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        uplink_proxy.connect(context, server.port)
    except ssl.SSLError:
        pass
    else:
        raise AssertionError("TLS 1.2 was accepted")
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    with uplink_proxy.connect(context, server.port) as s:
        assert s.version() == "TLSv1.3"


def attack(folder, trick, at_server, at_gateway):
    """Plays a trick on one connection; the next one must work again."""
    server, gateway = claimed(folder)
    gateway.end()
    server.wait(r"closed session=\d+")
    played = []

    def once(direction, number, frame):
        if played:
            return [frame]
        out = trick(direction, number, frame)
        if out == [frame]:
            return out
        played.append(direction)
        return out

    proxy = uplink_proxy.Proxy(f"{folder}/server", server.port, once)
    gateway = start_gateway(folder, proxy.port, claim=None)
    if at_server:
        server.wait(at_server)
    gateway.wait(at_gateway)
    gateway.wait(r"uplink\.connected .*epoch=3\b")
    server.wait(r"hello session=\d+")
    assert gateway.end() == 0
    assert played
    return proxy


def altered(direction, number, place, at_server, at_gateway):
    """One bit of one frame. 1 HELLO1, 2 proof, 3 HELLO from the gateway; 1 HELLO2, 2 proof,
    3 WELCOME from the platform."""
    def bend(way, n, frame):
        if (way, n) != (direction, number):
            return [frame]
        bent = bytearray(frame)
        bent[place] ^= 1
        return [bytes(bent)]

    def test(folder):
        attack(folder, bend, at_server and rf"refused session=\d+ error={at_server}",
               rf"uplink\.refused .*error={at_gateway}")
    test.__name__ = f"altered_frame_{number}_{direction}_byte_{place}_is_refused"
    return test


def repeated_frame_is_refused(folder):
    attack(folder, lambda way, n, frame: [frame, frame] if (way, n) == ("up", 3) else [frame],
           "refused .*error=UPLINK_SEQUENCE", r"uplink\.refused .*error=UPLINK_SEQUENCE")


def reflected_frame_is_refused(folder):
    held = []

    def reflect(way, n, frame):
        if way == "up" and n == 3:
            held.append(frame)
        return [held[0]] if (way, n) == ("down", 3) else [frame]

    attack(folder, reflect, None, r"uplink\.refused .*error=UPLINK_SEAL")


def cut_connection_is_opened_again(folder):
    # WELCOME goes down only after HELLO went up: the cut comes in the middle of a whole session.
    attack(folder, lambda way, n, frame: None if (way, n) == ("down", 3) else [frame], None,
           r"uplink\.lost .*error=IO_CLOSED")


def truncated_frames_wait_and_change_nothing(folder):
    server, gateway = claimed(folder)
    gateway.end()
    proxy = uplink_proxy.Proxy(f"{folder}/server", server.port)
    gateway = start_gateway(folder, proxy.port, claim=None)
    gateway.wait(r"uplink\.connected .*epoch=2\b")
    server.wait(r"hello session=\d+")
    context = ssl.create_default_context(cafile=f"{folder}/server/ca.pem")
    first = proxy.recorded["up"][0]
    for length in range(0, len(first), 6):
        with uplink_proxy.connect(context, server.port) as s:
            number = server.wait(r"accepted session=(\d+)").group(1)
            s.sendall(first[:length])
        server.wait(rf"closed session={number} ")
    # A cut frame followed by a whole one is one frame with a wrong middle.
    with uplink_proxy.connect(context, server.port) as s:
        number = server.wait(r"accepted session=(\d+)").group(1)
        s.sendall(first[:-3] + b"".join(proxy.recorded["up"][1:]))
        server.wait(rf"refused session={number} error=UPLINK_(EPOCH|FRAME)")
    gateway.end()
    gateway.never_said(r"uplink\.lost")


def recorded_connection_cannot_be_played_again(folder):
    server, gateway = claimed(folder)
    gateway.end()
    proxy = uplink_proxy.Proxy(f"{folder}/server", server.port)
    gateway = start_gateway(folder, proxy.port, claim=None)
    gateway.wait(r"uplink\.connected .*epoch=2\b")
    server.wait(r"hello session=\d+")
    gateway.end()
    server.wait(r"closed session=\d+")
    context = ssl.create_default_context(cafile=f"{folder}/server/ca.pem")
    with uplink_proxy.connect(context, server.port) as s:
        s.sendall(b"".join(proxy.recorded["up"]))
        server.wait(r"refused session=\d+ error=UPLINK_EPOCH")  # used already
    # With the epoch raised by hand, which the attacker can write, the keys are others.
    first = bytearray(proxy.recorded["up"][0])
    first[22] = 9
    with uplink_proxy.connect(context, server.port) as s:
        s.sendall(bytes(first) + b"".join(proxy.recorded["up"][1:]))
        server.wait(r"refused session=\d+ error=UPLINK_SEAL")
    # And the epoch that was only claimed has not locked the gateway out.
    gateway = start_gateway(folder, server.port, claim=None)
    gateway.wait(r"uplink\.connected .*epoch=3\b")


def nonsense_is_refused_by_name(folder):
    server, gateway = claimed(folder)
    context = ssl.create_default_context(cafile=f"{folder}/server/ca.pem")
    unknown = bytes.fromhex("00000033" "01" "0101") + (77).to_bytes(8, "big") + (1).to_bytes(
        8, "big") + bytes(32)
    version = bytes.fromhex("00000033" "01" "0201") + bytes(48)
    for data, name in ((b"GET / HTTP/1.1\r\n\r\n", "UPLINK_FRAME"),
                       (bytes.fromhex("FFFFFFFF01"), "UPLINK_FRAME"),
                       (bytes.fromhex("0000000003"), "UPLINK_FRAME"),
                       (unknown, "NOT_FOUND"), (version, "UPLINK_VERSION")):
        with uplink_proxy.connect(context, server.port) as s:
            s.sendall(data)
            server.wait(rf"refused session=\d+ error={name}\b")
            answer = uplink_proxy.read_frame(s)
            assert answer[4] == 5 and answer[5:].decode() == name, answer
    assert gateway.child.poll() is None
    gateway.end()
    gateway.never_said(r"uplink\.lost")  # its session did not notice


run([wrong_code_is_refused_and_the_right_one_counts_once, a_data_folder_belongs_to_one_serial,
     wrong_options_are_named, sigterm_ends_in_order_and_kill_is_survived,
     lost_connection_comes_back_with_a_higher_epoch, platform_that_is_away_is_waited_for,
     restored_copy_catches_up_with_the_epoch, newer_session_fences_the_older,
     configuration_and_commands_are_kept_over_a_kill, platform_of_another_ca_is_refused,
     old_tls_is_refused,
     altered("up", 1, 30, "UPLINK_SEAL", "UPLINK_SEAL"),
     altered("up", 2, -1, "UPLINK_SEAL", "UPLINK_SEAL"),
     altered("up", 3, 20, "UPLINK_SEAL", "UPLINK_SEAL"),
     altered("up", 3, 12, "UPLINK_SEQUENCE", "UPLINK_SEQUENCE"),
     altered("down", 1, 20, None, "UPLINK_SEAL"), altered("down", 3, 20, None, "UPLINK_SEAL"),
     repeated_frame_is_refused, reflected_frame_is_refused, cut_connection_is_opened_again,
     truncated_frames_wait_and_change_nothing, recorded_connection_cannot_be_played_again,
     nonsense_is_refused_by_name])
