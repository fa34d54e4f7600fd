"""A person at the console, without the console: logs in, asks, posts, listens. Every answer is held
against docs/openapi.yaml."""
import http.client
import json
import os
import queue
import re
import sys
import threading
import time

from processes import GUARD_S

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../structure"))
from contract import check_answer  # noqa: E402


class Reply:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        self.json = json.loads(text) if text and "json" in headers.get("Content-Type", "") else None

    def __getitem__(self, name):
        return self.json[name]


class Browser:
    """A logged-in person: cookie, CSRF token, event stream."""

    def __init__(self, port):
        self.port, self.cookie, self.csrf = port, None, None

    def headers(self, method, key):
        h = {"Origin": f"http://127.0.0.1:{self.port}"}
        if self.cookie:
            h["Cookie"] = "yufu_sid=" + self.cookie
        if self.csrf and method != "GET":
            h["X-CSRF-Token"] = self.csrf
        if key:
            h["Idempotency-Key"] = key
        return h

    def ask(self, method, path, body=None, key=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_S)
        headers = self.headers(method, key)
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
            body = body if isinstance(body, bytes) else body.encode()
        connection.request(method, "/api/v1" + path, body or None, headers)
        answer = connection.getresponse()
        endless = answer.getheader("Content-Type", "").startswith("text/event-stream")
        r = Reply(answer.status, dict(answer.getheaders()), "" if endless else answer.read().decode())
        connection.close()
        if "Set-Cookie" in r.headers:
            self.cookie = re.match("yufu_sid=([^;]*)", r.headers["Set-Cookie"]).group(1)
        faults = list(check_answer(method, "/api/v1" + path, str(r.status),
                                   r.headers.get("Content-Type", "").split(";")[0], r.text))
        assert not faults, faults
        return r

    def get(self, path, status=200):
        r = self.ask("GET", path)
        assert r.status == status, (path, r.status, r.text)
        return r

    def post(self, path, body, key=None, status=200, **more):
        r = self.ask("POST", path, body, key, **more)
        assert r.status == status, (path, r.status, r.text)
        return r

    def log_in(self, password):
        r = self.post("/login", {"login": "admin", "password": password})
        self.csrf = r["csrf"]
        return r

    def listen(self, project, after):
        return Stream(self, f"/api/v1/stream?project={project}&after={after}")


class Stream:
    """Server-sent events, to be waited for in order."""

    def __init__(self, browser, path):
        self.events = queue.Queue()
        self.connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=GUARD_S)
        self.connection.request("GET", path, headers=browser.headers("GET", None))
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        name = None
        try:
            for line in self.answer:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    self.events.put((name, json.loads(line[6:])))
        except OSError:
            pass
        self.events.put((None, None))

    def wait(self, name, fits):
        end = time.monotonic() + GUARD_S
        seen = []
        while True:
            try:
                event, data = self.events.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {name} came, but {seen[-10:]}") from None
            assert event, f"the stream ended before {name} came"
            seen.append((event, str(data)[:200]))
            if event == name and fits(data):
                return data

    def row(self, account, fits):
        def any_row(data):
            return any(r["id"] == account and fits(r) for r in data["rows"])
        return next(r for r in self.wait("wall", any_row)["rows"] if r["id"] == account)
