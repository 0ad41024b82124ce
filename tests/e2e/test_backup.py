# SPDX-License-Identifier: MIT
"""The drill: all is lost but a backup and its key; and the ways in which it may not work."""
import os
import unittest

import harness


class Backup(harness.TestCase):
    def make(self, one):
        """A backup file and the key that opens it."""
        key = one.cli("recovery-key", "--new")
        path = os.path.join(one.folder, "saved.backup")
        one.cli("backup", path)
        self.assertEqual(os.stat(path).st_mode & 0o077, 0)
        self.assertEqual(os.listdir(os.path.join(one.home, "gateway", "backups")), [])
        return path, key

    def addresses(self, one):
        return {row["address"] for row in one.json("identity", "list")}

    def restore(self, one, path, key, **options):
        return one.cli("restore", path, stdin=key + "\n", **options)

    def test_keys_mail_and_queue_come_back_in_an_empty_home(self):
        lost = self.bittern("lost")
        address = lost.identity("work")
        friend = lost.identity("friend")
        identities = self.addresses(lost)
        absent = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"  # nobody's: its key never comes
        lost.send(address, friend, subject="Kept")
        lost.wait_mail("Kept")
        lost.send(address, absent, subject="Under way")
        lost.wait_state("awaiting-key")
        validity = lost.imap("INBOX").response("UIDVALIDITY")[1]
        path, key = self.make(lost)
        lost.stop()

        fresh = self.bittern("fresh", start=False)
        words = self.restore(fresh, path, key.lower().replace("-", " "))
        self.assertIn("accounts 1, identities and chans %d," % len(identities), words)
        fresh.start()
        fresh.make_account()

        self.assertEqual(self.addresses(fresh), identities)
        self.assertEqual([m["Subject"] for m in fresh.mails()].count("Kept"), 1)
        self.assertGreater(int(fresh.imap("INBOX").response("UIDVALIDITY")[1][0]), int(validity[0]))
        held = [row for row in fresh.states() if row["subject"] == "Under way"]
        self.assertEqual([row["state"] for row in held], ["held"])
        self.assertIn("$bm-held", fresh.find_mail("Under way", "Sent").keywords)
        fresh.cli("queue", "retry", str(held[0]["id"]), "--force")
        fresh.wait_state("awaiting-key")

    def test_a_running_bittern_goes_back_and_keeps_what_is_newer(self):
        one = self.bittern("a")
        old = one.identity("old")
        one.send(old, old, subject="Before")
        one.wait_mail("Before")
        path, key = self.make(one)
        new = one.identity("new")
        one.send(old, new, subject="After")
        one.wait_mail("After")
        before = one.status()["pids"]["supervisor"]
        identities = self.addresses(one)

        self.restore(one, path, key)

        harness.wait_for("the gateway to be ready again", one.is_ready)
        self.assertEqual(one.status()["pids"]["supervisor"], before)
        self.assertEqual(self.addresses(one), identities)
        self.assertIsNotNone(one.find_mail("Before"))
        kept = [name for name in os.listdir(os.path.join(one.home, "gateway")) if "before-" in name]
        self.assertEqual(len([name for name in kept if not name.endswith(("-wal", "-shm"))]), 1)
        # What came after the backup is still in the network, and comes again, once.
        one.wait_mail("After")
        self.assertEqual([m["Subject"] for m in one.mails()].count("Before"), 1)

    def test_what_is_wrong_is_said_and_changes_nothing(self):
        one = self.bittern("a")
        identities = self.addresses(one)
        path, key = self.make(one)
        other = one.cli("recovery-key", "--new")

        def refused(file, with_key, words):
            done = self.restore(one, file, with_key, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)

        refused(path, other, "sealed to another recovery key")
        refused(path, key[:-1] + ("7" if key[-1] != "7" else "8"), "wrong letter or digit")
        refused(path, "", "there is no line of it")
        refused(os.path.join(one.folder, "absent"), key, "No such file")
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) - 1)
        refused(path, key, "damaged or cut short")
        done = one.cli("backup", path, check=False)
        self.assertIn("is there already", done.stderr)
        self.assertEqual(self.addresses(one), identities)

    def test_the_first_backup_shows_the_key_once(self):
        one = self.bittern("a", start=False)
        one.make_account()
        done = one.cli("backup", os.path.join(one.folder, "1"), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        key = done.stdout.strip()
        self.assertEqual(len(key.split("-")), 7)
        self.assertEqual(one.cli("backup", os.path.join(one.folder, "2")), "")
        self.restore(one, os.path.join(one.folder, "2"), key)


if __name__ == "__main__":
    harness.main()
