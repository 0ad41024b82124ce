# SPDX-License-Identifier: MIT
"""Private keys under a passphrase, by the command line, a credential and a kill -9: what waits, what
goes on, and what is on the disk. On the release build with the sandbox on."""
import os
import pty
import random
import shutil
import subprocess
import time

import harness
from harness import CliError, plain_text, wait_for

SECRET = "correct horse battery staple"


class Locked(harness.TestCase):
    def lock(self, one, passphrase=SECRET):
        return one.cli("lock", "--stdin", stdin=passphrase + "\n")

    def unlock(self, one, passphrase=SECRET, **options):
        return one.cli("unlock", "--stdin", stdin=passphrase + "\n", **options)

    def is_locked(self, one):
        lock = one.status()["lock"]
        self.assertTrue(lock["set"])
        return lock["locked"]

    def refused(self, one, *words, stdin=None):
        with self.assertRaises(CliError) as caught:
            one.cli(*words, stdin=stdin)
        self.assertEqual(caught.exception.code, 1)
        return caught.exception.stderr

    def state(self, one, subject):
        return next((row["state"] for row in one.states() if row["subject"] == subject), None)

    def private_keys(self, one):
        """The signing and encryption keys of all identities, as bytes."""
        path = os.path.join(one.folder, "keys-%d.dat" % random.randrange(10**9))
        one.cli("export", "keys", path)
        keys = []
        with open(path) as file:
            for line in file:
                if line.startswith("priv"):
                    keys.append(wif_decode(line.split("=")[1].strip()))
        os.unlink(path)
        return keys

    def on_disk(self, one, keys):
        found = set()
        folder = os.path.join(one.home, "gateway")
        for name in os.listdir(folder):
            if name.startswith("mail.db"):
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                found |= {key for key in keys if key in content}
        return found

    def test_a_day_with_locked_keys(self):
        b = self.bittern("b")  # whose port stays when a starts anew
        a = self.bittern("a", peers=[b])
        alice = a.identity("alice")
        bob = b.identity("bob")
        b.send(bob, alice, subject="First")
        a.wait_mail("First")
        a.send(alice, bob, subject="Answer")
        b.wait_mail("Answer")
        keys = self.private_keys(a)
        self.assertEqual(self.on_disk(a, keys), set(keys))

        self.assertIn("locked", self.lock(a))

        # Half of them sign; the others go on opening messages.
        self.assertEqual(len(self.on_disk(a, keys)), len(keys) // 2)
        self.assertTrue(self.is_locked(a))
        self.assertIn("keys      locked", a.cli("status"))
        a.send(alice, bob, subject="Waits")
        row = a.wait_state("queued")
        self.assertIn("locked: bittern unlock", row["reason"])
        self.assertIn("$bm-queued", a.find_mail("Waits", "Outbox").keywords)
        b.send(bob, alice, subject="Arrives")
        a.wait_mail("Arrives")
        wait_for("the acknowledgement", lambda: self.state(b, "Arrives") == "delivered")
        made = a.identity("made while locked")
        self.assertIn("locked", self.refused(a, "identity", "set", "alice", "--ttl", "2d"))
        self.assertIn("locked", self.refused(a, "export", "keys", os.path.join(a.folder, "no")))
        a.cli("identity", "rename", "made while locked", "newest")

        a.restart()
        self.assertTrue(self.is_locked(a))
        self.assertEqual(self.state(a, "Waits"), "queued")

        self.assertIn("open", self.unlock(a))
        b.wait_mail("Waits")
        wait_for("the acknowledgement", lambda: self.state(a, "Waits") == "delivered")
        a.send(made, bob, subject="From the newest")
        b.wait_mail("From the newest")
        self.assertEqual(len(self.on_disk(a, keys)), len(keys) // 2)

        # A wrong one makes the next wait; so it is told, and after a start, too.
        self.lock(a)
        self.assertIn("not the passphrase", self.refused(a, "unlock", "--stdin", stdin="wrong\n"))
        self.assertIn("wait 1 seconds", self.refused(a, "unlock", "--stdin", stdin=SECRET + "\n"))
        time.sleep(1.1)
        self.assertIn("not the passphrase", self.refused(a, "unlock", "--stdin", stdin="wrong\n"))
        a.restart()
        wait_for("the wait", lambda: a.status()["lock"]["wait"] == 0)

        self.assertIn("changed", a.cli("lock", "--change", "--stdin", stdin=SECRET + "\nnew words\n"))
        self.assertTrue(self.is_locked(a))
        self.assertIn("not the passphrase", self.refused(a, "unlock", "--stdin",
                                                         stdin=SECRET + "\n"))
        time.sleep(1.1)
        self.unlock(a, "new words")
        self.assertEqual(set(self.private_keys(a)) & set(keys), set(keys))

        a.cli("lock", "--remove", "--stdin", stdin="new words\n")
        a.restart()
        self.assertFalse(a.status()["lock"]["set"])
        a.send(alice, bob, subject="As before")
        b.wait_mail("As before")
        self.assertIn("no passphrase", self.refused(a, "unlock", "--stdin", stdin="new words\n"))

    def test_nothing_is_opened_with_all_keys_locked(self):
        a, b = self.pair(agent__lock="all")
        alice = a.identity("alice")
        bob = b.identity("bob")
        b.send(bob, alice, subject="First")
        a.wait_mail("First")
        keys = self.private_keys(a)
        self.lock(a)
        self.assertEqual(self.on_disk(a, keys), set())
        for number in range(3):
            b.send(bob, alice, subject="Kept %d" % number)
        wait_for("three kept", lambda: a.status()["lock"]["kept"]["objects"] >= 3)
        self.assertIsNone(a.find_mail("Kept 0"))
        self.assertIn("not yet tried", a.cli("status"))

        # The node's store is lost, and the network's copies with it: what was kept is all there is.
        b.stop()
        a.stop()
        shutil.rmtree(os.path.join(a.home, "node"))
        a.start()
        self.assertIsNone(a.find_mail("Kept 0"))
        self.unlock(a)
        for number in range(3):
            a.wait_mail("Kept %d" % number)
        time.sleep(0.5)
        subjects = [mail["Subject"] for mail in a.mails()]
        self.assertEqual([subjects.count("Kept %d" % n) for n in range(3)], [1, 1, 1])
        self.assertEqual(a.status()["lock"]["kept"]["objects"], 0)

    def test_a_credential_unlocks_at_start_and_is_nowhere_to_be_seen(self):
        one = self.bittern("a")
        self.lock(one)
        one.stop()
        folder = os.path.join(one.folder, "credentials")
        os.mkdir(folder, 0o700)
        path = os.path.join(folder, "bittern-passphrase")
        write_secret(path, SECRET + "\n")
        os.environ["CREDENTIALS_DIRECTORY"] = folder
        try:
            one.start()
        finally:
            del os.environ["CREDENTIALS_DIRECTORY"]
        wait_for("open keys", lambda: not self.is_locked(one))
        for pid in [one.process.pid, one.pid_of("gateway")]:
            for what in ("cmdline", "environ"):
                with open("/proc/%d/%s" % (pid, what), "rb") as file:
                    self.assertNotIn(SECRET.encode(), file.read())
        self.assertNotIn(SECRET, one.log_text())
        self.assertIn("unlocked at start", one.log_text())

        # A gateway that dies is opened again; a setting names the file as well as systemd does.
        one.settings["agent.passphrase_file"] = path
        one.restart()
        wait_for("open keys", lambda: not self.is_locked(one))
        gateway = one.pid_of("gateway")
        os.kill(gateway, 9)
        wait_for("another gateway", lambda: one.status()["ready"] and
                 one.pid_of("gateway") not in (0, gateway))
        wait_for("open keys", lambda: not self.is_locked(one))

        write_secret(path, "wrong\n")
        os.chmod(path, 0o644)
        one.restart()
        wait_for("a word in the log", lambda: "the keys stay locked" in one.log_text())
        self.assertTrue(self.is_locked(one))
        self.assertIn("others may read the passphrase", one.log_text())
        os.unlink(path)
        one.restart()
        self.assertIn("no passphrase can be read from", one.log_text())
        self.assertTrue(self.is_locked(one))

    def test_a_passphrase_is_typed_twice_and_not_shown(self):
        one = self.bittern("a", start=False)
        one.make_account()
        one.identity("alice")
        code, shown = self.type(one, ["lock"], [SECRET, "something else"])
        self.assertEqual(code, 1)
        self.assertIn("not the same", shown)
        self.assertEqual(len(self.private_keys(one)), 2)
        code, shown = self.type(one, ["lock"], [SECRET, SECRET])
        self.assertEqual(code, 0, shown)
        self.assertNotIn(SECRET, shown)
        self.assertIn("locked", self.refused(one, "export", "keys", os.path.join(one.folder, "no")))
        self.assertIn("no terminal", self.refused(one, "lock", "--remove"))
        self.assertIn("does not run", self.refused(one, "unlock", "--stdin", stdin=SECRET + "\n"))
        code, shown = self.type(one, ["lock", "--remove"], [SECRET])
        self.assertEqual(code, 0, shown)
        self.assertEqual(len(self.private_keys(one)), 2)

    def type(self, one, words, lines):
        """Run a command at a terminal: its exit code and what the terminal shows."""
        master, slave = pty.openpty()
        process = subprocess.Popen(one._arguments() + words, stdin=slave, stdout=slave, stderr=slave,
                                   start_new_session=True)
        os.close(slave)
        shown = ""
        for line in lines:
            while not shown.rstrip(" ").endswith(":"):
                shown += os.read(master, 1000).decode()
            shown += "\n"
            os.write(master, line.encode() + b"\n")
        while True:
            try:
                piece = os.read(master, 1000)
            except OSError:
                break
            if not piece:
                break
            shown += piece.decode()
        os.close(master)
        return process.wait(60), shown

    def test_a_mail_locks_nothing_and_its_passphrase_is_not_kept(self):
        one = self.bittern("a")
        alice = one.identity("alice")
        for word in ("unlock", "lock --change"):
            before = len(one.mails())
            one.send(alice, "bittern@bm.alt", subject=word, body=SECRET + "\n")
            answer = wait_for("an answer", lambda: one.mails()[before:])[0]
            self.assertIn("a passphrase does not belong into a mail", plain_text(answer))
        self.assertNotIn(SECRET, "".join(mail.as_string() for mail in one.mails("Sent")))

    def test_killed_at_any_moment_the_keys_open_by_the_old_way_or_the_new(self):
        """The passphrase is set, changed and removed over and over; the gateway is killed at some moment of it, or
        as soon as it was answered."""
        one = self.bittern("a")
        for number in range(10):
            one.identity("identity %d" % number)
        keys = sorted(self.private_keys(one))
        words = None  # the passphrase in force
        changes_next = True
        rng = random.Random(5)
        for number in range(8 if harness.SANITIZED else 20):
            new = "words %d" % number
            if words is None:
                command, lines, after = ["lock", "--stdin"], new, new
            elif changes_next:
                command, lines, after = ["lock", "--change", "--stdin"], words + "\n" + new, new
            else:
                command, lines, after = ["lock", "--remove", "--stdin"], words, None
            seconds = None if number % 2 else rng.uniform(0, 0.3 if harness.SANITIZED else 0.15)
            was_answered = self.kill_during(one, command, lines, seconds)
            self.assertTrue(was_answered or seconds is not None)
            before, words = words, self.find_out(one, words, after, was_answered)
            if words != before:
                changes_next = before is None
            self.assertEqual(sorted(self.private_keys(one)), keys)

    def kill_during(self, one, command, lines, seconds):
        """After so many, or after the answer (None). Whether the command was answered."""
        process = subprocess.Popen(one._arguments() + command, stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.stdin.write((lines + "\n").encode())
        process.stdin.close()
        if seconds is None:
            process.wait(60)
        else:
            time.sleep(seconds)
        os.kill(one.pid_of("gateway"), 9)
        was_answered = process.wait(60) == 0
        one.kill()
        one.start()
        wait_for("no more waiting", lambda: one.status()["lock"]["wait"] == 0, timeout=60)
        return was_answered

    def find_out(self, one, before, after, was_answered):
        """What is in force: it is as it was, or as it was to be, and the keys are open then."""
        lock = one.status()["lock"]
        self.assertEqual(lock["lost"], 0)
        if not lock["set"]:
            self.assertIn(None, (before, after))
            self.assertTrue(after is None or not was_answered)
            return None
        if after is not None and self.unlock(one, after, check=False).returncode == 0:
            return after
        self.assertFalse(was_answered)
        time.sleep(1.1)
        self.unlock(one, before)
        return before

    def test_a_restore_keeps_newer_keys_under_their_own_passphrase(self):
        one = self.bittern("a")
        old = one.identity("old")
        key = one.cli("recovery-key", "--new")
        in_clear = os.path.join(one.folder, "clear.backup")
        one.cli("backup", in_clear)
        self.lock(one)
        locked = os.path.join(one.folder, "locked.backup")
        one.cli("backup", locked)
        new = one.identity("new")

        # From when there was none: the backup's keys are open, the newer one is as it was.
        one.cli("restore", in_clear, stdin=key + "\n")
        self.assertEqual(one.status()["lock"]["locked_keys"], 1)
        one.send(old, old, subject="Open")
        one.wait_mail("Open")
        one.send(new, old, subject="Waits")
        wait_for("a mail that waits", lambda: self.state(one, "Waits") == "queued")
        self.unlock(one)
        one.wait_mail("Waits")

        # A passphrase of later, and the backup's: each opens its own, then the later one all.
        one.cli("lock", "--remove", "--stdin", stdin=SECRET + "\n")
        self.lock(one, "later words")
        newest = one.identity("newest")
        one.cli("restore", locked, stdin=key + "\n")
        self.assertIn("others are under another passphrase", self.unlock(one, "later words"))
        self.assertIn("The keys are open", self.unlock(one, SECRET))
        one.send(newest, old, subject="Together")
        one.wait_mail("Together")
        one.restart()
        self.assertIn("not the passphrase", self.refused(one, "unlock", "--stdin",
                                                         stdin=SECRET + "\n"))
        time.sleep(1.1)
        self.assertIn("The keys are open", self.unlock(one, "later words"))
        keys = self.private_keys(one)

        # What is restored has them sealed: a home that never had them in clear shows none.
        fresh = self.bittern("fresh", start=False)
        sealed = os.path.join(one.folder, "sealed.backup")
        one.cli("backup", sealed)
        fresh.cli("restore", sealed, stdin=key + "\n")
        signing = set(keys[::2])
        self.assertEqual(self.on_disk(fresh, signing), set())
        fresh.start()
        self.unlock(fresh, "later words")
        self.assertEqual(sorted(self.private_keys(fresh)), sorted(keys))


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def wif_decode(text):
    """The 32 bytes of a key in wallet import format."""
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for character in text:
        number = number * 58 + digits.index(character)
    return number.to_bytes(37, "big")[1:33]


if __name__ == "__main__":
    harness.main()
