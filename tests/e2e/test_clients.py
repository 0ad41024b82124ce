# SPDX-License-Identifier: MIT
"""The mail programs that people use, against one Bittern with mail in it."""
import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest

import harness
from harness import wait_for


def needs(program):
    return unittest.skipUnless(shutil.which(program), program + " is not installed")


class Clients(harness.TestCase):
    def setUp(self):
        self.a, self.b = self.pair()
        self.alice = self.a.identity("Alice")
        self.bob = self.b.identity("Bob")
        self.folder = self.b.folder
        self.imap_port = self.b.status()["imap"]["port"]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def run_program(self, *words, stdin=None, timeout=60):
        environment = dict(os.environ, HOME=self.folder, TERM="xterm")
        done = subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=environment, timeout=timeout)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))
        return done.stdout

    @needs("msmtp")
    def test_msmtp_sends(self):
        rc = self.write("msmtprc", "account default\nhost 127.0.0.1\nport %d\nauth plain\nuser %s\n"
                        "password %s\nfrom %s@bm.alt\ntls off\n" % (
                            self.a.status()["smtp"]["port"], self.a.account, self.a.password, self.alice))
        self.run_program("msmtp", "-C", rc, self.bob + "@bm.alt",
                         stdin=b"Subject: by msmtp\n\nhello\n")
        self.b.wait_mail("by msmtp")

    @needs("swaks")
    def test_swaks_sends_over_starttls(self):
        self.run_program("swaks", "--server", "127.0.0.1", "--port",
                         str(self.a.status()["smtp"]["port"]), "-f", self.alice + "@bm.alt", "-t",
                         self.bob + "@bm.alt", "-a", "PLAIN", "-au", self.a.account, "-ap",
                         self.a.password, "-tls", "--header", "Subject: by swaks", "--body", "hello")
        self.b.wait_mail("by swaks")

    @needs("mbsync")
    def test_mbsync_twice_without_a_difference(self):
        for i in range(5):
            self.a.send(self.alice, self.bob, "mail %d" % i, "text %d\n" % i)
        for i in range(5):
            self.b.wait_mail("mail %d" % i)
        box = self.b.imap()
        box.create('"Pr&APw-fung &- co"')
        box.logout()
        maildir = os.path.join(self.folder, "Maildir")
        os.mkdir(maildir)
        rc = self.write("mbsyncrc", "IMAPAccount b\nHost 127.0.0.1\nPort %d\nUser %s\nPass %s\n"
                        "SSLType None\nAuthMechs PLAIN\n\nIMAPStore far\nAccount b\n\n"
                        "MaildirStore near\nPath %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\n"
                        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n"
                        "SyncState *\n" % (self.imap_port, self.b.account, self.b.password, maildir,
                                           maildir))
        self.run_program("mbsync", "-c", rc, "-a")
        first = self.maildir_files(maildir)
        self.assertGreaterEqual(sum("INBOX" in name for name in first), 5)
        self.run_program("mbsync", "-c", rc, "-a")
        self.assertEqual(self.maildir_files(maildir), first)
        self.assertEqual(len(self.b.mails()), len([n for n in first if "/INBOX/" in n]))
        self.assertTrue(os.path.isdir(os.path.join(maildir, "Pr&APw-fung &- co")))

    @staticmethod
    def maildir_files(maildir):
        return sorted(os.path.join(folder, name) for folder, _, names in os.walk(maildir)
                      for name in names if os.path.basename(folder) in ("cur", "new"))

    @needs("mutt")
    def test_mutt_reads_flags_and_answers(self):
        self.a.send(self.alice, self.bob, "for mutt", "read me with mutt\n")
        self.b.wait_mail("for mutt")
        seen = os.path.join(self.folder, "seen")
        rc = self.write("muttrc", 'set folder="imap://%s@127.0.0.1:%d/" imap_user=%s imap_pass=%s\n'
                        'set ssl_starttls=no ssl_force_tls=no spoolfile="+INBOX" record=""\n'
                        'set smtp_url="smtp://%s@127.0.0.1:%d/" smtp_pass=%s smtp_authenticators=plain\n'
                        'set from=%s@bm.alt use_envelope_from=yes wait_key=no imap_idle=yes '
                        'imap_condstore=yes imap_qresync=yes header_cache=%s/hc quit=yes\n' % (
                            self.b.account, self.imap_port, self.b.account, self.b.password,
                            self.b.account, self.b.status()["smtp"]["port"], self.b.password, self.bob,
                            self.folder))
        self.drive_mutt(rc, "<search>for mutt<enter><pipe-message>cat >%s<enter><flag-message>"
                        "<sync-mailbox><quit>" % seen, seen)
        with open(seen, errors="replace") as file:
            self.assertIn("read me with mutt", file.read())
        wait_for("the flag", lambda: "\\Flagged" in self.b.find_mail("for mutt").keywords)
        self.run_program("mutt", "-n", "-F", rc, "-s", "by mutt", self.alice + "@bm.alt",
                         stdin=b"answer\n")
        self.a.wait_mail("by mutt")

    def drive_mutt(self, rc, keys, produces):
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(HOME=self.folder, TERM="xterm", LINES="30", COLUMNS="100")
            os.execvp("mutt", ["mutt", "-n", "-F", rc, "-e", 'push "%s"' % keys])
        end = time.monotonic() + 40
        screen = b""
        try:
            while time.monotonic() < end:
                ready, _, _ = select.select([terminal], [], [], 0.2)
                if ready:
                    try:
                        screen += os.read(terminal, 65536)
                    except OSError:
                        break
                if os.waitpid(pid, os.WNOHANG)[0]:
                    break
        finally:
            try:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            os.close(terminal)
        self.assertTrue(os.path.exists(produces), re.sub(rb"\x1b[^a-zA-Z]*[a-zA-Z]", b" ", screen)[-2000:])

    @needs("curl")
    def test_curl_fetches(self):
        self.a.send(self.alice, self.bob, "for curl", "fetch me\n")
        mail = self.b.wait_mail("for curl")
        raw = self.run_program("curl", "-s", "--user", "%s:%s" % (self.b.account, self.b.password),
                               "imap://127.0.0.1:%d/INBOX;UID=%d" % (self.imap_port, mail.uid))
        self.assertIn(b"fetch me", raw)

    def test_bittern_sendmail(self):
        self.a.cli("sendmail", "-f", self.alice, self.bob, stdin="Subject: by sendmail\n\nhello\n")
        self.b.wait_mail("by sendmail")
        self.a.cli("sendmail", "-t", stdin="From: %s@bm.alt\nTo: %s@bm.alt\nSubject: by sendmail -t\n\nx\n"
                   % (self.alice, self.bob))
        self.b.wait_mail("by sendmail -t")


if __name__ == "__main__":
    harness.main()
