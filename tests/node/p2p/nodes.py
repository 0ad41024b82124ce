# SPDX-License-Identifier: MIT
"""Starts bittern-node as the supervisor does, and speaks the network's protocol to it.

Node: a process with settings, a listening socket on loopback and its reports.
Peer: a scripted node that says exactly what a test wants."""
import array
from concurrent import futures
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "e2e"))
import bmwire  # noqa: E402
from clock import Clock, handed_down  # noqa: E402,F401
from bmwire import hashes_payload as hashes, object_hash, sha512, var_int  # noqa: E402,F401

BIN = os.environ.get("BITTERN_BIN", "build/asan-ubsan/bin")
SETTINGS, VALUE, SOCKET, START, STOP = 1, 2, 3, 4, 5
READY, REPORT = 64, 65
MAGIC = 0x0A0B0C0D
MAX_PAYLOAD = 1600100

# A node finds its channel at descriptor 3: nothing of ours may come to stand there while one is started.
while os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) < 3:
    pass

DEFAULTS = {
    "network.magic": "%08x" % MAGIC,
    "network.least_trials_per_byte": "1",
    "network.least_extra_bytes": "1",
    "network.bootstrap": "no",
    "network.allow_loopback": "yes",
    "network.announce_delay": "0",
    "network.anti_intersection": "no",
    "network.dandelion": "0",
    "log.level": "debug",
}


def wait_for(what, seconds, condition):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("waited %s s in vain for: %s" % (seconds, what))


