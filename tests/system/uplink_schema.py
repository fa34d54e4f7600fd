#!/usr/bin/env python3
"""Holds the encoder's messages against docs/formats/uplink.cddl: uplink_schema.py CDDL SAMPLES

Own reader of CBOR and of the part of CDDL that the file uses, written from the two RFCs and not
from the C code. To show that the schema is not a rubber stamp, every value of every map is also
replaced by one of a wrong type, and each must be refused.
"""
import re
import subprocess
import sys


# ---- CBOR ---------------------------------------------------------------------------------------
def head(data, at):
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if low < 24:
        return major, low, low, at
    size = {24: 1, 25: 2, 26: 4, 27: 8}[low]
    return major, low, int.from_bytes(data[at:at + size], "big"), at + size


def item(data, at):
    major, low, n, at = head(data, at)
    if major == 0:
        return n, at
    if major == 1:
        return -1 - n, at
    if major == 2:
        return data[at:at + n], at + n
    if major == 3:
        return data[at:at + n].decode(), at + n
    if major == 4:
        out = []
        for _ in range(n):
            v, at = item(data, at)
            out.append(v)
        return out, at
    if major == 5:
        out = {}
        for _ in range(n):
            k, at = item(data, at)
            assert k not in out and (not out or k > max(out)), "keys must rise"
            out[k], at = item(data, at)
        return out, at
    assert major == 7 and low in (20, 21), "unexpected simple value"
    return low == 21, at


def decode(data):
    value, end = item(data, 0)
    assert end == len(data), "bytes behind the message"
    return value


# ---- CDDL: names, choices, maps, arrays, ranges, .size -----------------------------------------------
TOKEN = re.compile(r"\s*(=>|\.\.|\.size|[={}\[\](),:?*/]|\d+|[a-z][a-z0-9-]*)")


class Schema:
    def __init__(self, text):
        text = re.sub(r";.*", "", text)
        self.tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            m = TOKEN.match(text, at)
            assert m, f"cannot read the schema at {text[at:at + 40]!r}"
            self.tokens.append(m.group(1))
            at = m.end()
        self.at, self.rules, self.seen = 0, {}, set()
        while self.at < len(self.tokens):
            name = self.take()
            self.take("=")
            self.rules[name] = self.choice()

    def peek(self, ahead=0):
        i = self.at + ahead
        return self.tokens[i] if i < len(self.tokens) else ""

    def take(self, want=None):
        token = self.peek()
        assert want is None or token == want, f"schema: {token!r} where {want!r} was expected"
        self.at += 1
        return token

    def choice(self):
        options = [self.type()]
        while self.peek() == "/":
            self.take()
            options.append(self.type())
        return ("choice", options) if len(options) > 1 else options[0]

    def type(self):
        token = self.take()
        if token == "{":
            return self.map()
        if token == "[":
            low = int(self.take()) if self.peek().isdigit() else 0
            self.take("*")
            high = int(self.take()) if self.peek().isdigit() else 10**9
            of = self.choice()
            self.take("]")
            return ("array", low, high, of)
        if token.isdigit():
            if self.peek() == "..":
                self.take()
                return ("range", int(token), int(self.take()))
            return ("range", int(token), int(token))
        if self.peek() == ".size":
            self.take()
            self.take("(")
            low = int(self.take())
            self.take("..")
            high = int(self.take())
            self.take(")")
            return ("size", token, low, high)
        return ("name", token)

    def map(self):
        fields, more = {}, False
        while self.peek() != "}":
            if self.peek() == "*":
                for want in ("*", "int", "=>", "any"):
                    self.take(want)
                more = True
            else:
                optional = self.peek() == "?"
                if optional:
                    self.take()
                key = int(self.take())
                self.take(":")
                fields[key] = (optional, self.choice())
            if self.peek() == ",":
                self.take()
        self.take("}")
        return ("map", fields, more)

    def fits(self, v, t, name=""):
        kind = t[0]
        number = isinstance(v, int) and not isinstance(v, bool)
        if kind == "choice":
            return any(self.fits(v, option) for option in t[1])
        if kind == "range":
            return number and t[1] <= v <= t[2]
        if kind == "size":
            size = len(v.encode()) if isinstance(v, str) else len(v) if isinstance(v, bytes) else -1
            return self.fits(v, ("name", t[1])) and t[2] <= size <= t[3]
        if kind == "array":
            return isinstance(v, list) and t[1] <= len(v) <= t[2] and all(
                self.fits(x, t[3]) for x in v)
        if kind == "map":
            return self.map_fits(v, t, name)
        return {"int": number and -2**63 <= v < 2**63 if number else False,
                "bool": isinstance(v, bool), "tstr": isinstance(v, str),
                "bstr": isinstance(v, bytes)}[t[1]] if t[1] not in self.rules \
            else self.fits(v, self.rules[t[1]], t[1])

    def map_fits(self, v, t, name):
        if not isinstance(v, dict):
            return False
        for key, (optional, of) in t[1].items():
            if key not in v and not optional:
                return False
            if key in v and not self.fits(v[key], of):
                return False
        self.seen |= {(name, key) for key in v}
        return t[2] or set(v) <= set(t[1])


def wrong_types(v):
    """The same value with one part replaced by something of another type."""
    if isinstance(v, dict):
        for key, inner in v.items():
            for bad in wrong_types(inner):
                yield {**v, key: bad}
    elif isinstance(v, list):
        for bad in wrong_types(v[0]):
            yield [bad] + v[1:]
    yield "a text" if not isinstance(v, str) else 7


def main():
    schema = Schema(open(sys.argv[1], encoding="utf-8").read())
    top = ("name", "message")
    lines = subprocess.run([sys.argv[2], "2800"], check=True, capture_output=True,
                           text=True).stdout.split()
    bent = 0
    for line in lines:
        value = decode(bytes.fromhex(line))
        assert schema.fits(value, top), f"does not follow the schema: {value}"
        assert not schema.fits({**value, 0: 99}, top)
    for line in lines[14:14 + 14 * 20]:
        value = decode(bytes.fromhex(line))
        for bad in wrong_types(value):
            bent += 1
            assert not schema.fits(bad, top), f"a wrong type passed: {bad}"
    # every field of the schema was there at least once, so none is dead text or misspelt
    for name, rule in schema.rules.items():
        if rule[0] == "map":
            for key in rule[1]:
                assert (name, key) in schema.seen, f"{name} key {key} never occurred"
            extra = {key for n, key in schema.seen if n == name} - set(rule[1])
            assert not extra, f"{name}: keys {extra} are not in the schema"
    print(f"{len(lines)} messages follow the schema, {bent} bent ones do not")
    assert len(lines) == 2800 and bent > 1000


main()
