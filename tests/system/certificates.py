#!/usr/bin/env python3
"""What `yufu serve` shows to gateways and to a front server: certificates.py YUFU"""
import os
import signal
import socket
import ssl
import stat
import sys

from browser import Browser
from processes import Process, run

YUFU = sys.argv[1]


class Platform:
    def __init__(self, data, *options):
        self.process = Process("yufu", YUFU, "serve", "--data", data, "--http", 0, "--uplink", 0, *options)
        ports = self.process.wait(r"program\.start .*http=(\d+) uplink=(\d+)")
        self.http, self.uplink = int(ports.group(1)), int(ports.group(2))
        self.ca = f"{data}/pki/ca.pem"

    def shake(self, name, address="127.0.0.1"):
        """The certificate's text as a gateway that pins the CA accepts it."""
        context = ssl.create_default_context(cafile=self.ca)
        with socket.create_connection((address, self.uplink)) as s:
            with context.wrap_socket(s, server_hostname=name) as tls:
                assert tls.version() == "TLSv1.3"
                return tls.getpeercert(binary_form=True)

    def refuses(self, name):
        try:
            self.shake(name)
        except ssl.SSLCertVerificationError:
            return True
        return False

    def end(self):
        assert self.process.end(signal.SIGTERM) == 0


def test_the_authority_stays_and_the_certificate_is_fresh(folder):
    data = f"{folder}/data"
    p = Platform(data, "--name", "yufu.example,10.0.0.5")
    authority = open(p.ca).read()
    first = p.shake("yufu.example")
    assert p.shake("10.0.0.5") == p.shake("127.0.0.1") == first
    assert p.refuses("other.example")
    p.end()
    p = Platform(data, "--name", "other.example")
    assert open(p.ca).read() == authority
    assert p.shake("other.example") != first and p.refuses("yufu.example")
    p.end()


def test_files_are_private(folder):
    data = f"{folder}/data"
    p = Platform(data)
    for name in os.listdir(data):
        assert stat.S_IMODE(os.stat(f"{data}/{name}").st_mode) & 0o077 == 0, name
    assert stat.S_IMODE(os.stat(f"{data}/pki/ca.key").st_mode) == 0o600
    p.end()


def test_gateways_and_people_at_different_addresses(folder):
    p = Platform(f"{folder}/data", "--uplink-host", "127.0.0.2", "--secure")
    p.shake("127.0.0.2", address="127.0.0.2")
    for address, port in (("127.0.0.1", p.uplink), ("127.0.0.2", p.http)):
        try:
            socket.create_connection((address, port)).close()
            raise AssertionError(f"{address}:{port} answers")
        except ConnectionRefusedError:
            pass
    password = next(x for x in p.process.said if "one-time password" in x).split()[-1]
    r = Browser(p.http).post("/login", {"login": "admin", "password": password})
    assert "; Secure" in r.headers["Set-Cookie"] and "Strict-Transport-Security" in r.headers, r.headers
    p.end()


run([test_the_authority_stays_and_the_certificate_is_fresh, test_files_are_private,
     test_gateways_and_people_at_different_addresses])
