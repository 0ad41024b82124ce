#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What befell objects.db or peers.db while a node was down: it sets the file aside and the network fills a new one."""
import functools
import os
import sqlite3
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node, Peer, make_object, run_tests, var_int, wait_for  # noqa: E402
from test_reach import end  # noqa: E402

N_OBJECTS = 300
N_GROUPS, N_OF_GROUP = 12, 50  # of peers
PAGE = 4096


def truncated(path):
    os.truncate(path, os.path.getsize(path) // 2 // PAGE * PAGE + 100)


def zeroed(path):
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.write(bytes(size))


def foreign(path):
    os.unlink(path)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE song (title)")
    db.close()


def page_overwritten(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2 // PAGE * PAGE)
        file.write(b"\xee" * PAGE)


def empty(path):
    """Nothing to set aside: it is as new."""
    os.truncate(path, 0)


def tell_addresses(node):
    entries = b"".join(struct.pack(">QIQ", int(time.time()) - 60, 1, 1) + bytes(10) + b"\xff\xff" +
                       bytes([20 + group, 1, 1, 1 + i]) + struct.pack(">H", 8444)
                       for group in range(N_GROUPS) for i in range(N_OF_GROUP))
    Peer(node.port).send("addr", var_int(N_GROUPS * N_OF_GROUP) + entries)
    wait_for("the addresses", 10, lambda: node.status["known_peers"] > N_GROUPS * N_OF_GROUP)


def is_filled_anew(name, damage):
    far = Node("far")
    Peer(far.port).serve([make_object(b"%d " % i + os.urandom(200)) for i in range(N_OBJECTS)],
                         lambda: far.objects() == N_OBJECTS)
    node = Node("node", connect=[far.port])
    wait_for("the first filling", 20, lambda: node.objects() == N_OBJECTS)
    tell_addresses(node)
    n_known = node.status["known_peers"]
    wait_for("written", 10, lambda: node.fresh()["unwritten"] == 0)
    node.stop()
    path = os.path.join(node.folder, name)
    damage(path)
    node.start()
    wait_for("the second filling", 20, lambda: node.objects() == N_OBJECTS and node.status["peers_out"] == 1)
    set_aside = [other for other in os.listdir(node.folder) if ".broken-" in other]
    assert bool(set_aside) == (damage is not empty), os.listdir(node.folder)
    assert all(other.startswith(name + ".broken-") for other in set_aside), set_aside
    # The other file is as it was; peers that stood before the broken place are known still.
    assert (node.status["known_peers"] == n_known) == (name == "objects.db"), node.status["known_peers"]
    wait_for("written", 10, lambda: node.fresh()["unwritten"] == 0)
    node.stop()
    far.stop()
    node.start()
    wait_for("what was filled anew", 10, lambda: node.objects() == N_OBJECTS)
    end(node, far)


def rows():
    for name in ("objects.db", "peers.db"):
        for damage in (truncated, zeroed, foreign, page_overwritten, empty):
            row = functools.partial(is_filled_anew, name, damage)
            row.__name__ = "%s_%s" % (name, damage.__name__)
            yield row


if __name__ == "__main__":
    run_tests(list(rows()), at_once=4)
