#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whole bittern-node processes on loopback: streams, networks apart, how a node is reached and whom
it dials, and the bounds on what all peers together may cost."""
import base64
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nodes
from nodes import (Clock, MAGIC, Node, Peer, frame, hashes, make_object, object_hash, run_tests,
                   var_int, version, wait_for)
from test_nodes import Proxy

ONION_V3 = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
OBJECT_ONIONPEER = 0x746f72


def inv_hashes(payload):
    start = {253: 3, 254: 5}.get(payload[0], 1)
    return {payload[i:i + 32] for i in range(start, len(payload), 32)}


def pong_or(peer, *commands):
    """All messages of these commands that came before the answer to a ping."""
    found = []
    peer.send("ping")
    while True:
        command, payload = peer.receive()
        if command == "pong":
            return found
        if command in commands:
            found.append((command, payload))


class Far:
    """A port to be dialled; each connection is a Peer whose handshake was answered."""

    def __init__(self, host="127.0.0.1"):
        self.socket = socket.create_server((host, 0), backlog=16)
        self.socket.settimeout(20)
        self.port = self.socket.getsockname()[1]

    def accept(self, timeout=20, **version_fields):
        self.socket.settimeout(timeout)
        sock, _ = self.socket.accept()
        peer = Peer.__new__(Peer)
        peer.socket, peer.data = sock, b""
        peer.socket.settimeout(20)
        peer.theirs = peer.expect("version")
        peer.send("verack")
        peer.send("version", version(**version_fields))
        peer.expect("verack")
        return peer

    def is_left_alone(self, seconds):
        self.socket.settimeout(seconds)
        try:
            self.socket.accept()
            return False
        except socket.timeout:
            return True

    def close(self):
        self.socket.close()


def end(*each):
    for node in each:
        node.stop()
        node.remove()


# ---- streams

def objects_are_told_in_their_stream_alone():
    node = Node("node", {"network.streams": "1, 2"})
    giver = Peer(node.port, streams=b"\x02\x01\x02")
    one, two, three = (make_object(b"stream %d " % i + os.urandom(40), stream=i) for i in (1, 2, 3))
    first = Peer(node.port, streams=b"\x01\x01")
    second = Peer(node.port, streams=b"\x02\x02\x07")
    for whole in (one, two, three):
        giver.send("object", whole)
    wait_for("two objects", 10, lambda: node.objects() == 2)
    assert object_hash(one) in inv_hashes(first.expect("inv"))
    assert object_hash(two) in inv_hashes(second.expect("inv"))
    for peer, other in ((first, two), (second, one)):
        assert all(object_hash(other) not in payload for _, payload in pong_or(peer, "inv"))
    # The first inventory of one that comes later, too.
    late = Peer(node.port, streams=b"\x01\x02")
    assert inv_hashes(late.expect("inv")) == {object_hash(two)}
    stranger = Peer(node.port, handshake=False)
    stranger.send("version", version(streams=b"\x02\x03\x04"))
    assert stranger.is_closed() and b"shared stream" in stranger.last[1]
    end(node)


def a_node_says_its_streams_and_tells_peers_of_each():
    far = Far()
    node = Node("node", {"network.streams": "5,1", "network.allow_loopback": "yes"}, connect=[far.port])
    peer = far.accept(streams=b"\x01\x05")
    assert peer.theirs.endswith(b"\x02\x01\x05"), peer.theirs[-8:]
    now = int(time.time())
    entries = [struct.pack(">QIQ", now - 60, stream, 1) + bytes(10) + b"\xff\xff" +
               bytes([20 + stream, 1, 2, 3]) + struct.pack(">H", 8444) for stream in (1, 5, 6)]
    peer.send("addr", var_int(3) + b"".join(entries))
    # The named peer, and the two of our streams.
    wait_for("two addresses", 10, lambda: node.status["known_peers"] == 3)
    in_five = Peer(node.port, streams=b"\x01\x05")
    payload = in_five.expect("addr")
    assert payload[0] == 1 and entries[1][12:] in payload, payload
    far.close()
    end(node)


def foreign_streams_are_relayed_by_setting():
    for relays in ("no", "yes"):
        node = Node("node", {"network.foreign_streams": relays})
        giver = Peer(node.port, streams=b"\x02\x01\x07")
        taker = Peer(node.port, streams=b"\x02\x01\x07")
        plain = Peer(node.port)
        whole = make_object(b"far " + os.urandom(40), stream=7)
        known = make_object(b"near " + os.urandom(40))
        giver.send("object", whole)
        giver.send("object", known)
        wait_for("the object", 10, lambda: node.objects() == (2 if relays == "yes" else 1))
        told = set()
        while object_hash(known) not in told or (relays == "yes" and object_hash(whole) not in told):
            told |= inv_hashes(taker.expect("inv"))
        assert (object_hash(whole) in told) == (relays == "yes")
        plain.expect("inv")
        assert all(object_hash(whole) not in payload for _, payload in pong_or(plain, "inv"))
        end(node)


def a_stem_that_is_not_of_the_stream_is_left_out():
    far = Far()
    node = Node("node", {"network.streams": "1, 2", "network.dandelion": "90"}, connect=[far.port])
    child = far.accept(services=9)
    giver = Peer(node.port, services=9, streams=b"\x02\x01\x02")
    watcher = Peer(node.port, streams=b"\x01\x02")
    whole = make_object(b"second " + os.urandom(40), stream=2)
    giver.send("dinv", hashes([object_hash(whole)]))
    giver.expect("getdata")
    giver.send("object", whole)
    assert object_hash(whole) in inv_hashes(watcher.expect("inv", 5))
    assert all(object_hash(whole) not in payload for _, payload in pong_or(child, "inv", "dinv"))
    far.close()
    end(node)


# ---- networks apart

def two_networks_on_one_machine_never_mix():
    """Of another magic, or another difficulty: no connection stands, no object crosses."""
    red = Node("red")
    blue = Node("blue", {"network.magic": "0a0b0c0e"}, connect=[red.port])
    hard = Node("hard", {"network.least_trials_per_byte": "2000000000",
                         "network.least_extra_bytes": "100000"}, connect=[red.port])
    wait_for("hard connected", 10, lambda: hard.status.get("peers_out") == 1)
    whole = make_object(b"red " + os.urandom(50))
    giver = Peer(red.port)
    giver.send("object", whole)
    wait_for("the object", 10, lambda: red.objects() == 1)
    wait_for("hard refuses it", 10, lambda: hard.status["objects_refused"] >= 1)
    time.sleep(1)
    assert blue.fresh()["objects"] == hard.fresh()["objects"] == 0
    assert blue.status["peers_out"] == 0 and red.fresh()["peers_in"] == 2
    end(hard, blue)
    # A home that moves to another network forgets the peers of the first.
    far = Far()
    node = Node("node", connect=[far.port])
    far.accept().send("object", make_object(b"of the first " + os.urandom(50)))
    wait_for("known", 10, lambda: node.status["known_peers"] == 1 and node.objects() == 1)
    wait_for("written", 10, lambda: node.fresh()["unwritten"] == 0)
    node.stop()
    far.close()
    node.settings.update({"network.magic": "0a0b0c0f", "network.connect": ""})
    node.start()
    assert node.fresh()["known_peers"] == node.objects() == 0
    assert [name for name in os.listdir(node.folder) if ".other-network-" in name]
    # Those that are built in belong to the public network alone.
    node.stop()
    node.settings.update({"network.bootstrap": "yes", "network.bootstrap_hosts": ""})
    node.start()
    time.sleep(1.5)
    assert node.fresh()["known_peers"] == 0, node.log()
    end(node, red)


# ---- whom it dials, and who reaches it

def a_ban_that_a_peer_asks_for_is_obeyed():
    """By address: loopback is not exempt here, so one far peer bans us for its whole host."""
    for seconds, comes_back in ((0, True), (3600, False)):
        far = Far()
        node = Node("node", {"network.allow_loopback": "no"}, connect=[far.port])
        peer = far.accept()
        text = b"go away"
        peer.send("error", b"\x02" + var_int(seconds) + b"\x00" + var_int(len(text)) + text)
        pong_or(peer)
        peer.close()
        assert far.is_left_alone(4) != comes_back
        assert node.fresh()["banned"] == (0 if comes_back else 1)
        assert "peer says error" in node.log() and "go\\x20away" in node.log()
        far.close()
        end(node)


def a_ban_by_one_that_a_proxy_dials_by_name_is_obeyed_for_it_alone():
    far = Far()
    proxy = Proxy(far.port)
    node = Node("node", {"node.tor": "yes", "node.socks": "127.0.0.1:%d" % proxy.port,
                         "network.connect": "one.example:1, two.example:2"})
    peers = [far.accept() for _ in range(2)]
    text = b"go away"
    peers[0].send("error", b"\x02" + var_int(3600) + b"\x00" + var_int(len(text)) + text)
    pong_or(peers[0])
    for peer in peers:
        peer.close()
    back = far.accept()
    assert far.is_left_alone(4), proxy.asked
    pong_or(back)
    assert len({host for host, _, _ in proxy.asked[2:]}) == 1, proxy.asked
    far.close()
    end(node)


def several_clocks_that_differ_make_a_warning():
    node = Node("node")
    for n in range(1, 5):
        peer = Peer(node.port, handshake=False)
        peer.send("version", version(now=int(time.time()) + 7200))
        assert peer.is_closed() and b"future" in peer.last[1]
        assert ("check it" in node.log()) == (n == 4), n
    end(node)


def a_ban_is_said_with_what_is_left_of_it():
    node = Node("node", {"network.allow_loopback": "no"})
    errors = []
    for _ in range(30):
        peer = Peer(node.port, handshake=False)
        peer.send("version", version())
        try:
            peer.expect("version")
        except (AssertionError, ConnectionError):
            peer.close()
            break
        peer.send("verack")
        for _ in range(12):
            peer.send("inv", b"\xff" * 9)
        assert peer.is_closed()
        errors.append(peer.last)
        peer.close()
        time.sleep(0.2)
    assert errors[0][0] == "error" and b"breaches" in errors[0][1]
    assert errors[0][1][:4] == b"\x02\xfd" + struct.pack(">H", 3600), errors[0]
    late = Peer(node.port, handshake=False)
    assert late.is_closed() and b"You are banned" in late.last[1]
    left = struct.unpack(">H", late.last[1][2:4])[0]
    assert 3500 < left <= 3600, left
    end(node)


def networks_have_a_share_of_the_places():
    """All of 127/8 is one network."""
    node = Node("node", {"network.allow_loopback": "no", "node.max_per_network": "3"})
    def dial(i):
        sock = socket.create_connection(("127.0.0.1", node.port), source_address=("127.0.1.%d" % i, 0))
        peer = Peer.__new__(Peer)
        peer.socket, peer.data = sock, b""
        peer.send("version", version())
        return peer
    peers = [dial(i) for i in range(1, 4)]
    for peer in peers:
        peer.expect("verack")
    fourth = dial(4)
    assert fourth.is_closed() and b"your network" in fourth.last[1]
    peers[0].close()
    wait_for("a place", 10, lambda: dial(5).receive()[0] == "verack")
    end(node)


def trusted_peers_are_dialled_and_no_others():
    for bootstrap in ("no", "yes"):
        trusted, other = Far(), Far()
        node = Node("node", {"network.bootstrap": bootstrap, "network.bootstrap_hosts": ""},
                    connect=[trusted.port])
        peer = trusted.accept()
        entry = (struct.pack(">QIQ", int(time.time()) - 60, 1, 1) + bytes(10) + b"\xff\xff" +
                 socket.inet_aton("127.0.0.1") + struct.pack(">H", other.port))
        peer.send("addr", var_int(1) + entry)
        if bootstrap == "yes":
            other.accept()
        else:
            assert other.is_left_alone(3)
        trusted.close()
        other.close()
        end(node)


def a_client_listens_nowhere_and_says_so():
    far = Far()
    node = Node("node", connect=[far.port], hosts=())
    peer = far.accept()
    assert peer.theirs[70:72] == b"\0\0", peer.theirs[70:72]
    whole = make_object(b"to the client " + os.urandom(40))
    peer.serve([whole], lambda: node.objects() == 1)
    assert node.status["port"] == 0
    far.close()
    end(node)


def several_listeners_serve_one_node():
    hosts = ["127.0.0.1", "127.0.0.2"] + (["::1"] if socket.has_ipv6 and os.path.exists(
        "/proc/net/if_inet6") else [])
    node = Node("node", hosts=hosts)
    for host, port in zip(hosts, node.ports):
        sock = socket.create_connection((host, port), timeout=20)
        sock.sendall(frame("version", version()))
        assert sock.recv(24)[4:10] == b"verack"
        sock.close()
    end(node)


def sixteen_listeners_are_taken_and_no_more():
    node = Node("node", hosts=["127.0.0.1"] * 17)
    for i, port in enumerate(node.ports):
        sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        sock.sendall(frame("version", version()))
        if i < 16:
            assert sock.recv(24)[4:10] == b"verack", i
        else:  # it stands in the supervisor's hands alone, where nobody accepts
            sock.settimeout(1)
            try:
                assert sock.recv(24) == b"", "one more"
            except socket.timeout:
                pass
        sock.close()
    assert "more than 16 listening sockets" in node.log()
    end(node)


def neighbours_find_each_other():
    far = Far()
    node = Node("node", {"node.lan_discovery": "yes"}, lan=True)
    now = int(time.time())

    def say(magic=MAGIC, stream=1, at=now, ip=b"\x7f\0\0\1", port=far.port, command="addr"):
        entry = (struct.pack(">QIQ", at, stream, 1) + bytes(10) + b"\xff\xff" + ip +
                 struct.pack(">H", port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(frame(command, var_int(1) + entry, magic), ("127.0.0.1", node.lan_port))

    say(magic=MAGIC ^ 1)
    say(stream=2)
    say(at=now - 3610)
    say(at=now + 3640)
    say(ip=b"\x08\x08\x08\x08")
    say(port=0)
    say(command="inv")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for data in (b"", b"x", os.urandom(1400), frame("addr", b"\xff" * 9), b"\0" * 60000):
            sock.sendto(data, ("127.0.0.1", node.lan_port))
    assert far.is_left_alone(2)
    say(at=now - 3540)
    peer = far.accept()
    assert pong_or(peer) == []
    far.close()
    end(node)


def a_tor_name_of_others_is_remembered_behind_a_proxy():
    reader = Node("reader", {"node.tor": "yes", "node.socks": "127.0.0.1:1"})
    plain = Node("plain")
    key = base64.b32decode(ONION_V3[:56].upper())
    body = b"\xfd" + struct.pack(">H", 8444) + bytes.fromhex("fd87d87eeb43") + key
    whole = with_version(make_object(body, kind=OBJECT_ONIONPEER), 3)
    for node, known in ((reader, 1), (plain, 0)):
        Peer(node.port).send("object", whole)
        wait_for("the object", 10, lambda: node.objects() == 1)
        assert node.fresh()["known_peers"] == known, (node.name, node.status)
    end(reader, plain)


def with_version(whole, number):
    """The object with another version, worked on again."""
    rest = whole[8:20] + bytes([number]) + whole[21:]
    length, ttl = len(whole), 3600
    target = (1 << 64) // (length + 1 + ttl * (length + 1) // 65536)
    initial = nodes.sha512(rest)
    nonce = 0
    while True:
        head = struct.pack(">Q", nonce)
        if struct.unpack(">Q", nodes.sha512(nodes.sha512(head + initial))[:8])[0] <= target // 2:
            return head + rest
        nonce += 1


def a_proxy_that_wants_a_password_gets_it():
    far = Node("far")
    proxy = Proxy(far.port)
    node = Node("node", {"node.tor": "yes", "node.socks": "127.0.0.1:%d" % proxy.port,
                         "node.socks_user": "alice", "node.socks_password": "wonder land",
                         "network.connect": "one.example:1, two.example:2"})
    wait_for("two peers", 20, lambda: node.status.get("peers_out") == 2)
    assert {user for _, _, user in proxy.asked} == {b"alice"}
    assert proxy.passwords == {b"wonder land"}
    end(node, far)


# ---- what all peers together may cost

def bandwidth_is_bounded_both_ways():
    """600 KB at 250 KiB a second: 2.3 seconds, within a tenth and what a busy machine adds."""
    objects = [make_object(os.urandom(100000)) for _ in range(6)]
    size = sum(map(len, objects))
    node = Node("node", {"node.max_download_kib": "250", "node.max_upload_kib": "250"})
    giver = Peer(node.port)
    start = time.monotonic()
    giver.serve(objects, lambda: node.objects() == len(objects))
    took_in = time.monotonic() - start
    taker = Peer(node.port)
    start = time.monotonic()
    taker.send("getdata", hashes([object_hash(whole) for whole in objects]))
    for _ in objects:
        taker.expect("object", 60)
    took_out = time.monotonic() - start
    least = size / (250 * 1024)
    for took in (took_in, took_out):
        assert 0.85 * least < took < 2 * least + 3, (took_in, took_out, least)
    end(node)


def bandwidth_is_shared_fairly():
    """Two who take: while both do, neither gets more than three times what the other does."""
    objects = [make_object(os.urandom(50000)) for _ in range(4)]
    node = Node("node", {"node.max_upload_kib": "300"})
    giver = Peer(node.port)
    giver.serve(objects, lambda: node.objects() == len(objects))
    names = [object_hash(whole) for whole in objects]
    got = [0, 0]
    peers = [Peer(node.port) for _ in got]
    stop = threading.Event()

    def take(i):
        peers[i].send("getdata", hashes(names * 6))
        peers[i].socket.settimeout(0.2)
        while not stop.is_set():
            try:
                got[i] += len(peers[i].socket.recv(65536))
            except socket.timeout:
                pass

    threads = [threading.Thread(target=take, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    stop.set()
    for thread in threads:
        thread.join()
    assert min(got) * 3 > max(got), got
    assert 0.6 * 900 * 1024 < sum(got) < 1.6 * 900 * 1024, got
    end(node)


def all_buffers_share_one_budget():
    """Deaf peers that ask for much push themselves out; the one that reads is served."""
    objects = [make_object(os.urandom(50000)) for _ in range(6)]
    node = Node("node", {"node.max_buffers": "8MiB"})
    honest = Peer(node.port)
    honest.serve(objects, lambda: node.objects() == len(objects))
    names = [object_hash(whole) for whole in objects]
    before = node.rss_kib()
    deaf = []
    for _ in range(16):
        peer = Peer(node.port)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.send("getdata", hashes(names * 80))
        deaf.append(peer)
    wait_for("some shed", 20, lambda: node.status["shed"] >= 5)
    for _ in range(3):
        status = node.fresh()
        assert status["buffered"] <= 8 << 20, status
    # Packets that never become whole count as well.
    for _ in range(12):
        peer = Peer(node.port)
        peer.socket.sendall(frame("inv", bytes(1500000))[:1400000])
        deaf.append(peer)
    honest.send("getdata", hashes(names))
    assert {honest.expect("object", 30) for _ in names} == set(objects)
    assert node.fresh()["buffered"] <= 8 << 20
    allowed = 300 if os.environ.get("BITTERN_SANITIZED") == "1" else 64
    assert node.rss_kib() - before < allowed * 1024, (before, node.rss_kib())
    for peer in deaf:
        peer.close()
    end(node)


def the_month_ends_things_in_their_order():
    clock = Clock()
    far = Far()
    node = Node("node", {"node.monthly_cap": "400000"}, connect=[far.port], clock=clock)
    peer = far.accept()
    inbound = Peer(node.port)
    objects = [make_object(os.urandom(20000)) for _ in range(24)]

    def use_until(stage):
        while node.fresh()["month_stage"] < stage:
            peer.send("object", objects.pop())

    for _ in range(15):
        peer.send("object", objects.pop())
    use_until(1)
    assert 320000 <= node.status["month_bytes"] < 360000, node.status
    refused = Peer(node.port, handshake=False)
    refused.send("version", version())
    assert refused.is_closed() and b"Server full" in refused.last[1]
    pong_or(inbound)
    use_until(2)
    assert inbound.is_closed()
    names = inv_hashes(hashes([object_hash(objects[0])]))
    peer.send("getdata", hashes(list(names)))
    assert pong_or(peer, "object") == []
    # A restart does not forget what was used.
    used = node.fresh()["month_bytes"]
    node.stop()
    node.start()
    peer = far.accept()
    assert node.fresh()["month_bytes"] >= used and node.status["month_stage"] == 2
    use_until(3)
    assert peer.is_closed()
    assert node.fresh()["connections"] == 0 and far.is_left_alone(2)
    clock.set(32 * 86400)
    peer = far.accept(now=int(time.time()) + 32 * 86400)
    assert node.fresh()["month_stage"] == 0
    assert node.log().count("monthly cap") >= 4
    far.close()
    end(node)


TESTS = [objects_are_told_in_their_stream_alone,
         a_node_says_its_streams_and_tells_peers_of_each,
         foreign_streams_are_relayed_by_setting,
         a_stem_that_is_not_of_the_stream_is_left_out,
         two_networks_on_one_machine_never_mix,
         a_ban_that_a_peer_asks_for_is_obeyed,
         a_ban_by_one_that_a_proxy_dials_by_name_is_obeyed_for_it_alone,
         several_clocks_that_differ_make_a_warning,
         a_ban_is_said_with_what_is_left_of_it,
         networks_have_a_share_of_the_places,
         trusted_peers_are_dialled_and_no_others,
         a_client_listens_nowhere_and_says_so,
         several_listeners_serve_one_node,
         sixteen_listeners_are_taken_and_no_more,
         neighbours_find_each_other,
         a_tor_name_of_others_is_remembered_behind_a_proxy,
         a_proxy_that_wants_a_password_gets_it,
         the_month_ends_things_in_their_order]

# Those that look at the clock: one at a time.
MEASURED = [bandwidth_is_bounded_both_ways,
            bandwidth_is_shared_fairly,
            all_buffers_share_one_budget]

if __name__ == "__main__":
    run_tests(TESTS, at_once=4)
    run_tests(MEASURED)
