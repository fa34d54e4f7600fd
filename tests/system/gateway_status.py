#!/usr/bin/env python3
"""The gateway's local page for the installer: gateway_status.py YUFU_GATEWAY UPLINK_SERVER YUFU_FLEET"""
import json
import re
import sys
import time
import urllib.error
import urllib.request

from processes import GUARD_S, Process, free_port, run

GATEWAY, SERVER, FLEET = sys.argv[1:4]
SITE = """project,building,room,shop,account,wallet,plan,gateway,line,endpoint,baud,address,model
demo,D1,301,,A301,meter,dorm,GW,1,tcp:127.0.0.1:0,9600,301,yufu-dorm3
demo,D1,302,,A302,platform,dorm,GW,1,,,302,yufu-dorm3
demo,D1,303,,A303,platform,dorm,GW,1,,,303,yufu-dorm3
"""


def begin(folder, *options):
    with open(f"{folder}/site.csv", "w") as f:
        f.write(SITE)
    fleet = Process("fleet", FLEET, "--site", f"{folder}/site.csv", "--volatile", "--no-people",
                    "--delay", "1-5", "--dead", "1")
    ready = json.loads(fleet.wait(r'\{.*"event":"ready".*\}').group(0))
    server = Process("server", SERVER, f"{folder}/server", f"line=1,{ready['lines'][0]['endpoint']},9600",
                     "line=2,serial:/dev/<none>,2400", *[f"meter={i},1,30{i},yufu-dorm3,3,000000000000" for i in (1, 2, 3)])
    port = int(server.wait(r"listening port=(\d+)").group(1))
    page = free_port()
    gateway = Process("gateway", GATEWAY, "--data", f"{folder}/gateway", "--platform",
                      f"127.0.0.1:{port}", "--ca", f"{folder}/server/ca.pem", "--serial", "GW-1",
                      "--claim", "CODE-1", "--status", page, *options)
    server.wait(r"applied session=\d+ version=1")
    return f"http://127.0.0.1:{page}", server, gateway


def get(url, language=None, method="GET"):
    request = urllib.request.Request(url, method=method)
    if language:
        request.add_header("Accept-Language", language)
    with urllib.request.urlopen(request, timeout=10) as r:
        return r.read().decode(), r.headers


def until(base, good):
    """Looks at the page's facts until they are as they must become."""
    end = time.monotonic() + GUARD_S
    while True:
        facts = json.loads(get(base + "/status.json")[0])
        if good(facts):
            return facts
        assert time.monotonic() < end, facts
        time.sleep(0.2)


def facts_are_told(folder):
    base, server, gateway = begin(folder)
    facts = until(base, lambda f: f["meters_silent"] == 1 and f["welcomed"] and
                  f["lines"][0]["answered"] > 10)
    line = facts["lines"][0]
    assert facts["serial"] == "GW-1" and facts["claimed"] and facts["config_version"] == 1
    assert (line["line"], line["baud"], line["parity"], line["up"]) == (1, 9600, "E", True), line
    assert line["meters"] == 3 and line["silent"] == 1 and line["timeouts"] >= 3, line
    assert line["answered"] <= line["exchanges"] and 0 < line["useful_permille_of_busy"] <= 1000
    assert {m["address"] for m in line["slowest"]} <= {"301", "302"} and line["slowest"], line
    assert [m["address"] for m in line["silent_meters"]] == ["303"], line
    assert [x["up"] for x in facts["lines"]] == [True, False], facts
    server.end()
    facts = until(base, lambda f: not f["connected"] and f["backlog_rows"] > 0)
    assert facts["backlog_bytes"] > 0
    assert gateway.end() == 0


