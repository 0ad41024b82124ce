#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whole bittern-node processes on loopback: a row of three, TLS between them, a scripted peer at one
end; kills in the middle; slow and greedy peers. What else strangers do wrong is in test_hostile.py."""
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import (Node, Peer, frame, hashes, make_object, object_hash, run_tests, var_int, version,
                   wait_for)

N_OBJECTS = 3000


def objects_cross_three_nodes_over_tls():
    a = Node("a")
    b = Node("b", connect=[a.port])
    c = Node("c", connect=[b.port])
    objects = [make_object(b"object %d " % i + os.urandom(100 + i % 400))
               for i in range(N_OBJECTS)]
    peer = Peer(a.port)
    asked = peer.serve(objects, lambda: a.objects() >= N_OBJECTS)
    assert len(asked) == len(set(asked)) == N_OBJECTS, "asked %d, %d of them different" % (
        len(asked), len(set(asked)))
    for node in (b, c):
        wait_for("all objects at " + node.name, 60, lambda: node.objects() >= N_OBJECTS)
    wait_for("tls in the log", 5, lambda: "tls=TLSv1.2" in b.log())
    assert "direction=out" in b.log() and "direction=in" in b.log()

    # Served as they were: the far end has the same bytes.
    far = Peer(c.port)
    names = set()
    while len(names) < N_OBJECTS:
        payload = far.expect("inv")
        start = {253: 3, 254: 5}.get(payload[0], 1)
        names |= {payload[i:i + 32] for i in range(start, len(payload), 32)}
    assert names == {object_hash(whole) for whole in objects}
    sample = objects[::97]
    far.send("getdata", hashes([object_hash(whole) for whole in sample]))
    got = {far.expect("object") for _ in sample}
    assert got == set(sample)

    # What is killed in the middle and comes back has lost nothing that was written, and gets the rest.
    time.sleep(0.5)
    b.kill()
    more = [make_object(b"later %d " % i + os.urandom(50)) for i in range(200)]
    peer.serve(more, lambda: a.objects() >= N_OBJECTS + 200)
    b.start()
    for node in (b, c):
        wait_for("the later ones at " + node.name, 60, lambda: node.objects() >= N_OBJECTS + 200)

    for node in (a, b, c):
        node.stop()
        node.remove()


def an_object_reaches_a_neighbour_by_the_stem_and_then_all():
    a = Node("a", {"network.dandelion": "90"})
    b = Node("b", {"network.dandelion": "90"}, connect=[a.port])
    wait_for("b connected", 10, lambda: b.status.get("peers_out") == 1)
    peer = Peer(b.port, services=9)
    whole = make_object(b"stem " + os.urandom(50))
    name = object_hash(whole)
    peer.send("dinv", hashes([name]))
    assert name in peer.expect("getdata")
    peer.send("object", whole)
    wait_for("the stem at a", 10, lambda: a.objects() == 1)
    assert b.fresh()["stem_objects"] == 1

    # In its stem phase it is told and given to nobody else.
    other = Peer(b.port)
    other.send("getdata", hashes([name]))
    other.send("ping")
    while True:
        command, payload = other.receive()
        assert command not in ("object", "inv") or name not in payload
        if command == "pong":
            break
    # It comes back: fluff.
    other.send("inv", hashes([name]))
    third = Peer(b.port)
    assert name in third.expect("inv", 10)
    for node in (a, b):
        node.stop()
        node.remove()


def a_stalling_peer_does_not_hold_an_object_up():
    node = Node("node")
    whole = make_object(b"held " + os.urandom(50))
    name = object_hash(whole)
    silent = Peer(node.port)
    silent.send("inv", hashes([name]))
    assert name in silent.expect("getdata")
    honest = Peer(node.port)
    start = time.monotonic()
    asked = honest.serve([whole], lambda: node.objects() == 1)
    assert asked == [name]
    assert 2 < time.monotonic() - start < 15
    node.stop()
    node.remove()


def slow_and_greedy_peers_cost_nobody_else():
    node = Node("node")
    honest = Peer(node.port)
    whole = make_object(b"honest " + os.urandom(50))
    honest.serve([whole], lambda: node.objects() == 1)

    # Half packets, a byte at a time, and a connection that says nothing: they cost nobody else.
    slow = [Peer(node.port, handshake=False) for _ in range(20)]
    data = frame("version", version())
    for i in range(60):
        for peer in slow[:10]:
            peer.socket.sendall(data[i:i + 1])
    honest.answers()
    for peer in slow:
        peer.close()

    # One that asks and never reads is cut off, and memory stays in bounds.
    big = [make_object(os.urandom(200000), trials=1) for _ in range(6)]
    honest.serve(big, lambda: node.objects() == 7)
    greedy = Peer(node.port)
    greedy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    names = [object_hash(whole) for whole in big]
    for _ in range(200):
        greedy.send("getdata", hashes(names * 10))
    honest.answers()
    assert node.rss_kib() < 400 * 1024, node.rss_kib()
    node.stop()
    node.remove()


def one_that_reads_nothing_is_cut_off_at_the_bound_of_its_output():
    """Answers to pings: 24 bytes each, 16 MiB of them and what the sockets hold."""
    node = Node("node", {"log.level": "info"})
    deaf = Peer(node.port)
    many = frame("ping") * 10000
    n_sent = 0
    try:
        while n_sent < 64 << 20:
            deaf.socket.sendall(many)
            n_sent += len(many)
    except OSError:
        pass
    assert n_sent > 16 << 20, "cut off after %d bytes" % n_sent
    wait_for("the end", 20, lambda: "it reads too slowly" in node.log())
    Peer(node.port).answers()
    node.stop()
    node.remove()


def what_is_over_or_not_to_be_told_is_not_told():
    """An object that expired within the hour is kept, and neither announced nor served; without Dandelion a dinv
    is not heard; of many peers 500 are told."""
    node = Node("node")
    giver = Peer(node.port)
    late = make_object(b"late " + os.urandom(40), life=-100)
    giver.send("object", late)
    wait_for("the object", 10, lambda: node.objects() == 1)
    now = int(time.time())
    known = [struct.pack(">QIQ", now - 60, 1, 1) + bytes(10) + b"\xff\xff" + bytes([20, i // 50, 1, 1 + i % 50]) +
             struct.pack(">H", 8444) for i in range(501)]
    giver.send("addr", var_int(501) + b"".join(known))
    wait_for("the addresses", 10, lambda: node.status["known_peers"] == 501)
    other = Peer(node.port)
    told = other.expect("addr")
    assert told[:3] == b"\xfd\x01\xf4" and len(told) == 3 + 500 * 38, told[:3]
    other.send("dinv", hashes([b"d" * 32]))
    other.send("getdata", hashes([object_hash(late)]))
    time.sleep(0.5)
    other.send("ping")
    while True:
        command, _ = other.receive()
        assert command not in ("inv", "dinv", "object", "getdata"), command
        if command == "pong":
            break
    node.stop()
    node.remove()


def a_node_that_dials_itself_notices():
    node = Node("node")
    node.stop()
    node.settings["network.connect"] = "127.0.0.1:%d" % node.port
    node.start()
    wait_for("the word", 10, lambda: "connected to myself" in node.log())
    assert node.fresh()["peers_in"] == 0
    node.stop()
    node.remove()


def inbound_connections_are_bounded():
    node = Node("node", {"node.max_inbound": "5"})
    peers = [Peer(node.port) for _ in range(5)]
    refused = Peer(node.port, handshake=False)
    refused.send("version", version())
    assert refused.is_closed(10)
    assert refused.last[0] == "error" and b"Server full" in refused.last[1]
    for peer in peers:
        peer.answers()
    peers[0].close()
    wait_for("a place", 10, lambda: node.status.get("peers_in") == 4)
    Peer(node.port).answers()
    node.stop()
    node.remove()


def an_address_has_one_connection_without_the_exemption():
    node = Node("node", {"network.allow_loopback": "no"})
    first = Peer(node.port)
    second = Peer(node.port, handshake=False)
    second.send("version", version())
    assert second.is_closed(10)
    assert b"Too many connections from your IP" in second.last[1]
    first.answers()
    first.close()
    # Breaches add up to a ban.
    time.sleep(0.5)
    for _ in range(4):
        peer = Peer(node.port, handshake=False)
        peer.send("ping")
        assert peer.is_closed(10)
        peer.close()
        time.sleep(0.1)
    banned = Peer(node.port, handshake=False)
    assert banned.is_closed(10)
    wait_for("the ban", 5, lambda: node.fresh()["banned"] == 1)
    node.stop()
    node.remove()


class Proxy:
    """A SOCKS5 proxy that joins every name to one port, and notes who asked for what."""

    def __init__(self, port):
        self.port_behind = port
        self.asked = []
        self.passwords = set()
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        file = client.makefile("rb")
        methods = file.read(file.read(2)[1])
        assert 2 in methods
        client.sendall(b"\x05\x02")
        user = file.read(file.read(2)[1])
        self.passwords.add(file.read(file.read(1)[0]))
        client.sendall(b"\x01\x00")
        kind = file.read(4)[3]
        host = file.read(file.read(1)[0]).decode() if kind == 3 else socket.inet_ntoa(file.read(4))
        port = struct.unpack(">H", file.read(2))[0]
        self.asked.append((host, port, user))
        behind = socket.create_connection(("127.0.0.1", self.port_behind))
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        threading.Thread(target=self.pump, args=(behind, client), daemon=True).start()
        self.pump(client, behind)

    @staticmethod
    def pump(source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def remote_ports(pid):
    """What the process's own TCP sockets are connected to, and whether one listens."""
    inodes = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            inodes.add(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except OSError:
            pass
    remotes = set()
    listens = False
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with open("/proc/net/" + name) as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                if "socket:[%s]" % fields[9] in inodes:
                    assert name.startswith("tcp"), "a datagram socket in strict Tor mode"
                    listens = listens or fields[3] == "0A"
                    remotes.add(int(fields[2].split(":")[1], 16))
    return remotes, listens


def strict_tor_mode_speaks_to_the_proxy_alone():
    far = Node("far")
    proxy = Proxy(far.port)
    hidden = Node("hidden", {"node.tor": "strict", "node.socks": "127.0.0.1:%d" % proxy.port,
                             "network.connect": "peer.example.org:8444, 8.8.4.4:8445, "
                                                "expyuzz4wqqyqhjn.onion:8446"})
    wait_for("three peers", 20, lambda: hidden.status.get("peers_out") == 3)
    asked = {(host, port) for host, port, _ in proxy.asked}
    assert asked == {("peer.example.org", 8444), ("8.8.4.4", 8445),
                     ("expyuzz4wqqyqhjn.onion", 8446)}, asked
    assert len({user for _, _, user in proxy.asked}) == 3, "two peers on one circuit"
    remotes, listens = remote_ports(hidden.process.pid)
    assert remotes == {proxy.port} and not listens, (remotes, listens)
    assert hidden.status["port"] == 0
    whole = make_object(b"hidden " + os.urandom(50))
    peer = Peer(far.port)
    peer.serve([whole], lambda: hidden.objects() == 1)
    for node in (hidden, far):
        node.stop()
        node.remove()


def names_behind_a_dead_proxy_are_tried_again_and_nothing_else():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = closed.getsockname()[1]
    node = Node("node", {"node.tor": "strict", "node.socks": "127.0.0.1:%d" % dead,
                         "network.connect": "peer.example.org:8444"})
    time.sleep(2)
    remotes, listens = remote_ports(node.process.pid)
    assert remotes <= {dead} and not listens
    assert node.is_alive()
    node.stop()
    node.remove()


def peers_are_remembered_and_a_broken_book_is_set_aside():
    far = Node("far")
    node = Node("node", connect=[far.port])
    wait_for("far", 10, lambda: node.status.get("peers_out") == 1)
    now = int(time.time())
    public = [struct.pack(">QIQ", now - 60, 1, 1) + bytes(10) + b"\xff\xff" +
              bytes([20 + i, 1, 2, 3]) + struct.pack(">H", 8444) for i in range(50)]
    peer = Peer(node.port)
    peer.send("addr", var_int(50) + b"".join(public))
    wait_for("the addresses", 10, lambda: node.status["known_peers"] == 51)
    node.stop()
    node.start()
    assert node.fresh()["known_peers"] == 51
    told = Peer(node.port)
    payload = told.expect("addr")
    assert payload[0] == 50 and all(entry[20:] in payload for entry in public)
    node.stop()
    with open(os.path.join(node.folder, "peers.db"), "r+b") as file:
        file.write(b"garbage " * 1000)
    node.start()
    wait_for("far again", 10, lambda: node.status.get("peers_out") == 1)
    assert any(".broken-" in name for name in os.listdir(node.folder))
    for each in (node, far):
        each.stop()
        each.remove()


TESTS = [objects_cross_three_nodes_over_tls,
         an_object_reaches_a_neighbour_by_the_stem_and_then_all,
         a_stalling_peer_does_not_hold_an_object_up,
         slow_and_greedy_peers_cost_nobody_else,
         one_that_reads_nothing_is_cut_off_at_the_bound_of_its_output,
         what_is_over_or_not_to_be_told_is_not_told,
         a_node_that_dials_itself_notices,
         inbound_connections_are_bounded,
         an_address_has_one_connection_without_the_exemption,
         strict_tor_mode_speaks_to_the_proxy_alone,
         names_behind_a_dead_proxy_are_tried_again_and_nothing_else,
         peers_are_remembered_and_a_broken_book_is_set_aside]

if __name__ == "__main__":
    run_tests(TESTS, at_once=2)
