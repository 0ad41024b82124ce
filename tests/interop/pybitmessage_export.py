#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An unmodified PyBitmessage opens the folder that `bittern export pybitmessage` wrote, and its API shows all of
it; what it leaves behind comes back.

    tests/interop/pybitmessage_export.py CHECKOUT [--python PYTHON2.7] [--path DIR]
"""
import base64
import json
import os
import unittest

import pybitmessage
import harness
from harness import wait_for

FRIEND = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"


def text(value):
    return base64.b64decode(value).decode()


class Opens(harness.TestCase):
    def rows(self, answer, key):
        return (answer if isinstance(answer, dict) else json.loads(answer))[key]

    def test_it_shows_all_of_it(self):
        a = self.bittern("a", base=pybitmessage.SETTINGS)
        alice, bob = a.identity("Älice 100%"), a.identity("Bob")
        chan = a.cli("chan", "create", "export to PyBitmessage")
        a.cli("contact", "add", FRIEND, "Ä friend")
        a.cli("subscribe", bob, "Bob's news")
        a.send(alice, bob, "Grüße", "first line\n\nthird line\n")
        a.send(bob, "broadcast@bm.alt", "To all")
        a.send(alice, chan, "To the chan")
        a.send(alice, FRIEND, "Never left")
        for subject, folder in (("Grüße", "INBOX"), ("To all", "Subscriptions/Bob's news"),
                                ("To the chan", "Chans/export to PyBitmessage")):
            a.wait_mail(subject, folder, 600)
        box = a.imap("INBOX")
        box.uid("STORE", str(a.find_mail("Grüße").uid), "+FLAGS", r"(\Seen)")
        box.logout()
        folder = os.path.join(a.folder, "exported")
        a.cli("export", "pybitmessage", folder)

        # Our node is the only peer; but it shall not talk to the gateway that still has the same keys.
        node = harness.Bittern(dict(pybitmessage.SETTINGS), "node")
        node.command = "node"
        self.addCleanup(node.close)
        node.start()
        py = pybitmessage.PyBitmessage(node.status()["node"]["port"], home=folder)
        closed = []
        self.addCleanup(lambda: closed or py.close())
        addresses = {row["address"]: row for row in self.rows(py.api.listAddresses2(), "addresses")}
        self.assertEqual({a: text(row["label"]) for a, row in addresses.items() if not row["chan"]
                          and text(row["label"]) != "me"}, {alice: "Älice 100%", bob: "Bob"})
        self.assertTrue(addresses[chan]["chan"])
        self.assertTrue(all(row["enabled"] for row in addresses.values()))
        inbox = {text(row["subject"]): row for row in self.rows(py.api.getAllInboxMessages(), "inboxMessages")}
        self.assertEqual(sorted(inbox), ["Grüße", "To all", "To the chan"])
        mail = inbox["Grüße"]
        self.assertEqual((mail["fromAddress"], mail["toAddress"], mail["read"], mail["encodingType"]),
                         (alice, bob, 1, 2))
        self.assertEqual(text(mail["message"]).rstrip("\n"), "first line\n\nthird line")
        self.assertEqual(mail["msgid"], a.find_mail("Grüße")["X-Bitmessage-Object"])
        self.assertEqual(inbox["To all"]["toAddress"], "[Broadcast subscribers]")
        self.assertEqual(inbox["To the chan"]["toAddress"], chan)
        self.assertEqual(inbox["To all"]["read"], 0)
        sent = {text(row["subject"]): row for row in self.rows(py.api.getAllSentMessages(), "sentMessages")}
        self.assertEqual({key: row["status"] for key, row in sent.items()},
                         {"Grüße": "ackreceived", "To all": "broadcastsent",
                          "To the chan": "msgsentnoackexpected"})
        subscriptions = self.rows(py.api.listSubscriptions(), "subscriptions")
        self.assertEqual([(text(row["label"]), row["address"], row["enabled"]) for row in subscriptions],
                         [("Bob's news", bob, True)])
        book = self.rows(py.api.listAddressBookEntries(), "addresses")
        self.assertEqual([(text(row["label"]), row["address"]) for row in book], [("Ä friend", FRIEND)])
        wait_for("the connection", lambda: node.status()["node"]["peers_in"] == 1, 60)
        self.assertNotIn("Traceback", py.debug_log())

        # What PyBitmessage made of its folder is still what we know.
        py.api.addAddressBookEntry(alice, base64.b64encode(b"Added there").decode())
        py.close()
        closed.append(True)
        back = self.bittern("b", start=False)
        back.make_account()
        result = back.json("import", "pybitmessage", folder)
        self.assertEqual((result["left_out"], result["mails"]["new"], result["contacts"]["new"]), (0, 7, 2))


if __name__ == "__main__":
    pybitmessage.main(lambda: unittest.main(verbosity=2, module="__main__"))
