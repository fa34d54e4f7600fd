#!/usr/bin/env python3
"""Gateways through a real MQTT broker: mqtt.py YUFU_MQTT YUFU_GATEWAY UPLINK_SERVER

A password, a shared key, certificates; what the broker's access list refuses; megabytes both ways; two
programs on the platform's side; a broker that is killed; and a real gateway with its sealed session.
"""
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time

from processes import Process, free_port, run

MQTT, GATEWAY, SERVER = sys.argv[1:4]
BROKER = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


LOGGED = ["error", "warning", "notice", "information", "subscribe"]
ACL = """pattern readwrite yufu/%u/#
user platform
topic readwrite yufu/#
"""


class Broker:
    """A mosquitto of our own on loopback; the same port again after it was killed."""

    def __init__(self, folder, *lines, port=None):
        self.port = port or free_port()
        write(f"{folder}/acl", ACL)
        self.config = write(f"{folder}/broker.conf", "\n".join([
            f"listener {self.port} 127.0.0.1", *lines, f"acl_file {folder}/acl", "persistence false",
            "log_dest stderr", *[f"log_type {kind}" for kind in LOGGED], ""]))
        os.chmod(folder, 0o755)
        self.start()

    def start(self):
        user = ["user root"] if os.getuid() == 0 else []
        with open(self.config, encoding="utf-8") as f:
            if user and "user root" not in f.read():
                with open(self.config, "a", encoding="utf-8") as more:
                    more.write("user root\n")
        self.process = Process("broker", BROKER, "-c", self.config)
        self.process.wait(r"running")

    def heard_platform(self):
        """The platform's side has subscribed: it would hear a gateway now."""
        self.process.wait(r" \$share/yufu/yufu/\+/open$")


def with_passwords(folder):
    names = {"platform": "secret-of-the-platform", "GW-1": "secret-1", "GW-2": "secret-2"}
    path = write(f"{folder}/passwords", "")
    for name, password in names.items():
        subprocess.run(["mosquitto_passwd", "-b", path, name, password], check=True, capture_output=True)
        write(f"{folder}/{name}.password", password + "\n")
    return Broker(folder, "allow_anonymous false", f"password_file {path}")


def login(folder, name):
    return ["--user", name, "--password", f"{folder}/{name}.password"]


def gateway_side(broker, name, *security):
    p = Process(f"relay {name}", MQTT, "gateway", "--broker", f"127.0.0.1:{broker.port}", "--name", name,
                *security)
    p.port = int(p.wait(r"program\.start .*port=(\d+)").group(1))
    p.wait(r"mqtt\.up")
    return p


def platform_side(broker, to, *security):
    p = Process("relay platform", MQTT, "platform", "--broker", f"127.0.0.1:{broker.port}", "--to",
                f"127.0.0.1:{to}", *security)
    p.wait(r"mqtt\.up")
    broker.heard_platform()
    return p


class Echo(threading.Thread):
    """Stands where the platform listens: says everything back, behind a first byte of its own."""

    def __init__(self, first):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.first = first
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with s:
            s.sendall(self.first)
            while data := s.recv(65536):
                s.sendall(data)


