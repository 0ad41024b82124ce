# SPDX-License-Identifier: MIT
"""Whole Bitterns for tests: a home each, driven by the command line, IMAP and SMTP over loopback.

The folder of the executables comes in BITTERN_BIN. Whatever a test starts is stopped by pid when the
test ends, also when it fails.
"""
import email
import email.message
import email.policy
import imaplib
import json
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from clock import handed_down

BIN = os.environ.get("BITTERN_BIN", "")
SANITIZED = os.environ.get("BITTERN_SANITIZED") == "1"

# A private network of low difficulty, without the delays that hide who speaks to whom.
QUICK = {
    "network.magic": "b1773a11",
    "network.least_trials_per_byte": "10",
    "network.least_extra_bytes": "10",
    "network.bootstrap": "no",
    "network.allow_loopback": "yes",
    "network.dandelion": "0",
    "network.announce_delay": "0",
    "network.anti_intersection": "no",
    "agent.ack_delay": "0",
    "agent.lock_memory": "8MiB",
    "node.listen": "127.0.0.1",
    "node.port": "0",
    "imap.port": "0",
    "imap.tls_port": "0",
    "smtp.port": "0",
    "smtp.tls_port": "0",
    "http.port": "0",
    "pow.priority": "normal",
}

# The same at the real network's least difficulty.
REAL_DIFFICULTY = dict(QUICK, **{
    "network.least_trials_per_byte": "1000",
    "network.least_extra_bytes": "1000",
})


def wait_for(what, check, timeout=60.0, pause=0.05):
    """The first true value of check(); fails the test with `what` when none comes in time."""
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %.0f s in vain for: %s" % (timeout, what))
        time.sleep(pause)


class CliError(Exception):
    def __init__(self, code, stderr):
        super().__init__("exit %d: %s" % (code, stderr.strip()))
        self.code = code
        self.stderr = stderr


class CutOff(CliError):
    """Whoever was asked ended before the answer."""


