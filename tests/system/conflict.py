#!/usr/bin/env python3
"""A meter that contradicts the books, and the person who decides: conflict.py YUFU YUFU_GATEWAY
YUFU_FLEET

A sale is on its way while somebody re-initialises the wallet in the meter: its count falls, which can be
true of no meter of ours. The order becomes a CONFLICT; `yufu order` lists it and takes the decision.
"""
import subprocess
import sys

from kill_sales import Site, YUFU
from processes import run


def order(site, *words):
    done = subprocess.run([YUFU, "order", "--data", site.data, "--clock", site.clock, *words],
                          capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def sell(site, account, order_id, fen):
    body = {"order_id": order_id, "amount_fen": fen, "method": "cash"}
    return site.browser.post(f"/accounts/{site.accounts[account]}/orders", body, order_id, 201)


def wait_for(site, stream, account, order_id, state):
    path = f"/accounts/{site.accounts[account]}/orders/{order_id}"
    while site.browser.get(path)["state"] != state:
        stream.wait("order", lambda o: o["order_id"] == order_id)


def make_conflict(site):
    stream = site.browser.listen(site.project, site.browser.get(
        f"/projects/{site.project}/wall")["stream_id"])
    for n in (1, 2):
        sell(site, "M1", f"good-order-{n}", 1000)
        wait_for(site, stream, "M1", f"good-order-{n}", "CONFIRMED")
    site.ask(op="dead", meter="301")
    sell(site, "M1", "bad-order-3", 3000)
    wait_for(site, stream, "M1", "bad-order-3", "BOUND")
    site.ask(op="reset", meter="301")
    site.ask(op="dead", meter="301", on=False)
    wait_for(site, stream, "M1", "bad-order-3", "CONFLICT")


def decide(site, in_meter):
    for words, name in ((("resolve", "no-such-order", "--in-meter", "no", "--reason", "x"), "NOT_FOUND"),
                        (("resolve", "good-order-1", "--in-meter", "no", "--reason", "x"), "NOT_FOUND"),
                        (("resolve", "bad-order-3", "--in-meter", "no", "--reason", "x", "--account", "M2"),
                         "NOT_FOUND")):
        code, out, err = order(site, *words)
        assert code == 1 and name in err and not out, (words, code, out, err)
    for words in ((), ("resolve", "bad-order-3"), ("resolve", "bad-order-3", "--in-meter", "no"),
                  ("resolve", "bad-order-3", "--in-meter", "perhaps", "--reason", "x"), ("list", "x")):
        assert order(site, *words)[0] == 2, words
    code, out, _ = order(site, "list")
    assert code == 0 and [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["CONFLICT", "bad-order-3", "M1"]], out
    code, out, err = order(site, "resolve", "bad-order-3", "--in-meter", in_meter, "--reason",
                           "read at the meter by Mei")
    assert code == 0, err
    assert order(site, "list")[1].count("\n") == 1
    return site.browser.get(f"/accounts/{site.accounts['M1']}/orders/bad-order-3")["state"]


def end(site):
    for p in (site.gateway, site.fleet, site.platform):
        assert p.end() == 0, (p.name, p.said[-20:])
    site.yufu("verify")


def test_a_conflict_is_refunded(folder):
    site = Site(folder)
    make_conflict(site)
    assert decide(site, "no") == "REFUNDED"
    books = {b["book"]: b["amount_fen"] for b in
             site.browser.get(f"/accounts/{site.accounts['M1']}")["balance"]["books"]}
    assert books["prepayment"] == 3000 and "transit" not in books, books
    end(site)


def test_a_conflict_is_confirmed(folder):
    site = Site(folder)
    make_conflict(site)
    assert decide(site, "yes") == "CONFIRMED"
    code, out, err = order(site, "distrust")
    assert code == 0 and "购电次数" in out, err
    end(site)


run([test_a_conflict_is_refunded, test_a_conflict_is_confirmed])
