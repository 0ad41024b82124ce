#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same questions to a real PyBitmessage and to Bittern, side by side: answers, errors, and shapes.

    tests/interop/pybitmessage_api.py CHECKOUT [--python PYTHON2.7] [--path DIR]

As pybitmessage.py, whose PyBitmessage it starts. What is allowed to differ stands in this file, each with
its reason; all else must be the same.
"""
import base64
import sys
import xmlrpc.client

import pybitmessage as peer
from harness import wait_for

SEED = b"TIGER, tiger, burning bright. In the forests of the night"
V4 = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"
V3 = "BM-2DBPTgeSawWYZceFD69AbDT5q4iUWtj1ZN"
USER, PASSWORD = "user", "pass"


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def ask(api, method, *arguments):
    try:
        return ("result", getattr(api, method)(*arguments))
    except xmlrpc.client.Fault as fault:
        return ("fault", fault.faultCode, fault.faultString)


def shape(value):
    """Types without values: of a list its first element's."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


# Asked in this order; {me} is an own address on each side. SAME: answer or error to the letter. CODE: the
# same error, in other words. SHAPE: the same kinds of values.
SAME, CODE, SHAPE = "same", "code", "shape"
QUESTIONS = [
    (SAME, "helloWorld", "hello", "world"),
    (SAME, "add", 69, 42),
    (SAME, "add", 1.5, 2),
    (SAME, "add", "a", "b"),
    (CODE, "add", "a", 1),                 # Python's own words
    (SAME, "statusBar", "hello"),
    (SAME, "test"),
    (SAME, "listAddressbook"),
    (SAME, "helloWorld", "a"),
    (SAME, "helloWorld", "a", "b", "c", "d"),
    (CODE, "helloWorld", "a", "b", "c"),   # one too many: Python's words, which name its function
    (SAME, "addSubscription"),
    (SAME, "decodeAddress", V4),
    (SAME, "decodeAddress", V3),
    (SAME, "decodeAddress", V4[3:]),
    (SAME, "decodeAddress", " " + V4 + " "),
    (SAME, "decodeAddress", "BM-2cWzSnwjJ7yRP3nLEW"),
    (SAME, "decodeAddress", "BM-0OIl"),
    (SAME, "decodeAddress", ""),
    (SAME, "getDeterministicAddress", b64(SEED), 4, 1),
    (SAME, "getDeterministicAddress", b64(SEED), 3, 1),
    (SAME, "getDeterministicAddress", b64(SEED), 2, 1),
    (SAME, "getDeterministicAddress", b64(SEED), 3, 2),
    (SAME, "getDeterministicAddress", "", 3, 1),
    (SAME, "createDeterministicAddresses", "", 1),
    (SAME, "createDeterministicAddresses", b64(SEED), 1, 2),
    (SAME, "createDeterministicAddresses", b64(SEED), 1, 4, 2),
    (SAME, "createDeterministicAddresses", b64(SEED), 0),
    (SAME, "createDeterministicAddresses", b64(SEED), 1000),
    (SAME, "createDeterministicAddresses", b64(SEED), 1, 4, 1, "yes"),
    (SAME, "createDeterministicAddresses", b64("several"), 3, 4),
    (SAME, "createDeterministicAddresses", b64("several"), 3, 4),
    (SAME, "createDeterministicAddresses", b64("several"), 4, 3),
    (SAME, "createRandomAddress", b64(b"\xff")),
    (SAME, "createRandomAddress", "a"),
    (SAME, "createRandomAddress", b64("x"), 1),
    (SHAPE, "createRandomAddress", b64("label")),
    (SHAPE, "listAddresses"),
    (SHAPE, "listAddresses2"),
    (SAME, "createChan", b64(SEED)),
    (SAME, "createChan", b64(SEED)),
    (SAME, "createChan", ""),
    (SAME, "joinChan", b64(SEED), V3),
    (SAME, "joinChan", b64(SEED), V3),
    (SAME, "joinChan", b64("other"), V4),
    (SAME, "joinChan", b64(SEED), "BM-2cWzSnwjJ7yRP3nLEW"),
    (SAME, "leaveChan", V4),
    (SAME, "leaveChan", V3),
    (SAME, "leaveChan", V3),
    (SAME, "leaveChan", "{me}"),
    (SAME, "enableAddress", "{me}", False),
    (SAME, "sendMessage", "{me}", "{me}", b64("s"), b64("x")),
    (SAME, "sendBroadcast", "{me}", b64("s"), b64("x")),
    (SAME, "enableAddress", "{me}", True),
    (CODE, "enableAddress", V4),           # Python's words
    (SAME, "listAddressBookEntries"),
    (SAME, "addAddressBookEntry", V4[3:], b64("tiger")),
    (SAME, "addAddressBookEntry", V4, b64("tiger")),
    (SAME, "listAddressBookEntries"),
    (SAME, "listAddressBookEntries", "tiger"),
    (SAME, "listAddressBookEntries", "lion"),
    (SAME, "deleteAddressBookEntry", V4[3:]),
    (SAME, "deleteAddressBookEntry", V4),
    (SAME, "deleteAddressBookEntry", "BM-0OIl"),
    (SAME, "deleteSubscription", "BM-GtovgYdgs7qXPkoYaRgrLFuFKz1SFpsw"),  # PyBitmessage's own
    (SAME, "listSubscriptions"),
    (SAME, "addSubscription", V4, b64("news")),
    (SAME, "addSubscription", V4, b64("news")),
    (SAME, "addSubscription", V3, b64(b"\xff")),
    (SAME, "listSubscriptions"),
    (SAME, "deleteSubscription", V4),
    (SAME, "deleteSubscription", "nothing"),
    (SAME, "getAllInboxMessages"),
    (SAME, "getAllInboxMessageIds"),
    (SAME, "getAllInboxMessageIDs"),
    (SAME, "getInboxMessagesByReceiver", V4),
    (SAME, "getInboxMessageById", "abc"),
    (SAME, "getInboxMessageById", "zz"),
    (SAME, "getInboxMessageById", "00", "yes"),
    (SAME, "trashMessage", "ab" * 32),
    (SAME, "trashInboxMessage", "ab" * 32),
    (SAME, "trashSentMessage", "ab" * 32),
    (SAME, "trashSentMessageByAckData", "ab" * 38),
    (SAME, "getStatus", "00"),
    (SAME, "getStatus", "ab" * 38),
    (SAME, "getStatus", "zz" * 38),
    (SAME, "sendMessage", V4, V4, b64("s"), b64("x")),
    (SAME, "sendMessage", V4, "{me}", b64("s"), b64("x"), 1),
    (SAME, "sendMessage", V4, "{me}", "a", b64("x")),
    (SAME, "sendMessage", V4, "{me}", b64("s"), b64("x" * 261644)),
    (SAME, "sendBroadcast", V4, b64("s"), b64("x")),
    (SAME, "getMessageDataByDestinationHash", "00" * 32),
    (SAME, "getMessageDataByDestinationHash", "00" * 16),
    (SAME, "getMessageDataByDestinationTag", "zz" * 16),
    (SAME, "disseminatePreparedObject", "zz"),
    (CODE, "disseminatePreparedObject", "00"),  # Python's words
    (SHAPE, "clientStatus"),
    (SHAPE, "listConnections"),
    (SAME, "deleteAndVacuum"),
]
# PyBitmessage's XML-RPC can't say None, and answers "cannot marshal None"; ours says nil.
ABSENT = [("getInboxMessageById", "ab" * 32), ("getInboxMessageByID", "ab" * 32, True),
          ("getSentMessageById", "ab" * 32), ("getSentMessageByAckData", "ab" * 38)]
