# SPDX-License-Identifier: MIT
"""Memory runs out or the disk fails at the n-th call, once or from then on.

What was acknowledged is there once, whatever else happened. A small block of memory that is missing may
end the process, which is started again; one that a client's words made large is an ordinary error.
--long: every n in a wider range.
"""
import imaplib
import os
import smtplib
import subprocess
import sys
import time
import unittest

import fail_calls
import harness
from fail_calls import BROKEN, HALF, MEMORY, NO_SPACE, SYNC, WRITE
from harness import wait_for

LONG = False
LARGE = 65536  # bytes: only what a client sends makes blocks as large


def spread(last, n):
    """n numbers from 1 to last, close together at first."""
    if LONG:
        n *= 8
    return sorted({max(1, int(last ** (i / n))) for i in range(n + 1)})


def mail(name, size=300):
    return ("From: a@example.org\r\nSubject: %s\r\n\r\n" % name + ("x" * 70 + "\r\n") * (size // 72)).encode()


def cases(last, n):
    """Pairs of whether all calls fail from then on, and the number of the first that does; in the short form each
    number is tried in one of the two ways."""
    numbers = spread(last, n)
    if LONG:
        return [(from_then, nth) for from_then in (False, True) for nth in numbers]
    return [(i % 2 == 1, nth) for i, nth in enumerate(numbers)]


class Fails(unittest.TestCase):
    def setUp(self):
        if harness.SANITIZED:
            self.skipTest("a sanitizer has an allocator of its own: the release build runs this")
        self.one = fail_calls.Failing()
        self.addCleanup(self.close)
        self.one.start()
        self.one.make_account()
        self.address = self.one.identity("me")
        self.promised = {}  # subject -> mailbox
        self.unsure = set()
        self.n = 0

    def close(self):
        self.one.disarm()
        self.one.close()

    def name(self):
        self.n += 1
        return "mail %d" % self.n

    # ---- what clients do; each says whether all went well, and never lets an error through

    def append(self, size=300):
        name = self.name()
        self.unsure.add(name)
        try:
            box = self.one.imap()
            status, text = box.append("INBOX", None, None, mail(name, size))
            box.shutdown()
        except (OSError, imaplib.IMAP4.error, harness.CliError, TypeError) as error:
            return str(error)
        if status == "OK":
            self.unsure.discard(name)
            self.promised[name] = "INBOX"
            return "OK"
        self.unsure.discard(name)
        return "%s %s" % (status, text[0].decode())

    def submit(self, size=300):
        name = self.name()
        self.unsure.add(name)
        try:
            self.one.send(self.address, self.address, name, ("y" * 70 + "\n") * (size // 71))
        except smtplib.SMTPResponseException as error:
            self.unsure.discard(name)
            return "%d %s" % (error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException, harness.CliError, TypeError) as error:
            return str(error)
        self.unsure.discard(name)
        self.promised[name] = "Sent"
        return "OK"

    def look(self):
        try:
            box = self.one.imap("INBOX")
            box.uid("FETCH", "1:*", "(FLAGS ENVELOPE BODY.PEEK[])")
            box.uid("SEARCH", "BODY", "xxx")
            box.uid("SORT", "(DATE)", "UTF-8", "ALL")
            box.shutdown()
        except (OSError, imaplib.IMAP4.error, harness.CliError, TypeError, AssertionError) as error:
            return str(error)
        return "OK"

    # ---- afterwards

    def gateway(self):
        return self.one.pid_of("gateway")

    def wait_whole(self):
        """Nothing fails any more: it is itself again. A process that died comes back in its time."""
        self.one.disarm()
        wait_for("all to be up again", lambda: self.one.is_ready() and self.gateway() != 0, 60, 0.2)

    def check(self):
        self.wait_whole()
        found = {}
        for mailbox in ("INBOX", "Sent"):
            for one in self.one.mails(mailbox):
                found.setdefault((one["Subject"], mailbox), []).append(one.uid)
        for name, mailbox in self.promised.items():
            self.assertEqual(len(found.get((name, mailbox), [])), 1, (name, mailbox))
        for name in self.unsure:
            self.assertLessEqual(len(found.get((name, "INBOX"), [])), 1, name)
        self.one.stop()
        done = subprocess.run([os.path.join(harness.BIN, "store_checker"),
                               os.path.join(self.one.home, "gateway", "mail.db")], stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.one.start()

    def campaign(self, act, last, n, **how):
        """Has the n-th call of each of some n fail while `act` goes on."""
        hits = 0
        tried = cases(last, n)
        for from_then, nth in tried:
            self.one.arm(how["kind"], nth, how.get("error", 0), from_then, how.get("least_size", 0))
            act()
            hits += self.one.failed() > 0
            self.wait_whole()
        self.assertGreater(2 * hits, len(tried), "hardly anything failed: the test shows nothing")

    # ---- memory

    def test_memory_at_the_start(self):
        def start():
            self.one.spawn()
            deadline = time.monotonic() + 10
            while not self.one.failed() and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.2)
            self.one.disarm()
            wait_for("a start", self.started, 60, 0.2)
        for from_then, nth in cases(4000, 4):
            self.one.stop()
            self.one.arm(MEMORY, nth, from_then=from_then)
            start()
        self.assertEqual(self.append(), "OK")
        self.check()

    def started(self):
        """A start that could not be is said, and ends it; the next one goes well."""
        if self.one.process.poll() is not None:
            self.one.spawn()
        done = self.one.cli("status", "--json", check=False)
        return done.returncode == 0 and '"ready": true' in done.stdout

    def test_memory_while_mail_is_submitted(self):
        self.campaign(self.submit, 1500, 5, kind=MEMORY)
        self.check()

    def test_memory_in_an_imap_session(self):
        for _ in range(5):
            self.append()
        self.campaign(lambda: (self.append(), self.look()), 3000, 5, kind=MEMORY)
        self.check()

    def test_memory_while_mail_arrives(self):
        """To oneself: through the network's node and back."""
        def receive():
            self.submit()
            time.sleep(1)
        self.campaign(receive, 3000, 4, kind=MEMORY)
        for name in list(self.promised):
            self.one.wait_mail(name)
        self.check()
        subjects = [one["Subject"] for one in self.one.mails("INBOX")]
        for name in self.promised:
            self.assertEqual(subjects.count(name), 1, name)

    def test_memory_while_a_backup_is_made(self):
        self.one.cli("recovery-key", "--new")
        path = os.path.join(self.one.folder, "a.backup")

        def back_up():
            if os.path.exists(path):
                os.remove(path)
            self.one.cli("backup", path, check=False)
        self.campaign(back_up, 1000, 4, kind=MEMORY)
        back_up()
        self.assertTrue(os.path.exists(path))
        self.check()

    def test_what_a_client_sized_is_an_ordinary_error(self):
        """Of the large blocks alone each fails in turn, until none is left to: the process goes on, and the client
        is told, or cut off where it was the connection's own buffer."""
        before = self.gateway()
        for act, size in ((self.append, 1000000), (self.submit, 150000)):
            told = 0
            for nth in range(1, 100):
                self.one.arm(MEMORY, nth, least_size=LARGE)
                said = act(size)
                failed = self.one.failed()
                self.one.disarm()
                if not failed:
                    break
                told += said.startswith(("NO [UNAVAILABLE]", "452", "451"))
                self.assertEqual(self.gateway(), before, "%s ended the gateway, n = %d: %s" % (
                    act.__name__, nth, said))
            self.assertEqual(said, "OK", act.__name__)
            self.assertGreater(told, 0, act.__name__)
        self.check()

    # ---- disk

    def disk(self, kind, error, last=40):
        def both():
            answers = (self.append(20000), self.submit(20000))
            for said in answers:
                self.assertRegex(said, r"^(OK|NO .*(OVERQUOTA|UNAVAILABLE)|4\d\d|.*Unavailable)", said)
        before = self.gateway()
        self.campaign(both, last, 4, kind=kind, error=error)
        self.assertEqual(self.gateway(), before, "no process ends for a disk that fails")
        self.assertEqual((self.append(20000), self.submit(20000)), ("OK", "OK"))
        self.check()

    def test_a_full_disk_at_the_nth_write(self):
        self.disk(WRITE, NO_SPACE)

    def test_a_broken_disk_at_the_nth_write(self):
        self.disk(WRITE, BROKEN)

    def test_half_a_write(self):
        self.disk(WRITE, HALF)

    def test_a_sync_that_fails(self):
        self.disk(SYNC, BROKEN, last=4)  # one commit, one sync: the two mails make few


if __name__ == "__main__":
    if "--long" in sys.argv:
        LONG = True
        sys.argv.remove("--long")
    harness.main()