class Node:
    def __init__(self, name, settings=None, connect=(), folder=None, hosts=("127.0.0.1",), lan=False,
                 clock=None):
        """`hosts`: where it listens, the first on `port`. `lan`: a UDP socket for neighbours, on
        that port (True: any), which is `lan_port`. `clock`: a Clock."""
        self.name = name
        self.clock = clock
        self.folder = folder or tempfile.mkdtemp(prefix="bittern-node-")
        self.settings = dict(DEFAULTS, **(settings or {}))
        if connect:
            self.settings["network.connect"] = ", ".join("127.0.0.1:%d" % port for port in connect)
        self.listeners = [self.listen(host) for host in hosts]
        self.ports = [listener.getsockname()[1] for listener in self.listeners]
        self.port = self.ports[0] if self.ports else 0
        self.lan = None
        if lan:
            self.lan = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.lan.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self.lan.bind(("0.0.0.0", 0 if lan is True else lan))
            self.lan.setblocking(False)
            self.lan_port = self.lan.getsockname()[1]
            self.settings["node.lan_port"] = str(self.lan_port)
        self.start()

    @staticmethod
    def listen(host):
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, 0))
        listener.listen(256)
        listener.setblocking(False)
        return listener

    def start(self, link=None):
        self.status = {}
        self.reports = {}
        self.ready = False
        ours, theirs = socket.socketpair()
        self.channel = ours
        self.log_path = os.path.join(self.folder, "log")
        log = open(self.log_path, "ab")

        def give_fd():
            os.dup2(theirs.fileno(), 3)

        environment, fds = handed_down(self.clock)
        self.process = subprocess.Popen(
            [os.path.join(BIN, "bittern-node")], stderr=log, stdin=subprocess.DEVNULL,
            stdout=log, env=environment, preexec_fn=give_fd, pass_fds=[3, theirs.fileno()] + fds)
        log.close()
        theirs.close()
        lines = "".join("%s=%s\n" % item for item in self.settings.items())
        self.send(SETTINGS, lines.encode())
        self.send(VALUE, b"home\0" + self.folder.encode())
        for listener in self.listeners:
            self.send(SOCKET, b"node.listen", [listener.fileno()])
        if self.lan is not None:
            self.send(SOCKET, b"node.lan", [self.lan.fileno()])
        if link is not None:
            self.send(SOCKET, b"link", [link.fileno()])
        self.send(START, b"")
        threading.Thread(target=self.read, daemon=True).start()
        wait_for(self.name + " ready", 20, lambda: self.ready or self.process.poll() is not None)
        assert self.ready, self.log()

    def send(self, kind, payload, fds=()):
        header = struct.pack(">IHH", len(payload), kind, len(fds))
        self.channel.sendmsg([header + payload],
                             [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                             if fds else [])

    def read(self):
        channel = self.channel
        data = b""
        while True:
            try:
                piece = channel.recv(65536)
            except OSError:
                return
            if not piece:
                return
            data += piece
            while len(data) >= 8:
                length, kind, _ = struct.unpack(">IHH", data[:8])
                if len(data) < 8 + length:
                    break
                self.message(kind, data[8:8 + length])
                data = data[8 + length:]

    def message(self, kind, payload):
        if kind == READY:
            self.ready = True
        elif kind == REPORT:
            name, value = payload.split(b"\0", 1)
            self.reports[name.decode()] = value.decode()
            if name == b"node":
                self.status = json.loads(value)

    def fresh(self):
        """The next report."""
        old = self.status
        wait_for(self.name + " reports", 20, lambda: self.status is not old)
        return self.status

    def objects(self):
        return self.status.get("objects", 0)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()[-20000:]

    def is_alive(self):
        return self.process.poll() is None

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def cpu_sec(self):
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.channel.close()

    def stop(self):
        """A clean end; its exit code must say so, and no sanitizer may complain."""
        if self.is_alive():
            self.send(STOP, b"")
            code = self.process.wait(timeout=30)
            assert code == 0, "%s ended with %d\n%s" % (self.name, code, self.log())
        self.channel.close()

    def remove(self):
        if self.is_alive():
            self.kill()
        for listener in self.listeners:
            listener.close()
        if self.lan is not None:
            self.lan.close()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- the protocol: bmwire's, with this network's magic and work

def frame(command, payload=b"", magic=MAGIC):
    return bmwire.frame(command, payload, magic)


def version(services=1, now=None, nonce=None, protocol=3, streams=b"\x01\x01",
            agent=b"/Script:0.1/"):
    """`streams` are the bytes at the end, which may lie."""
    now = int(time.time()) if now is None else now
    nonce = random.getrandbits(64) if nonce is None else nonce
    whole = bmwire.version_payload(now & (1 << 64) - 1, protocol, services, struct.pack(">Q", nonce),
                                   user_agent=agent)
    return whole[:-2] + streams


def make_object(body, life=3600, kind=2, stream=1, work=True, trials=1, extra=1):
    """Without `work` it surely has too little."""
    rest = bmwire.object_header(kind, 1, stream, life) + body
    goal = bmwire.target(len(rest) + 8, life, trials, extra) // 2
    initial = sha512(rest)
    nonce = 0
    while True:
        head = struct.pack(">Q", nonce)
        if (int.from_bytes(sha512(sha512(head + initial))[:8], "big") <= goal) == work:
            return head + rest
        nonce += 1


class Peer:
    """Speaks in clear (no TLS bit), as the initiator."""

    def __init__(self, port, handshake=True, **version_fields):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        if handshake:
            self.send("version", version(**version_fields))
            self.expect("verack")
            self.expect("version")
            self.send("verack")

    def send(self, command, payload=b""):
        self.socket.sendall(frame(command, payload))

    def receive(self, timeout=20):
        """(command, payload), or None at the end."""
        self.socket.settimeout(timeout)
        while True:
            if len(self.data) >= 24:
                command = self.data[4:16].rstrip(b"\0").decode()
                length = struct.unpack(">I", self.data[16:20])[0]
                if len(self.data) >= 24 + length:
                    payload = self.data[24:24 + length]
                    self.data = self.data[24 + length:]
                    return command, payload
            try:
                piece = self.socket.recv(262144)
            except ConnectionError:
                return None
            if not piece:
                return None
            self.data += piece

    def expect(self, command, timeout=20):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.receive(timeout)
            assert message is not None, "the node closed instead of saying " + command
            if message[0] == command:
                return message[1]
        raise AssertionError("the node did not say " + command)

    def is_closed(self, timeout=10):
        """True when the node ends the connection; what it says before is kept in `last`."""
        self.last = None
        try:
            while True:
                message = self.receive(timeout)
                if message is None:
                    return True
                self.last = message
        except socket.timeout:
            return False

    def answers(self):
        self.send("ping")
        self.expect("pong")

    def close(self):
        self.socket.close()

    def serve(self, objects, done):
        """Announce the objects and serve them until done() is true. Returns what was asked for, in
        order."""
        by_hash = {object_hash(whole): whole for whole in objects}
        names = list(by_hash)
        for i in range(0, len(names), 49999):
            self.send("inv", hashes(names[i:i + 49999]))
        asked = []
        while not done():
            try:
                message = self.receive(0.2)
            except socket.timeout:
                continue
            if message is None:
                raise AssertionError("the node closed")
            if message[0] == "getdata":
                payload = message[1]
                start = {253: 3, 254: 5}.get(payload[0], 1)
                wanted = [payload[i:i + 32] for i in range(start, len(payload), 32)]
                asked += wanted
                self.socket.settimeout(20)
                self.socket.sendall(b"".join(frame("object", by_hash[name]) for name in wanted
                                             if name in by_hash))
        return asked


def run_tests(tests, at_once=1):
    """Those named on the command line, or all, so many side by side, since most of their time is waiting; the first
    that fails ends it."""
    chosen = sys.argv[1:]

    def run(test):
        start = time.monotonic()
        test()
        print("ok %s (%.1f s)" % (test.__name__, time.monotonic() - start), flush=True)

    with futures.ThreadPoolExecutor(at_once) as pool:
        running = [pool.submit(run, test) for test in tests if not chosen or test.__name__ in chosen]
        done, _ = futures.wait(running, return_when=futures.FIRST_EXCEPTION)
        pool.shutdown(wait=False, cancel_futures=True)
        for one in done:
            one.result()
