#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What strangers do wrong, in a table: what is sent, whether the connection goes on, and what the node counts for
it. One node lives through all of it; an honest peer is served after each row, memory stays in budget.

The node's own figures are read over its metrics page after each row, so each effect is seen where it arises."""
import http.client
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import (MAGIC, Node, Peer, frame, hashes, make_object, object_hash, sha512, var_int,  # noqa: E402
                   version, wait_for)

MEMORY_BUDGET_KIB = (600 if os.environ.get("BITTERN_SANITIZED") == "1" else 120) * 1024
NOW = int(time.time())
LOW = dict(trials=1, extra=1)


# ---- what is sent

def raw(data):
    return lambda peer: peer.socket.sendall(data)


def say(command, payload=b""):
    return lambda peer: peer.send(command, payload)


def many(*acts):
    def act(peer):
        for each in acts:
            each(peer)
    return act


def names(n):
    return [os.urandom(32) for _ in range(n)]


def header(command, length, checksum=b"\xcf\x83\xe1\x35", magic=MAGIC):
    """A frame's head alone; the checksum is that of nothing."""
    return struct.pack(">I12sI", magic, command, length) + checksum


def entry(ip="20.1.2.3", port=8444, seen=None, stream=1):
    seen = NOW - 60 if seen is None else seen
    return struct.pack(">QIQ", seen, stream, 1) + bytes(10) + b"\xff\xff" + socket.inet_aton(ip) + struct.pack(">H", port)


def addr(*entries):
    return say("addr", var_int(len(entries)) + b"".join(entries))


def thing(**how):
    """An object of a hundred bytes with something wrong in it."""
    return say("object", make_object(b"x" * 100, **how))


def bare_object(kind=2, life=3600, stream=b"\x01", object_version=b"\x01", body=b"", nonce=0):
    return struct.pack(">QQI", nonce, NOW + life, kind) + object_version + stream + body


def agent(length):
    return version(agent=b"/" + b"a" * (length - 2) + b"/")


# ---- what must come of it

CUT, TOLD, OPEN = "cut", "cut with a word", "open"
STREAM, MALFORMED, BAD = "misdeeds_broken_stream", "misdeeds_malformed", "misdeeds_bad_object"
FLOOD, REFUSED = "misdeeds_flood", "objects_refused"
WATCHED = ("misdeeds_broken_stream", "misdeeds_malformed", "misdeeds_bad_object", "misdeeds_not_delivered",
           "misdeeds_flood", "objects_refused", "objects", "bans", "known_peers")

# (name, what is sent, what becomes of the connection, what is counted). What is not named must not change.
BEFORE_THE_HANDSHAKE = [
    ("another network's magic", raw(header(b"version", 0, magic=MAGIC ^ 1)), CUT, {STREAM: 1}),
    ("zeros", raw(bytes(24)), CUT, {STREAM: 1}),
    ("an HTTP request", raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), CUT, {STREAM: 1}),
    ("an SSH greeting", raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), CUT, {STREAM: 1}),
    ("a mail server's greeting", raw(b"220 mail.example.org ESMTP ready\r\n"), CUT, {STREAM: 1}),
    ("TLS at once", raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40)), CUT, {STREAM: 1}),
    ("4 GiB announced", raw(header(b"version", 0xFFFFFFFF)), CUT, {STREAM: 1}),
    ("a byte above the longest payload", raw(header(b"version", 1600101)), CUT, {STREAM: 1}),
    ("a version above its own bound", raw(header(b"version", 200000)), CUT, {STREAM: 1}),
    ("a wrong checksum", raw(header(b"verack", 1) + b"x"), CUT, {STREAM: 1}),
    ("a command that is not ASCII", raw(header(b"\xff\xfe", 0)), CUT, {STREAM: 1}),
    ("junk behind the command", raw(header(b"verack\0x", 0)), CUT, {STREAM: 1}),
    ("no command", raw(header(b"", 0)), CUT, {STREAM: 1}),
    ("verack first", say("verack"), CUT, {STREAM: 1}),
    ("ping first", say("ping"), CUT, {STREAM: 1}),
    ("pong first", say("pong"), CUT, {STREAM: 1}),
    ("addr first", say("addr", b"\0"), CUT, {STREAM: 1}),
    ("inv first", say("inv", hashes(names(1))), CUT, {STREAM: 1}),
    ("dinv first", say("dinv", hashes(names(1))), CUT, {STREAM: 1}),
    ("getdata first", say("getdata", hashes(names(1))), CUT, {STREAM: 1}),
    ("an object first", thing(), CUT, {STREAM: 1}),
    ("portcheck first", say("portcheck"), CUT, {STREAM: 1}),
    ("an unknown command first", say("whatever"), CUT, {STREAM: 1}),
    ("a version of nothing", say("version"), CUT, {STREAM: 1}),
    ("a version cut in its addresses", say("version", version()[:50]), CUT, {STREAM: 1}),
    ("a version cut in the agent", say("version", version()[:85]), CUT, {STREAM: 1}),
    ("a version with a byte more", say("version", version() + b"x"), CUT, {STREAM: 1}),
    ("an agent above its bound", say("version", agent(5001)), CUT, {STREAM: 1}),
    ("an agent of 2^63", say("version", version()[:80] + var_int(2**63)), CUT, {STREAM: 1}),
    ("streams that are not there", say("version", version(streams=b"\xfe\xff\xff\xff\xff")), CUT, {STREAM: 1}),
    ("a count of streams in a longer form", say("version", version(streams=b"\xfd\x00\x01\x01")), CUT,
     {STREAM: 1}),
    ("protocol 0", say("version", version(protocol=0)), TOLD, {}),
    ("protocol 2", say("version", version(protocol=2)), TOLD, {}),
    ("the year 1970", say("version", version(now=0)), TOLD, {}),
    ("the end of time", say("version", version(now=2**64 - 1)), TOLD, {}),
    ("an hour and a minute ahead", say("version", version(now=NOW + 3660 + 60)), TOLD, {}),
    ("an hour and a minute behind", say("version", version(now=NOW - 3660)), TOLD, {}),
    ("no stream", say("version", version(streams=b"\0")), TOLD, {}),
    ("another stream", say("version", version(streams=b"\x01\x02")), TOLD, {}),
    ("versions without end", many(*[say("version", version())] * 3), CUT, {STREAM: 1}),
]

