# SPDX-License-Identifier: MIT
"""What IMAP promised is kept: through kill -9 at random, and over a disk that is full.

    test_imap_faults.py [--rounds 200] [unittest options]
"""
import imaplib
import os
import random
import re
import smtplib
import subprocess
import sys
import threading
import time
import unittest

import harness
from harness import wait_for

ROUNDS = 15
MOUNT = "/bin/mount"


def make_mail(name, size=200):
    return ("From: a@example.org\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n\r\n%s\r\n" % (
        name, name, "x" * size)).encode()


class Worker(threading.Thread):
    """One client that appends, moves, copies, flags and expunges, and remembers what it was promised."""

    def __init__(self, campaign, number):
        super().__init__(daemon=True)
        self.campaign, self.number = campaign, number
        self.rng = random.Random(number)
        self.ending = False
        self.n = 0
        # A name goes from `promised` to `unsure` when a command about it was cut off.
        self.promised = {}  # name -> mailbox
        self.unsure = set()
        self.uids = {}      # (mailbox, uid) -> name, of every UID that an answer told

    def run(self):
        while not self.ending:
            box = None
            try:
                box = imaplib.IMAP4("127.0.0.1", self.campaign.port, timeout=20)
                box.login(self.campaign.one.account, self.campaign.one.password)
                self.work(box)
            except (OSError, imaplib.IMAP4.error, imaplib.IMAP4.abort):
                time.sleep(0.05)
            finally:
                if box is not None:
                    box.shutdown()

    def work(self, box):
        while not self.ending:
            self.n += 1
            name = "w%d-%d" % (self.number, self.n)
            self.append(box, name)
            if self.rng.random() < 0.4:
                self.move(box, self.rng.choice(sorted(self.promised)))

    def append(self, box, name):
        self.unsure.add(name)
        status, data = box.append("INBOX", None, None, make_mail(name))
        if status == "OK":
            self.unsure.discard(name)
            self.promised[name] = "INBOX"
            uid = int(re.search(rb"APPENDUID \d+ (\d+)", data[0]).group(1))
            self.campaign.note_uid("INBOX", uid, name)

    def move(self, box, name):
        source = self.promised[name]
        target = "Archive" if source == "INBOX" else "INBOX"
        box.select(source)
        found = box.uid("SEARCH", "HEADER", "Message-ID", "<%s@example.org>" % name)[1][0].split()
        if len(found) != 1:
            self.campaign.errors.append("%s stands %d times in %s" % (name, len(found), source))
            del self.promised[name]
            return
        del self.promised[name]
        self.unsure.add(name)
        status, _ = box.uid("MOVE", found[0].decode(), target)
        if status == "OK":
            self.unsure.discard(name)
            self.promised[name] = target
            code = box.response("COPYUID")[1]
            if code and code[0]:
                uid = int(code[0].split()[-1])
                self.campaign.note_uid(target, uid, name)


class KilledAtRandom(unittest.TestCase):
    def test_what_was_answered_is_there_once(self):
        self.one = harness.Bittern(name="killed").start()
        self.addCleanup(self.one.close)
        self.one.make_account()
        self.port = self.one.status()["imap"]["port"]
        self.errors = []
        self.uids = {}
        self.lock = threading.Lock()
        rng = random.Random(ROUNDS)
        workers = [Worker(self, number) for number in range(3)]
        for worker in workers:
            worker.start()
        for _ in range(ROUNDS):
            time.sleep(rng.uniform(0.1, 0.6))
            self.one.kill()
            wait_for("the children to have ended, too", self.starts, 30)
            self.port = self.one.status()["imap"]["port"]
        time.sleep(1)
        for worker in workers:
            worker.ending = True
        for worker in workers:
            worker.join(30)
        self.assertEqual(self.errors, [])
        promised = {name: box for worker in workers for name, box in worker.promised.items()}
        unsure = {name for worker in workers for name in worker.unsure}
        found = {}
        for mailbox in ("INBOX", "Archive"):
            for mail in self.one.mails(mailbox):
                found.setdefault(mail["Subject"], []).append(mailbox)
                noted = self.uids.get((mailbox, mail.uid))
                self.assertIn(noted, (None, mail["Subject"]), "a UID means another mail")
        print("%d kills, %d mails promised, %d cut off" % (ROUNDS, len(promised), len(unsure)))
        self.assertGreater(len(promised), 20)
        for name, mailbox in promised.items():
            self.assertEqual(found.get(name), [mailbox], name)
        for name in unsure:
            self.assertLessEqual(len(found.get(name, [])), 1, name)
        self.one.stop()
        done = subprocess.run([os.path.join(harness.BIN, "store_checker"),
                               os.path.join(self.one.home, "gateway", "mail.db")], stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stdout)

    def starts(self):
        """Children that still end hold the home's lock for a moment."""
        try:
            return self.one.start()
        except AssertionError:
            self.one.kill()
            return None

    def note_uid(self, mailbox, uid, name):
        with self.lock:
            before = self.uids.setdefault((mailbox, uid), name)
        if before != name:
            self.errors.append("UID %d of %s was given to %s and to %s" % (uid, mailbox, before, name))


class FullDisk(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("a small file system needs root")
        self.one = harness.Bittern(name="full")
        os.makedirs(self.one.home, mode=0o700)
        if subprocess.run([MOUNT, "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", self.one.home],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.one.close()
            self.skipTest("no file system can be mounted here")
        self.addCleanup(self.clean_up)
        self.one.start()
        self.one.make_account()

    def clean_up(self):
        self.one.stop()
        subprocess.run(["/bin/umount", "-l", self.one.home], check=True)
        self.one.close()

    def test_a_full_disk_is_told_and_got_over(self):
        filler = os.path.join(self.one.home, "filler")
        address = self.one.identity("me too")
        box = self.one.imap("INBOX")
        self.assertEqual(box.append("INBOX", None, None, make_mail("before"))[0], "OK")
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 65536):
                    pass
            except OSError:
                pass
        refused = []
        accepted = []
        for i in range(12):
            status, data = box.append("INBOX", None, None, make_mail("full %d" % i, 60000))
            (accepted if status == "OK" else refused).append((i, data[0]))
        self.assertTrue(refused, "the disk was not full")
        for _, text in refused:
            self.assertRegex(text, rb"\[(OVERQUOTA|UNAVAILABLE)\]")
        # Reading goes on, what was accepted is there, what was refused is not.
        subjects = [m["Subject"] for m in self.one.mails()]
        self.assertEqual([s for s in subjects if s.startswith("full")], ["full %d" % i for i, _ in accepted])
        self.assertIn("before", subjects)
        with self.assertRaises(smtplib.SMTPResponseException) as refusal:
            self.one.send(address, address, "full", "x" * 70 + "\n" + ("y" * 70 + "\n") * 1000)
        self.assertEqual(refusal.exception.smtp_code // 100, 4, refusal.exception)
        os.remove(filler)
        wait_for("an APPEND that fits", lambda: box.append(
            "INBOX", None, None, make_mail("after"))[0] == "OK", 10, 0.5)
        self.assertEqual([m["Subject"] for m in self.one.mails()].count("after"), 1)
        box.logout()


if __name__ == "__main__":
    if "--rounds" in sys.argv:
        at = sys.argv.index("--rounds")
        ROUNDS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    harness.main()
