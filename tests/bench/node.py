#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bittern's relay, PyBitmessage and notbit, one after the other, by the same script. Each

    ingest  takes in objects from one scripted peer that serves as fast as it is asked
    relay   serves them all to ten scripted peers (notbit to eight: it takes no more), TLS with all but notbit
    start   begins with many objects in its store, answers a peer's version, and idles

    BITTERN_BIN=build/release/bin tests/bench/node.py CHECKOUT [--python PYTHON2.7] [--path DIR] [--notbit PROGRAM]
                                                      [--objects 20000] [--stored 200000] [--relay-sec 180]

CHECKOUT is PyBitmessage's, with its bitmsghash built. Its difficulty is a hundredth of the network's, as its own
test mode has it; so is Bittern's here, and notbit's must be made so before it is built (its two constants
NTB_PROTO_MIN_POW_... set to 10). For `start` the objects are written into each one's own store while it does not
run (objects.db, messages.dat, a file each): taking 200,000 in would last a quarter of an hour with PyBitmessage.
PyBitmessage's threads poll once a second or two, so that its relay gets --relay-sec, and what came by then counts."""
import argparse
import itertools
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Our own folder goes: it has a script named as one of Python's modules.
sys.path[:1] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "interop")]
import multiprocessing  # noqa: E402
import bmwire  # noqa: E402
import harness  # noqa: E402
import pybitmessage_node as reference  # noqa: E402

TTL = 4 * 3600
POINT = bmwire.random_point()  # shared, so that making objects is cheap
ASKER = "127.0.0.99"
N_PEERS = 10
ASK_AT_ONCE = 1000
ASK_AGAIN_SEC = 15  # PyBitmessage drops what it is asked soon after connecting
IDLE_SEC = 20
QUIET_SEC = 6  # so long without work: all is taken in


# ---- objects