AFTER_THE_HANDSHAKE = [
    # The stream itself: the end.
    ("a second version", say("version", version()), CUT, {STREAM: 1}),
    ("another magic", raw(header(b"ping", 0, magic=MAGIC ^ 1)), CUT, {STREAM: 1}),
    ("zeros", raw(bytes(24)), CUT, {STREAM: 1}),
    ("noise", raw(b"\x16\x03\x01" + os.urandom(200)), CUT, {STREAM: 1}),
    ("a wrong checksum", raw(header(b"ping", 1) + b"x"), CUT, {STREAM: 1}),
    ("a frame above the bound", raw(header(b"object", 1600101)), CUT, {STREAM: 1}),
    ("4 GiB announced", raw(header(b"inv", 0xFFFFFFFF)), CUT, {STREAM: 1}),
    ("junk behind the command", raw(header(b"ping\0junk", 0)), CUT, {STREAM: 1}),
    # What is odd and allowed.
    ("an unknown command", say("whatever", b"x" * 1000), OPEN, {}),
    ("an unknown command of the longest payload", say("whatever", bytes(1600100)), OPEN, {}),
    ("another verack", say("verack"), OPEN, {}),
    ("a pong unasked", say("pong", b"payload"), OPEN, {}),
    ("portcheck", say("portcheck"), OPEN, {}),
    ("a ping with a payload", say("ping", b"x" * 1000), OPEN, {}),
    ("a thousand pings", many(*[say("ping")] * 1000), OPEN, {}),
    ("an inv of none", say("inv", b"\0"), OPEN, {}),
    ("50,000 in an inv", say("inv", hashes(names(50000))), OPEN, {}),
    ("50,000 in a dinv", say("dinv", hashes(names(50000))), OPEN, {}),
    ("the same hash a thousand times", say("inv", hashes([b"h" * 32] * 1000)), OPEN, {}),
    ("a getdata of the unknown", say("getdata", hashes(names(1))), OPEN, {}),
    ("50,000 unknown in a getdata", say("getdata", hashes(names(50000))), OPEN, {}),
    ("an error that is a warning", say("error", b"\x00\x00\x00\x05\x1b[2J\n"), OPEN, {}),
    # Payloads that lie.
    ("50,001 in an inv", say("inv", hashes(names(50001))), OPEN, {MALFORMED: 1}),
    ("50,001 in a dinv", say("dinv", hashes(names(50001))), OPEN, {MALFORMED: 1}),
    ("50,001 in a getdata", say("getdata", hashes(names(50001))), OPEN, {MALFORMED: 1}),
    ("1,001 addresses", addr(*[entry()] * 1001), OPEN, {MALFORMED: 1}),
    ("an inv of nothing at all", say("inv"), OPEN, {MALFORMED: 1}),
    ("an inv that is cut", say("inv", hashes(names(2))[:-1]), OPEN, {MALFORMED: 1}),
    ("an inv with a byte more", say("inv", hashes(names(1)) + b"x"), OPEN, {MALFORMED: 1}),
    ("an inv of 2^63", say("inv", var_int(2**63) + bytes(32)), OPEN, {MALFORMED: 1}),
    ("an inv of 2^64-1", say("inv", b"\xff" * 9), OPEN, {MALFORMED: 1}),
    ("an inv whose size overflows", say("inv", var_int(2**59) + bytes(32)), OPEN, {MALFORMED: 1}),
    ("a count in three bytes that needs one", say("inv", b"\xfd\x00\x01" + bytes(32)), OPEN, {MALFORMED: 1}),
    ("a count in five", say("inv", b"\xfe\x00\x00\x00\x01" + bytes(32)), OPEN, {MALFORMED: 1}),
    ("a count in nine", say("inv", b"\xff" + bytes(7) + b"\x01" + bytes(32)), OPEN, {MALFORMED: 1}),
    ("a count that is cut", say("inv", b"\xfd\x00"), OPEN, {MALFORMED: 1}),
    ("a dinv that is cut", say("dinv", var_int(2) + bytes(32)), OPEN, {MALFORMED: 1}),
    ("a getdata that is cut", say("getdata", var_int(2) + bytes(32)), OPEN, {MALFORMED: 1}),
    ("a getdata of 2^63", say("getdata", var_int(2**63)), OPEN, {MALFORMED: 1}),
    ("an addr of nothing at all", say("addr"), OPEN, {MALFORMED: 1}),
    ("an addr that is cut", say("addr", b"\x01" + entry()[:-1]), OPEN, {MALFORMED: 1}),
    ("an addr with a byte more", say("addr", b"\x01" + entry() + b"x"), OPEN, {MALFORMED: 1}),
    ("an addr of 2^63", say("addr", var_int(2**63)), OPEN, {MALFORMED: 1}),
    ("an error of nothing", say("error"), OPEN, {MALFORMED: 1}),
    ("an error with a giant text", say("error", b"\0\0\0" + var_int(2**40) + b"x"), OPEN, {MALFORMED: 1}),
    ("an error that is cut", say("error", b"\x02\xff" + b"\xff" * 8 + b"\x20short"), OPEN, {MALFORMED: 1}),
    # Addresses that are none.
    ("an address of nowhere", addr(entry("0.0.0.0")), OPEN, {}),
    ("a private address", addr(entry("192.168.1.1")), OPEN, {}),
    ("a loopback address with port 0", addr(entry("127.0.0.1", port=0)), OPEN, {}),
    ("a multicast address", addr(entry("224.0.0.1")), OPEN, {}),
    ("the broadcast address", addr(entry("255.255.255.255")), OPEN, {}),
    ("port 0", addr(entry(port=0)), OPEN, {}),
    ("an address of the future", addr(entry(seen=NOW + 9999)), OPEN, {}),
    ("an address of the end of time", addr(entry(seen=2**64 - 1)), OPEN, {}),
    ("an address of four hours ago", addr(entry(seen=NOW - 4 * 3600)), OPEN, {}),
    ("an address of 1970", addr(entry(seen=0)), OPEN, {}),
    ("another stream's address", addr(entry(stream=2)), OPEN, {}),
    ("a thousand of nowhere", addr(*[entry("10.0.0.1")] * 1000), OPEN, {}),
    ("twice a thousand of nowhere", many(*[addr(*[entry("10.0.0.1")] * 1000)] * 2), OPEN, {}),
    ("twice a thousand and one of nowhere", many(*[addr(*[entry("10.0.0.1")] * 1000)] * 2, addr(entry("10.0.0.1"))),
     OPEN, {FLOOD: 1}),
    ("three times a thousand of nowhere", many(*[addr(*[entry("10.0.0.1")] * 1000)] * 3), OPEN, {FLOOD: 1}),
    ("a good address as the last that is looked at",
     many(*[addr(*[entry("10.0.0.1")] * n) for n in (1000, 999)], addr(entry("20.9.1.1"))), OPEN, {"known_peers": 1}),
    ("a good address behind the last that is looked at",
     many(*[addr(*[entry("10.0.0.1")] * 1000)] * 2, addr(entry("20.9.2.1"))), OPEN, {FLOOD: 1}),
    # Objects that break a rule.
    ("an object of nothing", say("object"), OPEN, {BAD: 1, REFUSED: 1}),
    ("an object of five bytes", say("object", b"12345"), OPEN, {BAD: 1, REFUSED: 1}),
    ("an object of nothing but a nonce", say("object", bytes(8)), OPEN, {BAD: 1, REFUSED: 1}),
    ("an object cut in its stream", say("object", bare_object(stream=b"\xfd\x00")), OPEN, {BAD: 1, REFUSED: 1}),
    ("an object with a version in a longer form", say("object", bare_object(object_version=b"\xfd\x00\x01")), OPEN,
     {BAD: 1, REFUSED: 1}),
    ("an object without work", thing(work=False), OPEN, {BAD: 1, REFUSED: 1}),
    ("a hundred without work", many(*[thing(work=False)] * 100), OPEN, {BAD: 100, REFUSED: 100}),
    ("an object that is too long", say("object", bare_object(body=bytes(262145))), OPEN, {BAD: 1, REFUSED: 1}),
    ("an object that expired an hour and a bit ago", thing(life=-3660), OPEN, {REFUSED: 1}),
    ("an object that expired long ago", thing(life=-10**9), OPEN, {REFUSED: 1}),
    ("an object too far ahead", thing(life=2430060), OPEN, {BAD: 1, REFUSED: 1}),
    ("an object that never expires", say("object", struct.pack(">QQI", 0, 2**64 - 1, 2) + b"\x01\x01" + bytes(50)),
     OPEN, {BAD: 1, REFUSED: 1}),
    ("an object of another stream", thing(stream=2), OPEN, {REFUSED: 1}),
    ("an object of stream 0", thing(stream=0), OPEN, {BAD: 1, REFUSED: 1}),
    ("an object of stream 2^63", thing(stream=2**63), OPEN, {BAD: 1, REFUSED: 1}),
    # At the bounds, and within them.
    ("an object of the longest payload", say("object", make_object(bytes(262144), life=300)), OPEN, {"objects": 1}),
    ("an object as far ahead as may be", thing(life=2430000 - 120), OPEN, {"objects": 1}),
    ("an object that expired within the hour", thing(life=-3500), OPEN, {"objects": 1}),
    ("an unknown type", thing(kind=0x12345678), OPEN, {"objects": 1}),
    ("an object unasked", thing(), OPEN, {"objects": 1}),
    ("a good address", addr(entry("20.9.9.9")), OPEN, {"known_peers": 1}),
]


