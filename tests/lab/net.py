# SPDX-License-Identifier: MIT
"""Hosts on one machine: a network namespace each, and a forwarder of our own between them.

Each host has one address and a TUN device as its only way out. Another process holds the other ends, reads
whole IP packets and hands them on, as it is told: at once, later, some of them, or not at all. So nothing of the
kernel's is needed but namespaces and TUN, and no packet can leave the lab.

Addresses look public (40.1.0.1, 41.1.0.1, ...) and lie in networks of their own, so that nodes treat each other
as strangers from anywhere."""
import contextlib
import ctypes
import fcntl
import heapq
import json
import os
import random
import selectors
import shutil
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
MTU = 60000
FIRST_BYTE = 40
libc = ctypes.CDLL(None, use_errno=True)


def missing():
    """Why there can be no lab here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no ip(8)"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    probe = "bittern-lab-probe-%d" % os.getpid()
    if subprocess.run(["ip", "netns", "add", probe], stderr=subprocess.DEVNULL).returncode != 0:
        return "network namespaces are not allowed here"
    try:
        with entered(probe):
            os.close(open_tun("probe"))
    except OSError as error:
        return "no TUN device can be made: %s" % error
    finally:
        subprocess.run(["ip", "netns", "del", probe])
    return None


@contextlib.contextmanager
def entered(namespace):
    """This thread, and what it starts, lives there meanwhile."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + namespace, os.O_RDONLY)
    try:
        set_namespace(there)
        yield
    finally:
        set_namespace(here)
        os.close(here)
        os.close(there)


def set_namespace(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return fd


class Net:
    """Hosts 0 to n-1."""

    def __init__(self, n_hosts, seed=1):
        self.names = ["bittern-lab-%d-%d" % (os.getpid(), i) for i in range(n_hosts)]
        self.hosts = ["%d.1.0.1" % (FIRST_BYTE + i) for i in range(n_hosts)]
        self.tuns = []
        self.forwarder = None
        try:
            for name, host in zip(self.names, self.hosts):
                self._add(name, host)
            self._start_forwarder(seed)
        except BaseException:
            self.close()
            raise

    def _add(self, name, host):
        subprocess.run(["ip", "netns", "add", name], check=True)
        with entered(name):
            self.tuns.append(open_tun("lab"))
        batch = ("link set lo up\naddr add %s/32 dev lab\nlink set lab mtu %d up\nroute add default dev lab\n" %
                 (host, MTU))
        subprocess.run(["ip", "-n", name, "-batch", "-"], input=batch, text=True, check=True)

    def _start_forwarder(self, seed):
        theirs, ours = os.pipe()
        self.forwarder = os.fork()
        if self.forwarder == 0:
            os.close(ours)
            try:
                Forwarder(self.tuns, theirs, seed).run()
            finally:
                os._exit(0)
        os.close(theirs)
        self.orders = os.fdopen(ours, "w")

    def inside(self, i):
        return entered(self.names[i])

    # ---- what the forwarder does from now on

    def _order(self, **order):
        self.orders.write(json.dumps(order) + "\n")
        self.orders.flush()

    def partition(self, *groups):
        """Packets pass within each group of hosts alone."""
        self._order(groups=[list(group) for group in groups])

    def heal(self):
        self._order(groups=None)

    def weather(self, delay_ms=(0, 0), drop=0.0):
        """Each packet is late by a random time of that range, and lost with that probability. Order may change."""
        self._order(delay_ms=list(delay_ms), drop=drop)

    def close(self):
        if self.forwarder:
            self.orders.close()  # it ends by that
            os.waitpid(self.forwarder, 0)
            self.forwarder = None
        for fd in self.tuns:
            os.close(fd)
        self.tuns = []
        for name in self.names:
            if os.path.exists("/run/netns/" + name):
                subprocess.run(["ip", "netns", "del", name])


class Forwarder:
    """The process between the hosts."""

    MAX_LATE = 20000  # packets held back; above it they are lost, as in a real queue

    def __init__(self, tuns, orders, seed):
        self.tuns = tuns
        self.orders = orders
        self.text = b""
        self.random = random.Random(seed)
        self.group_of = None
        self.delay_ms = [0, 0]
        self.drop = 0.0
        self.late = []  # heap of (due, sequence, tun, packet)
        self.sequence = 0

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.orders, selectors.EVENT_READ, None)
        for i, tun in enumerate(self.tuns):
            selector.register(tun, selectors.EVENT_READ, i)
        while True:
            wait = max(self.late[0][0] - time.monotonic(), 0) if self.late else None
            for key, _ in selector.select(wait):
                if key.data is None:
                    if not self._take_orders():
                        return
                else:
                    self._take_packets(key.data)
            self._send_late()

    def _take_orders(self):
        data = os.read(self.orders, 65536)
        self.text += data
        *lines, self.text = self.text.split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "groups" in order:
                groups = order["groups"]
                self.group_of = None if groups is None else {
                    host: number for number, group in enumerate(groups) for host in group}
            else:
                self.delay_ms, self.drop = order["delay_ms"], order["drop"]
        return data != b""

    def _take_packets(self, source):
        for _ in range(64):
            try:
                packet = os.read(self.tuns[source], 65536)
            except BlockingIOError:
                return
            target = packet[16] - FIRST_BYTE if len(packet) >= 20 and packet[0] >> 4 == 4 else -1
            if 0 <= target < len(self.tuns) and self._passes(source, target):
                self._send(self.tuns[target], packet)

    def _passes(self, source, target):
        if self.group_of is not None and (self.group_of.get(source, -1) != self.group_of.get(target, -2)):
            return False
        return not self.drop or self.random.random() >= self.drop

    def _send(self, tun, packet):
        if self.delay_ms[1] == 0:
            self._write(tun, packet)
        elif len(self.late) < self.MAX_LATE:
            self.sequence += 1
            due = time.monotonic() + self.random.uniform(*self.delay_ms) / 1000
            heapq.heappush(self.late, (due, self.sequence, tun, packet))

    def _send_late(self):
        now = time.monotonic()
        while self.late and self.late[0][0] <= now:
            _, _, tun, packet = heapq.heappop(self.late)
            self._write(tun, packet)

    @staticmethod
    def _write(tun, packet):
        try:
            os.write(tun, packet)
        except OSError:
            pass  # lost
