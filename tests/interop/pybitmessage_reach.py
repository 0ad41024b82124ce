#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bittern-node beside a real PyBitmessage: addresses told both ways, a refusal in words, our Tor name, and
neighbours that find each other by broadcast (in network namespaces; left out with a word where none can
be made).

    tests/interop/pybitmessage_reach.py CHECKOUT [--python PYTHON2.7] [--path DIR]

As tests/interop/pybitmessage_node.py; without a checkout it skips (exit code 77).
"""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "node", "p2p"), os.path.join(HERE, "..", "e2e")]
import netns  # noqa: E402
import nodes  # noqa: E402
import pybitmessage_node as reference  # noqa: E402
from nodes import Clock, Node, Peer, var_int, wait_for  # noqa: E402

MAGIC = 0xE9BEB4D9
ONION = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
EASY = {"network.magic": "%08x" % MAGIC, "network.least_trials_per_byte": "10",
        "network.least_extra_bytes": "10"}


class PyBitmessage:
    """One that dials `port`, or, with udp, whoever it finds; `known` are nodes that it has seen lately."""

    def __init__(self, options, port=0, known=(), clear=(), old=("127.0.0.2", "127.0.0.3", "127.0.0.4"),
                 **extra):
        self.home = tempfile.mkdtemp(prefix="pybitmessage-")
        text = reference.KEYS_DAT % (port, reference.API_PORT, 0)
        for key, value in extra.items():
            text = "\n".join(line for line in text.split("\n") if not line.startswith(key + " ="))
            text = text.replace("[network]", "%s = %s\n[network]" % (key, value))
        for key in clear:
            text = "\n".join(line for line in text.split("\n") if not line.startswith(key + " ="))
        self.write("keys.dat", text)
        self.write("tls.cnf", reference.TLS_CONF)
        seen = int(time.time())
        rows = [(host, 1, seen - 14400) for host in old]
        rows += [(host, at, seen - 600) for host, at in known]
        self.write("knownnodes.dat", json.dumps(
            [{"stream": 1, "peer": {"host": host, "port": at},
              "info": {"lastseen": when, "rating": 0, "self": False}} for host, at, when in rows]))
        environment = dict(os.environ, BITMESSAGE_HOME=self.home,
                           OPENSSL_CONF=os.path.join(self.home, "tls.cnf"))
        if options.path:
            environment["PYTHONPATH"] = options.path
        with open(os.path.join(self.home, "output"), "wb") as output:
            self.launcher = subprocess.Popen(
                [options.python, os.path.join(options.checkout, "src", "bitmessagemain.py"), "-d"],
                env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w") as file:
            file.write(text)

    def stop(self):
        """Then it has written what it knows: a set of (host, port)."""
        reference.stop_reference(self.home, self.launcher)
        with open(os.path.join(self.home, "knownnodes.dat")) as file:
            known = {(row["peer"]["host"], row["peer"]["port"]) for row in json.load(file)}
        shutil.rmtree(self.home, ignore_errors=True)
        return known


@contextlib.contextmanager
def beside(node, theirs):
    """Whatever happens, both are gone afterwards."""
    try:
        yield
    finally:
        if os.path.exists(theirs.home):
            reference.stop_reference(theirs.home, theirs.launcher)
            shutil.rmtree(theirs.home, ignore_errors=True)
        node.remove()


def addresses_both_ways(options):
    node = Node("node", dict(EASY, **{"node.onion": ONION + ":8555"}))
    now = int(time.time())
    ours = [("20.%d.2.3" % i, 8444 + i) for i in range(1, 6)]
    teller = Peer(node.port)
    teller.send("addr", var_int(len(ours)) + b"".join(
        struct.pack(">QIQ", now - 60, 1, 1) + bytes(10) + b"\xff\xff" +
        bytes(int(part) for part in host.split(".")) + struct.pack(">H", port) for host, port in ours))
    wait_for("our addresses", 10, lambda: node.status["known_peers"] == len(ours))
    theirs = PyBitmessage(options, node.port, known=[("21.%d.2.3" % i, 8444) for i in range(1, 8)])
    with beside(node, theirs):
        wait_for("the connection", 90, lambda: node.status.get("peers_in") == 2)
        wait_for("its addresses here", 60, lambda: node.status["known_peers"] >= len(ours) + 7)
        print("ok addresses of PyBitmessage arrived here")
        # The announcement waits for a peer that we dialled: a scripted one will do.
        time.sleep(5)
        known = theirs.stop()
        assert set(ours) <= known, known
        print("ok ours arrived there")
        node.stop()


def our_tor_name(options):
    """Published by a node that has an outbound connection, and believed by PyBitmessage."""
    far = Node("far", EASY)
    node = Node("node", dict(EASY, **{"node.onion": ONION + ":8555"}), connect=[far.port])
    theirs = PyBitmessage(options, far.port)
    try:
        with beside(node, theirs):
            wait_for("the announcement", 60, lambda: far.objects() == 1)
            wait_for("the connection", 90, lambda: far.status.get("peers_in") == 2)
            time.sleep(25)  # it asks for what it was told of after its own delay
            known = theirs.stop()
            assert (ONION, 8555) in known, known
            print("ok our Tor name is known to PyBitmessage")
    finally:
        far.remove()


def a_refusal_is_understood(options):
    """Our clock is two hours ahead: each says so to the other."""
    clock = Clock()
    clock.set(7200)
    node = Node("node", EASY, clock=clock)
    theirs = PyBitmessage(options, node.port)
    with beside(node, theirs):
        wait_for("our refusal", 90, lambda: "too far in the past" in node.log())
        assert node.fresh()["peers_in"] == 0
        # And the other way round: we dial it, and it says the same of us.
        node.stop()
        node.settings["network.connect"] = "127.0.0.21:28944"
        node.start()
        wait_for("its words", 60, lambda: "peer says error" in node.log())
        assert "future" in node.log() or "past" in node.log()
        print("ok refusals are said and heard")
        node.stop()


def neighbours(options):
    """Each finds the other: first we may dial nobody, then it may not."""
    for name, ours, theirs_extra, wanted in (
            ("PyBitmessage finds us", {"node.max_outbound": "0"}, {}, "peers_in"),
            ("we find PyBitmessage", {}, {"sendoutgoingconnections": "False"}, "peers_out")):
        with netns.Space("near") as near, netns.Space("far") as far:
            near.cable(far, ["10.77.0.1/24"], ["10.77.0.2/24"])
            for space in (near, far):
                space.ip("route", "add", "default", "dev", "v0")
            with near.inside():
                node = Node("node", dict(EASY, **{"node.lan_discovery": "yes",
                                                  "network.allow_loopback": "no"}, **ours),
                            hosts=("0.0.0.0",), lan=8444)
            with far.inside():
                # None of a private group: it dials one peer of a group at a time.
                theirs = PyBitmessage(options, udp="True", clear=("trustedpeer", "bind"),
                                      old=("20.1.0.1", "20.2.0.1", "20.3.0.1"), **theirs_extra)
            with beside(node, theirs):
                wait_for(name, 150, lambda: node.status.get(wanted, 0) >= 1)
                print("ok " + name)
                node.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", nargs="?")
    parser.add_argument("--python", default="python2.7")
    parser.add_argument("--path")
    options = parser.parse_args()
    if not options.checkout:
        print("skipped: no PyBitmessage checkout was given")
        return 77
    nodes.frame.__defaults__ = (b"", MAGIC)
    addresses_both_ways(options)
    our_tor_name(options)
    a_refusal_is_understood(options)
    reason = netns.can_make()
    if reason is None:
        neighbours(options)
    else:
        print("left out: neighbours by broadcast (%s)" % reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