def ask(port, data, timeout=20):
    """Sends data, reads as much back; the first byte tells who answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        first = s.recv(1)
        if not first:
            raise ConnectionError("closed before it began")
        threading.Thread(target=s.sendall, args=(data,), daemon=True).start()
        got = bytearray()
        while len(got) < len(data):
            part = s.recv(65536)
            if not part:
                raise ConnectionError(f"closed after {len(got)} bytes")
            got += part
        assert bytes(got) == data
        return first


def bytes_arrive_whole_and_in_order(folder):
    broker = with_passwords(folder)
    echo = Echo(b"A")
    platform = platform_side(broker, echo.port, *login(folder, "platform"))
    gateway = gateway_side(broker, "GW-1", *login(folder, "GW-1"))
    assert ask(gateway.port, b"x") == b"A"
    assert ask(gateway.port, secrets.token_bytes(3_000_000), 60) == b"A"
    gateway.wait(r"mqtt\.channel .*state=closed")
    assert gateway.end() == 0
    assert platform.end() == 0


def several_at_once_are_shared_out(folder):
    broker = with_passwords(folder)
    one, two = Echo(b"1"), Echo(b"2")
    a = platform_side(broker, one.port, *login(folder, "platform"))
    b = platform_side(broker, two.port, *login(folder, "platform"))
    first = gateway_side(broker, "GW-1", *login(folder, "GW-1"))
    second = gateway_side(broker, "GW-2", *login(folder, "GW-2"))
    answered, errors = [], []

    def work(port):
        try:
            answered.append(ask(port, secrets.token_bytes(200_000), 60))
        except (OSError, AssertionError) as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(p.port,)) for p in (first, second) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors
    assert sorted(set(answered)) == [b"1", b"2"], answered
    a.end(), b.end()


def another_name_is_refused(folder):
    broker = with_passwords(folder)
    echo = Echo(b"A")
    platform_side(broker, echo.port, *login(folder, "platform"))
    thief = gateway_side(broker, "GW-1", *login(folder, "GW-2"))
    try:
        ask(thief.port, b"x", 25)
        raise AssertionError("a gateway spoke for another one")
    except (ConnectionError, TimeoutError):
        pass
    wrong = write(f"{folder}/wrong", "not-it\n")
    stranger = Process("stranger", MQTT, "gateway", "--broker", f"127.0.0.1:{broker.port}", "--name", "GW-1",
                       "--user", "GW-1", "--password", wrong)
    stranger.wait(r"mqtt\.down .*error=AUTH_FORBIDDEN")
    stranger.never_said(r"mqtt\.up|not-it")


def packet(kind, body):
    length, size = b"", len(body)
    while True:
        length += bytes([size % 128 | (128 if size > 127 else 0)])
        size //= 128
        if size == 0:
            return bytes([kind]) + length + body


def text(value):
    return len(value).to_bytes(2, "big") + value.encode()


def publish(folder, broker, name, topic, payload, retain=False):
    """Somebody else's program with the gateway's password: MQTT 3.1.1 by hand, quality 0."""
    with open(f"{folder}/{name}.password", encoding="utf-8") as f:
        password = f.read().strip()
    with socket.create_connection(("127.0.0.1", broker.port), timeout=20) as s:
        s.sendall(packet(0x10, text("MQTT") + b"\x04\xc2\0\x3c" + text("") + text(name) + text(password)))
        assert s.recv(4) == b"\x20\x02\0\0"
        s.sendall(packet(0x31 if retain else 0x30, text(topic) + payload) + packet(0xC0, b""))
        assert s.recv(2) == b"\xd0\0"


def strangers_at_the_broker_do_no_harm(folder):
    broker = with_passwords(folder)
    echo = Echo(b"A")
    platform = platform_side(broker, echo.port, *login(folder, "platform"))
    gateway = gateway_side(broker, "GW-1", *login(folder, "GW-1"))
    for garbage in (b"", b"hello", b"Z" * 32, b"a" * 100_000):
        publish(folder, broker, "GW-1", "yufu/GW-1/open", garbage)
        platform.wait(r"mqtt\.channel .*gateway=GW-1 state=refused error=SYNTAX")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as s:
        assert s.recv(1) == b"A"
        channel = platform.wait(r"channel=([0-9a-f]{32}) state=open").group(1)
        publish(folder, broker, "GW-1", "yufu/GW-1/open", channel.encode())  # said again
        publish(folder, broker, "GW-1", f"yufu/GW-1/{channel}/up", b"\x02\0\0\0\0old")
        publish(folder, broker, "GW-2", f"yufu/GW-1/{channel}/up", b"\x02\0\0\0\x01stolen")  # not its topic
        s.sendall(b"own")
        assert s.recv(10) == b"own"
        for number in range(8):  # one is open: the eighth is one too many
            publish(folder, broker, "GW-1", "yufu/GW-1/open", f"{number:032x}".encode())
        platform.wait(r"mqtt\.channel .*gateway=GW-1 state=refused error=FULL")
        publish(folder, broker, "GW-1", f"yufu/GW-1/{channel}/up", b"\x02\0\0\0\x09gap")
        assert s.recv(10) == b""
    publish(folder, broker, "GW-2", "yufu/GW-2/open", b"f" * 32, retain=True)
    platform.wait(r"gateway=GW-2 channel=f{32} state=open")
    platform.end()
    platform = platform_side(broker, echo.port, *login(folder, "platform"))
    assert ask(gateway.port, b"x") == b"A"
    platform.never_said(r"gateway=GW-2")  # what the broker kept is nobody's wish


def a_broker_that_is_killed_comes_back(folder):
    broker = with_passwords(folder)
    echo = Echo(b"A")
    platform = platform_side(broker, echo.port, *login(folder, "platform"))
    gateway = gateway_side(broker, "GW-1", *login(folder, "GW-1"))
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as s:
        assert s.recv(1) == b"A"
        broker.process.end(9)
        assert s.recv(1) == b"", "the gateway must hear of it"
    gateway.wait(r"mqtt\.down")
    platform.wait(r"mqtt\.down")
    refused = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
    try:
        assert refused.recv(1) == b""
    except ConnectionResetError:
        pass
    broker.start()
    gateway.wait(r"mqtt\.up")
    platform.wait(r"mqtt\.up")
    broker.heard_platform()
    assert ask(gateway.port, b"again") == b"A"


def a_shared_key(folder):
    keys = {"platform": secrets.token_hex(16), "GW-1": secrets.token_hex(16)}
    path = write(f"{folder}/psk", "".join(f"{n}:{k}\n" for n, k in keys.items()))
    broker = Broker(folder, "psk_hint yufu", f"psk_file {path}", "use_identity_as_username true",
                    "allow_anonymous false")
    for name, key in keys.items():
        write(f"{folder}/{name}.psk", key + "\n")
    echo = Echo(b"A")
    platform_side(broker, echo.port, "--psk", f"{folder}/platform.psk", "--identity", "platform")
    gateway = gateway_side(broker, "GW-1", "--psk", f"{folder}/GW-1.psk", "--identity", "GW-1")
    assert ask(gateway.port, secrets.token_bytes(100_000)) == b"A"


def make_certificates(folder, *names):
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=broker CA", "-keyout", "ca.key", "-out", "ca.pem")
    for name in names:
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        write(f"{folder}/{name}.ext", "subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def certificates(folder):
    make_certificates(folder, "broker", "platform", "GW-1")
    broker = Broker(folder, f"cafile {folder}/ca.pem", f"certfile {folder}/broker.pem",
                    f"keyfile {folder}/broker.key", "require_certificate true",
                    "use_identity_as_username true", "allow_anonymous false")

    def proof(name):
        return ["--ca", f"{folder}/ca.pem", "--certificate", f"{folder}/{name}.pem", "--key",
                f"{folder}/{name}.key"]

    echo = Echo(b"A")
    platform_side(broker, echo.port, *proof("platform"))
    gateway = gateway_side(broker, "GW-1", *proof("GW-1"))
    assert ask(gateway.port, secrets.token_bytes(100_000)) == b"A"
    bare = Process("bare", MQTT, "gateway", "--broker", f"127.0.0.1:{broker.port}", "--name", "GW-1", "--ca",
                   f"{folder}/ca.pem")
    bare.wait(r"mqtt\.down")
    bare.never_said(r"mqtt\.up")


def a_real_gateway_and_its_sealed_session(folder):
    broker = with_passwords(folder)
    server = Process("server", SERVER, f"{folder}/server")
    port = int(server.wait(r"listening port=(\d+)").group(1))
    platform_side(broker, port, *login(folder, "platform"))
    relay = gateway_side(broker, "GW-1", *login(folder, "GW-1"))
    gateway = Process("gateway", GATEWAY, "--data", f"{folder}/gateway", "--platform",
                      f"127.0.0.1:{relay.port}", "--ca", f"{folder}/server/ca.pem", "--serial", "GW-1",
                      "--claim", "CODE-1")
    gateway.wait(r"gateway\.claimed .*gateway=1")
    gateway.wait(r"uplink\.connected .*epoch=1\b")
    server.wait(r"hello session=\d+")
    broker.process.end(9)
    gateway.wait(r"uplink\.lost")
    broker.start()
    relay.wait(r"mqtt\.up")
    gateway.wait(r"uplink\.connected .*epoch=[2-9]")
    assert gateway.end() == 0


def wrong_options_are_named(folder):
    for argv in ([], ["elsewhere"], ["gateway", "platform"], ["gateway", "--nonsense"]):
        assert Process("mqtt", MQTT, *argv).exit() == 2, argv
    for argv in (["gateway"], ["gateway", "--broker", "h"], ["gateway", "--broker", "h:1"],
                 ["gateway", "--broker", "h:1", "--name", "a/b"], ["platform", "--broker", "h:1"],
                 ["gateway", "--broker", "h:1", "--name", "a", "--prefix", "x/#"],
                 ["gateway", "--broker", "h:1", "--name", "a", "--psk", f"{folder}/none"]):
        p = Process("mqtt", MQTT, *argv)
        p.wait(r"program\.refused")
        assert p.exit() == 1, argv
    pem, secret = f"{folder}/none.pem", write(f"{folder}/secret", "0123abcd\n")
    login = ["--user", "u", "--password", secret]
    for host, argv, named in (
            ("127.0.0.1", ["--certificate", pem, "--key", pem], "need --ca"),
            ("127.0.0.1", ["--ca", pem, "--certificate", pem], "--key belong together"),
            ("127.0.0.1", ["--ca", pem, "--key", pem], "--key belong together"),
            ("127.0.0.1", ["--ca", pem, "--psk", secret, "--identity", "u"], "--ca or --psk"),
            ("127.0.0.1", ["--psk", secret], "--identity belong together"),
            ("127.0.0.1", ["--identity", "u"], "--identity belong together"),
            ("127.0.0.1", ["--password", secret], "--password needs --user"),
            ("192.0.2.1", login, "without TLS .* --plain"), ("127.example.test", login, "without TLS"),
            ("192.0.2.1", ["--user", "u"], "without TLS")):
        for side in (["gateway", "--name", "a"], ["platform", "--to", "127.0.0.1:1"]):
            p = Process("mqtt", MQTT, *side, "--broker", f"{host}:1", *argv)
            p.wait(rf"program\.refused .*error=SYNTAX .*{named}")
            assert p.exit() == 1, argv


def a_password_in_the_clear_must_be_asked_for(folder):
    secret = write(f"{folder}/secret", "0123abcd\n")
    for host, *more in (("localhost",), ("127.0.0.2",), ("::1",), ("0.0.0.0", "--plain")):
        p = Process("mqtt", MQTT, "gateway", "--name", "a", "--broker", f"{host}:1", "--user", "u", "--password",
                    secret, *more)
        p.wait(r"program\.start")
        p.wait(r"mqtt\.down")
        assert p.end() == 0, host


def a_silent_broker_holds_nothing_up(folder):
    """A listener whose queue is full answers no more: who connects there waits for minutes."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        callers = []
        for _ in range(4):
            callers.append(socket.socket())
            callers[-1].setblocking(False)
            callers[-1].connect_ex(silent.getsockname())
        gateway = Process("relay", MQTT, "gateway", "--broker", f"127.0.0.1:{silent.getsockname()[1]}", "--name",
                          "GW-1")
        port = int(gateway.wait(r"program\.start .*port=(\d+)").group(1))
        time.sleep(0.5)  # it connects by now
        with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
            try:
                assert s.recv(1) == b"", "closed, to come again"
            except ConnectionResetError:
                pass
        gateway.never_said(r"mqtt\.")
        for s in callers:
            s.close()


if not os.path.exists(BROKER):
    print("no mosquitto here: skipped")
    sys.exit(77)
run([wrong_options_are_named, a_password_in_the_clear_must_be_asked_for, a_silent_broker_holds_nothing_up,
     bytes_arrive_whole_and_in_order, several_at_once_are_shared_out, another_name_is_refused, strangers_at_the_broker_do_no_harm,
     a_broker_that_is_killed_comes_back, a_shared_key, certificates, a_real_gateway_and_its_sealed_session])
