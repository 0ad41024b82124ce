# SPDX-License-Identifier: MIT
"""A process that has no descriptors left: it goes on, who is connected is served, who comes waits in the kernel's
queue, and is let in as soon as others go."""
import os
import resource
import socket
import sys

import bmwire
import harness
from harness import wait_for

N_LEFT = 5
N_CALLERS = 12


def leave_descriptors(pid, count):
    """The process may open so many more."""
    used = {int(name) for name in os.listdir("/proc/%d/fd" % pid)}
    limit, n_free = 0, 0
    while n_free < count:
        n_free += limit not in used
        limit += 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))


def is_greeted(sock, seconds):
    """Whether the server says something; what it says is left where it is."""
    sock.settimeout(seconds)
    try:
        return sock.recv(1, socket.MSG_PEEK) != b""
    except socket.timeout:
        return False


class Descriptors(harness.TestCase):
    def call(self, port, hello=b""):
        """As many callers as do not fit, and those who got in."""
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(N_CALLERS)]
        for caller in callers:
            self.addCleanup(caller.close)
            caller.sendall(hello)
        greeted = [caller for caller in callers if is_greeted(caller, 0.5)]
        self.assertEqual(len(greeted), N_LEFT)
        return greeted, [caller for caller in callers if caller not in greeted]

    def expect_others_in_turn(self, greeted, waiting):
        for caller in greeted:
            caller.close()
        for caller in waiting[:N_LEFT]:
            self.assertTrue(is_greeted(caller, 20))
        for caller in waiting:
            caller.close()

    def test_the_gateway_goes_on_without_descriptors(self):
        one = self.bittern("a")
        status = one.status()
        box = one.imap("INBOX")
        leave_descriptors(status["pids"]["gateway"], N_LEFT)
        greeted, waiting = self.call(status["imap"]["port"])
        self.assertEqual(box.append("INBOX", None, None, b"Subject: yet\r\n\r\nx\r\n")[0], "OK")
        self.assertEqual(box.noop()[0], "OK")
        self.assertIn("accept: paused", one.log_text())
        self.expect_others_in_turn(greeted, waiting)
        wait_for("a login", lambda: one.find_mail("yet"))
        one.send(one.identity("Alice"), one.identity("Bob"), "after all", "x\n")
        one.wait_mail("after all")
        self.assertEqual(one.status()["pids"], status["pids"])

    def test_the_node_goes_on_without_descriptors(self):
        one = self.bittern("a", start=False)
        one.command = "node"
        one.start()
        status = one.status()
        port = status["node"]["port"]
        with bmwire.Peer.dial(port) as honest:
            honest.handshake()
            leave_descriptors(status["pids"]["node"], N_LEFT)
            hello = bmwire.frame("version", bmwire.version_payload(), bmwire.PRIVATE_MAGIC)
            greeted, waiting = self.call(port, hello)
            data = bmwire.make_object(bmwire.MSG, os.urandom(60))
            honest.send_object(data)
            self.assertTrue(honest.is_alive())
            self.assertIn("accept: paused", one.log_text())
            self.expect_others_in_turn(greeted, waiting)
        with bmwire.Peer.dial(port) as late:
            late.handshake()
            self.assertEqual(late.fetch([bmwire.object_hash(data)]), [data])
        self.assertEqual(one.status()["pids"], status["pids"])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: another process's limits are root's to set")
        sys.exit(77)
    harness.main()
