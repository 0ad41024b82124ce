# SPDX-License-Identifier: MIT
"""bittern sendmail: the flags and exit codes of sendmail(8), and a spool for when nothing runs."""
import fcntl
import os
import signal
import subprocess
import unittest

import harness
from harness import mail_address, plain_text, wait_for

EX_OK, EX_USAGE, EX_DATAERR, EX_NOUSER, EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM = \
    0, 64, 65, 67, 69, 75, 77


class Sendmail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(name="sendmail")
        try:
            cls.a.start()
            cls.a.make_account()
            cls.alice = next(row["address"] for row in cls.a.json("identity", "list"))
            cls.bob = cls.a.identity("Bob")
        except BaseException:
            cls.a.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.a.close()

    def sendmail(self, *words, mail=b"", program="bittern"):
        """As scripts call it: by the executable, or by a link named sendmail."""
        path = os.path.join(harness.BIN, "bittern")
        command = [path, "--home", self.a.home, "sendmail"]
        if program != "bittern":
            command = [os.path.join(self.a.folder, program)]
            if not os.path.islink(command[0]):
                os.symlink(path, command[0])
        done = subprocess.run(command + list(words), input=mail, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, BITTERN_HOME=self.a.home))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def spool(self):
        folder = os.path.join(self.a.home, "gateway", "spool")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def count(self, subject, mailbox="INBOX"):
        return sum(1 for mail in self.a.mails(mailbox) if mail["Subject"] == subject)

    # ---- while it runs

    def test_flags_and_exit_codes(self):
        to = mail_address(self.bob)
        text = b"Subject: codes\n\nx\n"
        from_other = b"From: a@example.org\nSubject: codes\n\nx\n"
        for words, mail, expected in (
                (["-i", to], text, EX_OK),
                (["-oi", "-oem", "-odb", "-om", to], text, EX_OK),
                (["-ti"], b"To: %s\n%s" % (to.encode(), text), EX_OK),
                (["-i", "-t"], b"Bcc: %s\n%s" % (to.encode(), text), EX_OK),
                (["-fAlice", to], text, EX_NOPERM),
                (["-f", self.bob, to], text, EX_OK),
                (["-f" + self.bob, "--", to], text, EX_OK),
                (["-bm", "-B", "8BITMIME", "-G", "-U", to], text, EX_OK),
                (["-O", "DeliveryMode=b", "-X/dev/null", to], text, EX_OK),
                ([], text, EX_USAGE),
                (["-f"], text, EX_USAGE),
                (["-?", to], text, EX_USAGE),
                (["-bd"], text, EX_USAGE),
                (["-q"], b"", EX_OK),
                (["-bi"], b"", EX_OK),
                (["nobody-here@bm.alt"], text, EX_NOUSER),
                (["BM-2cTooShort@bm.alt"], text, EX_DATAERR),
                (["someone@example.org"], text, EX_DATAERR),
                ([to], from_other, EX_NOPERM)):
            with self.subTest(words=words):
                code, _, words_said = self.sendmail(*words, mail=mail)
                self.assertEqual(code, expected, words_said)
                self.assertEqual(words_said != "", expected != EX_OK)
        self.assertEqual(self.spool(), [])

    def test_a_name_and_reports_are_asked_for(self):
        code, _, said = self.sendmail("-v", "-F", "Alice L\u00f6w", "-N", "success,failure", "-R", "full",
                                      "-V", "id7", "-f", self.alice, self.bob,
                                      mail=b"Subject: by name\n\nx\n")
        self.assertEqual(code, EX_OK)
        self.assertIn("accepted", said)
        self.assertIn("trials of work", said)
        sent = self.a.wait_mail("by name", "Sent")
        self.assertEqual(str(sent["From"]), "Alice L\u00f6w <%s>" % mail_address(self.alice))
        self.assertIsNotNone(sent["Date"])
        self.assertEqual(str(sent["Bcc"]), mail_address(self.bob))

    def test_dots(self):
        self.sendmail(self.bob, mail=b"Subject: dot ends\n\nabove\n.\nbelow\n")
        self.sendmail("-i", self.bob, mail=b"Subject: dot stays\r\n\r\nabove\r\n.\r\nbelow")
        self.assertEqual(plain_text(self.a.wait_mail("dot ends")), "above\n")
        self.assertEqual(plain_text(self.a.wait_mail("dot stays")), "above\n.\nbelow\n")

    def test_an_smtp_dialogue_on_standard_input(self):
        script = ("EHLO me\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (
            mail_address(self.alice), mail_address(self.bob))).encode()
        command = [os.path.join(harness.BIN, "bittern"), "--home", self.a.home, "sendmail", "-bs"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dialogue:
            self.assertTrue(dialogue.stdout.readline().startswith(b"220 "))
            for line in script.splitlines(keepends=True):
                dialogue.stdin.write(line)
                dialogue.stdin.flush()
                while dialogue.stdout.readline()[3:4] == b"-":
                    pass
            dialogue.stdin.write(b"Subject: by dialogue\r\n\r\nx\r\n.\r\nQUIT\r\n")
            dialogue.stdin.flush()
            rest = dialogue.stdout.read()
        self.assertEqual([line[:3] for line in rest.splitlines()], [b"250", b"221"])
        self.a.wait_mail("by dialogue")

    def test_under_the_name_sendmail(self):
        code, _, said = self.sendmail("-t", "-i", program="sendmail",
                                      mail=b"To: Bob@bm.alt\nSubject: by a link\n\nx\n")
        self.assertEqual((code, said), (EX_OK, ""))
        self.a.wait_mail("by a link")
        code, listed, _ = self.sendmail("-bp", program="sendmail")
        self.assertEqual(code, EX_OK)
        self.assertIn("STATE", listed)

    # ---- while it does not

    def test_a_spool_for_when_nothing_runs(self):
        self.a.stop()
        self.assertEqual(self.sendmail("-bs")[:2], (EX_TEMPFAIL, "421 4.3.2 Bittern does not run here\r\n"))
        for i in range(20):
            code, _, said = self.sendmail("-v", "-f", self.alice, self.bob,
                                          mail=b"Subject: waits %d\n\nx\n" % i)
            self.assertEqual(code, EX_OK, said)
        self.assertIn("waits in the spool", said)
        self.sendmail("-f", self.alice, "nobody-here@bm.alt", mail=b"Subject: refused\n\nx\n")
        waiting = self.spool()
        self.assertEqual(len(waiting), 21)
        for name in waiting:
            self.assertEqual(os.stat(os.path.join(self.a.home, "gateway", "spool", name)).st_mode & 0o777,
                             0o600)
        kept = {}
        for name in waiting:
            with open(os.path.join(self.a.home, "gateway", "spool", name), "rb") as file:
                kept[name] = file.read()

        # Killed while it takes them up, again and again.
        for _ in range(3):
            self.a.spawn()
            wait_for("a start", lambda: self.a.cli("status", check=False).returncode == 0)
            self.a.process.send_signal(signal.SIGKILL)
            self.a.process.wait()
            with open(os.path.join(self.a.home, "lock")) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # what it started has ended
        # And as if it had been killed each time between the commit and the file's end.
        for name, content in kept.items():
            with open(os.path.join(self.a.home, "gateway", "spool", name), "wb") as file:
                file.write(content)
        self.a.start()
        wait_for("an empty spool", lambda: self.spool() == [])
        for i in range(20):
            self.a.wait_mail("waits %d" % i)
            self.assertEqual((self.count("waits %d" % i, "Sent"), self.count("waits %d" % i)), (1, 1))
        back = [mail for mail in self.a.mails() if b"nobody-here" in mail.raw]
        self.assertEqual(len(back), 1)
        self.assertIn(b"Subject: refused", back[0].raw)
        self.assertIn("no identity or contact is called 'nobody-here'", plain_text(back[0]).replace("\n", " "))

    def test_a_file_that_is_no_mail_is_set_aside(self):
        self.a.stop()
        folder = os.path.join(self.a.home, "gateway", "spool")
        os.makedirs(folder, exist_ok=True)
        bad = os.path.join(folder, "0" * 32)
        with open(bad + ".mail", "wb") as file:
            file.write(b"rubbish")
        with open(os.path.join(folder, "half.new"), "wb") as file:
            file.write(b"bittern-spool 1\n")
        self.a.start()
        wait_for("the file set aside", lambda: os.path.exists(bad + ".bad"))
        self.assertEqual(sorted(os.listdir(folder)), ["0" * 32 + ".bad", "half.new"])
        os.unlink(bad + ".bad")
        os.unlink(os.path.join(folder, "half.new"))

    def test_without_a_home(self):
        command = [os.path.join(harness.BIN, "bittern"), "--home", self.a.folder + "/nowhere",
                   "sendmail", self.bob]
        done = subprocess.run(command, input=b"Subject: x\n\nx\n", stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, EX_UNAVAILABLE)


if __name__ == "__main__":
    harness.main()
