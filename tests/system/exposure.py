#!/usr/bin/env python3
"""What a platform shows to others on its machine and in its network: exposure.py YUFU"""
import http.client
import json
import os
import socket
import ssl
import stat
import sys

from processes import GUARD_S, Process, run

YUFU = sys.argv[1]


def serve(folder, *more):
    """The uplink on another loopback address than the console's."""
    platform = Process("yufu", YUFU, "serve", "--data", f"{folder}/data", "--uplink-host", "127.0.0.2",
                       "--http", "0", "--uplink", "0", *more)
    platform.password = platform.wait(r"one-time password (\S+)").group(1)
    ports = platform.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
    return platform, int(ports.group(1)), int(ports.group(2))


def refused(address):
    with socket.socket() as s:
        return s.connect_ex(address) != 0


def log_in(port, password, origin):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD_S)
    c.request("POST", "/api/v1/login", json.dumps({"login": "admin", "password": password}),
              {"Content-Type": "application/json", "Origin": origin})
    answer = c.getresponse()
    return answer.status, dict(answer.getheaders()), json.loads(answer.read())


def files_are_the_owners(folder):
    os.umask(0o022)
    os.makedirs(f"{folder}/data", mode=0o755)  # as a package or an administrator makes it
    platform, _, _ = serve(folder)
    seen = 0
    for where, _, names in os.walk(f"{folder}/data"):
        for name in names:
            if name.endswith(".pem"):
                continue  # certificates are for everybody
            mode = stat.S_IMODE(os.stat(f"{where}/{name}").st_mode)
            assert mode == 0o600, (name, oct(mode))
            seen += 1
    assert seen >= 4, seen
    assert platform.end() == 0


def console_stays_on_loopback_when_gateways_are_let_in(folder):
    platform, http_port, uplink = serve(folder)
    assert refused(("127.0.0.2", http_port))
    assert refused(("127.0.0.1", uplink))
    assert not refused(("127.0.0.1", http_port))
    assert not refused(("127.0.0.2", uplink))
    assert platform.end() == 0


def behind_a_tls_proxy(folder):
    platform, port, _ = serve(folder, "--secure")
    for wrong in ("https://evil.example", f"http://127.0.0.1:{port + 1}", "null"):
        status, _, problem = log_in(port, platform.password, wrong)
        assert status == 403 and problem["code"] == "AUTH_CSRF", (wrong, status, problem)
    status, headers, _ = log_in(port, platform.password, f"https://127.0.0.1:{port}")
    assert status == 200, status
    assert "Secure" in headers["Set-Cookie"] and "HttpOnly" in headers["Set-Cookie"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert platform.end() == 0


def uplink_speaks_tls_1_3_only(folder):
    platform, _, uplink = serve(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(f"{folder}/data/pki/ca.pem")
    context.check_hostname = False
    with socket.create_connection(("127.0.0.2", uplink), GUARD_S) as s, context.wrap_socket(s) as t:
        assert t.version() == "TLSv1.3", t.version()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.2", uplink), GUARD_S) as s:
        try:
            context.wrap_socket(s)
        except ssl.SSLError:
            pass
        else:
            raise AssertionError("TLS 1.2 was spoken")
    assert platform.end() == 0


run([files_are_the_owners, console_stays_on_loopback_when_gateways_are_let_in, behind_a_tls_proxy,
     uplink_speaks_tls_1_3_only])
