# SPDX-License-Identifier: MIT
"""Network namespaces for whole-program tests: rooms with nothing but the cables that a test lays, and a
tap on what leaves them. Needs root and `ip`; can_make() says why not."""
import contextlib
import ctypes
import os
import select
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
PACKET_OUTGOING = 4
libc = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    done = subprocess.run(("ip",) + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise OSError("ip %s: %s" % (" ".join(words), done.stderr.strip()))


def can_make():
    """None, or why no namespace can be made here."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Space("probe") as space, Space("probf") as other:
            space.cable(other, [], [])
    except OSError as error:
        return str(error)
    return None


class Space:
    """A network namespace with a loopback device."""

    def __init__(self, name):
        self.name = "bt-%s-%d" % (name, os.getpid())
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        try:
            ip("netns", "del", self.name)
        except OSError:
            pass

    def ip(self, *words):
        ip("-n", self.name, *words)

    def cable(self, other, ours, theirs, device="v0"):
        """Join the two; addresses as "10.77.0.1/24"."""
        ip("link", "add", device, "netns", self.name, "type", "veth",
           "peer", "name", device, "netns", other.name)
        for space, addresses in ((self, ours), (other, theirs)):
            for address in addresses:
                words = ("addr", "add", address, "dev", device)
                space.ip(*words + (("nodad",) if ":" in address else ()))
            space.ip("link", "set", device, "up")

    @contextlib.contextmanager
    def inside(self):
        """Sockets and processes that the calling thread makes are of this namespace."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open("/run/netns/" + self.name, os.O_RDONLY)
        try:
            if libc.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(there)
            os.close(home)


class Tap:
    """All packets that leave or enter a namespace, on every device; each kept as words."""

    def __init__(self, space):
        with space.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.setblocking(False)
        self.packets = []
        self.stopped = False
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while not self.stopped:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            data, (device, kind, direction, _, _) = self.socket.recvfrom(65536)
            self.packets.append((device, direction == PACKET_OUTGOING, describe(kind, data)))

    def stop(self):
        self.stopped = True
        self.thread.join()
        self.socket.close()


def describe(kind, data):
    """("tcp", source, source port, destination, destination port); ("arp",); ("icmp6", ...)."""
    if kind == ETH_P_ARP:
        return ("arp",)
    if kind == ETH_P_IP and len(data) >= 20:
        offset = (data[0] & 15) * 4
        protocol, ends = data[9], (socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]))
    elif kind == ETH_P_IPV6 and len(data) >= 40:
        offset = 40
        protocol = data[6]
        ends = tuple(socket.inet_ntop(socket.AF_INET6, data[i:i + 16]) for i in (8, 24))
        if protocol in (0, 58):  # neighbours and listeners of groups: the kernel's own
            return ("icmp6",) + ends
    else:
        return ("other", kind)
    if protocol in (6, 17) and len(data) >= offset + 4:
        source, target = struct.unpack(">HH", data[offset:offset + 4])
        return ("tcp" if protocol == 6 else "udp", ends[0], source, ends[1], target)
    return ("ip %d" % protocol,) + ends


def wait_for_address(space, address, seconds=5):
    """A fresh IPv6 address is not usable at once."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with space.inside(), socket.socket(socket.AF_INET6) as sock:
                sock.bind((address, 0))
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("no address " + address)
