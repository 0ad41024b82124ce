#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a node does after minutes and days: one bittern-node by a clock that the test holds."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Clock, Node, Peer, hashes, make_object, object_hash, run_tests, version, wait_for  # noqa: E402
from test_reach import OBJECT_ONIONPEER, ONION_V3, Far, end, inv_hashes, pong_or  # noqa: E402

HOUR, DAY = 3600, 86400
LOOK_SEC = 60  # how often it looks whether its Tor name is due


def days_on(clock, seconds):
    """So far ahead of today, and a look later."""
    clock.set(seconds)
    clock.let_pass(LOOK_SEC)
    time.sleep(1.2)


def announced_name(peer):
    """The object that the node announces and serves."""
    name = next(iter(inv_hashes(peer.expect("inv", 60))))
    peer.send("getdata", hashes([name]))
    return peer.expect("object")


def life_of(whole, now):
    return struct.unpack(">Q", whole[8:16])[0] - now


def our_tor_name_is_published_once_a_week():
    clock, far = Clock(), Far()
    node = Node("node", {"node.onion": ONION_V3 + ":8555"}, connect=[far.port], clock=clock)
    peer = far.accept()
    whole = announced_name(peer)
    assert struct.unpack(">I", whole[16:20])[0] == OBJECT_ONIONPEER
    assert whole[20:22] == b"\x03\x01"                     # version of the name, stream
    assert whole[22:25] == b"\xfd" + struct.pack(">H", 8555)
    assert whole[25:31] == bytes.fromhex("fd87d87eeb43") and len(whole) == 25 + 41
    assert 6.9 * DAY < life_of(whole, time.time()) < 7.1 * DAY
    # One that came through Tor (from loopback) is told the Tor port.
    inbound = Peer(node.port, handshake=False)
    inbound.send("version", version())
    assert inbound.expect("version")[70:72] == struct.pack(">H", 8555)
    peer.close()
    wait_for("written", 10, lambda: node.fresh()["unwritten"] == 0)
    # After a start it is known that it was published; it is made anew at random in the sixth of its seven days.
    node.stop()
    node.start()
    peer = far.accept()
    assert inv_hashes(peer.expect("inv")) == {object_hash(whole)}
    before = 0
    for renewal in (1, 2):
        days_on(clock, before + 5 * DAY - HOUR)
        assert pong_or(peer, "inv") == [], renewal
        before += 6 * DAY
        days_on(clock, before)
        renewed = announced_name(peer)
        assert renewed[16:] == whole[16:]
        assert 6.9 * DAY < life_of(renewed, time.time() + before) < 7.1 * DAY
    far.close()
    end(node)


def one_whose_output_stands_still_is_ended_after_two_minutes():
    clock = Clock()
    node = Node("node", clock=clock)
    objects = [make_object(os.urandom(50000)) for _ in range(6)]
    honest = Peer(node.port)
    honest.serve(objects, lambda: node.objects() == len(objects))
    deaf = Peer(node.port)
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.send("getdata", hashes([object_hash(whole) for whole in objects] * 80))
    wait_for("output that waits", 10, lambda: node.fresh()["buffered"] > 1 << 20)
    time.sleep(1.2)  # nothing more goes into the sockets
    clock.let_pass(110)
    assert node.fresh()["connections"] == node.fresh()["connections"] == 2
    clock.let_pass(10)
    wait_for("the end", 10, lambda: node.fresh()["connections"] == 1)
    assert "it reads nothing" in node.log()
    honest.answers()
    end(node)


TESTS = [our_tor_name_is_published_once_a_week,
         one_whose_output_stands_still_is_ended_after_two_minutes]

if __name__ == "__main__":
    run_tests(TESTS, at_once=2)
