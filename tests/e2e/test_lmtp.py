# SPDX-License-Identifier: MIT
"""LMTP: a mail server hands mail in, by a Unix socket and by a port."""
import os
import smtplib
import stat
import unittest

import harness
import postfix_server
from harness import mail_address


def mail(sender, recipient, subject):
    return ("From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\nhello\r\n" % (
        mail_address(sender), mail_address(recipient), subject)).encode()


class Lmtp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = a = harness.Bittern(name="lmtp")
        cls.socket = os.path.join(a.folder, "run", "lmtp.sock")
        a.settings.update({"smtp.lmtp_socket": cls.socket, "smtp.socket_mode": "0660",
                           "smtp.lmtp_listen": "127.0.0.1", "smtp.lmtp_port": "0",
                           "smtp.lmtp_account": "mta"})
        try:
            a.start()
            a.make_account()
            a.cli("account", "new", "bob")
            cls.mta_password = a.cli("account", "new", "mta")
            cls.alice = a.cli("identity", "new", "Alice", "--account", "me")
            cls.bob = a.cli("identity", "new", "Bob", "--account", "bob")
        except BaseException:
            a.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.a.close()

    def port(self):
        return smtplib.LMTP("127.0.0.1", self.a.status()["lmtp"]["port"], timeout=30)

    def test_each_recipient_has_an_answer(self):
        server = smtplib.LMTP(self.socket)
        self.addCleanup(server.close)
        server.ehlo("mta")
        self.assertEqual(server.mail(mail_address(self.alice))[0], 250)
        self.assertEqual(server.rcpt(mail_address(self.bob))[0], 250)
        self.assertEqual(server.rcpt("nobody@bm.alt")[0], 550)
        self.assertEqual(server.rcpt(mail_address(self.alice))[0], 250)
        server.putcmd("data")
        self.assertEqual(server.getreply()[0], 354)
        server.send(mail(self.alice, self.bob, "to two") + b".\r\n")
        self.assertEqual([server.getreply()[0] for _ in range(2)], [250, 250])
        self.assertEqual(server.noop()[0], 250)
        self.a.wait_mail("to two")

    def test_one_who_is_gone_by_the_end_of_data_is_refused_alone(self):
        self.a.cli("identity", "new", "fleeting", "--account", "me")
        server = smtplib.LMTP(self.socket)
        self.addCleanup(server.close)
        server.ehlo("mta")
        server.mail(mail_address(self.alice))
        self.assertEqual(server.rcpt("fleeting@bm.alt")[0], 250)
        self.assertEqual(server.rcpt(mail_address(self.alice))[0], 250)
        self.a.cli("identity", "rename", "fleeting", "gone")
        server.putcmd("data")
        self.assertEqual(server.getreply()[0], 354)
        server.send(mail(self.alice, self.alice, "to one") + b".\r\n")
        self.assertEqual([server.getreply()[0] for _ in range(2)], [550, 250])
        self.a.wait_mail("to one")

    @unittest.skipUnless(postfix_server.is_there(), "postfix is not installed, or this is not root")
    def test_a_postfix_transport(self):
        """As docs/guides/postfix-dovecot.md has it."""
        postfix = postfix_server.Postfix(lmtp="bittern.sock")
        self.addCleanup(postfix.close)
        one = harness.Bittern(name="site")
        self.addCleanup(one.close)
        one.settings.update({"smtp.lmtp_socket": postfix.folder + "/bittern.sock",
                             "smtp.socket_mode": "0660", "smtp.socket_group": "postfix"})
        one.start()
        one.make_account()
        alice = mail_address(one.identity("Alice"))
        with smtplib.SMTP("127.0.0.1", postfix.port) as server:
            server.sendmail(alice, [alice, "Alice@bm.alt"], mail(alice, alice, "by postfix"))
        one.wait_mail("by postfix")

    def test_commands_are_not_taken(self):
        """A command by mail comes from a mail program that is logged in, never by LMTP: not by the trusted
        socket, not from the mail server's login, nor from that of the account itself."""
        def login(name, password):
            server = self.port()
            server.login(name, password)
            return server
        for server in (smtplib.LMTP(self.socket), login("mta", self.mta_password),
                       login("me", self.a.password)):
            self.addCleanup(server.close)
            server.ehlo("mta")
            self.assertEqual(server.mail(mail_address(self.alice))[0], 250)
            code, words = server.rcpt("bittern@bm.alt")
            self.assertEqual(code, 550, words)
        self.assertEqual([m["Subject"] for m in self.a.mails() if "bittern@" in m["From"]],
                         ["Welcome to Bittern"])

    def test_the_sender_decides_the_account(self):
        with smtplib.LMTP(self.socket) as server:
            server.sendmail(mail_address(self.bob), [mail_address(self.alice)],
                            mail(self.bob, self.alice, "from bob"))
            code, words = server.docmd("MAIL FROM:<somebody@example.org>")
            self.assertEqual(code, 550)
        mine = self.a.wait_mail("from bob")
        self.assertIn(self.bob, str(mine["From"]))
        self.assertIsNone(self.a.find_mail("from bob", "Sent"))
        self.a.account, self.a.password = "bob", self.a.cli("account", "passwd", "bob")
        try:
            self.assertIsNotNone(self.a.find_mail("from bob", "Sent"))
        finally:
            self.a.account, self.a.password = "me", self.a.cli("account", "passwd", "me")

    def test_the_socket_has_the_mode_of_the_setting(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o660)

    def test_a_port_wants_a_login(self):
        with self.port() as server:
            server.ehlo("mta")
            self.assertEqual(server.docmd("MAIL FROM:<%s>" % mail_address(self.alice))[0], 530)

    def test_who_logs_in_at_the_port_sends_as_himself(self):
        with self.port() as server:
            server.ehlo("mta")
            server.login("me", self.a.password)
            self.assertEqual(server.mail(mail_address(self.bob))[0], 550)
            self.assertEqual(server.mail(mail_address(self.alice))[0], 250)

    def test_the_mail_server_s_login_sends_for_all(self):
        with self.port() as server:
            server.ehlo("mta")
            server.login("mta", self.mta_password)
            server.sendmail(mail_address(self.bob), [mail_address(self.alice)],
                            mail(self.bob, self.alice, "by the site"))
        self.a.wait_mail("by the site")


if __name__ == "__main__":
    harness.main()