# ---- the node and what it says of itself

class Watched(Node):
    """A node whose metrics page is open."""

    def start(self, link=None):
        self.door = socket.create_server(("127.0.0.1", 0))
        self.door.setblocking(False)
        super().start(link)

    def send(self, kind, payload, fds=()):
        if payload == b"node.listen":
            super().send(kind, b"node.metrics", [self.door.fileno()])
        super().send(kind, payload, fds)

    def figures(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.door.getsockname()[1], timeout=20)
        connection.request("GET", "/metrics", headers={"Connection": "close"})
        found = {}
        for line in connection.getresponse().read().decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = name.replace("bittern_node_", "").replace("_total", "")
                if "{" in name:
                    base, label = name.split("{")
                    name = base + "_" + label.split('"')[1]
                found[name] = int(value)
        connection.close()
        return found


def run_row(node, row, handshake):
    name, act, fate, counted = row
    before = node.figures()
    peer = Peer(node.port, handshake=handshake)
    try:
        act(peer)
    except (BrokenPipeError, ConnectionResetError):
        pass  # cut in the middle of it
    if fate == OPEN:
        peer.answers()
    else:
        assert peer.is_closed(10), "still there"
        assert fate != TOLD or (peer.last is not None and peer.last[0] == "error"), "cut without a word"
    after = node.figures()
    changed = {key: after[key] - before[key] for key in WATCHED if after[key] != before[key]}
    assert changed == counted, "counted %s, should be %s" % (changed, counted)
    peer.close()
    wait_for("the connection's end", 10, lambda: node.figures()["connections"] == 1)
    assert node.figures()["wanted"] == 0, "hashes of a peer that went are still wanted"


def main():
    node = Watched("node")
    honest = Peer(node.port)
    start_kib = node.rss_kib()
    n_rows = 0
    failures = []
    for handshake, rows in ((False, BEFORE_THE_HANDSHAKE), (True, AFTER_THE_HANDSHAKE)):
        for row in rows:
            if sys.argv[1:] and not any(word in row[0] for word in sys.argv[1:]):
                continue
            n_rows += 1
            try:
                run_row(node, row, handshake)
            except Exception as error:
                failures.append("%s: %s" % (row[0], error))
                print(failures[-1], flush=True)
                assert node.is_alive(), node.log()
            honest.answers()
    grown = node.rss_kib() - start_kib
    assert grown < MEMORY_BUDGET_KIB, "grew by %d KiB" % grown
    whole = make_object(b"honest " + os.urandom(50))
    n = node.figures()["objects"]
    honest.serve([whole], lambda: node.figures()["objects"] == n + 1)
    node.stop()
    node.remove()
    if failures:
        sys.exit("%d of %d rows failed:\n%s" % (len(failures), n_rows, "\n".join(failures)))
    print("ok %d rows; the node grew by %d KiB" % (n_rows, grown))


if __name__ == "__main__":
    main()
