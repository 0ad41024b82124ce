# SPDX-License-Identifier: MIT
"""What `bittern setup PROGRAM` prints, tried with the program as it is printed."""
import os
import plistlib
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import harness
from harness import mail_address, wait_for
from test_imap_clients import Terminal


def needs(program):
    return unittest.skipUnless(shutil.which(program), program + " is not installed")


class Setup(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(name="a")
        cls.a.start()
        cls.a.make_account()
        cls.alice = cls.a.json("identity", "list")[0]["address"]
        cls.a.cli("identity", "rename", cls.alice, 'Alice "A" `date` & Co')
        cls.a.send(cls.alice, cls.alice, "Here to be read", "some text\n")
        cls.a.wait_mail("Here to be read")

    @classmethod
    def tearDownClass(cls):
        cls.a.close()

    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="bittern-setup-")
        self.addCleanup(shutil.rmtree, self.home, True)
        self.write(".bittern-password", self.a.password + "\n")
        self.environment = dict(os.environ, HOME=self.home, TERM="xterm", LANG="C.UTF-8")
        self.environment.pop("XDG_CONFIG_HOME", None)

    def write(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def setup(self, program, name):
        """The file that the program reads, as it is printed."""
        return self.write(name, self.a.cli("setup", program) + "\n")

    def run_program(self, *words, stdin=b"", timeout=60):
        done = subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=self.environment, cwd=self.home, timeout=timeout)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))
        return done.stdout

    def sees_mail(self, words):
        terminal = Terminal(words, self.environment)
        try:
            wait_for("the subject on the screen", lambda: "Here to be read" in terminal.text(), 40)
        except AssertionError as error:
            raise AssertionError("%s of %s, which shows:\n%s" % (error, words[0], terminal.text()))
        finally:
            terminal.close()

    def mutt(self, program):
        rc = self.setup(program, ".muttrc")
        with open(rc) as file:
            printed = file.read()
        self.write(".muttrc", "set imap_pass='%s'\nset smtp_pass='%s'\n%s" % (
            self.a.password, self.a.password, printed))
        self.run_program(program, "-n", "-F", rc, "-s", "By " + program,
                         mail_address(self.alice), stdin=b"hello\n")
        mail = self.a.wait_mail("By " + program)
        self.assertIn(self.alice, mail["From"])
        self.sees_mail([program, "-n", "-F", rc])

    @needs("mutt")
    def test_mutt(self):
        self.mutt("mutt")

    @needs("neomutt")
    def test_neomutt(self):
        self.mutt("neomutt")

    @needs("mbsync")
    def test_mbsync(self):
        rc = self.setup("mbsync", ".mbsyncrc")
        os.makedirs(os.path.join(self.home, "Mail", "bittern"))
        self.run_program("mbsync", "-c", rc, "-a")
        self.assertTrue(self.is_in_maildir())

    @needs("offlineimap")
    def test_offlineimap(self):
        rc = self.setup("offlineimap", ".offlineimaprc")
        self.run_program("offlineimap", "-c", rc, "-o", "-u", "basic")
        self.assertTrue(self.is_in_maildir())

    def is_in_maildir(self):
        for folder, _, files in os.walk(os.path.join(self.home, "Mail")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    if b"Here to be read" in file.read():
                        return True
        return False

    @needs("msmtp")
    def test_msmtp(self):
        rc = self.setup("msmtp", ".msmtprc")
        self.run_program("msmtp", "-C", rc, mail_address(self.alice),
                         stdin=b"Subject: By msmtp\n\nhello\n")
        self.a.wait_mail("By msmtp")

    @needs("swaks")
    def test_swaks(self):
        self.setup("swaks", ".swaksrc")
        self.run_program("swaks", "--to", mail_address(self.alice), "--auth-password",
                         self.a.password, "--header", "Subject: By swaks")
        self.a.wait_mail("By swaks")

    @needs("aerc")
    def test_aerc(self):
        self.setup("aerc", ".config/aerc/accounts.conf")
        self.sees_mail(["aerc"])

    def test_thunderbird_finds_the_servers_in_its_file(self):
        root = xml.etree.ElementTree.fromstring(self.a.cli("setup", "thunderbird-autoconfig"))
        provider = root.find("emailProvider")
        self.assertEqual(provider.find("domain").text, "bm.alt")
        status = self.a.status()
        for kind, server in (("imap", "incomingServer"), ("smtp", "outgoingServer")):
            found = provider.find(server)
            self.assertEqual(found.get("type"), kind)
            self.assertEqual(int(found.find("port").text), status[kind]["port"])
            self.assertEqual(found.find("username").text, "%EMAILADDRESS%")
        prefs = self.a.cli("setup", "thunderbird")
        self.assertIn('user_pref("mailnews.tags.$bm-delivered.tag", "delivered");', prefs)
        self.assertIn(r'Alice \"A\" `date` & Co', prefs)

    def test_files_for_android_and_apple_are_well_formed(self):
        root = xml.etree.ElementTree.fromstring(
            self.a.cli("setup", "k9").encode())
        account = root.find("accounts/account")
        self.assertEqual(account.find("identities/identity/email").text, mail_address(self.alice))
        self.assertEqual(account.find("identities/identity/name").text, 'Alice "A" `date` & Co')
        profile = plistlib.loads(self.a.cli("setup", "apple-mail").encode())
        mail = profile["PayloadContent"][0]
        self.assertEqual(mail["IncomingMailServerPortNumber"], self.a.status()["imap"]["tls_port"])
        self.assertEqual(mail["EmailAddress"], mail_address(self.alice))
        self.assertNotEqual(profile["PayloadUUID"], mail["PayloadUUID"])


if __name__ == "__main__":
    harness.main()
