#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bittern under imaptest, Dovecot's own conformance and stress program.

    tests/interop/imaptest.py FOLDER [--seconds 20] [--clients 10] [--mode NAME ...]

FOLDER is a built imaptest (FOLDER/src/imaptest, FOLDER/src/tests); without one the test skips (exit code
77). First the scripted groups: no command may fail. Then random commands of many clients whose picture of
the mailbox imaptest tracks and compares, a run for each mode, while mails are delivered into that mailbox;
`killed` kills the gateway at random meanwhile. At the end the store must be clean.
"""
import argparse
import json
import os
import random
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402

# Options and states of imaptest besides the mailbox, the clients and the seconds. A state is followed by
# its probability; those that are not named have imaptest's own.
MODES = {
    "plain": [],
    "qresync": ["qresync"],
    "imap4rev2": ["imap4rev2"],
    "copybox": ["copybox=Copies", "COPY=40", "MOVE=20"],
    "rename": ["MCREATE=10", "MDELETE=5", "MRENAME=10", "MSUBS=5"],
    "own_msgs": ["own_msgs"],
    "search": ["SEARCH=50", "SORT=30", "THREAD=30", "UIDFETCH=30"],
    "killed": ["MOVE=10", "copybox=Copies"],
}
# What imaptest says when its server is killed under it.
OF_A_KILL = re.compile(r"disconnect|Connection|connect\(|EOF|stalled|reset|refused|BYE", re.I)


def write_mbox(path):
    """Mails of many shapes for imaptest to append."""
    rng = random.Random(7)
    with open(path, "w") as file:
        for i in range(120):
            file.write("From alice@example.org Sat Nov 21 12:00:00 2026\nFrom: Alice <alice%d@example.org>\n"
                       "To: bob@example.org, \"C, D\" <cd@example.org>\nSubject: %sstress %d\n"
                       "Date: Sat, 21 Nov 2026 12:%02d:00 +0100\nMessage-ID: <s%d@example.org>\n" % (
                           i, "Re: " * (i % 3), i, i % 60, i))
            if i % 3 == 0:
                file.write("In-Reply-To: <s%d@example.org>\n" % (i // 2))
            if i % 4 == 0:
                file.write("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                           "Content-Type: text/plain\n\n%s\n--b\nContent-Type: message/rfc822\n\n"
                           "Subject: inner\n\nx\n--b--\n" % ("text\n" * (i % 50)))
            else:
                file.write("\n" + "some text here\n" * rng.randint(1, 100))
            file.write("\n")


class Deliveries(threading.Thread):
    """Mails that arrive in an account's INBOX, by submission to its own identity."""

    def __init__(self, one, account, password, address):
        super().__init__(daemon=True)
        self.one, self.account, self.password, self.address = one, account, password, address
        self.ending = threading.Event()
        self.n_accepted = 0
        self.port = one.status()["smtp"]["port"]

    def run(self):
        while not self.ending.wait(0.3):
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as server:
                    server.login(self.account, self.password)
                    server.sendmail(self.address, [self.address],
                                    "From: %s\r\nTo: %s\r\nSubject: delivered %d\r\n\r\nx\r\n" % (
                                        self.address, self.address, self.n_accepted))
                self.n_accepted += 1
            except (OSError, smtplib.SMTPException):
                continue  # the gateway was killed just now


class Killer(threading.Thread):
    def __init__(self, one, rng):
        super().__init__(daemon=True)
        self.one, self.rng = one, rng
        self.ending = threading.Event()
        self.n_kills = 0

    def run(self):
        while not self.ending.wait(self.rng.uniform(2, 6)):
            done = self.one.cli("status", "--json", check=False)
            pid = json.loads(done.stdout)["pids"]["gateway"] if done.returncode == 0 else 0
            if pid > 0:  # 0: it is being started again (and kill would mean ourselves)
                os.kill(pid, signal.SIGKILL)
                self.n_kills += 1


