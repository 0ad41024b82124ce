#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bittern beside a real PyBitmessage: a message there, a message back, acknowledgements both ways, TLS on.

    tests/interop/pybitmessage.py CHECKOUT [--python PYTHON2.7] [--path DIR]

CHECKOUT is the folder of a PyBitmessage checkout; without one the test skips (exit code 77). --path is put
on Python's path, for modules that the interpreter lacks. PyBitmessage runs headless with a home of its own,
its TLS capped at 1.2 (as shipped it can't shake hands through OpenSSL 3), and dials nobody but our node.
"""
import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import xmlrpc.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402
from harness import plain_text, wait_for  # noqa: E402

OPTIONS = None

KEYS_DAT = """[bitmessagesettings]
settingsversion = 10
dontconnect = false
port = 28444
sendoutgoingconnections = True
trustedpeer = 127.0.0.1:%(port)d
udp = False
upnp = False
socksproxytype = none
sockshostname = 127.0.0.1
apienabled = true
apiinterface = 127.0.0.1
apiport = %(api)d
apiusername = user
apipassword = pass
defaultnoncetrialsperbyte = 1000
defaultpayloadlengthextrabytes = 1000
maxacceptablenoncetrialsperbyte = 20000000000
maxacceptablepayloadlengthextrabytes = 20000000000
ttl = 172800
[network]
bind = 127.0.0.11
dandelion = 0
"""

TLS_CONF = """openssl_conf = conf
[conf]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MaxProtocol = TLSv1.2
"""

# The real network's magic and difficulty, without its delays.
SETTINGS = dict(harness.REAL_DIFFICULTY)
del SETTINGS["network.magic"]


def merged(ours, theirs):
    """A keys.dat with our settings, and of theirs all that we don't set, line by line as it stands."""
    set_here = {line.split(" = ")[0] for line in ours.splitlines()}
    head, _, rest = theirs.partition("\n[")
    kept = [line for line in head.splitlines()[1:] if line.split(" = ")[0] not in set_here]
    settings, _, network = ours.partition("[network]")
    return settings + "\n".join(kept) + "\n[network]" + network + ("\n[" + rest if rest else "")


def b64(text):
    return base64.b64encode(text.encode()).decode()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class PyBitmessage:
    def __init__(self, peer_port, home=None):
        """With `home` it opens that folder, whose keys.dat gets the API's settings and ours of the network."""
        self.is_kept = home is not None
        self.home = home or tempfile.mkdtemp(prefix="pybitmessage-")
        self.api_port = free_port()
        theirs = ""
        if home is not None:
            with open(os.path.join(self.home, "keys.dat"), encoding="utf-8") as file:
                theirs = file.read()
        with open(os.path.join(self.home, "keys.dat"), "w", encoding="utf-8") as file:
            file.write(merged(KEYS_DAT % {"port": peer_port, "api": self.api_port}, theirs))
        with open(os.path.join(self.home, "tls.cnf"), "w") as file:
            file.write(TLS_CONF)
        seen = int(time.time()) - 14400
        nodes = [{"stream": 1, "peer": {"host": "127.0.0.%d" % n, "port": 1},
                  "info": {"lastseen": seen, "rating": 0, "self": False}} for n in (2, 3, 4)]
        with open(os.path.join(self.home, "knownnodes.dat"), "w") as file:
            json.dump(nodes, file)
        environment = dict(os.environ, BITMESSAGE_HOME=self.home,
                           OPENSSL_CONF=os.path.join(self.home, "tls.cnf"))
        if OPTIONS.path:
            environment["PYTHONPATH"] = OPTIONS.path
        self.output = open(os.path.join(self.home, "output"), "wb")
        self.launcher = subprocess.Popen(
            [OPTIONS.python, os.path.join(OPTIONS.checkout, "src", "bitmessagemain.py"), "-d"],
            env=environment, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)
        self.api = xmlrpc.client.ServerProxy("http://user:pass@127.0.0.1:%d/" % self.api_port)
        wait_for("PyBitmessage's API", self.answers, 60, 0.5)

    def answers(self):
        try:
            return self.api.helloWorld("a", "b") == "a-b"
        except OSError:
            return False

    def close(self):
        try:
            with open(os.path.join(self.home, "singleton.lock")) as file:
                pid = int(file.read())
            os.kill(pid, 15)
            self.wait_end(pid)
        except (OSError, ValueError):
            pass
        self.launcher.wait(60)
        self.output.close()
        if not self.is_kept:
            shutil.rmtree(self.home, ignore_errors=True)

    def wait_end(self, pid):
        """It may stay for its proof of work; where nobody looks into its folder any more it need not."""
        try:
            wait_for("PyBitmessage to end", lambda: not os.path.exists("/proc/%d" % pid), 60)
        except AssertionError:
            if self.is_kept:
                raise
            os.kill(pid, 9)

    def debug_log(self):
        try:
            with open(os.path.join(self.home, "debug.log"), errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def find(self, subject):
        for mail in self.api.getAllInboxMessages()["inboxMessages"] \
                if isinstance(self.api.getAllInboxMessages(), dict) \
                else json.loads(self.api.getAllInboxMessages())["inboxMessages"]:
            if base64.b64decode(mail["subject"]).decode() == subject:
                return mail
        return None


class Interop(harness.TestCase):
    def test_there_and_back_with_acknowledgements_over_tls(self):
        a = self.bittern("a", base=SETTINGS)
        alice = a.identity("Alice")
        py = PyBitmessage(a.status()["node"]["port"])
        self.addCleanup(py.close)
        wait_for("the connection", lambda: a.status()["node"]["peers_in"] == 1, 60)
        # A deterministic address does not announce its key by itself: the getpubkey is answered at once.
        made = py.api.createDeterministicAddresses(b64("interop %f" % time.time()), 1)
        bob = (made if isinstance(made, dict) else json.loads(made))["addresses"][0]

        a.send(alice, bob, "To the reference", "Grüße, does this arrive?\n")
        mail = wait_for("our message at PyBitmessage", lambda: py.find("To the reference"), 600, 2)
        self.assertEqual(mail["fromAddress"], alice)
        self.assertEqual(mail["toAddress"], bob)
        self.assertEqual(base64.b64decode(mail["message"]).decode().rstrip("\n"),
                         "Grüße, does this arrive?")
        wait_for("their acknowledgement", lambda: [r["state"] for r in a.states()] == ["delivered"], 300, 1)

        ack = py.api.sendMessage(alice, bob, b64("From the reference"), b64("It does.\nÄ"), 2, 172800)
        answer = a.wait_mail("From the reference", timeout=600)
        self.assertEqual(plain_text(answer).rstrip("\r\n"), "It does.\nÄ")
        self.assertIn(bob, answer["From"])
        wait_for("our acknowledgement", lambda: py.api.getStatus(ack) == "ackreceived", 300, 2)

        connections = py.api.listConnections()
        outbound = (connections if isinstance(connections, dict) else json.loads(connections))["outbound"]
        self.assertTrue(outbound[0]["fullyEstablished"])
        self.assertIn("TLS", a.log_text(), "the log does not say that TLS was used")


def main(run=harness.main):
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", nargs="?")
    parser.add_argument("--python", default=shutil.which("python2.7"))
    parser.add_argument("--path")
    parser.add_argument("tests", nargs="*", help="names of single tests")
    OPTIONS = parser.parse_args()
    if not OPTIONS.checkout or not os.path.exists(
            os.path.join(OPTIONS.checkout, "src", "bitmessagemain.py")):
        print("skipped: no folder of a PyBitmessage checkout was given")
        sys.exit(77)
    if not OPTIONS.python:
        print("skipped: no Python 2.7")
        sys.exit(77)
    sys.argv = sys.argv[:1] + OPTIONS.tests
    run()


if __name__ == "__main__":
    main()