class Bittern:
    """One home, and what runs in it, by `clock` if that is given."""

    def __init__(self, settings=None, name="a", home=None, clock=None):
        self.name = name
        self.clock = clock
        self.folder = tempfile.mkdtemp(prefix="bittern-%s-" % name) if home is None else None
        self.home = home or os.path.join(self.folder, "home")
        self.settings = dict(QUICK if settings is None else settings)
        self.process = None
        self.command = "run"
        self.password = None
        self.account = "me"
        self.log = os.path.join(self.folder or os.path.dirname(home), name + ".out")

    def _arguments(self):
        options = ["--home", self.home]
        for key, value in self.settings.items():
            options += ["-c", "%s=%s" % (key, value)]
        return [os.path.join(BIN, "bittern")] + options

    def cli(self, *words, check=True, stdin=None, timeout=120):
        """Run a command; its standard output, without the last line end."""
        done = subprocess.run(self._arguments() + list(words), input=stdin, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            raise CliError(done.returncode, done.stderr)
        return done.stdout.rstrip("\n") if check else done

    def json(self, *words):
        return json.loads(self.cli(*words, "--json"))

    def spawn(self):
        environment, fds = handed_down(self.clock)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._arguments() + [self.command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment, pass_fds=fds)

    def start(self, timeout=60):
        self.spawn()
        wait_for("%s to be ready\n%s" % (self.name, self.output()), self.is_ready, timeout)
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("%s ended with %s:\n%s" % (self.name, self.process.returncode,
                                                            self.output()))
        try:
            return self.status().get("ready") is True
        except CliError:
            return False

    def output(self):
        try:
            with open(self.log, errors="replace") as log:
                return log.read()[-8000:]
        except FileNotFoundError:
            return ""

    def log_text(self):
        """The log file of the home."""
        with open(os.path.join(self.home, "bittern.log"), errors="replace") as log:
            return log.read()

    def call(self, name, **parameters):
        """Ask what runs at its control socket, as the command line does, without a process for each question."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(120)
            try:
                control.connect(os.path.join(self.home, "control.sock"))
            except OSError as error:
                raise CliError(1, "%s does not run: %s" % (self.name, error)) from error
            try:
                control.sendall(json.dumps({"call": name, "params": parameters}).encode() + b"\n")
                with control.makefile("rb") as answers:
                    answer = json.loads(answers.readline())
            except (OSError, ValueError) as error:
                raise CutOff(1, "%s did not answer %s: %s" % (self.name, name, error)) from error
        if "error" in answer:
            raise CliError(1, answer["error"]["message"])
        return answer["result"]

    def status(self):
        """A gateway that ends just now leaves the answer to the next one."""
        end = time.monotonic() + 20
        while True:
            try:
                return self.call("status")
            except CutOff:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def pid_of(self, process):
        return self.status()["pids"][process]

    def stop(self, timeout=10):
        """SIGTERM; the seconds that it took."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("%s did not stop in %d s\n%s" % (self.name, timeout, self.output()))
        return time.monotonic() - began

    def kill(self):
        """kill -9 of the supervisor; its children end with it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        try:
            self.stop()
        finally:
            self.kill()
            if self.folder is not None:
                shutil.rmtree(self.folder, ignore_errors=True)

    # ---- a person with a mail program

    def make_account(self, name="me"):
        self.account = name
        self.password = self.cli("account", "passwd", name) if self._has_account(name) \
            else self.cli("account", "new", name)
        return self.password

    def _has_account(self, name):
        return any(row["name"] == name for row in self.json("account", "list"))

    def identity(self, label="me"):
        return self.cli("identity", "new", label)

    def imap(self, mailbox=None):
        box = imaplib.IMAP4("127.0.0.1", self.status()["imap"]["port"], timeout=60)
        box.login(self.account, self.password)
        if mailbox is not None:
            status, data = box.select(quote(mailbox))
            if status != "OK":
                raise AssertionError("SELECT %s: %s" % (mailbox, data))
        return box

    def smtp(self):
        server = smtplib.SMTP("127.0.0.1", self.status()["smtp"]["port"], timeout=60)
        server.login(self.account, self.password)
        return server

    def send(self, sender, recipients, subject="Hello", body="How are you?\n", headers=(), raw=None):
        """Submit one mail; returns when it is accepted."""
        if isinstance(recipients, str):
            recipients = [recipients]
        if raw is None:
            mail = email.message.EmailMessage(policy=email.policy.SMTP)
            mail["From"] = mail_address(sender)
            mail["To"] = ", ".join(mail_address(one) for one in recipients)
            mail["Subject"] = subject
            for key, value in headers:
                mail[key] = value
            mail.set_content(body)
            raw = mail.as_bytes()
        with self.smtp() as server:
            server.sendmail(mail_address(sender), [mail_address(one) for one in recipients], raw)

    def mails(self, mailbox="INBOX"):
        """All mails of a mailbox, parsed, in order; each has .uid and .keywords."""
        box = self.imap(mailbox)
        try:
            _, data = box.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
            found = []
            for item in data:
                if not isinstance(item, tuple):
                    continue
                mail = email.message_from_bytes(item[1], policy=email.policy.default)
                head = item[0].decode()
                mail.uid = int(head.split("UID ")[1].split()[0].rstrip(")"))
                mail.keywords = set(head.split("FLAGS (")[1].split(")")[0].split())
                mail.raw = item[1]
                found.append(mail)
            return found
        finally:
            box.logout()

    def find_mail(self, subject, mailbox="INBOX"):
        return next((m for m in self.mails(mailbox) if m["Subject"] == subject), None)

    def wait_mail(self, subject, mailbox="INBOX", timeout=60):
        return wait_for("a mail '%s' in %s of %s" % (subject, mailbox, self.name),
                        lambda: self.find_mail(subject, mailbox), timeout, 0.2)

    def states(self):
        """The states of all outgoing mails: a list of rows."""
        rows, piece = [], self.call("queue.list")
        while piece:
            rows += piece
            piece = self.call("queue.list", after=piece[-1]["id"])
        return rows

    def wait_state(self, state, subject=None, timeout=90):
        def has_it():
            return next((row for row in self.states() if row["state"] == state), None)
        return wait_for("state %s at %s (now: %s)" % (state, self.name,
                                                      [r["state"] for r in self.states()]),
                        has_it, timeout, 0.1)


def quote(mailbox):
    return '"%s"' % mailbox.replace("\\", "\\\\").replace('"', '\\"')


def mail_address(address):
    return address if "@" in address else address + "@bm.alt"


def plain_text(mail):
    """The text, with the line ends of a file."""
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


class TestCase(unittest.TestCase):
    """Keeps what a test started, and stops it."""

    def bittern(self, name="a", start=True, peers=(), **settings):
        """A Bittern with an account; `peers` are dialled. Settings as section__key=value."""
        chosen = dict(settings.pop("base", QUICK))
        chosen.update({key.replace("__", "."): str(value) for key, value in settings.items()})
        if peers:
            chosen["network.connect"] = ", ".join("127.0.0.1:%d" % peer.status()["node"]["port"]
                                                  for peer in peers)
        one = Bittern(chosen, name)
        self.addCleanup(self._close, one)
        if start:
            one.start()
            one.make_account()
        return one

    def _close(self, one):
        failed = any(error for _, error in getattr(self._outcome, "errors", []) if error)
        if failed:
            sys.stderr.write("---- %s ----\n%s\n" % (one.name, one.output()))
            try:
                sys.stderr.write(one.log_text()[-6000:])
            except OSError:
                pass
        one.close()

    def pair(self, **settings):
        """Two Bitterns, the second of which dials the first, connected."""
        first = self.bittern("a", **settings)
        second = self.bittern("b", peers=[first], **settings)
        wait_for("a and b to meet", lambda: second.status()["node"]["peers_out"] == 1)
        return first, second


def main():
    if not BIN or not os.path.exists(os.path.join(BIN, "bittern")):
        sys.exit("BITTERN_BIN must name the folder of the executables")
    unittest.main(verbosity=2)