class Campaign:
    def __init__(self, options):
        self.options = options
        self.program = os.path.join(options.folder, "src", "imaptest")
        self.one = harness.Bittern(name="imaptest").start()
        self.port = self.one.status()["imap"]["port"]
        self.work = tempfile.mkdtemp(prefix="imaptest-", dir=self.one.folder)
        self.mbox = os.path.join(self.work, "mbox")
        write_mbox(self.mbox)
        self.n_failed = 0

    def say(self, name, went_well, text):
        print("%s %-10s %s" % ("ok    " if went_well else "FAILED", name, text), flush=True)
        self.n_failed += not went_well

    def account(self, name):
        password = self.one.cli("account", "new", name)
        return password, self.one.cli("identity", "new", name, "--account", name) + "@bm.alt"

    def imaptest(self, account, password, *words, seconds=120):
        done = subprocess.run([self.program, "host=127.0.0.1", "port=%d" % self.port, "user=" + account,
                               "pass=" + password] + list(words), cwd=self.work, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        return done.stdout

    def scripted(self):
        password, _ = self.account("scripted")
        out = self.imaptest("scripted", password, "test=" + os.path.join(self.options.folder, "src", "tests"),
                            seconds=300)
        groups = re.search(r"(\d+) test groups: (\d+) failed, (\d+) skipped", out)
        commands = re.findall(r"(\d+)/(\d+) individual commands failed", out)
        went_well = groups is not None and groups.group(2) == "0" and len(commands) == 2 and \
            all(failed == "0" for failed, _ in commands)
        self.say("scripted", went_well, groups.group(0) + ", commands failed: " + ", ".join(
            "%s of %s" % one for one in commands) if groups else out[-2000:])
        if not went_well:
            print(out[-6000:])

    def random(self, mode, seed):
        account = mode.replace("_", "")
        password, address = self.account(account)
        if any(word.startswith("copybox=") for word in MODES[mode]):
            self.one.account, self.one.password = account, password
            box = self.one.imap()
            box.create("Copies")
            box.logout()
        deliveries = Deliveries(self.one, account, password, address)
        killer = Killer(self.one, random.Random(seed)) if mode == "killed" else None
        deliveries.start()
        if killer:
            killer.start()
        seconds = self.options.seconds
        try:
            out = self.imaptest(account, password, "mbox=" + self.mbox, "clients=%d" % self.options.clients,
                                "secs=%d" % seconds, "seed=%d" % seed, *MODES[mode],
                                seconds=seconds + 120)
        finally:
            for thread in (deliveries, killer):
                if thread:
                    thread.ending.set()
                    thread.join(30)
        errors = [line for line in out.splitlines() if re.match(r"(Error|Fatal|Panic|Warning):", line)]
        if killer:
            harness.wait_for("the gateway to be back", self.one.is_ready, 60)
            errors = [line for line in errors if not OF_A_KILL.search(line)]
        commands = re.search(r"Totals:\n.*\n.*\n.*\n([\d ]+)", out)
        n_commands = sum(int(word) for word in commands.group(1).split()) if commands else 0
        self.say(mode, not errors and n_commands > 0, "%d commands, %d mails submitted%s, %d errors" % (
            n_commands, deliveries.n_accepted, ", %d kills" % killer.n_kills if killer else "", len(errors)))
        if errors:
            print("\n".join(errors[:30]))
        elif n_commands == 0:
            print(out[-3000:])

    def check_store(self):
        self.one.stop()
        done = subprocess.run([os.path.join(harness.BIN, "store_checker"),
                               os.path.join(self.one.home, "gateway", "mail.db")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.say("store", done.returncode == 0, "clean" if done.returncode == 0 else done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--seconds", type=int, default=20, help="of each random run; a campaign: 600")
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--mode", action="append", choices=["scripted"] + list(MODES))
    parser.add_argument("--seed", type=int, default=int(time.time()) & 0xffff)
    options = parser.parse_args()
    if not options.folder or not os.path.exists(os.path.join(options.folder, "src", "imaptest")):
        print("no built imaptest given")
        return 77
    options.folder = os.path.abspath(options.folder)
    print("seed %d" % options.seed)
    campaign = Campaign(options)
    try:
        modes = options.mode or ["scripted"] + list(MODES)
        if "scripted" in modes:
            campaign.scripted()
        for mode in MODES:
            if mode in modes:
                campaign.random(mode, options.seed)
        campaign.check_store()
    finally:
        campaign.one.close()
    return 1 if campaign.n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
