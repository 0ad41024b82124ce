# SPDX-License-Identifier: MIT
"""IMAP programs and libraries against one Bittern with mail in it."""
import email.message
import email.policy
import fcntl
import imaplib
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

import harness
from harness import wait_for

N_MAILS = 5


def needs(program):
    return unittest.skipUnless(shutil.which(program), program + " is not installed")


def make_mail(subject, text="text\n", **headers):
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["From"] = "Alice <alice@example.org>"
    mail["To"] = "bob@example.org"
    mail["Subject"] = subject
    mail["Date"] = "Sat, 21 Nov 2026 12:00:00 +0100"
    mail["Message-ID"] = "<%s@example.org>" % re.sub("[^a-z0-9]", "-", subject.lower())
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


class Terminal:
    """A program on a terminal of its own: what it shows, and keys for it."""

    def __init__(self, words, environment):
        self.shown = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                return
            if not piece:
                return
            self.shown += piece

    def text(self):
        return re.sub(rb"\x1b[\[(][0-9;?]*[a-zA-Z]", b"", self.shown).decode(errors="replace")

    def wait_text(self, text, timeout=30):
        return wait_for("'%s' on the screen, which shows:\n%s" % (text, self.text()[-1500:]),
                        lambda: text in self.text(), timeout)

    def keys(self, keys):
        os.write(self.fd, keys.encode())

    def wait_end(self, timeout=30):
        wait_for("the program to end; it shows:\n" + self.text()[-1500:],
                 lambda: select.select([], [], [], 0)[0] or self._has_ended(), timeout)

    def _has_ended(self):
        if self.pid is None:
            return True
        try:
            ended = os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            ended = True
        if ended:
            self.pid = None
        return ended

    def close(self):
        if not self._has_ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = None
        os.close(self.fd)


class ImapClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = harness.Bittern(name="clients").start()
        cls.one.make_account()
        cls.imap_port = cls.one.status()["imap"]["port"]
        cls.smtp_port = cls.one.status()["smtp"]["port"]
        cls.address = cls.one.identity("Bob")
        cls.pids = cls.one.status()["pids"]
        box = cls.one.imap()
        for i in range(N_MAILS):
            box.append("INBOX", None, None, make_mail("mail %d" % i, "the text of %d\n" % i))
        box.logout()

    @classmethod
    def tearDownClass(cls):
        cls.one.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bittern-client-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.environment = dict(os.environ, HOME=self.folder, TERM="xterm", LANG="C.UTF-8")

    def tearDown(self):
        self.assertEqual(self.one.status()["pids"], self.pids, "a process died")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def run_program(self, *words, stdin=None, timeout=60, codes=(0,)):
        done = subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=self.environment, timeout=timeout)
        self.assertIn(done.returncode, codes, done.stdout.decode(errors="replace"))
        return done.stdout

    def folder_with(self, name, *subjects):
        """A mailbox of that name with a mail for each subject; the open connection."""
        box = self.one.imap()
        self.assertEqual(box.create(name)[0], "OK")
        for subject in subjects:
            self.assertEqual(box.append(name, None, None, make_mail(subject))[0], "OK")
        self.assertEqual(box.select(name)[0], "OK")
        self.addCleanup(box.shutdown)
        return box

    # ---- neomutt

    def neomutt(self, mailbox, log):
        rc = self.write("muttrc", 'set folder="imap://%s@127.0.0.1:%d/" imap_user=%s imap_pass=%s\n'
                        'set ssl_starttls=no ssl_force_tls=no spoolfile="+%s" record="" postponed=""\n'
                        'set imap_idle=yes imap_condstore=yes imap_qresync=yes header_cache=%s/hc\n'
                        'set quit=yes wait_key=no timeout=1 mail_check=1 sort=mailbox-order mark_old=no\n'
                        'set delete=yes sleep_time=0 beep=no beep_new=no confirmappend=no confirmcreate=no\n' % (
                            self.one.account, self.imap_port, self.one.account, self.one.password,
                            mailbox, self.folder))
        terminal = Terminal(["neomutt", "-n", "-F", rc, "-d", "2", "-l", os.path.join(self.folder, log)],
                            self.environment)
        self.addCleanup(terminal.close)
        return terminal

    def wire(self, log):
        """The commands that neomutt noted."""
        # It adds a number to the name that it was given.
        with open(os.path.join(self.folder, log + "0"), errors="replace") as file:
            return file.read()

    @needs("neomutt")
    def test_neomutt_idles_and_comes_back_with_qresync(self):
        box = self.folder_with("Neomutt", "first of neomutt", "second of neomutt", "third of neomutt")
        terminal = self.neomutt("Neomutt", "log1")
        terminal.wait_text("third of neomutt")
        wait_for("IDLE", lambda: " IDLE" in self.wire("log1"), 20)
        box.append("Neomutt", None, None, make_mail("fourth by idle"))
        terminal.wait_text("fourth by idle")
        terminal.keys("=F$")  # flag the first, write it out
        wait_for("the flag", lambda: box.uid("SEARCH", "FLAGGED")[1] == [b"1"], 20)
        terminal.keys("q")
        terminal.wait_end()
        # What another client did meanwhile comes as the difference, and nothing is read again.
        box.uid("STORE", "3", "+FLAGS", "(\\Answered)")
        box.append("Neomutt", None, None, make_mail("fifth meanwhile"))
        terminal = self.neomutt("Neomutt", "log2")
        terminal.wait_text("fifth meanwhile")
        self.assertRegex(terminal.text(), r"r[^\n]*third of neomutt")
        terminal.keys("q")
        terminal.wait_end()
        log = self.wire("log2")
        self.assertRegex(log, r"UID FETCH 1:\d \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)")
        # The fourth, which came by IDLE, was not in its cache's list yet.
        self.assertIn(re.findall(r"FETCH (\S+) \(UID FLAGS INTERNALDATE", log), (["5"], ["4:5"]))
        self.assertNotIn("QRESYNC failed", log)
        # An expunge: this neomutt gives up on QRESYNC then, before Dovecot as before us.
        box.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        box.expunge()
        terminal = self.neomutt("Neomutt", "log3")
        terminal.wait_text("third of neomutt")
        terminal.keys("q")
        terminal.wait_end()
        self.assertNotIn("second of neomutt", terminal.text())
        self.assertIn("Handling VANISHED", self.wire("log3"))

    # ---- offlineimap

    @needs("offlineimap")
    def test_offlineimap_syncs_both_ways(self):
        box = self.folder_with("Offline", "one offline", "two offline")
        maildir = os.path.join(self.folder, "Maildir")
        rc = self.write("offlineimaprc", "[general]\naccounts = a\n[Account a]\nlocalrepository = l\n"
                        "remoterepository = r\n[Repository l]\ntype = Maildir\nlocalfolders = %s\n"
                        "[Repository r]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = %d\n"
                        "remoteuser = %s\nremotepass = %s\nssl = no\nstarttls = no\n"
                        "auth_mechanisms = PLAIN\nfolderfilter = lambda name: name == 'Offline'\n" % (
                            maildir, self.imap_port, self.one.account, self.one.password))
        sync = ("offlineimap", "-c", rc, "-o", "-u", "basic")
        self.run_program(*sync)
        new = os.path.join(maildir, "Offline", "new")
        names = sorted(os.listdir(new))
        self.assertEqual(len(names), 2)
        # Here one is read, one deleted, one made; there one comes.
        by_subject = {}
        for name in names:
            with open(os.path.join(new, name)) as file:
                by_subject[re.search("Subject: (.*)", file.read()).group(1)] = os.path.join(new, name)
        read = by_subject["one offline"]
        os.rename(read, read.replace("/new/", "/cur/").split(":2,")[0] + ":2,S")
        gone = by_subject["two offline"]
        os.remove(gone)
        with open(os.path.join(maildir, "Offline", "new", "1.made.here"), "wb") as file:
            file.write(make_mail("made here").replace(b"\r\n", b"\n"))
        box.append("Offline", None, None, make_mail("came there"))
        self.run_program(*sync)
        subjects = {m["Subject"]: m for m in self.one.mails("Offline")}
        self.assertEqual(set(subjects), {"one offline", "made here", "came there"})
        self.assertIn("\\Seen", subjects["one offline"].keywords)
        before = sorted(os.listdir(new) + os.listdir(new.replace("/new", "/cur")))
        self.assertEqual(len(before), 3)
        self.run_program(*sync)
        self.assertEqual(sorted(os.listdir(new) + os.listdir(new.replace("/new", "/cur"))), before)
        self.assertEqual(len(self.one.mails("Offline")), 3)

    # ---- fetchmail, getmail

    @needs("fetchmail")
    def test_fetchmail_takes_each_mail_once(self):
        self.folder_with("Fetch", "for fetchmail 1", "for fetchmail 2")
        out = os.path.join(self.folder, "out")
        rc = self.write("fetchmailrc", "poll 127.0.0.1 service %d protocol IMAP auth password username %s "
                        "password %s folder Fetch no ssl keep mda \"/bin/cat >> %s\"\n" % (
                            self.imap_port, self.one.account, self.one.password, out))
        words = ("fetchmail", "-f", rc, "--sslproto", "", "--nosyslog", "-i", self.folder + "/ids",
                 "--pidfile", self.folder + "/pid")
        self.run_program(*words)
        with open(out) as file:
            first = file.read()
        self.assertEqual(first.count("Subject: for fetchmail"), 2)
        self.assertEqual(first.count("\ntext\n"), 2)
        self.run_program(*words, codes=(1,))  # 1: no mail
        self.assertEqual([m.keywords & {"\\Seen"} for m in self.one.mails("Fetch")],
                         [{"\\Seen"}, {"\\Seen"}])

    @needs("getmail")
    def test_getmail_takes_each_mail_once(self):
        self.folder_with("Get", "for getmail 1", "for getmail 2")
        out = os.path.join(self.folder, "out")
        self.write(".getmail/getmailrc", "[retriever]\ntype = SimpleIMAPRetriever\nserver = 127.0.0.1\n"
                   "port = %d\nusername = %s\npassword = %s\nmailboxes = (\"Get\",)\n"
                   "[destination]\ntype = MDA_external\npath = /bin/sh\n"
                   "arguments = (\"-c\", \"cat >> %s\")\nallow_root_commands = true\n"
                   "[options]\nread_all = false\ndelete = false\n" % (
                       self.imap_port, self.one.account, self.one.password, out))
        words = ("getmail", "-g", os.path.join(self.folder, ".getmail"))
        self.run_program(*words)
        self.run_program(*words)
        with open(out) as file:
            self.assertEqual(file.read().count("Subject: for getmail"), 2)
        self.assertEqual([m.keywords for m in self.one.mails("Get")], [set(), set()])

    # ---- curl

    @needs("curl")
    def test_curl_lists_searches_appends(self):
        self.folder_with("Curl", "for curl 1", "for curl 2")
        base = "imap://127.0.0.1:%d/" % self.imap_port
        login = ("curl", "-s", "-S", "--user", "%s:%s" % (self.one.account, self.one.password))
        self.assertIn(b'"/" Curl', self.run_program(*login, base).replace(b'"Curl"', b"Curl"))
        mail = self.write("mail", make_mail("by curl").decode())
        self.run_program(*login, base + "Curl", "-T", mail)
        found = self.run_program(*login, base + "Curl?SUBJECT%20by")
        self.assertIn(b"* SEARCH 3", found)
        text = self.run_program(*login, base + "Curl;MAILINDEX=3;SECTION=TEXT")
        self.assertEqual(text, b"text\r\n")
        whole = self.run_program(*login, base + "Curl;UID=3")
        self.assertIn(b"Subject: by curl", whole)
        answer = self.run_program(*login, base + "Curl", "-X", "STORE 1 +FLAGS (curled)")
        self.assertIn(b"curled", answer)
        self.assertIn(b"MESSAGES 3", self.run_program(*login, base, "-X", "STATUS Curl (MESSAGES)"))

    # ---- libraries

    def test_imaplib_through_all_it_knows(self):
        box = imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=60)
        self.assertEqual(box.authenticate("PLAIN", lambda _: ("\0%s\0%s" % (
            self.one.account, self.one.password)).encode())[0], "OK")
        self.assertEqual(box.namespace()[0], "OK")
        self.assertEqual(box.create("Lib")[0], "OK")
        self.assertEqual(box.subscribe("Lib")[0], "OK")
        self.assertIn(b"Lib", b" ".join(box.lsub()[1]))
        at = imaplib.Time2Internaldate(1700000000)
        self.assertEqual(box.append("Lib", "(\\Flagged note)", at, make_mail("lib b"))[0], "OK")
        self.assertEqual(box.append("Lib", None, at, make_mail("lib a"))[0], "OK")
        self.assertEqual(box.select("Lib"), ("OK", [b"2"]))
        self.assertEqual(box.response("UIDNEXT")[1], [b"3"])
        self.assertEqual(box.search(None, "FLAGGED", "KEYWORD", "note")[1], [b"1"])
        self.assertEqual(box.sort("SUBJECT", "UTF-8", "ALL")[1], [b"2 1"])
        self.assertEqual(box.thread("REFERENCES", "UTF-8", "ALL")[0], "OK")
        self.assertIn(at.strip('"').encode(), box.fetch("1", "(INTERNALDATE)")[1][0].replace(b'"', b""))
        self.assertEqual(box.copy("1:2", "Lib")[0], "OK")
        self.assertEqual(box.check()[0], "OK")
        self.assertEqual(box.store("3:4", "+FLAGS", "\\Deleted")[0], "OK")
        self.assertEqual(box.expunge()[1], [b"3", b"3"])
        self.assertIn(b"(MESSAGES 2 UIDNEXT 5 UNSEEN 2)",
                      box.status("Lib", "(MESSAGES UIDNEXT UNSEEN)")[1][0])
        self.assertEqual(box.close()[0], "OK")
        self.assertEqual(box.rename("Lib", '"Pr&APw-fung &- co lib"')[0], "OK")
        self.assertEqual(box.select('"Pr&APw-fung &- co lib"', readonly=True)[0], "OK")
        self.assertEqual(box.unselect()[0], "OK")
        self.assertEqual(box.unsubscribe("Lib")[0], "OK")
        self.assertEqual(box.delete('"Pr&APw-fung &- co lib"')[0], "OK")
        self.assertEqual(box.enable("UTF8=ACCEPT")[0], "OK")
        self.assertEqual(box.create('"Prüfung"')[0], "OK")
        self.assertEqual(box.append('"Prüfung"', None, None, make_mail("utf8"))[0], "OK")
        self.assertEqual(box.delete('"Prüfung"')[0], "OK")
        self.assertEqual(box.logout()[0], "BYE")

    def test_imaplib_over_starttls(self):
        box = imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=60)
        self.assertEqual(box.starttls()[0], "OK")
        self.assertEqual(box.login(self.one.account, self.one.password)[0], "OK")
        self.assertEqual(box.select("INBOX")[0], "OK")
        box.logout()

    def test_libetpans_client(self):
        program = os.path.join(harness.BIN, "etpan_client")
        if not os.path.exists(program):
            self.skipTest("etpan_client was not built")
        self.environment["ASAN_OPTIONS"] = "detect_leaks=0"  # the leaks are the library's
        out = self.run_program(program, str(self.imap_port), self.one.account, self.one.password, "Etpan")
        self.assertIn(b"logout: ok", out)


if __name__ == "__main__":
    harness.main()
