#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A mailing list of ours with PyBitmessage as writer and reader: what it writes to the list comes back to it as a
broadcast with the list's name, and so does what the owner posts.

    tests/interop/pybitmessage_list.py CHECKOUT [--python PYTHON2.7] [--path DIR]
"""
import base64
import json
import time
import unittest

import pybitmessage
import harness
from harness import wait_for
from pybitmessage import b64


class MailingList(harness.TestCase):
    def test_pybitmessage_reads_and_writes(self):
        a = self.bittern("a", base=pybitmessage.SETTINGS)
        owner = a.identity("Birds' owner")
        a.cli("identity", "set", owner, "--list", "Birds")
        py = pybitmessage.PyBitmessage(a.status()["node"]["port"])
        self.addCleanup(py.close)
        wait_for("the connection", lambda: a.status()["node"]["peers_in"] == 1, 60)
        made = py.api.createDeterministicAddresses(b64("list %f" % time.time()), 1)
        bob = (made if isinstance(made, dict) else json.loads(made))["addresses"][0]
        py.api.addSubscription(owner, b64("Birds"))

        # It may overlook a key that came before it wanted one: this one it learns from a mail.
        a.send(owner, bob, "Welcome to the list")
        wait_for("our message at PyBitmessage", lambda: py.find("Welcome to the list"), 600, 2)
        py.api.sendMessage(owner, bob, b64("A bittern"), b64("Heard in the reeds."), 2, 172800)
        a.wait_mail("A bittern", timeout=600)
        post = wait_for("the post at PyBitmessage", lambda: py.find("[Birds] A bittern"), 600, 2)
        self.assertEqual((post["fromAddress"], post["toAddress"]), (owner, "[Broadcast subscribers]"))
        text = base64.b64decode(post["message"]).decode()
        self.assertIn("Message ostensibly from %s" % bob, text)
        self.assertIn("Heard in the reeds.", text)

        a.send(owner, owner, "From the owner", "Welcome.\n")
        post = wait_for("the owner's post", lambda: py.find("[Birds] From the owner"), 600, 2)
        self.assertIn("Welcome.", base64.b64decode(post["message"]).decode())


if __name__ == "__main__":
    pybitmessage.main(lambda: unittest.main(verbosity=2, module="__main__"))
