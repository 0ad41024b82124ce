# SPDX-License-Identifier: MIT
"""Identities, chans, subscriptions, contacts, lists of senders, accounts: from the command line, from
the mail program, and by command mails. Two Bitterns are shared by all cases; each case has people of
its own."""
import email
import json
import os
import struct
import tempfile
import threading
import unittest
import zlib

import bmwire
import harness
import scripted
from harness import CliError, mail_address, plain_text, quote, wait_for

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")


class People(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(name="a")
        cls.a.start()
        cls.a.make_account()
        settings = dict(harness.QUICK, **{
            "mail.junk_blocks": "yes", "mail.add_contacts": "yes",
            "network.connect": "127.0.0.1:%d" % cls.a.status()["node"]["port"]})
        cls.b = harness.Bittern(settings, name="b")
        cls.b.start()
        cls.b.make_account()
        wait_for("a and b to meet", lambda: cls.b.status()["node"]["peers_out"] == 1)

    @classmethod
    def tearDownClass(cls):
        cls.a.close()
        cls.b.close()

    def refused(self, *words, by=None):
        with self.assertRaises(CliError) as caught:
            (by or self.a).cli(*words)
        return caught.exception.stderr

    def command(self, sender, line, text="", to="bittern@bm.alt", by=None):
        """A command by mail; the answer's text."""
        one = by or self.a
        before = len(one.mails("INBOX"))
        one.send(sender, to, line, text)
        return plain_text(wait_for("an answer", lambda: one.mails("INBOX")[before:])[0])

    # ---- identities

    def test_identities_of_a_passphrase_are_pybitmessages(self):
        with open(os.path.join(VECTORS, "deterministic.json")) as file:
            rows = json.load(file)["single"]
        row = next(r for r in rows if r["version"] == 4 and r["stream"] == 1 and
                   not r["eighteen_byte_ripe"])
        row["passphrase"] = bytes.fromhex(row["passphrase_hex"]).decode()
        made = self.a.cli("identity", "new", "of words", "--passphrase", "--version", "4",
                          "--stream", "1", stdin=row["passphrase"] + "\n")
        self.assertEqual(made, row["address"])
        self.assertIn("here already", self.a.cli("identity", "new", "again", "--passphrase",
                                                 stdin=row["passphrase"] + "\n", check=False).stderr)
        three = self.a.cli("identity", "new", "three", "--passphrase", "--number", "3",
                           stdin=row["passphrase"] + "\n").split("\n")
        short = next(r for r in rows if r["version"] == 4 and r["stream"] == 1 and
                     r["eighteen_byte_ripe"])
        words = bytes.fromhex(short["passphrase_hex"]).decode()
        self.assertEqual(self.b.cli("identity", "new", "short", "--passphrase", "--short",
                                    stdin=words + "\n"), short["address"])
        self.assertEqual(len(three), 2)  # the first is here already
        self.assertNotIn(made, three)

    def test_an_identity_is_renamed_switched_off_and_deleted(self):
        alice = self.a.identity("Off and on")
        self.a.cli("identity", "rename", "off and on", "Lamp")
        self.assertEqual(self.a.json("identity", "show", "lamp")["address"], alice)
        smtp_user = mail_address(alice)

        def can_log_in():
            import imaplib
            box = imaplib.IMAP4("127.0.0.1", self.a.status()["imap"]["port"], timeout=60)
            try:
                box.login(smtp_user, self.a.password)
                return True
            except imaplib.IMAP4.error:
                return False
            finally:
                box.shutdown()

        self.assertTrue(can_log_in())
        self.a.cli("identity", "disable", alice)
        self.assertFalse(can_log_in())
        self.assertFalse(self.a.json("identity", "show", alice)["enabled"])
        self.a.cli("identity", "enable", alice)
        self.assertTrue(can_log_in())
        self.assertIn("--yes", self.refused("identity", "delete", alice))
        self.a.cli("identity", "delete", alice, "--yes")
        self.assertFalse(can_log_in())
        self.assertIn("no identity", self.refused("identity", "show", alice))

    def test_an_address_of_version_2_is_sent_to(self):
        """Its key comes without a signature and is known by its hash, as such addresses have it."""
        with open(os.path.join(VECTORS, "keys_addresses.json")) as file:
            record = json.load(file)["records"][0]
        old = next(row["address"] for row in record["addresses"] if row["version"] == 2)
        alice = self.a.identity("Writes to an old one")
        with bmwire.Peer.dial(self.a.status()["node"]["port"]) as peer:
            peer.handshake()

            def shown(kind, among=lambda h: True, check=lambda o: True):
                """An object of the node, of those that it announces."""
                peer.is_alive()
                unseen = [h for h in peer.announced if h not in peer.objects]
                if unseen:
                    peer.fetch(unseen)
                found = [bmwire.parse_object(peer.objects[h]) for h in peer.announced if among(h)]
                return next((o for o in found if o.type == kind and check(o)), None)
            self.a.send(alice, old, "To an old address")
            ripe = bytes.fromhex(record["ripe"])
            asked = wait_for("a question for its key",
                             lambda: shown(bmwire.GETPUBKEY, check=lambda o: o.payload == ripe))
            self.assertEqual(asked.version, 2)
            keys = [bytes.fromhex(record[name])[1:] for name in ("pubsigning", "pubencryption")]
            before = set(peer.announced)
            peer.send_object(bmwire.make_object(bmwire.PUBKEY, b"\0\0\0\0" + b"".join(keys), version=2))
            wait_for("sent", lambda: any(r["state"] == "sent" and r["to"].startswith(old)
                                         for r in self.a.states()))
            wait_for("the message", lambda: shown(bmwire.MSG, among=lambda h: h not in before))

    def test_terms_of_an_identity(self):
        alice = self.a.identity("Terms")
        shown = self.a.json("identity", "set", alice, "--difficulty", "3", "--small-difficulty",
                            "2", "--ttl", "36h", "--acks", "no")
        self.assertEqual((shown["trials_per_byte"], shown["extra_bytes"]), (30, 20))
        self.assertEqual((shown["ttl"], shown["acks"]), (36 * 3600, False))
        self.assertIn("lifetime", self.refused("identity", "set", alice, "--ttl", "59m"))
        self.a.json("identity", "set", alice, "--ttl", "1h")
        self.a.json("identity", "set", alice, "--ttl", "28d")
        self.assertIn("lifetime", self.refused("identity", "set", alice, "--ttl", "29d"))
        again = self.a.json("identity", "set", alice, "--difficulty", "1")
        self.assertEqual((again["trials_per_byte"], again["extra_bytes"]), (10, 20))

    def test_who_acknowledges_nothing_is_sent_to_and_no_more(self):
        alice = self.a.identity("Asks")
        bob = self.b.identity("No acks")
        self.b.cli("identity", "set", bob, "--acks", "no")
        self.a.send(alice, bob, "No ack wanted")
        self.b.wait_mail("No ack wanted")
        wait_for("sent", lambda: any(r["state"] == "sent" and r["subject"] == "No ack wanted"
                                     for r in self.a.states()))

    def test_links_go_out_and_come_in(self):
        alice = self.a.identity("Al ice & Co")
        link = self.a.cli("identity", "link", alice)
        self.assertEqual(link, "bitmessage:%s?label=Al%%20ice%%20%%26%%20Co" % alice)
        self.b.cli("contact", "add", link)
        row = next(r for r in self.b.json("contact", "list") if r["address"] == alice)
        self.assertEqual(row["label"], "Al ice & Co")
        self.assertIn("link", self.refused("contact", "add", "bitmessage:?label=x", by=self.b))

    def test_a_qr_code_is_drawn_and_written(self):
        alice = self.a.identity("Code")
        self.assertIn(alice, self.a.cli("identity", "qr", alice))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "code.png")
            self.a.cli("identity", "qr", alice, "--png", path)
            with open(path, "rb") as file:
                png = file.read()
        self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        chunks = {}
        at = 8
        while at < len(png):
            size, kind = struct.unpack(">I4s", png[at:at + 8])
            data = png[at + 8:at + 8 + size]
            crc, = struct.unpack(">I", png[at + 8 + size:at + 12 + size])
            self.assertEqual(crc, zlib.crc32(kind + data))
            chunks[kind] = data
            at += 12 + size
        side, = struct.unpack(">I", chunks[b"IHDR"][:4])
        self.assertEqual(len(zlib.decompress(chunks[b"IDAT"])), side * (side + 1))

    def test_a_mailing_list_passes_on_with_its_name(self):
        owner = self.a.identity("List")
        self.a.cli("identity", "set", owner, "--list", "Birds")
        bob = self.b.identity("Bird watcher")
        self.b.cli("subscribe", owner, "Birdlist")
        self.b.send(bob, owner, "Re: a bittern", "heard it\n")
        self.a.wait_mail("Re: a bittern")
        post = self.b.wait_mail("[Birds] a bittern", "Subscriptions/Birdlist")
        self.assertIn("Message ostensibly from %s" % bob, plain_text(post))
        self.assertIn("heard it", plain_text(post))
        # The owner may post: by a mail to the list, too.
        self.a.send(owner, owner, "From the owner", "welcome\n")
        self.b.wait_mail("[Birds] From the owner", "Subscriptions/Birdlist")
        # A blocked sender does not.
        self.a.cli("block", bob)
        self.b.send(bob, owner, "Spam", "spam\n")
        self.a.wait_mail("Spam", "Junk")
        self.b.send(bob, owner, "Spam again", "spam\n")
        self.a.wait_mail("Spam again", "Junk")
        self.assertIsNone(self.b.find_mail("[Birds] Spam", "Subscriptions/Birdlist"))

    # ---- chans

    def test_a_chan_by_folder_shows_what_is_still_in_the_network(self):
        name = "reed bed"
        alice = self.a.identity("Reed")
        chan = self.a.cli("chan", "create", name)
        self.a.send(alice, chan, "As oneself", "boom\n")
        self.a.send(chan, chan, "As the chan", "boom boom\n")
        first = self.a.wait_mail("As oneself", "Chans/reed bed")
        wait_for("sent", lambda: all(r["state"] == "sent" for r in self.a.states()
                                     if r["to"].startswith(chan)))
        self.assertIn(chan, first["List-Id"])
        self.assertIn("mailto:%s@bm.alt" % chan, first["List-Post"])
        self.assertIn(chan, first["Reply-To"])
        # Joined later, without a restart: both are there.
        box = self.b.imap()
        self.assertEqual(box.create(quote("Chans/reed bed"))[0], "OK")
        self.b.wait_mail("As oneself", "Chans/reed bed")
        anonymous = self.b.wait_mail("As the chan", "Chans/reed bed")
        self.assertIn(chan, anonymous["From"])
        # Another label, from the mail program and from the command line.
        self.assertEqual(box.rename(quote("Chans/reed bed"), quote("Chans/marsh"))[0], "OK")
        self.assertEqual(self.b.json("identity", "show", "marsh")["address"], chan)
        self.b.cli("chan", "rename", "marsh", "swamp")
        self.b.wait_mail("As oneself", "Chans/swamp")
        self.assertEqual(box.select(quote("Chans/marsh"))[0], "NO")
        box.select("INBOX")
        # Left by moving it to Trash: its mails go along; the label leads back.
        self.assertEqual(box.rename(quote("Chans/swamp"), quote("Trash/swamp"))[0], "OK")
        self.assertEqual(self.b.json("chan", "list"), [])
        self.b.wait_mail("As oneself", "Trash/swamp")
        self.assertEqual(box.create(quote("Chans/swamp"))[0], "OK")
        self.assertEqual(self.b.json("chan", "list")[0]["address"], chan)
        self.assertEqual(box.delete(quote("Chans/swamp"))[0], "OK")
        self.assertEqual(self.b.json("chan", "list"), [])
        box.logout()

    def test_a_chans_name_and_address_must_belong_together(self):
        chan = self.a.cli("chan", "create", "one name")
        words = self.refused("chan", "join", "other name", chan, by=self.b)
        self.assertIn("do not belong together", words)
        self.assertEqual(self.b.cli("chan", "join", "one name", chan, "--label", "x"), chan)
        self.assertIn("another chan", self.refused("chan", "create", "second", "--label", "x",
                                                   by=self.b))
        self.b.cli("chan", "leave", "x")

    def test_a_chan_is_kept_from_floods(self):
        chan = self.a.cli("chan", "create", "flooded")
        self.b.cli("chan", "create", "flooded")
        alice = self.a.identity("Floods")
        self.b.cli("block", alice, "--chan", "flooded")
        self.assertEqual(self.b.json("senders", "list")[-1]["chan"], "flooded")
        self.a.send(alice, chan, "Blocked here", "x\n")
        self.a.send(chan, chan, "Let through", "x\n")
        self.b.wait_mail("Let through", "Chans/flooded")
        self.b.cli("identity", "set", "flooded", "--difficulty", "300")
        self.a.send(chan, chan, "Too cheap", "x\n")
        self.b.send(chan, chan, "Own work", "x\n")
        self.b.wait_mail("Own work", "Chans/flooded")
        self.a.wait_mail("Own work", "Chans/flooded")
        self.a.wait_mail("Too cheap", "Chans/flooded")
        wait_for("it at the other node", lambda: self.a.status()["node"]["objects"] ==
                 self.b.status()["node"]["objects"])
        # Behind it comes one that has enough work: whoever demands it does it.
        self.a.cli("identity", "set", "flooded", "--difficulty", "300")
        self.a.send(chan, chan, "Dear enough", "x\n")
        self.b.wait_mail("Dear enough", "Chans/flooded")
        self.assertIsNone(self.b.find_mail("Too cheap", "Chans/flooded"))
        self.assertIsNone(self.b.find_mail("Blocked here", "Chans/flooded"))

    # ---- broadcasts

    def test_broadcasts_of_both_kinds_also_old_ones_and_muted(self):
        for version in ("3", "4"):
            words = "broadcaster of version %s" % version
            news = self.a.cli("identity", "new", "News" + version, "--passphrase", "--version",
                              version, stdin=words + "\n")
            self.a.send(news, "broadcast@bm.alt", "Old news " + version, "x\n")
            wait_for("sent", lambda: any(r["state"] == "sent" and r["from"].startswith(news)
                                         for r in self.a.states()))
            box = self.b.imap()
            self.assertEqual(box.create(quote("Subscriptions/" + news))[0], "OK")
            self.b.wait_mail("Old news " + version, "Subscriptions/" + news)
            self.b.cli("subscribe", news, "paper" + version)
            folder = "Subscriptions/paper" + version
            self.b.wait_mail("Old news " + version, folder)
            self.b.cli("mute", news)
            self.assertTrue(next(r for r in self.b.json("subscriptions")
                                 if r["address"] == news)["muted"])
            self.a.send(news, "broadcast@bm.alt", "Muted news " + version, "x\n")
            wait_for("both sent", lambda: sum(r["state"] == "sent" and r["from"].startswith(news)
                                              for r in self.a.states()) == 2)
            self.assertIsNone(self.b.find_mail("Muted news " + version, folder))
            self.b.cli("unmute", "paper" + version)
            self.b.wait_mail("Muted news " + version, folder)
            self.b.cli("unsubscribe", "paper" + version)
            self.assertEqual(box.select(quote(folder))[0], "NO")
            box.logout()

    # ---- contacts

    def test_contacts_by_label_and_as_files(self):
        alice = self.a.identity("Writes to a label")
        bob = self.b.identity("Labelled")
        self.a.cli("contact", "add", bob, "bobby")
        self.a.send(alice, "bobby@bm.alt", "By label")
        self.b.wait_mail("By label")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("all.vcf", "all.csv"):
                path = os.path.join(folder, name)
                self.a.cli("contact", "export", path)
                before = self.a.json("contact", "list")
                self.assertIn(" 0 of them new", self.a.cli("contact", "import", path))
                self.a.cli("contact", "remove", "bobby")
                self.assertIn(" 1 of them new", self.a.cli("contact", "import", path))
                key = lambda row: row["address"]
                self.assertEqual(sorted(self.a.json("contact", "list"), key=key),
                                 sorted(before, key=key))
            path = os.path.join(folder, "bad.csv")
            with open(path, "w") as file:
                file.write("address,label\nBM-2cNotAnAddress,x\n")
            self.assertIn("entry 1", self.refused("contact", "import", path))

    def test_a_long_list_is_whole_while_people_change(self):
        """Long lists are made a part at a time; a change in between begins them anew."""
        self.a.cli("account", "new", "crowd")
        self.addCleanup(self.a.cli, "account", "delete", "crowd", "--yes")
        ripes = [bytes([n // 256, n % 256] * 10) for n in range(1, 20001)]
        addresses = [bmwire.address_text(ripe) for ripe in ripes]
        path = os.path.join(self.a.folder, "crowd.csv")
        with open(path, "w") as file:
            file.writelines("%s,friend %d\n" % (address, i) for i, address in enumerate(addresses))
        self.assertEqual(self.a.json("contact", "import", path, "--account", "crowd")["new"], 20000)
        comes_and_goes = addresses[0]  # in front of all, so that all others move
        rounds = []

        def change():
            for n in range(15):
                self.a.cli("contact", "remove", comes_and_goes, "--account", "crowd")
                self.a.cli("contact", "add", comes_and_goes, "label", "--account", "crowd")
                rounds.append(n)
        changes = threading.Thread(target=change)
        changes.start()
        try:
            while changes.is_alive():
                rows = sorted(row["address"] for row in self.a.json("contact", "list")
                              if row["account"] == "crowd" and row["address"] != comes_and_goes)
                self.assertTrue(rows == sorted(addresses[1:]), "a row is missing or doubled")
        finally:
            changes.join()
        self.assertEqual(len(rounds), 15)

    # ---- who may write

    def test_blocked_and_allowed_senders(self):
        alice = self.a.identity("Blocked one")
        bob = self.b.identity("Picky")
        self.b.cli("block", alice)
        self.a.send(alice, bob, "Into Junk")
        self.b.wait_mail("Into Junk", "Junk")
        self.b.cli("allow", alice)
        self.a.send(alice, bob, "Into INBOX")
        self.b.wait_mail("Into INBOX")
        self.b.cli("senders", "forget", alice)
        self.b.cli("senders", "mode", "allowed")
        try:
            self.a.send(alice, bob, "A stranger's")
            self.b.wait_mail("A stranger's", "Junk")
            self.b.cli("contact", "add", alice, "known now")
            self.a.send(alice, bob, "A contact's")
            self.b.wait_mail("A contact's")
        finally:
            self.b.cli("senders", "mode", "all")

    def test_blocked_mails_go_nowhere_where_the_setting_says_so(self):
        c = self.bittern("c", mail__blocked="drop",
                         network__connect="127.0.0.1:%d" % self.a.status()["node"]["port"])
        alice, friend = self.a.identity("Dropped one"), self.a.identity("Heard one")
        carol = c.identity("Drops")
        c.cli("block", alice)
        self.a.send(alice, carol, "Into nowhere")
        # Not acknowledged either: who is blocked does not learn that he was heard.
        wait_for("it to have left", lambda: any(r["state"] == "sent" and r["subject"] == "Into nowhere"
                                                for r in self.a.states()))
        self.a.send(friend, carol, "After it")
        c.wait_mail("After it")
        for folder in ("INBOX", "Junk", "Trash"):
            self.assertIsNone(c.find_mail("Into nowhere", folder))
        self.assertEqual([r["state"] for r in self.a.states() if r["subject"] == "Into nowhere"], ["sent"])

    def test_junk_blocks_and_answers_make_contacts_where_settings_say_so(self):
        alice = self.a.identity("Junk mailer")
        bob = self.b.identity("Sorts his mail")
        self.a.send(alice, bob, "Looks like junk")
        mail = self.b.wait_mail("Looks like junk")
        box = self.b.imap("INBOX")
        box.uid("MOVE", str(mail.uid), "Junk")
        wait_for("a rule", lambda: [r["rule"] for r in self.b.json("senders", "list")
                                    if r["address"] == alice] == ["block"])
        self.a.send(alice, bob, "Blocked by it")
        self.b.wait_mail("Blocked by it", "Junk")
        box.select("Junk")
        box.uid("MOVE", str(self.b.find_mail("Looks like junk", "Junk").uid), "INBOX")
        box.logout()
        wait_for("another rule", lambda: [r["rule"] for r in self.b.json("senders", "list")
                                          if r["address"] == alice] == ["allow"])
        self.a.send(alice, bob, "Allowed again")
        mail = self.b.wait_mail("Allowed again")
        self.b.cli("senders", "forget", alice)
        self.assertNotIn(alice, [r["address"] for r in self.b.json("contact", "list")])
        self.b.send(bob, alice, "Re: Allowed again", "hello\n",
                    headers=[("In-Reply-To", mail["Message-ID"])])
        self.assertIn(alice, [r["address"] for r in self.b.json("contact", "list")])

    def test_strangers_work_more_than_contacts(self):
        stranger = self.a.identity("Stranger")
        friend = self.a.identity("Friend")
        bob = self.b.identity("Demanding")
        wait_for("the first key", lambda: self.b.status()["pow"]["jobs"] == 0)
        before = self.b.status()["node"]["objects"]
        self.b.cli("identity", "set", bob, "--difficulty", "200")
        self.b.cli("contact", "add", friend, "friend")
        # Whoever has the older key does too little work: let the new one arrive.
        wait_for("bob's new terms in the network", lambda: self.b.status()["pow"]["jobs"] == 0 and
                 self.b.status()["node"]["objects"] > before)
        wait_for("them at the other's", lambda: self.a.status()["node"]["objects"] ==
                 self.b.status()["node"]["objects"])
        for who, subject in ((stranger, "With much work"), (friend, "With little work")):
            self.a.send(who, bob, subject)
            self.b.wait_mail(subject)

    def test_names_in_namecoin(self):
        alice = self.a.identity("Asks for names")
        bob = self.b.identity("Has a name")
        self.assertIn("not set up", self.refused("lookup", "bob", by=self.b))
        names = {"id/bob": json.dumps({"bitmessage": bob, "name": "Bob"}), "id/plain": bob,
                 "id/none": json.dumps({"email": "x@y"}), "id/odd": "BM-notanaddress"}
        with scripted.Namecoind(names, "user", "secret") as server:
            c = self.bittern("c", namecoin__type="namecoind", namecoin__user="user",
                             namecoin__password="secret",
                             namecoin__server="127.0.0.1:%d" % server.port,
                             network__connect="127.0.0.1:%d" % self.a.status()["node"]["port"])
            carol = c.identity("Carol")
            self.assertEqual(c.cli("lookup", "bob"), bob)
            self.assertEqual(c.cli("lookup", "id/plain"), bob)
            asked = server.n_asked
            c.send(carol, "bob@namecoin.bm.alt", "By name")
            self.b.wait_mail("By name")
            self.assertEqual(server.n_asked, asked)
            c.send(carol, "id/plain@bm.alt", "By another name")
            self.b.wait_mail("By another name")
            for name, words in (("nobody", "nobody has that name"), ("none", "no Bitmessage"),
                                ("odd", "no Bitmessage")):
                self.assertIn(words, self.refused("lookup", name, by=c))
                import smtplib
                with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
                    c.send(carol, name + "@namecoin.bm.alt", "x")
                code, text = list(caught.exception.recipients.values())[0]
                self.assertEqual(code, 550)
                self.assertIn(words, text.decode())
            server.password = "another"
            self.assertIn("refuses the user", self.refused("lookup", "new", by=c))
        self.assertIn("not there", self.refused("lookup", "later", by=c))
        with scripted.Nmcontrol(names) as server:
            c.stop()
            c.settings.update({"namecoin.type": "nmcontrol",
                               "namecoin.server": "127.0.0.1:%d" % server.port})
            c.start()
            self.assertEqual(c.cli("lookup", "bob"), bob)
            self.assertIn("nobody has that name", self.refused("lookup", "nobody", by=c))
        self.assertTrue(alice)

    # ---- accounts

    def test_an_identity_moves_with_its_mails(self):
        alice = self.a.identity("Moves")
        bob = self.b.identity("Stays")
        self.b.send(bob, alice, "Before the move")
        self.a.wait_mail("Before the move")
        self.a.send(alice, bob, "Sent before the move")
        self.b.wait_mail("Sent before the move")
        wait_for("delivered", lambda: all(r["state"] == "delivered" for r in self.a.states()
                                          if r["from"].startswith(alice)))
        password = self.a.cli("account", "new", "other")
        # Also when this fails: with two accounts the other cases would have to say which.
        self.addCleanup(lambda: self.a.cli("account", "delete", "other", "--yes", check=False))
        self.a.cli("identity", "move", alice, "other")
        self.assertIsNone(self.a.find_mail("Before the move"))
        self.assertIsNone(self.a.find_mail("Sent before the move", "Sent"))
        account, own = self.a.account, self.a.password
        self.a.account, self.a.password = mail_address(alice), password
        try:
            self.a.wait_mail("Before the move")
            self.a.wait_mail("Sent before the move", "Sent")
            self.b.send(bob, alice, "After the move")
            self.a.wait_mail("After the move")
            # A bound on the account.
            self.a.cli("account", "quota", "other", "--bytes", "2K")
            box = self.a.imap()
            self.assertIn("OVERQUOTA", str(box.append("INBOX", None, None,
                                                      b"Subject: big\r\n\r\n" + b"x" * 4000)))
            box.logout()
            self.a.cli("account", "quota", "other", "--bytes", "0")
        finally:
            self.a.account, self.a.password = account, own
        self.assertIn("--yes", self.refused("account", "delete", "other"))
        self.a.cli("account", "delete", "other", "--yes")
        self.assertNotIn("other", [r["name"] for r in self.a.json("account", "list")])
        self.assertIn("no identity", self.refused("identity", "show", alice))

    # ---- commands by mail

    def test_commands_by_mail(self):
        alice = self.a.identity("Commander")
        bob = self.b.identity("Commanded")
        self.assertIn("chan create NAME", self.command(alice, "help"))
        self.assertNotIn("account delete", self.command(alice, "help"))
        self.assertIn("Done", self.command(alice, 'contact add %s "Bob by mail"' % bob))
        self.assertIn("Bob by mail", self.command(alice, "", "contact list\n"))
        chan = self.command(alice, "chan create 'by mail'").strip()
        self.assertEqual(self.a.json("identity", "show", "by mail")["address"], chan)
        for words in ("identity delete %s --yes" % alice, "account list", "account delete me",
                      "no such thing", 'contact "add'):
            self.assertIn("not done", self.command(alice, words))
        self.assertIn("another account", self.command(alice, "contact add %s --account x" % bob))
        # 32 words and 4096 bytes are read, more are not.
        self.assertIn("no such command", self.command(alice, " ".join(["w"] * 32)))
        self.assertIn("at most 32 words", self.command(alice, " ".join(["w"] * 33)))
        self.assertIn("no such command", self.command(alice, "", "w" * 4096))
        self.assertIn("too long", self.command(alice, "", "w" * 4097))

    def test_a_command_by_mail_reaches_its_own_queue_alone(self):
        alice = self.a.identity("Curious")
        other = self.bittern("two")
        owner = other.identity("Owner")
        other.send(owner, alice, "for the owner's eyes", "x")  # nobody there: it waits for a key
        row = other.states()[-1]
        mine = other.account, other.password
        other.account, other.password = "guest", other.cli("account", "new", "guest")
        guest = other.cli("identity", "new", "Guest", "--account", "guest")
        self.assertNotIn("owner's eyes", self.command(guest, "queue list", by=other))
        for line in ("queue show %d", "queue cancel %d", "queue retry %d --force"):
            self.assertIn("no such mail in the queue", self.command(guest, line % row["id"], by=other))
        other.account, other.password = mine
        self.assertNotIn(other.states()[0]["state"], ("cancelled", "failed"))
        self.assertIn("owner's eyes", self.command(owner, "queue list", by=other))

    def test_a_passphrase_by_mail_is_neither_echoed_nor_kept(self):
        alice = self.a.identity("Secretive")
        secret = "the heron stands in the shallow water"
        before = len(self.a.mails("INBOX"))
        mail = email.message.EmailMessage(policy=email.policy.SMTP)
        mail["From"] = mail_address(alice)
        mail["To"] = "bittern@bm.alt"
        mail["Subject"] = "identity new fromwords --passphrase"
        mail["Message-ID"] = "<secretive@client>"
        mail.set_content(secret + "\n")
        raw = mail.as_bytes()
        self.a.send(alice, "bittern@bm.alt", raw=raw)
        answer = wait_for("an answer", lambda: self.a.mails("INBOX")[before:])[0]
        made = plain_text(answer).strip()
        self.assertEqual(self.a.json("identity", "show", "fromwords")["address"], made)
        same = self.a.cli("identity", "new", "again", "--passphrase", stdin=secret + "\n",
                          check=False)
        self.assertIn("here already", same.stderr)
        # What the mail program puts into Sent is taken for the copy that is there.
        box = self.a.imap()
        self.assertEqual(box.append("Sent", r"(\Seen)", None, raw)[0], "OK")
        box.logout()
        for folder in ("INBOX", "Sent", "Outbox"):
            for each in self.a.mails(folder):
                self.assertNotIn(b"heron", each.raw)

    def test_commands_are_not_taken_from_the_network_or_without_login(self):
        alice = self.a.identity("Local")
        bob = self.b.identity("Remote")
        self.b.cli("contact", "add", alice, "far")
        self.b.send(bob, alice, "contact list", "contact list\n")
        self.a.wait_mail("contact list")
        self.assertIsNone(self.a.find_mail("Re: contact list"))
        done = self.a.cli("sendmail", "-f", mail_address(alice), "bittern@bm.alt", check=False,
                          stdin="From: %s\nTo: bittern@bm.alt\nSubject: contact list\n\nx\n"
                          % mail_address(alice))
        self.assertNotEqual(done.returncode, 0)
        import smtplib
        with self.a.smtp() as server:
            server.mail(mail_address(alice))
            self.assertEqual(server.rcpt("bittern@bm.alt")[0], 250)
            self.assertEqual(server.rcpt(mail_address(bob))[0], 250)
            with self.assertRaises(smtplib.SMTPDataError):
                code, words = server.data(b"From: %s\r\n\r\nhelp\r\n"
                                          % mail_address(alice).encode())
                if code != 250:
                    raise smtplib.SMTPDataError(code, words)


if __name__ == "__main__":
    harness.main()