# Each with our code and theirs: that an address is not there its code means to say, and can't (Python's
# remove_section does not raise); a recipient that can't be decoded ends in Python's word "argument", which it
# takes for a wrong number of parameters.
DIFFERENT = [(13, None, "deleteAddress", V4),
             (21, 0, "sendMessage", "BM-0OIl", "{me}", b64("s"), b64("x"))]
# What they are called here, and PyBitmessage's test mode's.
ONLY_HERE = {"undeleteMessage"}


class SideBySide(peer.harness.TestCase):
    def start_both(self, variant):
        ours = self.bittern("a", base=peer.SETTINGS, api__enabled="yes", api__port=0,
                            api__username=USER, api__password=PASSWORD, api__variant=variant)
        keys = peer.KEYS_DAT
        peer.KEYS_DAT = keys.replace("apipassword = pass\n",
                                     "apipassword = pass\napivariant = %s\n" % variant)
        try:
            theirs = peer.PyBitmessage(ours.status()["node"]["port"])
        finally:
            peer.KEYS_DAT = keys
        self.addCleanup(theirs.close)
        wait_for("the connection", lambda: ours.status()["node"]["peers_in"] == 1, 60)
        api = xmlrpc.client.ServerProxy("http://%s:%s@127.0.0.1:%d/" % (
            USER, PASSWORD, ours.status()["api"]["port"]))
        return {"Bittern": api, "PyBitmessage": theirs.api}

    def test_the_same_questions(self):
        apis = self.start_both("xml")
        me = {name: api.createRandomAddress(b64("me")) for name, api in apis.items()}
        for compare, method, *arguments in QUESTIONS:
            with self.subTest(method=method, arguments=str(arguments)[:80]):
                answers = {}
                for name, api in apis.items():
                    own = [me[name] if one == "{me}" else one for one in arguments]
                    answers[name] = ask(api, method, *own)
                ours, theirs = answers["Bittern"], answers["PyBitmessage"]
                if compare == SAME:
                    self.assertEqual(ours, theirs)
                elif compare == CODE:
                    self.assertEqual(ours[:2], theirs[:2])
                else:
                    self.assertEqual(shape(ours), shape(theirs))
        for method, *arguments in ABSENT:
            self.assertEqual(ask(apis["Bittern"], method, *arguments), ("result", None))
            code, text = ask(apis["PyBitmessage"], method, *arguments)[1:]
            self.assertIn("cannot marshal None", text)
            self.assertEqual(code, 1)
        for our_code, their_code, method, *arguments in DIFFERENT:
            codes = {}
            for name, api in apis.items():
                own = [me[name] if one == "{me}" else one for one in arguments]
                answer = ask(api, method, *own)
                codes[name] = answer[1] if answer[0] == "fault" else None
            self.assertEqual(codes, {"Bittern": our_code, "PyBitmessage": their_code}, method)
        ours = set(apis["Bittern"].system.listMethods())
        theirs = set(apis["PyBitmessage"].system.listMethods())
        self.assertEqual(ours - ONLY_HERE, theirs)

    def test_messages_look_the_same(self):
        apis = self.start_both("xml")
        rows = {}
        for name, api in apis.items():
            me = api.createRandomAddress(b64("me"))
            ack = api.sendMessage(me, me, b64("Grüße"), b64("one\ntwo"))
            wait_for("%s: sent" % name,
                     lambda: api.getStatus(ack) == "msgsentnoackexpected", 600, 1)
            news = api.sendBroadcast(me, b64("news"), b64("to all"))
            wait_for("%s: broadcast" % name, lambda: api.getStatus(news) == "broadcastsent", 600, 1)
            wait_for("%s: it arrived" % name,
                     lambda: len(api.getAllInboxMessageIds()["inboxMessageIds"]) == 1, 300, 1)
            inbox = api.getAllInboxMessages()["inboxMessages"]
            sent = api.getAllSentMessages()["sentMessages"]
            first = inbox[0]["msgid"]
            rows[name] = [
                sorted((r["subject"], r["message"], r["encodingType"], r["read"],
                        r["toAddress"] == me, r["fromAddress"] == me,
                        r["toAddress"] if r["toAddress"] != me else "") for r in inbox),
                sorted((r["subject"], r["message"], r["encodingType"], r["status"],
                        r["toAddress"] == me, r["fromAddress"] == me, len(r["msgid"]),
                        len(r["ackData"])) for r in sent),
                shape(inbox), shape(sent), len(ack), len(news),
                api.getInboxMessageById(first, True)["inboxMessage"][0]["read"],
                api.getInboxMessageById(first)["inboxMessage"][0]["read"],
                [r["subject"] for r in api.getInboxMessagesByReceiver(me)["inboxMessages"]],
                api.trashMessage(first),
                len(api.getAllInboxMessageIds()["inboxMessageIds"]),
                shape(api.getInboxMessageById(first)),
                api.trashSentMessageByAckData(ack),
                len(api.getAllSentMessageIds()["sentMessageIds"]),
                shape(api.getSentMessageByAckData(ack)),
                api.deleteAndVacuum(),
                api.getStatus(ack),
            ]
        for ours, theirs in zip(rows["Bittern"], rows["PyBitmessage"]):
            self.assertEqual(ours, theirs)

    def test_legacy_errors_and_texts(self):
        apis = self.start_both("legacy")
        for method, *arguments in (
                ("test",), ("listAddressbook",), ("listAddressBookEntries",), ("getStatus", "00"),
                ("getInboxMessageById", "ab" * 32), ("getSentMessageByAckData", "ab" * 38),
                ("decodeAddress", "BM-0OIl"), ("add", 1, 2), ("helloWorld", "a", "b"),
                ("getAllInboxMessages",), ("createDeterministicAddresses", b64("one"), 1),
                ("getInboxMessagesByAddress", V4), ("deleteAndVacuum",)):
            with self.subTest(method=method):
                ours, theirs = (ask(apis[name], method, *arguments)
                                for name in ("Bittern", "PyBitmessage"))
                if ours[0] == "result" and isinstance(ours[1], str):  # Python 2 ends lines in ", "
                    theirs = (theirs[0], theirs[1].replace(", \n", ",\n"))
                self.assertEqual(ours, theirs)


if __name__ == "__main__":
    peer.main()