def page_speaks_both_languages_and_tells_no_secret(folder):
    base, server, gateway = begin(folder)
    until(base, lambda f: f["meters_silent"] == 1 and f["welcomed"])
    english, headers = get(base + "/?lang=en")
    assert "Silent meters" in english and "connected" in english and "303" in english, english
    assert "/dev/&#60;none&#62;" in english and "<none>" not in english
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    chinese, _ = get(base + "/", "zh-CN,zh;q=0.9")
    assert "无应答的表计" in chinese and "已连接" in chinese and "Silent meters" not in chinese
    assert not re.search("[A-Za-z]{5,}", re.sub(r"<style>.*?</style>|<[^>]*>|yufu-[a-z0-9-]+|serial:/dev/"
                                               r"&#60;none&#62;|English", "", chinese, flags=re.S))
    told = english + chinese + get(base + "/status.json")[0]
    assert "CODE-1" not in told and "PRIVATE" not in told
    assert gateway.end() == 0


def permissions_are_shown(folder):
    """Until when, how much is left by fresh readings, and what stands against a cut; by both languages."""
    base, server, gateway = begin(folder)
    until(base, lambda f: f["meters_silent"] == 1 and f["welcomed"])
    assert "Standing permissions" not in get(base + "/?lang=en")[0]
    server.tell("permit 77 1 0 5000")
    facts = until(base, lambda f: f["permissions"] and f["permissions"][0]["left_by_readings"])
    [permission] = facts["permissions"]
    assert permission["account"] == 77 and permission["verdict"] == "connected", permission
    assert permission["valid_until"] - permission["valid_from"] == 86400
    [meter] = permission["meters"]
    assert (meter["line"], meter["address"]) == (1, "301") and meter["read_ago_s"] <= 60, meter
    assert 0 <= permission["left_wh"] <= 5000
    english, chinese = get(base + "/?lang=en")[0], get(base + "/?lang=zh")[0]
    assert "Standing permissions" in english and "the platform decides" in english
    assert "常备许可" in chinese and "由平台决定" in chinese and "permission" not in chinese
    server.end()
    facts = until(base, lambda f: f["permissions"] and f["permissions"][0]["verdict"] == "soon")
    assert "与平台失联不足十分钟" in get(base + "/?lang=zh")[0]
    assert gateway.end() == 0


def nothing_can_be_changed(folder):
    base, server, gateway = begin(folder)
    for path, method, status in (("/", "POST", 405), ("/", "DELETE", 405), ("/etc/passwd", "GET", 404),
                                 ("/%2e%2e/gateway.db", "GET", 404), ("/status.json", "PUT", 405)):
        try:
            get(base + path, method=method)
            raise AssertionError((path, method))
        except urllib.error.HTTPError as e:
            assert e.code == status, (path, method, e.code)
    assert get(base + "/status.json", method="HEAD")[0] == ""
    assert gateway.end() == 0


def wrong_addresses_are_refused(folder):
    Process("server", SERVER, f"{folder}/server").wait(r"listening port=\d+")  # makes the CA's file

    def start(text):
        return Process("gateway", GATEWAY, "--data", f"{folder}/g", "--platform", "127.0.0.1:1", "--ca",
                       f"{folder}/server/ca.pem", "--serial", "G", "--status", text)

    for text, error, status in (("localhost:80", "IO_ADDRESS", 1), ("0", "RANGE", 2), ("70000", "RANGE", 2),
                                (":80", "SYNTAX", 2), ("127.0.0.1:x", "SYNTAX", 2)):
        child = start(text)
        assert child.exit() == status, (text, child.said)
        refusals = [line for line in child.said if "program.refused" in line]
        assert len(refusals) == 1 and re.search(rf"error=\w*\b{error}\b", refusals[0]), (text, child.said)
    for text in (str(free_port()), f"127.0.0.1:{free_port()}"):
        child = start(text)
        child.wait(r"program\.start ")
        assert json.loads(get(f"http://127.0.0.1:{text.split(':')[-1]}/status.json")[0])["serial"] == "G"
        assert child.end() == 0, (text, child.said)


run([facts_are_told, page_speaks_both_languages_and_tells_no_secret, permissions_are_shown, nothing_can_be_changed,
     wrong_addresses_are_refused])
