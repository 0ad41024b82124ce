# SPDX-License-Identifier: MIT
"""A mail.db that broke: a clear stop, and `bittern salvage` reads out of it what can be read."""
import contextlib
import glob
import os
import sqlite3
import unittest

import harness

PAGE = 4096


class Salvage(harness.TestCase):
    def setUp(self):
        self.one = self.bittern("a")
        self.addresses = {self.one.identity("work"), self.one.identity("friend")} | self.known()
        self.one.send(self.one_address(), self.one_address(), subject="Kept")
        self.one.wait_mail("Kept")
        self.mail_db = os.path.join(self.one.home, "gateway", "mail.db")

    def known(self):
        return {row["address"] for row in self.one.json("identity", "list")}

    def one_address(self):
        return sorted(self.addresses)[0]

    def root_of(self, name):
        with contextlib.closing(sqlite3.connect(self.mail_db)) as db:
            return db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0]

    def stop(self):
        """What stood in the log is in the file then, where it can be spoilt."""
        self.one.stop()
        with contextlib.closing(sqlite3.connect(self.mail_db)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def overwrite(self, offset, content):
        with open(self.mail_db, "r+b") as file:
            file.seek(offset)
            file.write(content)

    def content(self):
        with open(self.mail_db, "rb") as file:
            return file.read()

    def run_to_its_end(self):
        """Start it; the exit code and all that it said."""
        self.one.spawn()
        code = self.one.process.wait(60)
        return code, self.one.output()

    def test_a_broken_database_is_a_clear_stop_and_is_not_touched(self):
        self.stop()
        self.overwrite(0, bytes(100))
        before = self.content()
        code, said = self.run_to_its_end()
        self.assertEqual(code, 1)
        self.assertIn("'bittern salvage'", said)
        self.assertIn("the newest automatic backup: ", said)
        done = self.one.cli("identity", "list", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("'bittern salvage'", done.stderr)
        self.assertEqual(self.content(), before)

    def test_keys_mail_and_queue_are_salvaged(self):
        absent = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"  # nobody's: its key never comes
        self.one.send(self.one_address(), absent, subject="Under way")
        self.one.wait_state("awaiting-key")
        validity = int(self.one.imap("INBOX").response("UIDVALIDITY")[1][0])
        self.stop()
        self.overwrite(0, bytes(100))
        broken = self.content()

        words = self.one.cli("salvage")

        self.assertIn("  %d identities and chans\n" % len(self.addresses), words)
        self.assertIn("lost: nothing that is known of", words)
        kept = glob.glob(self.mail_db + ".broken-*")
        self.assertEqual(len(kept), 1)
        self.assertIn("gateway/" + os.path.basename(kept[0]), words)
        with open(kept[0], "rb") as file:
            self.assertEqual(file.read(), broken)
        for path in [self.mail_db] + kept:
            self.assertEqual(os.stat(path).st_mode & 0o077, 0)
        self.one.start()
        self.assertEqual(self.known(), self.addresses)
        self.assertEqual([m["Subject"] for m in self.one.mails()].count("Kept"), 1)
        self.assertGreater(int(self.one.imap("INBOX").response("UIDVALIDITY")[1][0]), validity)
        held = [row for row in self.one.states() if row["subject"] == "Under way"]
        self.assertEqual([row["state"] for row in held], ["held"])
        self.one.cli("queue", "retry", str(held[0]["id"]), "--force")
        self.one.wait_state("awaiting-key")
        self.one.send(self.one_address(), self.one_address(), subject="Afterwards")
        self.one.wait_mail("Afterwards")

    def test_what_is_lost_is_said(self):
        self.stop()
        page = self.root_of("identity")
        self.overwrite((page - 1) * PAGE, bytes(PAGE))
        report = self.one.json("salvage")
        self.assertEqual(report["identities"], 0)
        self.assertEqual(set(report["lost_identities"]), self.addresses)
        self.assertGreater(report["messages"], 0)
        self.assertGreater(report["broken_pages"], 0)
        self.one.start()
        self.assertIsNotNone(self.one.find_mail("Kept"))

    def test_sealed_keys_are_salvaged_and_a_lost_lock_is_told(self):
        key = self.one.cli("recovery-key", "--new")
        self.one.cli("lock", "--stdin", stdin="open sesame\n")
        backup = os.path.join(self.one.folder, "sealed.backup")
        self.one.cli("backup", backup)
        self.stop()
        self.overwrite(0, bytes(100))
        self.assertIn("lost: nothing that is known of", self.one.cli("salvage"))
        self.one.start()
        self.assertEqual(self.known(), self.addresses)
        self.one.send(self.one_address(), self.one_address(), subject="Waits")
        self.one.wait_state("queued")
        self.assertIn("The keys are open", self.one.cli("unlock", "--stdin", stdin="open sesame\n"))
        self.one.wait_mail("Waits")

        # What the passphrase opens is lost; a backup has it.
        page = self.root_of("key_lock")
        self.stop()
        self.overwrite((page - 1) * PAGE, bytes(PAGE))
        self.assertIn("%d of the identities and chans are locked, and what opens them is lost"
                      % len(self.addresses), self.one.cli("salvage"))
        self.one.start()
        self.assertEqual(self.known(), self.addresses)
        self.assertIn("LOST for %d" % len(self.addresses), self.one.cli("status"))
        for words in (["unlock"], ["lock"], ["lock", "--change"], ["lock", "--remove"]):
            with self.assertRaises(harness.CliError) as caught:
                self.one.cli(*words, "--stdin", stdin="open sesame\nother\n")
            self.assertIn("bittern restore", caught.exception.stderr)
        self.one.cli("restore", backup, stdin=key + "\n")
        self.assertIn("The keys are open", self.one.cli("unlock", "--stdin", stdin="open sesame\n"))
        self.one.send(self.one_address(), self.one_address(), subject="All is well")
        self.one.wait_mail("All is well")

    def test_a_page_that_breaks_while_it_runs_stops_it_in_words(self):
        self.stop()
        page = self.root_of("message")
        self.overwrite((page - 1) * PAGE, b"\xff")
        try:
            self.one.start()
            self.one.imap("INBOX")
        except (AssertionError, OSError, harness.imaplib.IMAP4.error):
            pass  # it ends at its start or at the first look into a mailbox
        self.assertEqual(self.one.process.wait(30), 1)
        self.assertIn("'bittern salvage'", self.one.output())
        self.one.cli("salvage")
        self.one.start()
        self.assertEqual(self.known(), self.addresses)

    def test_a_whole_or_running_database_is_left_alone(self):
        running = self.one.cli("salvage", check=False)
        self.assertEqual(running.returncode, 1)
        self.stop()
        before = self.content()
        whole = self.one.cli("salvage", check=False)
        self.assertEqual(whole.returncode, 1)
        self.assertIn("there is nothing to salvage", whole.stderr)
        self.assertEqual(self.content(), before)
        self.assertEqual(glob.glob(self.mail_db + ".*-2*"), [])
        self.assertEqual(self.one.cli("salvage", "word", check=False).returncode, 2)

    def test_a_backup_is_gone_back_to_after_a_salvage(self):
        key = self.one.cli("recovery-key", "--new")
        path = os.path.join(self.one.folder, "saved.backup")
        self.one.cli("backup", path)
        newer = self.one.identity("newer")
        self.stop()
        with open(self.mail_db, "r+b") as file:
            file.truncate(2 * PAGE)
        self.assertEqual(self.one.json("salvage")["identities"], 0)
        self.one.cli("restore", path, stdin=key + "\n")
        self.one.start()
        self.assertEqual(self.known(), self.addresses)
        self.assertNotIn(newer, self.known())
        self.assertIsNotNone(self.one.find_mail("Kept"))


if __name__ == "__main__":
    harness.main()