def make_one(length):
    head = bmwire.object_header(bmwire.MSG, ttl=TTL)
    body = head + bmwire.noise_encryption(length // 16 + 1, POINT)
    return bmwire.do_work(body[:length - 8], TTL)


def make_objects(count, length):
    with multiprocessing.Pool() as pool:
        made = pool.map(make_one, [length] * count, chunksize=100)
    return {bmwire.object_hash(data): data for data in made}


def stored_objects(count, length):
    """(hash, expires, data) of what is put into a store, where nobody asks for its work."""
    for _ in range(count):
        data = os.urandom(8) + bmwire.object_header(bmwire.MSG, ttl=TTL) + os.urandom(length - 30)
        yield bmwire.object_hash(data), int.from_bytes(data[8:16], "big"), data


# ---- processes, seen from outside

def cpu_sec(pids):
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def resident_mib(pids):
    kib = 0
    for pid in pids:
        with open("/proc/%d/status" % pid) as file:
            kib += next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    return kib / 1024


def wait_quiet(pids):
    """Returns the CPU time when there was no more to do."""
    last, since = cpu_sec(pids), time.monotonic()
    while time.monotonic() - since < QUIET_SEC:
        time.sleep(0.5)
        now = cpu_sec(pids)
        if now - last > 0.05:
            last, since = now, time.monotonic()
    return last


def wait_answer(subject, began):
    """The seconds until a peer's version is answered."""
    while True:
        try:
            # From another address: PyBitmessage dials nobody who is connected to it.
            with bmwire.Peer.dial(subject.port, subject.host, ASKER, magic=bmwire.MAGIC, timeout=10) as peer:
                peer.send("version", bmwire.version_payload())
                peer.wait_for("verack", 10)
                return time.monotonic() - began
        except (OSError, bmwire.ProtocolError):
            time.sleep(0.01)
            if time.monotonic() - began > 300:
                raise


# ---- the three

class Bittern:
    name = "Bittern"
    services = bmwire.NODE_NETWORK | bmwire.NODE_SSL
    n_peers = N_PEERS
    host = "127.0.0.1"

    def __init__(self, feeder_port):
        settings = dict(harness.QUICK, **{"network.magic": "%08x" % bmwire.MAGIC,
                                          "network.connect": "127.0.0.1:%d" % feeder_port,
                                          "log.level": "warn"})
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.port = door.getsockname()[1]
        settings["node.port"] = str(self.port)
        self.one = harness.Bittern(settings, "bench")
        self.one.command = "node"

    def start(self):
        began = time.monotonic()
        self.one.spawn()
        took = wait_answer(self, began)
        harness.wait_for("Bittern", self.one.is_ready)
        pids = self.one.status()["pids"]
        self.pids = [pids["supervisor"], pids["node"]]
        return took

    def store(self, objects):
        with sqlite3.connect(os.path.join(self.one.home, "node", "objects.db")) as db:
            db.executemany("INSERT INTO object (hash, expires, type, stream, size, own, work, payload)"
                           " VALUES (?, ?, 2, 1, ?, 0, 1000, ?)",
                           ((name, expires, len(data), data) for name, expires, data in objects))
        db.close()

    def stop(self):
        self.one.stop()

    def close(self):
        self.one.close()


class PyBitmessage:
    name = "PyBitmessage"
    services = bmwire.NODE_NETWORK | bmwire.NODE_SSL
    n_peers = N_PEERS
    host, port = "127.0.0.21", 28944

    def __init__(self, feeder_port, options):
        self.options, self.feeder_port = options, feeder_port
        self.home = tempfile.mkdtemp(prefix="pybitmessage-")

    def start(self):
        began = time.monotonic()
        self.launcher = reference.start_reference(self.options, self.home, self.feeder_port)
        took = wait_answer(self, began)
        lock = os.path.join(self.home, "singleton.lock")
        harness.wait_for("its pid", lambda: os.path.exists(lock) and open(lock).read().strip())
        with open(lock) as file:
            self.pids = [int(file.read())]
        return took

    def store(self, objects):
        with sqlite3.connect(os.path.join(self.home, "messages.dat")) as db:
            db.executemany("INSERT INTO inventory VALUES (?, 2, 1, ?, ?, ?)",
                           ((name, data, expires, data[22:54]) for name, expires, data in objects))
        db.close()

    def stop(self):
        reference.stop_reference(self.home, self.launcher)

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Notbit:
    name = "notbit"
    services = bmwire.NODE_NETWORK
    n_peers = 8
    host = "127.0.0.1"

    def __init__(self, feeder_port, program):
        self.folder = tempfile.mkdtemp(prefix="notbit-")
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.port = door.getsockname()[1]
        self.words = [program, "-e", "-L", "-b", "-B", "-P", "127.0.0.1:%d" % feeder_port, "-a",
                      "127.0.0.1:%d" % self.port, "-D", self.folder, "-m", os.path.join(self.folder, "mail")]

    def start(self):
        began = time.monotonic()
        with open(os.path.join(self.folder, "output"), "ab") as output:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.pids = [self.process.pid]
        return wait_answer(self, began)

    def store(self, objects):
        for name, _, data in objects:
            with open(os.path.join(self.folder, "objects", name.hex()), "wb") as file:
                file.write(data)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- one run

def accept(listener):
    """The first that gets through its handshake: PyBitmessage gives some connections up."""
    end = time.monotonic() + 120
    while True:
        peer = listener.accept()
        try:
            peer.handshake()
            return peer
        except bmwire.ProtocolError as error:
            peer.close()
            if time.monotonic() > end:
                raise
            print("(a handshake failed: %s)" % error, flush=True)


def feed(listener, objects, timeout):
    """Serve who dials; the seconds from the first request to the last object."""
    with accept(listener) as peer:
        hashes = list(objects)
        for i in range(0, len(hashes), 5000):
            peer.announce(hashes[i:i + 5000])
        began, missing = None, set(hashes)
        end = time.monotonic() + timeout
        while missing and time.monotonic() < end:
            command, payload = peer.receive()
            if command == "getdata":
                began = began or time.monotonic()
                wanted = bmwire.parse_hashes(payload)
                peer.send_raw(b"".join(bmwire.frame("object", objects[h], peer.magic) for h in wanted))
                missing -= set(wanted)
        if missing:
            raise AssertionError("%d objects were never asked for" % len(missing))
        peer.is_alive(timeout)  # all that was sent before has been read
        return time.monotonic() - began


class Sink(threading.Thread):
    """A peer that fetches all that it is told of."""

    def __init__(self, subject, count, end):
        super().__init__(daemon=True)
        self.subject, self.count, self.end = subject, count, end
        self.n_objects = 0
        self.took = None

    def run(self):
        began = time.monotonic()
        while time.monotonic() < self.end and self.took is None:
            try:
                with bmwire.Peer.dial(self.subject.port, self.subject.host, magic=bmwire.MAGIC, timeout=30,
                                      services=self.subject.services) as peer:
                    peer.handshake()
                    self.fetch(peer)
                    self.took = time.monotonic() - began
            except (OSError, bmwire.ProtocolError):
                time.sleep(1)

    def fetch(self, peer):
        asked_at, enough = 0.0, 0  # when it asked last; how many it has when all of that is here
        while len(peer.objects) < self.count:
            self.n_objects = len(peer.objects)
            if len(peer.objects) >= enough or time.monotonic() - asked_at > ASK_AGAIN_SEC:
                asked = list(itertools.islice(peer.announced.difference(peer.objects), ASK_AT_ONCE))
                if asked:
                    peer.ask_for(asked)
                    asked_at, enough = time.monotonic(), len(peer.objects) + len(asked)
            if time.monotonic() >= self.end:
                raise bmwire.ProtocolError("too late")
            n_before = len(peer.objects)
            peer.sock.settimeout(min(ASK_AGAIN_SEC, max(self.end - time.monotonic(), 0.01)))
            try:
                peer.receive()
            except bmwire.Closed:
                raise
            except bmwire.ProtocolError:
                if time.monotonic() >= self.end:
                    raise
            if len(peer.objects) > n_before:
                asked_at = time.monotonic()
        self.n_objects = len(peer.objects)


def measure_ingest(listener, subject, objects):
    before = cpu_sec(subject.pids)
    took = feed(listener, objects, 600)
    cpu = wait_quiet(subject.pids) - before
    print("%-13s ingest: %.0f objects/s read in, %.1f us of CPU each; %.1f MiB then" %
          (subject.name, len(objects) / took, cpu * 1e6 / len(objects), resident_mib(subject.pids)), flush=True)


def measure_relay(subject, n_objects, seconds):
    before, end = cpu_sec(subject.pids), time.monotonic() + seconds
    sinks = [Sink(subject, n_objects, end) for _ in range(subject.n_peers)]
    for sink in sinks:
        sink.start()
    for sink in sinks:
        sink.join()
    n_served = sum(sink.n_objects for sink in sinks)
    cpu = cpu_sec(subject.pids) - before
    wall = max(sink.took or seconds for sink in sinks)
    print("%-13s relay: to %d peers %d of %d objects in %.1f s, %.1f us of CPU each; %.1f MiB then" %
          (subject.name, len(sinks), n_served, n_objects * len(sinks), wall, cpu * 1e6 / max(n_served, 1),
           resident_mib(subject.pids)), flush=True)


def measure_start(subject, n_stored, length):
    """Its store is there already: it ran before."""
    subject.store(stored_objects(n_stored, length))
    took = subject.start()
    cpu = wait_quiet(subject.pids)
    mib = resident_mib(subject.pids)
    before = cpu_sec(subject.pids)
    time.sleep(IDLE_SEC)
    idle = (cpu_sec(subject.pids) - before) / IDLE_SEC * 100
    print("%-13s start: with %d more objects a peer is answered after %.2f s, %.2f s of CPU; %.1f MiB, idle %.2f %%"
          " of a core" % (subject.name, n_stored, took, cpu, mib, idle), flush=True)


def measure(listener, subject, objects, options):
    try:
        print("%-13s start: empty, a peer is answered after %.2f s" % (subject.name, subject.start()), flush=True)
        measure_ingest(listener, subject, objects)
        measure_relay(subject, len(objects), options.relay_sec)
        subject.stop()
        measure_start(subject, options.stored, options.bytes)
    finally:
        subject.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout")
    parser.add_argument("--python", default="python2.7")
    parser.add_argument("--path", default="")
    parser.add_argument("--objects", type=int, default=20000)
    parser.add_argument("--stored", type=int, default=200000)
    parser.add_argument("--bytes", type=int, default=300)
    parser.add_argument("--only", help="one of them, by name")
    parser.add_argument("--relay-sec", type=int, default=180)
    parser.add_argument("--notbit", help="notbit's program")
    options = parser.parse_args()
    options.dandelion = 0
    objects = make_objects(options.objects, options.bytes)
    subjects = {"Bittern": Bittern, "PyBitmessage": lambda port: PyBitmessage(port, options)}
    if options.notbit:
        subjects["notbit"] = lambda port: Notbit(port, options.notbit)
    for name, make in subjects.items():
        if options.only not in (None, name):
            continue
        with bmwire.Listener(magic=bmwire.MAGIC, services=bmwire.NODE_NETWORK | bmwire.NODE_SSL,
                             timeout=120.0) as listener:
            subject = make(listener.port)
            try:
                measure(listener, subject, objects, options)
            except (AssertionError, OSError, StopIteration, bmwire.ProtocolError) as error:
                print("%-13s did not get through: %s %s" % (subject.name, type(error).__name__, error))


if __name__ == "__main__":
    main()
