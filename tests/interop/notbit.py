#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""notbit runs on the folder that `bittern export notbit` wrote: it gives its key to whoever asks, receives a mail
beside those that were exported, and acknowledges it; and all of it comes back by `bittern import notbit`.

    tests/interop/notbit.py NOTBIT

NOTBIT is its executable; without one the test skips (exit code 77). It dials nobody but our node.
"""
import mailbox
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402
from harness import plain_text, wait_for  # noqa: E402

NOTBIT = None
SETTINGS = dict(harness.REAL_DIFFICULTY)
del SETTINGS["network.magic"]


class Notbit(harness.TestCase):
    def test_it_goes_on_where_we_stopped_and_we_where_it_stopped(self):
        a = self.bittern("a", base=SETTINGS, start=False)
        a.make_account()
        alice = a.cli("identity", "new", "Älice")
        a.start()
        a.send(alice, alice, "From before", "kept\n")
        a.wait_mail("From before")
        folder = os.path.join(a.folder, "notbit")
        a.cli("export", "notbit", folder)
        a.stop()

        b = self.bittern("b", base=SETTINGS)
        bob = b.identity("Bob")
        log = os.path.join(a.folder, "notbit.log")
        words = [NOTBIT, "-D", folder, "-m", os.path.join(folder, "maildir"), "-l", log, "-a", "127.0.0.13:0",
                 "-P", "127.0.0.1:%d" % b.status()["node"]["port"], "-e", "-b", "-L"]
        environment = dict(os.environ, XDG_RUNTIME_DIR=a.folder, HOME=a.folder)
        notbit = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL)
        self.addCleanup(notbit.wait, 30)
        self.addCleanup(notbit.terminate)
        wait_for("the connection", lambda: b.status()["node"]["peers_in"] == 1, 60)
        b.send(bob, alice, "From Bittern", "Grüße\n")
        box = mailbox.Maildir(os.path.join(folder, "maildir"), create=False)
        wait_for("the mail at notbit", lambda: any(m["Subject"] == "From Bittern" for m in box), 580, 2)
        wait_for("the acknowledgement", lambda: [r["state"] for r in b.states()] == ["delivered"], 300, 2)
        with open(log, errors="replace") as file:
            self.assertNotIn("does not match", file.read())
        notbit.terminate()
        notbit.wait(30)

        c = self.bittern("c", base=SETTINGS, start=False)
        c.make_account()
        self.assertEqual(c.json("import", "notbit", folder)["left_out"], 0)
        c.start()
        self.assertEqual(sorted(m["Subject"] for m in c.mails() if alice in m["To"]),
                         ["From Bittern", "From before"])
        mail = c.find_mail("From Bittern")
        self.assertEqual(plain_text(mail).strip(), "Grüße")
        self.assertIn(bob, mail["From"])
        self.assertEqual([(r["address"], r["label"]) for r in c.json("identity", "list")], [(alice, "Älice")])


if __name__ == "__main__":
    if len(sys.argv) < 2 or not os.path.exists(sys.argv[1]):
        print("skipped: no notbit was given")
        sys.exit(77)
    NOTBIT = os.path.abspath(sys.argv.pop(1))
    harness.main()
