#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bittern's relay, PyBitmessage and notbit: the same scripted peer feeds each the same objects (over TLS, but
for notbit, which has none), then each is restarted with them, and idles.

    BITTERN_BIN=build/release/bin tests/bench/node.py CHECKOUT [--python PYTHON2.7] [--path DIR] [--objects N]
                                                      [--notbit PROGRAM]

CHECKOUT is PyBitmessage's, with its bitmsghash built. Its difficulty is a hundredth of the network's, as its own
test mode has it; so is Bittern's here, and notbit's must be made so before it is built (its two constants
NTB_PROTO_MIN_POW_... set to 10). Each runs alone, one after the other."""
import argparse
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "interop")]
import bmwire  # noqa: E402
import harness  # noqa: E402
import pybitmessage_node as reference  # noqa: E402

TTL = 4 * 3600
IDLE_SEC = 20
QUIET_SEC = 6  # so long without work: all is taken in


# ---- objects

def make_objects(checkout, count, length):
    """By PyBitmessage's own search: Python alone would take minutes."""
    library = ctypes.CDLL(os.path.join(checkout, "src", "bitmsghash", "bitmsghash.so"))
    library.BitmessagePOW.restype = ctypes.c_ulonglong
    library.BitmessagePOW.argtypes = [ctypes.c_char_p, ctypes.c_ulonglong]
    objects = {}
    head = bmwire.object_header(bmwire.MSG, ttl=TTL)
    point = bmwire.random_point()
    while len(objects) < count:
        body = head + (os.urandom(16) + b"\x02\xca\x00\x20" + point[:32] + b"\x00\x20" + point[32:] +
                       os.urandom(length))[:length - len(head) - 8]
        goal = bmwire.target(len(body) + 8, TTL + 300, 10, 10)
        nonce = library.BitmessagePOW(bmwire.sha512(body), goal)
        data = struct.pack(">Q", nonce) + body
        objects[bmwire.object_hash(data)] = data
    return objects


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


def wait_port(host, port, began):
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return time.monotonic() - began
        except OSError:
            time.sleep(0.01)
            if time.monotonic() - began > 120:
                raise


# ---- the two

class Bittern:
    name = "Bittern"
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
        took = wait_port(self.host, self.port, began)
        harness.wait_for("Bittern", self.one.is_ready)
        pids = self.one.status()["pids"]
        self.pids = [pids["supervisor"], pids["node"]]
        return took

    def stop(self):
        self.one.stop()

    def close(self):
        self.one.close()


class PyBitmessage:
    name = "PyBitmessage"
    host, port = "127.0.0.21", 28944

    def __init__(self, feeder_port, options):
        self.options, self.feeder_port = options, feeder_port
        self.home = tempfile.mkdtemp(prefix="pybitmessage-")

    def start(self):
        began = time.monotonic()
        self.launcher = reference.start_reference(self.options, self.home, self.feeder_port)
        took = wait_port(self.host, self.port, began)
        lock = os.path.join(self.home, "singleton.lock")
        harness.wait_for("its pid", lambda: os.path.exists(lock) and open(lock).read().strip())
        with open(lock) as file:
            self.pids = [int(file.read())]
        return took

    def stop(self):
        reference.stop_reference(self.home, self.launcher)

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Notbit:
    name = "notbit"
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
        return wait_port(self.host, self.port, began)

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


def measure(listener, subject, objects):
    n = len(objects)
    try:
        empty_sec = subject.start()
        cpu_before = cpu_sec(subject.pids)
        feed_sec = feed(listener, objects, 600)
        cpu = wait_quiet(subject.pids) - cpu_before
        print("%-13s ingest: %.0f objects/s read in, %.1f us of CPU each; %.1f MiB then" %
              (subject.name, n / feed_sec, cpu * 1e6 / n, resident_mib(subject.pids)))
        subject.stop()
        full_sec = subject.start()
        wait_quiet(subject.pids)
        before = cpu_sec(subject.pids)
        time.sleep(IDLE_SEC)
        idle = (cpu_sec(subject.pids) - before) / IDLE_SEC * 100
        print("%-13s start: %.2f s empty, %.2f s with %d objects; idle %.2f %% of a core, %.1f MiB" %
              (subject.name, empty_sec, full_sec, n, idle, resident_mib(subject.pids)), flush=True)
    finally:
        subject.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout")
    parser.add_argument("--python", default="python2.7")
    parser.add_argument("--path", default="")
    parser.add_argument("--objects", type=int, default=20000)
    parser.add_argument("--bytes", type=int, default=300)
    parser.add_argument("--notbit", help="notbit's program")
    options = parser.parse_args()
    options.dandelion = 0
    objects = make_objects(options.checkout, options.objects, options.bytes)
    subjects = [Bittern, lambda port: PyBitmessage(port, options)]
    if options.notbit:
        subjects.append(lambda port: Notbit(port, options.notbit))
    for make in subjects:
        with bmwire.Listener(magic=bmwire.MAGIC, services=bmwire.NODE_NETWORK | bmwire.NODE_SSL,
                             timeout=120.0) as listener:
            subject = make(listener.port)
            try:
                measure(listener, subject, objects)
            except (AssertionError, OSError, StopIteration, bmwire.ProtocolError) as error:
                print("%-13s did not get through: %s %s" % (subject.name, type(error).__name__, error))


if __name__ == "__main__":
    main()
