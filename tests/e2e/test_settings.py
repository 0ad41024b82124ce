# SPDX-License-Identifier: MIT
"""What is wrong before anything starts is said in words, and nothing starts."""
import os
import socket
import stat
import unittest

import harness


class Settings(harness.TestCase):
    def refused(self, bittern, *words):
        done = bittern.cli("run", check=False, timeout=20)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return done.stderr

    def conf(self, bittern, text):
        os.makedirs(bittern.home, mode=0o700, exist_ok=True)
        with open(os.path.join(bittern.home, "bittern.conf"), "w") as file:
            file.write(text)

    def test_a_wrong_key_value_or_section_is_named_with_file_and_line(self):
        for text, words in (
                ("[smtp]\nprot = 1025\n", ("bittern.conf:2:", "prot", "there are:", "port")),
                ("[smtp]\n\nport = abc\n", ("bittern.conf:3:", "'abc'", "0 to 65535")),
                ("[gui]\ntheme = dark\n", ("bittern.conf:1:", "no such section"))):
            one = self.bittern("a", start=False)
            self.conf(one, text)
            self.refused(one, *words)
            self.assertFalse(os.path.exists(os.path.join(one.home, "gateway")))
            self.assertEqual(one.cli("config", "check", check=False).returncode, 1)

    def test_a_port_that_is_taken_is_an_error(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            one = self.bittern("a", start=False, imap__port=taken.getsockname()[1])
            self.refused(one, str(taken.getsockname()[1]), "in use")

    @unittest.skipUnless(os.path.exists("/proc/net/if_inet6"), "no IPv6 here")
    def test_one_port_serves_both_families_as_the_defaults_have_it(self):
        with socket.socket() as free:
            free.bind(("0.0.0.0", 0))
            port = free.getsockname()[1]
        self.bittern("a", node__listen="0.0.0.0, ::", node__port=port)
        socket.create_connection(("127.0.0.1", port), timeout=5).close()

    def test_a_home_that_others_can_read_is_refused(self):
        one = self.bittern("a", start=False)
        os.makedirs(one.home, mode=0o755)
        os.chmod(one.home, 0o755)
        self.refused(one, "chmod 700")

    def test_a_home_that_another_bittern_uses_is_refused(self):
        first = self.bittern("a")
        second = harness.Bittern(first.settings, "second", home=first.home)
        self.refused(second, "another Bittern")
        self.assertTrue(first.is_ready())

    def test_a_start_right_after_the_supervisor_was_killed_waits_for_its_children(self):
        one = self.bittern("a")
        address = one.identity("kept")
        for _ in range(5):
            one.kill()
            one.start()
        self.assertIn(address, [row["address"] for row in one.json("identity", "list")])

    def test_the_first_start_writes_settings_and_keeps_all_private(self):
        one = self.bittern("a")
        with open(os.path.join(one.home, "bittern.conf")) as file:
            self.assertIn("#port = 1143", file.read())
        one.stop()
        for folder, folders, files in os.walk(one.home):
            for name in folders:
                self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o700, name)
            for name in files:
                mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
                self.assertEqual(mode & 0o077, 0, name)

    def test_a_second_start_finds_all_as_it_was(self):
        one = self.bittern("a")
        address = one.identity("kept")
        validity = one.imap("INBOX").response("UIDVALIDITY")[1]
        one.restart()
        self.assertIn(address, [row["address"] for row in one.json("identity", "list")])
        self.assertEqual(one.imap("INBOX").response("UIDVALIDITY")[1], validity)

    def test_commands_work_while_nothing_runs(self):
        one = self.bittern("a")
        one.stop()
        address = one.identity("offline")
        self.assertTrue(address.startswith("BM-"))
        self.assertIn(address, one.cli("identity", "list"))
        one.cli("account", "passwd", "me", "--stdin", stdin="a new one\n")
        one.password = "a new one"
        one.start()
        one.imap("INBOX").logout()

    def test_wrong_usage_is_code_two(self):
        one = self.bittern("a", start=False)
        for words in (["nonsense"], ["identity", "show"], ["queue", "show", "x"], ["status", "--loud"]):
            self.assertEqual(one.cli(*words, check=False).returncode, 2, words)
        self.assertEqual(one.cli("status", check=False).returncode, 1)


if __name__ == "__main__":
    harness.main()
