# SPDX-License-Identifier: MIT
"""[mail] deliver: arriving mail handed out to an LMTP server, a Maildir, a program."""
import fcntl
import os
import re
import shutil
import signal
import socketserver
import subprocess
import threading
import time
import unittest

import harness
from harness import mail_address, wait_for


class ScriptedLmtp:
    """Keeps what it is given. `answers`: of each DATA in turn; then 250 for all."""

    def __init__(self, answers=(), rcpt="250 2.1.5 ok"):
        self.answers = list(answers)
        self.rcpt = rcpt
        self.mails = []
        self.said = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.serve(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, reader, writer):
        def say(text):
            writer.write(text.encode() + b"\r\n")
        say("220 scripted LMTP")
        while True:
            line = reader.readline().decode().rstrip("\r\n")
            self.said.append(line)
            verb = line.split(" ")[0].upper()
            if verb in ("", "QUIT"):
                return
            if verb == "LHLO":
                say("250-scripted")
                say("250 PIPELINING")
            elif verb == "RCPT":
                say(self.rcpt)
            elif verb == "DATA":
                say("354 go on")
                mail = b""
                while True:
                    part = reader.readline()
                    if part == b".\r\n":
                        break
                    mail += part[1:] if part.startswith(b".") else part
                answer = self.answers.pop(0) if self.answers else "250 2.0.0 kept"
                if answer == "hang up":
                    return
                if answer.startswith("250"):
                    self.mails.append(mail)
                say(answer)
            else:
                say("250 ok")

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def count(self, subject):
        return sum(1 for mail in self.mails if b"Subject: " + subject.encode() in mail)


