#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PyBitmessage's API, driven as its own clients do it: Python's xmlrpc.client with the password in the
address, in all three variants; every command of the table, and every error code with its full text."""
import base64
import http.client
import json
import os
import struct
import time
import urllib.request
import xmlrpc.client

from harness import TestCase, wait_for, main

USER, PASSWORD = "scripts", "only:for-tests"
SEED = "TIGER, tiger, burning bright. In the forests of the night"
SEED_V4 = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"
SEED_V3 = "BM-2DBPTgeSawWYZceFD69AbDT5q4iUWtj1ZN"
STRANGER = SEED_V4


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def plain(coded):
    return base64.b64decode(coded).decode()


class Api(TestCase):
    def with_api(self, name="a", variant="xml", peers=(), **settings):
        one = self.bittern(name, peers=peers, api__enabled="yes", api__port=0, api__username=USER,
                           api__password=PASSWORD, api__variant=variant, **settings)
        one.port = one.status()["api"]["port"]
        one.api = xmlrpc.client.ServerProxy("http://%s:%s@127.0.0.1:%d/" % (
            USER, PASSWORD.replace(":", "%3A"), one.port))
        return one

    def assert_error(self, code, text, call, *arguments):
        with self.assertRaises(xmlrpc.client.Fault) as caught:
            call(*arguments)
        self.assertEqual((caught.exception.faultCode, caught.exception.faultString), (code, text))

    def wait_status(self, one, ackdata, status):
        wait_for("status %s (is %s)" % (status, one.api.getStatus(ackdata)),
                 lambda: one.api.getStatus(ackdata) == status, 120, 0.2)


class Plain(Api):
    """One that speaks XML-RPC, on its own."""

    def test_small_commands(self):
        api = self.with_api().api
        self.assertEqual(api.helloWorld("hello", "world"), "hello-world")
        self.assertEqual(api.add(69, 42), 111)
        self.assertEqual(api.add(1.5, 2), 3.5)
        self.assertEqual(api.add("a", "b"), "ab")
        self.assertEqual(api.statusBar("in the bar"), "success")
        self.assertEqual(api.deleteAndVacuum(), "done")
        self.assertIn("helloWorld", api.system.listMethods())
        self.assertNotIn("listAddressbook", api.system.listMethods())
        self.assertIn("address", api.system.methodHelp("decodeAddress"))
        self.assertEqual(api.system.methodSignature("add"), "signatures not supported")

    def test_addresses(self):
        one = self.with_api()
        api = one.api
        before = api.listAddresses()["addresses"]
        self.assertEqual({key: type(value) for key, value in before[0].items()},
                         {"label": str, "address": str, "stream": int, "enabled": bool,
                          "chan": bool})
        address = api.createRandomAddress(b64("räuber"))
        self.assertRegex(address, "^BM-[1-9A-HJ-NP-Za-km-z]{30,34}$")
        row = next(r for r in api.listAddresses()["addresses"] if r["address"] == address)
        self.assertEqual(row, {"label": "räuber", "address": address, "stream": 1, "enabled": True,
                               "chan": False})
        coded = next(r for r in api.listAddresses2()["addresses"] if r["address"] == address)
        self.assertEqual(plain(coded["label"]), "räuber")
        decoded = api.decodeAddress(address)
        self.assertEqual((decoded["status"], decoded["addressVersion"], decoded["streamNumber"]),
                         ("success", 4, 1))
        self.assertEqual(len(base64.b64decode(decoded["ripe"])), 20)
        self.assertEqual(api.enableAddress(address[3:], False), "success")
        self.assertFalse(next(r for r in api.listAddresses()["addresses"]
                              if r["address"] == address)["enabled"])
        self.assertEqual(api.enableAddress(address), "success")
        self.assertEqual(api.deleteAddress(address), "success")
        self.assertEqual(api.listAddresses()["addresses"], before)
        hard = api.createRandomAddress(b64("hard"), False, 2.5, 3)
        shown = one.json("identity", "show", hard)
        self.assertEqual((shown["trials_per_byte"], shown["extra_bytes"]), (2500, 3000))

    def test_deterministic_addresses(self):
        api = self.with_api().api
        self.assertEqual(api.getDeterministicAddress(b64(SEED), 4, 1), SEED_V4)
        self.assertEqual(api.getDeterministicAddress(b64(SEED), 3, 1), SEED_V3)
        made = api.createDeterministicAddresses(b64(SEED), 2)["addresses"]
        self.assertEqual((len(made), made[0]), (2, SEED_V4))
        self.assertEqual(api.createDeterministicAddresses(b64(SEED), 2)["addresses"], [])
        three = api.createDeterministicAddresses(b64(SEED), 3, 4, 1)["addresses"]
        self.assertEqual(len(three), 1)

    def test_chans(self):
        api = self.with_api().api
        self.assertEqual(api.createChan(b64(SEED)), SEED_V4)
        row = next(r for r in api.listAddresses()["addresses"] if r["address"] == SEED_V4)
        self.assertTrue(row["chan"])
        self.assertEqual(row["label"], "[chan] " + SEED)
        self.assert_error(24, "Chan address is already present.", api.createChan, b64(SEED))
        self.assertEqual(api.joinChan(b64(SEED), SEED_V3[3:]), "success")
        self.assertEqual(api.leaveChan(SEED_V4), "success")
        self.assertEqual(api.leaveChan(SEED_V3), "success")
        self.assertEqual(api.joinChan(b64(SEED), SEED_V4), "success")
        self.assert_error(24, "Chan address is already present.", api.joinChan, b64(SEED), SEED_V4)
        self.assertEqual(api.leaveChan(SEED_V4), "success")
        self.assertEqual(api.createDeterministicAddresses(b64(SEED), 1)["addresses"], [SEED_V4])
        self.assertEqual(api.deleteAddress(SEED_V4), "success")
        odd = api.createChan(b64("a/b%c*d"))
        self.assertIn(odd, [r["address"] for r in api.listAddresses()["addresses"]])
        binary = api.createChan(b64(b"\xff\xfe not text"))
        self.assertRegex(binary, "^BM-")

    def test_address_book(self):
        api = self.with_api().api
        self.assertEqual(api.listAddressBookEntries(), {"addresses": []})
        self.assertEqual(api.addAddressBookEntry(STRANGER[3:], b64("tiger")),
                         "Added address %s to address book" % STRANGER)
        self.assertEqual(api.listAddressBookEntries(),
                         {"addresses": [{"label": b64("tiger"), "address": STRANGER}]})
        self.assertEqual(api.listAddressBookEntries("tiger")["addresses"][0]["address"], STRANGER)
        self.assertEqual(api.listAddressBookEntries("lion"), {"addresses": []})
        self.assert_error(16, "You already have this address in your address book.",
                          api.addAddressBookEntry, STRANGER, b64("again"))
        for _ in range(2):
            self.assertEqual(api.deleteAddressBookEntry(STRANGER),
                             "Deleted address book entry for %s if it existed" % STRANGER)
        self.assertEqual(api.listAddressBookEntries(), {"addresses": []})

    def test_subscriptions(self):
        api = self.with_api().api
        self.assertEqual(api.addSubscription(STRANGER, b64("news/all")), "Added subscription.")
        rows = api.listSubscriptions()["subscriptions"]
        self.assertEqual(rows, [{"label": b64("news_all"), "address": STRANGER, "enabled": True}])
        self.assert_error(16, "You are already subscribed to that address.", api.addSubscription,
                          STRANGER)
        self.assertEqual(api.addSubscription(SEED_V3), "Added subscription.")
        for address in (STRANGER, SEED_V3, STRANGER, "no address"):
            self.assertEqual(api.deleteSubscription(address), "Deleted subscription if it existed.")
        self.assertEqual(api.listSubscriptions(), {"subscriptions": []})

    def test_every_error(self):
        one = self.with_api()
        api = one.api
        me = api.createRandomAddress(b64("me"))
        off = api.createRandomAddress(b64("off"))
        api.enableAddress(off, False)
        text = b64("x")
        version_1, stream_2, too_high, malformed, short = made_addresses()
        cases = [
            (0, "Command helloWorld takes at least 3 parameters (1 given)", api.helloWorld, "a"),
            (0, "Command helloWorld takes at most 3 parameters (4 given)", api.helloWorld, "a", "b",
             "c", "d"),
            (0, "Command addSubscription takes at least 2 parameters (0 given)",
             api.addSubscription),
            (1, "The specified passphrase is blank.", api.createDeterministicAddresses, ""),
            (1, "The specified passphrase is blank.", api.getDeterministicAddress, "", 4, 1),
            (1, "The specified passphrase is blank.", api.createChan, ""),
            (1, "The specified passphrase is blank.", api.joinChan, "", me),
            (2, "The address version number currently must be 3, 4, or 0 (which means auto-select)."
                " 2 isn't supported.", api.createDeterministicAddresses, text, 1, 2),
            (2, "The address version number currently must be 3 or 4. 5 isn't supported.",
             api.getDeterministicAddress, text, 5, 1),
            (3, "The stream number must be 1 (or 0 which means auto-select). Others aren't "
                "supported.", api.createDeterministicAddresses, text, 1, 4, 2),
            (3, " The stream number must be 1. Others aren't supported.",
             api.getDeterministicAddress, text, 4, 2),
            (4, "Why would you ask me to generate 0 addresses for you?",
             api.createDeterministicAddresses, text, 0),
            (5, "You have (accidentally?) specified too many addresses to make. Maximum 999. This "
                "check only exists to prevent mischief; if you really want to create more addresses"
                " than this, contact the Bitmessage developers and we can modify the check or you "
                "can do it yourself by searching the source code for this message.",
             api.createDeterministicAddresses, text, 1000),
            (6, "The encoding type must be 2 or 3.", api.sendMessage, me, me, text, text, 1),
            (6, "The encoding type must be 2 or 3.", api.sendBroadcast, me, text, text, 4),
            (7, "Could not decode address: %s : ripetooshort" % short, api.decodeAddress, short),
            (8, "Checksum failed for address: BM-2cWzSnwjJ7yRP3nLEW", api.decodeAddress,
             "BM-2cWzSnwjJ7yRP3nLEW"),
            (9, "Invalid characters in address: BM-0OIl", api.decodeAddress, "BM-0OIl"),
            (10, "Address version number too high (or zero) in address: " + too_high,
             api.decodeAddress, too_high),
            (11, "The address version number currently must be 2, 3 or 4. Others aren't supported. "
                 "Check the address.", api.decodeAddress, version_1),
            (12, "The stream number must be 1. Others aren't supported. Check the address.",
             api.decodeAddress, stream_2),
            (13, "Could not find this address in your keys.dat file.", api.deleteAddress, STRANGER),
            (13, "Could not find your fromAddress in the keys.dat file.", api.sendMessage, me,
             STRANGER, text, text),
            (13, "Could not find your fromAddress in the keys.dat file.", api.sendBroadcast,
             STRANGER, text, text),
            (14, "Your fromAddress is disabled. Cannot send.", api.sendMessage, me, off, text, text),
            (14, "Your fromAddress is disabled. Cannot send.", api.sendBroadcast, off, text, text),
            (15, "Invalid ackData object size.", api.getStatus, "00" * 37),
            (17, "Label is not valid UTF-8 data.", api.createRandomAddress, b64(b"\xff")),
            (17, "Label is not valid UTF-8 data.", api.addSubscription, STRANGER, b64(b"\xff")),
            (18, "Chan name does not match address.", api.joinChan, b64("other"), SEED_V4),
            (19, "The length of hash should be 32 bytes (encoded in hex thus 64 characters).",
             api.getMessageDataByDestinationHash, "00" * 32),
            (20, "Invalid method: test", api.test),
            (20, "Invalid method: listAddressbook", api.listAddressbook),
            (22, "Decode error - Odd-length string. Had trouble while decoding string: 'abc'",
             api.getInboxMessageById, "abc"),
            (22, "Decode error - Non-hexadecimal digit found. Had trouble while decoding string: "
                 "'zz'", api.trashMessage, "zz"),
            (22, "Decode error - Incorrect padding. Had trouble while decoding string: 'a'",
             api.createRandomAddress, "a"),
            (22, "Decode error - Non-hexadecimal digit found. Had trouble while decoding string: "
                 "'%s'" % ("zz" * 16), api.getMessageDataByDestinationTag, "zz" * 16),
            (22, "Decode error - Non-hexadecimal digit found. Had trouble while decoding string: "
                 "'zz'", api.disseminatePreparedObject, "zz"),
            (23, "Bool expected in eighteenByteRipe, saw <type 'int'> instead",
             api.createRandomAddress, text, 1),
            (23, "Bool expected in readStatus, saw <type 'str'> instead.", api.getInboxMessageById,
             "00", "yes"),
            (25, "Specified address is not a chan address. Use deleteAddress API call instead.",
             api.leaveChan, me),
            (26, "Malformed varint in address: " + malformed, api.decodeAddress, malformed),
            (27, "Message is too long.", api.sendMessage, me, me, b64("s"), b64("x" * 261644)),
            (27, "Message is too long.", api.sendBroadcast, me, b64("s"), b64("x" * 261644)),
        ]
        for code, words, call, *arguments in cases:
            with self.subTest(code=code, words=words):
                self.assert_error(code, words, call, *arguments)
        for call, *arguments in [(api.enableAddress, STRANGER),
                                 (api.sendMessage, "BM-nonsense", me, text, text),
                                 (api.disseminatePreparedObject, "00" * 30)]:
            with self.subTest(code=21, arguments=arguments):
                with self.assertRaises(xmlrpc.client.Fault) as caught:
                    call(*arguments)
                self.assertEqual(caught.exception.faultCode, 21)
                self.assertRegex(caught.exception.faultString, "^Unexpected API Failure - ")
        self.assertEqual(api.getMessageDataByDestinationHash("00" * 16), {"receivedMessageDatas": []})
        # The longest that is not too long is taken; it is refused, if at all, for another reason.
        try:
            api.sendMessage(me, me, b64(""), b64("x" * 261644))
        except xmlrpc.client.Fault as fault:
            self.assertEqual(fault.faultCode, 21)

    def test_what_is_absent_is_null(self):
        api = self.with_api().api
        for call in (api.getInboxMessageById, api.getInboxMessageByID, api.getSentMessageById,
                     api.getSentMessageByID, api.getSentMessageByAckData):
            self.assertIsNone(call("ab" * 32))
        self.assertIsNone(api.getInboxMessageById("ab" * 32, True))
        self.assertEqual(api.getStatus("ab" * 38), "notfound")
        for call, words in ((api.trashMessage, "Trashed message (assuming message existed)."),
                            (api.trashInboxMessage,
                             "Trashed inbox message (assuming message existed)."),
                            (api.trashSentMessage,
                             "Trashed sent message (assuming message existed)."),
                            (api.trashSentMessageByAckData,
                             "Trashed sent message (assuming message existed)."),
                            (api.undeleteMessage, "Undeleted message")):
            self.assertEqual(call("ab" * 32), words)

    def test_shutdown(self):
        one = self.with_api()
        self.assertEqual(one.api.shutdown(), "done")
        self.assertEqual(one.process.wait(20), 0)


def made_addresses():
    """Addresses of version 1, of stream 2, of version 5, with a malformed var_int, with a short ripe."""
    import hashlib
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

    def text(data):
        data += hashlib.sha512(hashlib.sha512(data).digest()).digest()[:4]
        number = int.from_bytes(data, "big")
        out = ""
        while number:
            number, digit = divmod(number, 58)
            out = alphabet[digit] + out
        return "BM-" + out
    ripe = bytes(range(1, 21))
    return (text(b"\x01\x01" + ripe), text(b"\x04\x02" + ripe), text(b"\x05\x01" + ripe),
            text(b"\x04\xfd\x00\x01" + ripe), text(b"\x04\x01" + ripe[:3]))


class Letters(Api):
    """Two that write to each other."""

    def test_messages_both_ways(self):
        first = self.with_api("a")
        second = self.with_api("b", peers=[first])
        me = first.api.createRandomAddress(b64("me"))
        you = second.api.createRandomAddress(b64("you"))
        subject, body = "Grüße", "Line one\n\nline three ☃"
        ackdata = first.api.sendMessage(you, me[3:], b64(subject), b64(body))
        self.assertRegex(ackdata, "^[0-9a-f]{76}$")
        self.assertTrue(ackdata.startswith("0000000201" + "01"))
        self.assertIn(first.api.getStatus(ackdata), (
            "msgqueued", "doingpubkeypow", "awaitingpubkey", "doingmsgpow", "msgsent",
            "ackreceived"))
        unsent = first.api.getSentMessageByAckData(ackdata)["sentMessage"][0]
        self.assertEqual((unsent["toAddress"], unsent["fromAddress"], plain(unsent["subject"]),
                          plain(unsent["message"]), unsent["encodingType"], unsent["ackData"]),
                         (you, me, subject, body, 2, ackdata))
        self.wait_status(first, ackdata, "ackreceived")

        rows = second.api.getAllInboxMessages()["inboxMessages"]
        row = next(r for r in rows if r["toAddress"] == you)
        self.assertEqual((row["fromAddress"], plain(row["subject"]), plain(row["message"]),
                          row["encodingType"], row["read"]), (me, subject, body, 2, 0))
        self.assertTrue(abs(int(row["receivedTime"]) - time.time()) < 600)
        self.assertIsInstance(row["receivedTime"], str)
        sent = first.api.getSentMessageByAckData(ackdata)["sentMessage"][0]
        self.assertEqual(sent["msgid"], row["msgid"])  # the object's hash, on both sides
        self.assertIsInstance(sent["lastActionTime"], int)
        self.assertEqual(first.api.getSentMessageById(row["msgid"])["sentMessage"], [sent])
        self.assertIn({"msgid": row["msgid"]}, first.api.getAllSentMessageIds()["sentMessageIds"])
        self.assertEqual(first.api.getAllSentMessageIDs(), first.api.getAllSentMessageIds())
        self.assertIn(sent, first.api.getAllSentMessages()["sentMessages"])
        self.assertEqual(first.api.getSentMessagesBySender(me)["sentMessages"], [sent])
        self.assertEqual(first.api.getSentMessagesByAddress(you), {"sentMessages": []})
        self.assertEqual(second.api.getInboxMessagesByReceiver(you)["inboxMessages"], [row])
        self.assertEqual(second.api.getInboxMessagesByReceiver(me), {"inboxMessages": []})
        self.assertEqual(second.api.getAllInboxMessageIds(),
                         {"inboxMessageIds": [{"msgid": row["msgid"]}]})
        self.assertEqual(second.api.getAllInboxMessageIDs(), second.api.getAllInboxMessageIds())

        self.read_and_trash(second, row["msgid"])
        self.assertEqual(first.api.trashSentMessageByAckData(ackdata),
                         "Trashed sent message (assuming message existed).")
        self.assertNotIn(sent, first.api.getAllSentMessages()["sentMessages"])
        self.assertIsNotNone(first.api.getSentMessageByAckData(ackdata))
        self.assertIsNotNone(first.find_mail(subject, "Trash"))
        self.assertEqual(first.api.deleteAndVacuum(), "done")
        self.assertIsNone(first.api.getSentMessageByAckData(ackdata))
        self.assertEqual(first.api.getStatus(ackdata), "notfound")
        status = second.api.clientStatus()
        self.assertGreaterEqual(status["numberOfMessagesProcessed"], 1)
        self.assertEqual((status["softwareName"], status["networkConnections"]), ("Bittern", 1))

    def read_and_trash(self, one, msgid):
        api = one.api
        self.assertEqual(api.getInboxMessageById(msgid, True)["inboxMessage"][0]["read"], 1)
        self.assertIn("\\Seen", one.mails("INBOX")[-1].keywords)
        self.assertEqual(api.getInboxMessageByID(msgid)["inboxMessage"][0]["read"], 1)
        self.assertEqual(api.getInboxMessageById(msgid, False)["inboxMessage"][0]["read"], 0)
        for trash in (api.trashMessage, api.trashInboxMessage):
            trash(msgid)
            self.assertEqual(api.getAllInboxMessageIds(), {"inboxMessageIds": []})
            self.assertEqual(len(one.mails("Trash")), 1)
            self.assertEqual(api.getInboxMessageById(msgid)["inboxMessage"][0]["msgid"], msgid)
            self.assertEqual(api.undeleteMessage(msgid), "Undeleted message")
            self.assertEqual(api.getAllInboxMessageIds(), {"inboxMessageIds": [{"msgid": msgid}]})
        api.trashInboxMessage(msgid)
        api.deleteAndVacuum()
        self.assertIsNone(api.getInboxMessageById(msgid))
        self.assertEqual(one.mails("Trash"), [])

    def test_a_message_is_bytes(self):
        """What a program hands in goes out as it is: bytes that are no text, and line ends."""
        one = self.with_api()
        me = one.api.createRandomAddress(b64("me"))
        body = b"\x00\x01\xff\r\n\tend\n\n"
        ackdata = one.api.sendMessage(me, me, b64(b"s\xff"), b64(body))
        row = one.api.getSentMessageByAckData(ackdata)["sentMessage"][0]
        self.assertIn("Part of the message is corrupt.", plain(row["message"]))
        self.assertIn(r"\x00\x01\xff\r\n\tend\n\n", plain(row["message"]))
        clean = b"two line ends\n\n"
        ackdata = one.api.sendMessage(me, me, b64("s"), b64(clean))
        row = one.api.getSentMessageByAckData(ackdata)["sentMessage"][0]
        self.assertEqual(base64.b64decode(row["message"]), clean)

    def test_to_oneself_a_chan_and_subscribers(self):
        one = self.with_api()
        api = one.api
        me = api.createRandomAddress(b64("me"))
        chan = api.createChan(b64("a chan of ours"))
        own = api.sendMessage(me, me, b64("to me"), b64("x"), 3, 60)
        self.wait_status(one, own, "msgsentnoackexpected")
        to_chan = api.sendMessage(chan, chan, b64("to chan"), b64("x"))
        self.wait_status(one, to_chan, "msgsentnoackexpected")
        wait_for("three arrivals", lambda: len(api.getAllInboxMessageIds()["inboxMessageIds"]) == 2,
                 60, 0.2)
        kinds = {plain(r["subject"]): r for r in api.getAllInboxMessages()["inboxMessages"]}
        self.assertEqual(kinds["to me"]["encodingType"], 3)
        self.assertEqual((kinds["to chan"]["toAddress"], kinds["to chan"]["fromAddress"]),
                         (chan, chan))
        self.assertEqual(api.addSubscription(me, b64("myself")), "Added subscription.")
        broadcast = api.sendBroadcast(me, b64("to all"), b64("news"))
        self.assertIn(api.getStatus(broadcast),
                      ("broadcastqueued", "doingbroadcastpow", "broadcastsent"))
        self.wait_status(one, broadcast, "broadcastsent")
        sent = api.getSentMessageByAckData(broadcast)["sentMessage"][0]
        self.assertEqual((sent["toAddress"], sent["fromAddress"]), ("[Broadcast subscribers]", me))
        wait_for("the broadcast", lambda: any(
            r["toAddress"] == "[Broadcast subscribers]"
            for r in api.getAllInboxMessages()["inboxMessages"]), 60, 0.2)

    def test_trashing_takes_back_what_has_not_left(self):
        one = self.with_api()
        me = one.api.createRandomAddress(b64("me"))
        ackdata = one.api.sendMessage(STRANGER, me, b64("never"), b64("x"))
        msgid = one.api.getSentMessageByAckData(ackdata)["sentMessage"][0]["msgid"]
        self.assertEqual(len(msgid), 32)
        self.assertEqual(one.api.trashSentMessage(msgid),
                         "Trashed sent message (assuming message existed).")
        self.assertEqual(one.states()[-1]["state"], "cancelled")
        self.assertEqual(one.api.getStatus(ackdata), "notfound")
        self.assertEqual(len(one.mails("Trash")), 1)
        self.assertEqual(one.mails("Outbox"), [])

    def test_prepared_objects(self):
        first = self.with_api("a")
        second = self.with_api("b", peers=[first])
        wait_for("a and b to meet", lambda: first.api.clientStatus()["networkConnections"] == 1)
        connections = first.api.listConnections()
        self.assertEqual((len(connections["inbound"]), connections["outbound"]), (1, []))
        peer = connections["inbound"][0]
        self.assertEqual((peer["host"], peer["fullyEstablished"]), ("127.0.0.1", True))
        self.assertRegex(peer["userAgent"], "^/Bittern:")
        self.assertIsInstance(peer["port"], int)
        self.assertEqual(second.api.listConnections()["outbound"][0]["port"],
                         first.status()["node"]["port"])

        def count(kind):
            return second.status()["node"]["objects_of_kind_" + kind]
        expires = int(time.time()) + 7200
        body = struct.pack(">QI", expires, 42) + b"\x01\x01" + os.urandom(100)
        found = first.api.disseminatePreEncryptedMsg((b"\0" * 8 + body).hex(), 20, 20)
        self.assertRegex(found, "^[0-9a-f]{64}$")
        wait_for("the object at b", lambda: count("other") == 1)
        body = struct.pack(">QI", expires, 1) + b"\x04\x01" + os.urandom(400)
        self.assertIsNone(first.api.disseminatePubkey(body.hex()))
        wait_for("the pubkey at b, beside those of the two first identities",
                 lambda: count("pubkey") == 3)
        # Without work it is refused by the node, in words.
        with self.assertRaises(xmlrpc.client.Fault) as caught:
            first.api.disseminatePreparedObject((b"\0" * 7 + b"\1" + body).hex())
        self.assertEqual(caught.exception.faultCode, 21)
        self.assertIn("the node does not take it", caught.exception.faultString)
        expired = struct.pack(">QI", int(time.time()) - 9, 42) + b"\x01\x01" + b"x" * 50
        with self.assertRaises(xmlrpc.client.Fault) as caught:
            first.api.disseminatePreparedObject((b"\0" * 8 + expired).hex())
        self.assertIn("expired", caught.exception.faultString)


class Variants(Api):
    def test_legacy(self):
        one = self.with_api(variant="legacy")
        api = one.api
        self.assertEqual(api.test(), "API Error 0020: Invalid method: test")
        self.assertEqual(api.helloWorld("a"),
                         "API Error 0000: Command helloWorld takes at least 3 parameters (1 given)")
        self.assertEqual(api.add(69, 42), 111)
        rows = json.loads(api.listAddresses())["addresses"]
        self.assertEqual(json.loads(api.listAddressbook()), {"addresses": []})
        self.assertIn("\n    ", api.listAddresses())
        self.assertEqual(json.loads(api.getInboxMessagesByAddress(rows[0]["address"])),
                         {"inboxMessages": []})
        self.assertEqual(api.addAddressbook(STRANGER, b64("ä")),
                         "Added address %s to address book" % STRANGER)
        self.assertEqual(api.deleteAddressbook(STRANGER),
                         "Deleted address book entry for %s if it existed" % STRANGER)
        self.assertIsNone(json.loads(api.getSentMessageByAckData("ab" * 38)))
        self.assertIn("listAddressbook", api.system.listMethods())

    def test_json(self):
        one = self.with_api(variant="json")

        def post(body):
            request = urllib.request.Request("http://127.0.0.1:%d/" % one.port, method="POST",
                                             data=body if isinstance(body, bytes)
                                             else json.dumps(body).encode())
            request.add_header("Authorization", "Basic " + b64("%s:%s" % (USER, PASSWORD)))
            with urllib.request.urlopen(request) as answer:
                data = answer.read()
                return json.loads(data) if data else None

        def call(method, *params):
            return post({"jsonrpc": "2.0", "method": method, "params": params, "id": 1})
        self.assertEqual(call("add", 2, 3), {"jsonrpc": "2.0", "id": 1, "result": 5})
        self.assertEqual(call("test"), {"jsonrpc": "2.0", "id": 1, "error": {
            "code": 20, "message": "Invalid method: test"}})
        self.assertIsNone(call("getInboxMessageById", "ab" * 32)["result"])
        self.assertEqual(post({"method": "add", "params": [1, 1], "id": "x"}),
                         {"id": "x", "result": 2, "error": None})
        self.assertEqual(post({"jsonrpc": "2.0", "method": "helloWorld", "id": 2,
                               "params": {"b": "two", "a": "one"}})["result"], "one-two")
        self.assertEqual(post({"jsonrpc": "2.0", "method": "helloWorld", "id": 2,
                               "params": {"c": "two", "a": "one"}})["error"]["code"], 0)
        batch = post([{"jsonrpc": "2.0", "method": "createRandomAddress", "params": [b64("x")],
                       "id": 1},
                      {"jsonrpc": "2.0", "method": "statusBar", "params": ["told to nobody"]},
                      7,
                      {"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": 2}])
        self.assertEqual([row["id"] for row in batch], [1, None, 2])
        self.assertRegex(batch[0]["result"], "^BM-")
        self.assertEqual((batch[1]["error"]["code"], batch[2]["result"]), (-32600, 3))
        self.assertIsNone(post({"jsonrpc": "2.0", "method": "statusBar", "params": ["x"]}))
        self.assertEqual(post(b"{not json")["error"]["code"], -32700)
        self.assertEqual(post(b"[]")["error"]["code"], -32700)
        self.assertEqual(len(post([{"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": i}
                                   for i in range(50)])), 50)
        self.assertEqual(post([{"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": i}
                               for i in range(51)])["error"]["code"], -32700)
        self.assertIn("clientStatus", call("system.listMethods")["result"])


class Doors(Api):
    """Who gets in, and what a request may be."""

    def post(self, one, body, path="/", login=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=30)
        headers = dict(headers)
        if login is not None:
            headers["Authorization"] = "Basic " + b64(login)
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def call_of(self, method="helloWorld", *params):
        return xmlrpc.client.dumps(params or ("a", "b"), method).encode()

    def test_passwords(self):
        one = self.with_api()
        good = "%s:%s" % (USER, PASSWORD)
        self.assertEqual(self.post(one, self.call_of(), login=good).status, 200)
        self.assertEqual(self.post(one, self.call_of(), "/RPC2", login=good).status, 200)
        self.assertEqual(self.post(one, self.call_of(), "/other", login=good).status, 404)
        began = time.monotonic()
        for login in (None, "", USER, good + "x", good[:-1], USER.upper() + ":" + PASSWORD):
            answer = self.post(one, self.call_of(), login=login)
            self.assertEqual((answer.status, answer.body), (401, b""))
        self.assertGreaterEqual(time.monotonic() - began, 6 * 2.0)
        answer = self.post(one, self.call_of(), login=good)
        self.assertEqual(answer.getheader("Connection"), "close")
        self.assertEqual(answer.getheader("Content-Type"), "text/xml")
        self.assertNotIn(PASSWORD, one.log_text())
        with self.assertRaises(xmlrpc.client.ProtocolError) as caught:
            xmlrpc.client.ServerProxy("http://a:b@127.0.0.1:%d/" % one.port).clientStatus()
        self.assertEqual(caught.exception.errcode, 401)

    def test_refusals_wait_without_holding_the_rest_up(self):
        one = self.with_api()
        waiting = []
        for _ in range(16):
            connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=30)
            connection.request("POST", "/", self.call_of(), {"Authorization": "Basic eA=="})
            waiting.append(connection)
        good = "%s:%s" % (USER, PASSWORD)
        wait_for("too many refusals", lambda: self.post(one, self.call_of(),
                                                        login=good).status == 429, 1.5, 0.01)
        self.assertTrue(one.status()["ready"])  # the loop goes on
        self.assertEqual([connection.getresponse().status for connection in waiting], [401] * 16)
        self.assertEqual(self.post(one, self.call_of(), login=good).status, 200)

    def test_foreign_pages_and_bodies(self):
        one = self.with_api()
        good = "%s:%s" % (USER, PASSWORD)
        for headers, status in (({"Host": "evil.example"}, 421),
                                ({"Origin": "http://evil.example"}, 403)):
            self.assertEqual(self.post(one, self.call_of(), login=good, headers=headers).status,
                             status)
        at_most = self.call_of("helloWorld", "a", "b" * 100)
        at_most = at_most + b" " * ((4 << 20) - len(at_most))
        self.assertEqual(self.post(one, at_most, login=good).status, 200)
        self.assertEqual(self.post(one, at_most + b" ", login=good).status, 413)
        for body in (b"", b"<methodCall/>", b"nonsense",
                     b'<!DOCTYPE x [<!ENTITY a "aaaa">]><methodCall><methodName>&a;</methodName>'
                     b"</methodCall>"):
            answer = self.post(one, body, login=good)
            self.assertEqual(answer.status, 200)
            with self.assertRaises(xmlrpc.client.Fault) as caught:
                xmlrpc.client.loads(answer.body)
            self.assertEqual(caught.exception.faultCode, 1)

    def test_it_is_off_and_wants_a_password(self):
        off = self.bittern("off")
        self.assertEqual(off.status()["api"]["port"], 0)
        off.stop()
        for settings in ({"api.username": "x"}, {"api.password": "x"},
                         {"api.username": "a:b", "api.password": "x"},
                         {"api.username": "a", "api.password": "x", "api.notify_path": "sh"}):
            off.settings.update({"api.username": "", "api.password": "", "api.notify_path": ""})
            off.settings.update({"api.enabled": "yes", "api.port": "0"}, **settings)
            off.spawn()
            self.assertEqual(off.process.wait(30), 1)
        self.assertIn("[api] enabled = yes needs a username and a password", off.output())

    def test_an_account_of_its_own(self):
        one = self.with_api(api__account="robot")
        with self.assertRaises(xmlrpc.client.Fault) as caught:
            one.api.listAddresses()
        self.assertIn("there is no account 'robot'", caught.exception.faultString)
        one.cli("account", "new", "robot")
        self.assertEqual(one.api.listAddresses(), {"addresses": []})
        address = one.api.createRandomAddress(b64("r2"))
        self.assertEqual([r["address"] for r in one.api.listAddresses()["addresses"]], [address])
        mine = next(row for row in one.json("identity", "list") if row["account"] == "me")
        self.assert_error(13, "Could not find your fromAddress in the keys.dat file.",
                          one.api.sendMessage, address, mine["address"], b64("x"), b64("x"))
        self.assert_error(13, "Could not find this address in your keys.dat file.",
                          one.api.deleteAddress, mine["address"])


class Settings(Api):
    def test_pybitmessages_settings_are_taken_over(self):
        one = self.bittern("a", start=False)
        one.settings = {key: value for key, value in one.settings.items()
                        if not key.startswith("api.")}
        one.cli("account", "new", "me")
        keys = os.path.join(one.folder, "keys")
        one.cli("export", "pybitmessage", keys)  # for its messages.dat
        for login, enabled in (("apiusername = scripts\n", "no"),
                               ("apiusername = scripts\napipassword = secret\n", "yes")):
            with open(os.path.join(keys, "keys.dat"), "w") as file:
                file.write("[bitmessagesettings]\nsettingsversion = 10\napienabled = true\n"
                           "apiinterface = 127.0.0.1\napiport = 18442\napivariant = json\n"
                           "apinotifypath = /bin/true\n" + login)
            one.cli("import", "pybitmessage", keys)
            shown = one.cli("config", "show")
            api = dict(line.split(" = ", 1) for line in
                       shown.split("[api]\n")[1].split("\n\n")[0].splitlines() if " = " in line)
            self.assertEqual(api["enabled"], enabled)
        self.assertEqual((api["port"], api["username"], api["password"], api["variant"],
                          api["notify_path"]),
                         ("18442", "scripts", "secret", "json", "/bin/true"))
        back = os.path.join(one.folder, "back")
        one.cli("export", "pybitmessage", back)
        with open(os.path.join(back, "keys.dat")) as file:
            written = file.read()
        for line in ("apienabled = True", "apiport = 18442", "apiusername = scripts",
                     "apipassword = secret", "apivariant = json", "apinotifypath = /bin/true"):
            self.assertIn(line, written)


class Notices(Api):
    def test_the_program_is_told(self):
        one = self.bittern("a", start=False)
        told = os.path.join(one.folder, "told")
        script = os.path.join(one.folder, "notify")
        with open(script, "w") as out:
            out.write('#!/bin/sh\necho "$# $1 $(env | cut -d= -f1 | sort | tr "\\n" " ")" >> %s\n'
                      % told)
        os.chmod(script, 0o755)
        one.settings.update({"api.enabled": "yes", "api.port": "0", "api.username": USER,
                             "api.password": PASSWORD, "api.notify_path": script})
        one.start()
        one.make_account()
        api = xmlrpc.client.ServerProxy("http://%s:%s@127.0.0.1:%d/" % (
            USER, PASSWORD.replace(":", "%3A"), one.status()["api"]["port"]))

        def lines():
            try:
                with open(told) as file:
                    return [line.split()[:2] for line in file.read().splitlines()]
            except FileNotFoundError:
                return []
        wait_for("startingUp", lambda: lines() == [["1", "startingUp"]])
        me = api.createRandomAddress(b64("me"))
        api.addSubscription(me)
        for number in range(3):
            api.sendMessage(me, me, b64("number %d" % number), b64("x"))
        wait_for("three messages", lambda: lines().count(["1", "newMessage"]) == 3, 90)
        api.sendBroadcast(me, b64("all"), b64("x"))
        wait_for("a broadcast", lambda: lines().count(["1", "newBroadcast"]) == 1, 90)
        self.assertEqual(len(lines()), 5)
        with open(told) as file:
            self.assertNotRegex(file.read(), "HOME|USER")


if __name__ == "__main__":
    main()
