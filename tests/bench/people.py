#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ten thousand identities and a hundred thousand contacts in one home: how long until it is ready, what it holds,
what an arriving message costs beside the bare trial decryption, and how long everything else takes or holds
the gateway's loop.

    BITTERN_BIN=build/release/bin tests/bench/people.py [N_IDENTITIES N_CONTACTS]

CPU times are the gateway's; "held" is the longest that a NOOP on another connection waited meanwhile.
"""
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import bmwire  # noqa: E402
import harness  # noqa: E402
from figures import cpu_sec, resident_mib  # noqa: E402

N_IDENTITIES = int(sys.argv[1]) if len(sys.argv) > 2 else 10000
N_CONTACTS = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
N_OBJECTS = 20


def say(what, value, unit):
    print("%-56s %10.3f %s" % (what, value, unit), flush=True)


def fill(one):
    """Rows as the gateway writes them; what would be walked through for a new key is left out."""
    subprocess.run([os.path.join(harness.BIN, "bench_people"), os.path.join(one.home, "gateway"),
                    str(N_IDENTITIES), str(N_CONTACTS)], check=True, stdout=subprocess.DEVNULL)
    db = sqlite3.connect(os.path.join(one.home, "gateway", "mail.db"))
    db.execute("INSERT OR IGNORE INTO login_alias SELECT address, account_id FROM identity")
    db.execute("INSERT OR IGNORE INTO login_alias SELECT address || '@bm.alt', account_id FROM identity")
    db.execute("UPDATE identity SET pubkey_sent_sec = ?", (int(time.time()),))
    db.execute("DELETE FROM key_walk")
    addresses = [row[0] for row in db.execute("SELECT address FROM identity ORDER BY id")]
    contacts = [row[0] for row in db.execute("SELECT address FROM contact ORDER BY id")]
    db.commit()
    db.close()
    return addresses, contacts


class Pulse:
    """NOOPs on a connection of their own, from a process of their own: the longest that one waited."""

    def __init__(self, one):
        self.worst = multiprocessing.Value("d", 0.0)
        self.ends = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.beat, args=(one.imap("INBOX"),))
        self.process.start()

    def beat(self, box):
        while not self.ends.is_set():
            began = time.monotonic()
            box.noop()
            self.worst.value = max(self.worst.value, time.monotonic() - began)
            time.sleep(0.002)
        box.logout()

    def stop(self):
        self.ends.set()
        self.process.join()
        return self.worst.value


def measured(one, what, action, times=3):
    """Its CPU in the gateway, and how long it held the loop."""
    pid = one.pid_of("gateway")
    pulse = Pulse(one)
    time.sleep(0.2)
    pulse.worst.value = 0.0
    before, began = cpu_sec(pid), time.monotonic()
    for _ in range(times):
        action()
    span, cpu = (time.monotonic() - began) / times, (cpu_sec(pid) - before) / times
    held = pulse.stop()
    print("%-38s %8.1f ms, CPU %6.1f ms, held %6.1f ms" % (what, span * 1000, cpu * 1000, held * 1000), flush=True)


def trial_cost(one):
    """CPU of one arriving message that none of the keys opens, over what the keys alone cost."""
    bare = json.loads(one.cli("bench", "decrypt", "--seconds", "2", "--json"))["ours"]
    pid = one.pid_of("gateway")
    objects = list(bmwire.noise_messages(N_OBJECTS))
    peer = bmwire.Peer.dial(one.status()["node"]["port"])
    peer.handshake()
    before = cpu_sec(pid)
    for data in objects:
        peer.send_object(data)
    harness.wait_for("the node to have them", lambda: one.status()["node"]["objects"] >= N_OBJECTS, 60, 0.2)
    time.sleep(2)  # until the gateway has been given them
    harness.wait_for("all to be done", lambda: one.status()["incoming"]["waiting"] == 0, 600, 0.5)
    peer.close()
    cost = (cpu_sec(pid) - before) / N_OBJECTS
    say("an arriving message, CPU", cost * 1000, "ms")
    say("of that the keys alone (bench decrypt)", N_IDENTITIES / bare * 1000, "ms")
    say("ratio", cost * bare / N_IDENTITIES, "")


def locked_keys(one, sender):
    """All of them under a passphrase: once each, since what is sealed stays so."""
    words = "open sesame"

    def lock(command, lines=words):
        return lambda: one.cli(*command.split(), "--stdin", stdin=lines + "\n", timeout=600)
    measured(one, "lock, the first time", lock("lock"), 1)
    measured(one, "unlock", lock("unlock"), 1)
    measured(one, "identity rename, keys sealed and open",
             lambda: one.cli("identity", "rename", sender, "x%f" % time.time()))
    measured(one, "lock", lambda: one.cli("lock"), 1)
    measured(one, "identity rename, keys locked",
             lambda: one.cli("identity", "rename", sender, "x%f" % time.time()))
    say("the gateway's memory, keys locked", resident_mib(one.pid_of("gateway")), "MiB")
    measured(one, "lock --change", lock("lock --change", words + "\nother words"), 1)
    words = "other words"
    one.restart()
    measured(one, "unlock after a start", lock("unlock", words), 1)
    say("the gateway's memory, keys open", resident_mib(one.pid_of("gateway")), "MiB")
    measured(one, "lock --remove", lock("lock --remove", words), 1)


def main():
    one = harness.Bittern(dict(harness.QUICK), "people")
    try:
        one.make_account()
        began = time.monotonic()
        one.start()
        say("start until ready, nobody there", time.monotonic() - began, "s")
        say("the gateway's memory then", resident_mib(one.pid_of("gateway")), "MiB")
        one.stop()
        addresses, contacts = fill(one)
        for _ in range(2):
            began = time.monotonic()
            one.start(120)
            say("start until ready", time.monotonic() - began, "s")
            say("CPU of the gateway until then", cpu_sec(one.pid_of("gateway")), "s")
            one.stop()
        one.start(120)
        say("the gateway's memory", resident_mib(one.pid_of("gateway")), "MiB")
        sender = addresses[-1]
        measured(one, "status", one.status)
        measured(one, "identity list", lambda: one.json("identity", "list"))
        measured(one, "contact list", lambda: one.json("contact", "list"))
        measured(one, "identity show, by address", lambda: one.json("identity", "show", sender), 10)
        measured(one, "identity rename", lambda: one.cli("identity", "rename", sender, "x%f" % time.time()))
        measured(one, "contact add", lambda: one.cli("contact", "add", contacts[0], "y%f" % time.time()))

        def log_in():
            import imaplib
            box = imaplib.IMAP4("127.0.0.1", one.status()["imap"]["port"])
            box.login(harness.mail_address(sender), one.password)
            box.logout()
        measured(one, "login by an address", log_in, 5)
        server = one.smtp()

        def recipient(address):
            server.docmd("MAIL", "FROM:<%s>" % harness.mail_address(sender))
            code, words = server.docmd("RCPT", "TO:<%s>" % address)
            server.rset()
            assert code == 250, words
        measured(one, "RCPT, a contact's address",
                 lambda: recipient(harness.mail_address(contacts[-1])), 100)
        measured(one, "RCPT, in lower case", lambda: recipient(harness.mail_address(contacts[-1]).lower()), 100)
        measured(one, "RCPT, a contact's label", lambda: recipient('"contact 99"@bm.alt'), 100)
        server.quit()
        one.cli("subscribe", contacts[0])
        trial_cost(one)
        locked_keys(one, sender)
    finally:
        one.close()


if __name__ == "__main__":
    main()