class Deliver(harness.TestCase):
    def home(self, deliver, **settings):
        one = self.bittern("deliver", mail__deliver=deliver, **settings)
        self.alice = one.identity("Alice")
        return one

    def write_to_self(self, one, subject, body="hello\n"):
        one.send(self.alice, self.alice, subject, body)

    def kill_and_start(self, one):
        """kill -9; what it started ends by itself, and only then is the home free."""
        one.process.send_signal(signal.SIGKILL)
        one.process.wait()
        with open(os.path.join(one.home, "lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        one.start()

    def scripted(self, *answers, **more):
        server = ScriptedLmtp(answers, **more)
        self.addCleanup(server.close)
        return server

    def test_lmtp_besides_the_mailbox(self):
        lmtp = self.scripted()
        a = self.home("lmtp:127.0.0.1:%d" % lmtp.port, mail__deliver_domain="example.org")
        self.write_to_self(a, "out and in", ".a dot\n")
        a.wait_mail("out and in")
        wait_for("the mail at the server", lambda: lmtp.count("out and in"))
        self.assertIn("RCPT TO:<me@example.org>", lmtp.said)
        self.assertIn("MAIL FROM:<>", lmtp.said)
        mail = lmtp.mails[-1]
        self.assertIn(b"X-Bitmessage-Kind: message", mail)
        self.assertIn(b"\r\n=2Ea dot\r\n", mail)
        # By hand, and a mail whose lines begin with dots.
        done = a.cli("deliver", "lmtp:127.0.0.1:%d" % lmtp.port, "--account", "me", check=False,
                     stdin="Subject: by hand\n\n.\n..two\nend")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(lmtp.mails[-1], b"Subject: by hand\r\n\r\n.\r\n..two\r\nend\r\n")
        lmtp.rcpt = "550 5.1.1 nobody"
        done = a.cli("deliver", "lmtp:127.0.0.1:%d" % lmtp.port, "--account", "me", check=False, stdin="x")
        self.assertEqual((done.returncode, "550 5.1.1 nobody" in done.stderr), (67, True))
        lmtp.close()
        done = a.cli("deliver", "lmtp:127.0.0.1:%d" % lmtp.port, "--account", "me", check=False, stdin="x")
        self.assertEqual(done.returncode, 75)

    def test_lmtp_instead_of_the_mailbox_with_refusals_and_a_kill(self):
        lmtp = self.scripted()
        a = self.home("lmtp:127.0.0.1:%d" % lmtp.port, mail__deliver_keep="no")
        wait_for("the welcome at the server", lambda: lmtp.mails)
        lmtp.answers = ["451 4.3.0 later", "hang up", "552 5.2.2 for good"]
        self.write_to_self(a, "patience")
        wait_for("a first refusal", lambda: len(lmtp.answers) < 3)
        self.kill_and_start(a)
        # Refused for good: it comes into the mailbox, and is not lost.
        a.wait_mail("patience", timeout=90)
        self.assertEqual(lmtp.count("patience"), 0)
        self.write_to_self(a, "taken")
        wait_for("the mail at the server", lambda: lmtp.count("taken"))
        time.sleep(0.5)
        self.assertEqual(lmtp.count("taken"), 1)
        self.assertIsNone(a.find_mail("taken"))

    def test_a_maildir_gets_each_mail_once_through_kills(self):
        folder = os.path.join("/tmp", "bittern-maildir-%d" % os.getpid())
        self.addCleanup(shutil.rmtree, folder, True)
        os.mkdir(folder)
        a = self.home("maildir:%s/{account}" % folder, mail__deliver_keep="no")
        for i in range(12):
            self.write_to_self(a, "once %d" % i)
            if i % 4 == 3:
                self.kill_and_start(a)

        def subjects():
            found = []
            for part in ("new", "cur"):
                path = os.path.join(folder, "me", part)
                for name in os.listdir(path) if os.path.isdir(path) else ():
                    with open(os.path.join(path, name), "rb") as file:
                        found += [line for line in file.read().split(b"\n")
                                  if line.startswith(b"Subject: once")]
            return sorted(found)
        wait_for("all mails", lambda: len(set(subjects())) == 12)
        time.sleep(1)
        self.assertEqual(len(subjects()), 12)
        self.assertEqual(os.listdir(os.path.join(folder, "me", "tmp")), [])
        self.assertEqual([m for m in a.mails() if str(m["Subject"]).startswith("once")], [])

    def test_a_program_without_a_shell(self):
        folder = os.path.join("/tmp", "bittern-program-%d" % os.getpid())
        self.addCleanup(shutil.rmtree, folder, True)
        os.mkdir(folder)
        program = os.path.join(folder, "take")
        with open(program, "w") as file:
            # Fails once, then keeps the mail with its arguments and environment.
            file.write("#!/bin/sh\ncd %s\nif [ ! -e failed ]; then touch failed; exit 75; fi\n"
                       "(printf '%%s|' \"$@\"; echo; env; cat) > mail.new\nmv mail.new mail\n" % folder)
        os.chmod(program, 0o755)
        a = self.home("program:%s fixed $HOME;x" % program)
        self.write_to_self(a, "$(touch pwned) `id`")
        kept = os.path.join(folder, "mail")
        wait_for("the mail at the program", lambda: os.path.exists(kept))
        with open(kept) as file:
            text = file.read()
        lines = text.splitlines()
        self.assertEqual(lines[0], "fixed|$HOME;x|")
        environment = {line.split("=")[0] for line in lines[1:] if re.match("[A-Z_]+=", line)}
        self.assertLessEqual(environment, {"PATH", "BITTERN_ACCOUNT", "BITTERN_MARK", "PWD", "OLDPWD",
                                           "SHLVL", "_"})
        self.assertIn("BITTERN_ACCOUNT=me", lines)
        self.assertIn("Subject: $(touch pwned) `id`", text)

    def test_bad_settings_are_said_at_the_start(self):
        a = self.bittern("bad", start=False)
        for setting, words in (("smtp:x", "it is lmtp:PLACE"), ("lmtp:", "a socket's path or HOST:PORT"),
                               ("lmtp:host:0", "HOST:PORT"), ("maildir:here", "begins with a slash"),
                               ("program:cat", "begins with a slash"),
                               ("program:/nowhere/cat", "can't be run")):
            with self.subTest(setting=setting):
                done = subprocess.run([os.path.join(harness.BIN, "bittern"), "--home", a.home, "-c",
                                       "mail.deliver=" + setting, "run"], stderr=subprocess.PIPE,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=30)
                self.assertEqual(done.returncode, 1)
                self.assertIn(words, done.stderr.decode())

    @unittest.skipUnless(os.path.exists("/usr/lib/dovecot/lmtp") and os.geteuid() == 0,
                         "dovecot-lmtpd is not installed")
    def test_dovecot(self):
        folder = "/tmp/bittern-dovecot-%d" % os.getpid()
        self.addCleanup(shutil.rmtree, folder, True)
        os.makedirs(folder + "/run")
        os.chmod(folder, 0o755)
        os.makedirs(folder + "/mail")
        os.chmod(folder + "/mail", 0o777)
        with open(folder + "/passwd", "w") as file:
            file.write("me:{PLAIN}x:65534:65534::%s/mail/me::\n" % folder)
        with open(folder + "/dovecot.conf", "w") as file:
            file.write("""
base_dir = %(f)s/run
log_path = %(f)s/log
protocols = lmtp
ssl = no
mail_location = maildir:~/Maildir
first_valid_uid = 1
passdb {
  driver = passwd-file
  args = %(f)s/passwd
}
userdb {
  driver = passwd-file
  args = %(f)s/passwd
}
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
}
""" % {"f": folder})
        dovecot = subprocess.Popen(["dovecot", "-F", "-c", folder + "/dovecot.conf"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(dovecot.wait)
        self.addCleanup(dovecot.terminate)
        wait_for("dovecot", lambda: os.path.exists(folder + "/run/lmtp"))
        a = self.home("lmtp:%s/run/lmtp" % folder, mail__deliver_keep="no")
        self.write_to_self(a, "to dovecot")
        new = folder + "/mail/me/Maildir/new"

        def arrived():
            for name in os.listdir(new) if os.path.isdir(new) else ():
                with open(os.path.join(new, name)) as file:
                    if "Subject: to dovecot" in file.read():
                        return True
            return False
        wait_for("the mail in dovecot's Maildir", arrived)


if __name__ == "__main__":
    harness.main()
