#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Memory and descriptors of a node with many inbound peers in one process.

    BITTERN_BIN=build/release/bin tests/bench/peers.py [PEERS [OBJECTS]] [--tls]

PEERS (1,000) connections from loopback, all established at once, each with the first inventory of OBJECTS
(20,000) told to it and a ping answered at the end. Prints one line of JSON: resident memory of the node
before and after, and what a peer costs.
"""
import json
import os
import resource
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "node", "p2p"), os.path.join(HERE, "..", "e2e")]
import bmwire  # noqa: E402
from nodes import MAGIC, Node, Peer, make_object, wait_for  # noqa: E402


def open_peers(node, count, tls):
    services = bmwire.NODE_NETWORK | (bmwire.NODE_SSL if tls else 0)
    peers = []
    for _ in range(count):
        peer = bmwire.Peer.dial(node.port, magic=MAGIC, services=services, timeout=60)
        peer.handshake()
        peers.append(peer)
    return peers


def swallow(peers, n_objects):
    """Read what comes until each has been told of all objects."""
    for peer in peers:
        peer.wait(lambda: len(peer.announced) >= n_objects, "the inventory", 120)
        peer.announced = set()
        assert peer.is_alive(60)


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    count = int(words[0]) if words else 1000
    n_objects = int(words[1]) if len(words) > 1 else 20000
    tls = "--tls" in sys.argv
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * count + 1000), hard))
    node = Node("node", {"node.max_inbound": str(count + 10), "node.max_per_address": "10000",
                         "log.level": "warn"})
    giver = Peer(node.port)
    objects = [make_object(os.urandom(100)) for _ in range(n_objects)]
    giver.serve(objects, lambda: node.objects() >= n_objects)
    wait_for("written", 60, lambda: node.fresh()["unwritten"] == 0)
    before = node.rss_kib()
    start = time.monotonic()
    peers = open_peers(node, count, tls)
    wait_for("all there", 60, lambda: node.status["peers_in"] == count + 1)
    connected = time.monotonic() - start
    swallow(peers, n_objects)
    time.sleep(2)
    after = node.rss_kib()
    cpu = node.cpu_sec()
    time.sleep(10)
    print(json.dumps({"peers": count, "tls": tls, "objects": n_objects,
                      "connect_sec": round(connected, 1), "rss_before_kib": before,
                      "rss_after_kib": after, "kib_per_peer": round((after - before) / count, 1),
                      "idle_cpu_percent": round((node.cpu_sec() - cpu) * 10, 1)}))
    for peer in peers:
        peer.close()
    node.stop()
    node.remove()


if __name__ == "__main__":
    main()
