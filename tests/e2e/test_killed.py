# SPDX-License-Identifier: MIT
"""Each process killed, and each side restarted, in each state of a mail: nothing lost, nothing doubled.

One pair of Bitterns goes through the table. A state is held open (by a bound, by hard work, by stopping
the process that would end it), a victim is killed in it, and at the end every mail has arrived once, is
`delivered`, stands once in Sent and no longer in Outbox, and both databases hold to their rules.
--rounds N: N kills at random instead, of either side, while mails flow.
"""
import os
import random
import signal
import smtplib
import subprocess
import sys
import time

import harness
from harness import mail_address, wait_for

ROUNDS = 0
DECODERS = {"decoder (network)": 0, "decoder (owner)": 1}
VICTIMS = ["node", "gateway"] + list(DECODERS) + ["supervisor", "restart"]

# Work that does not end, and a bound that holds what a person asks for.
HARD = {"network.least_trials_per_byte": "1000000000", "agent.max_trials_per_byte": "1"}


def pid_of(side, process):
    pids = side.status()["pids"]
    return pids["decoder"][DECODERS[process]] if process in DECODERS else pids[process]


def stop_process(side, process):
    """It stands still until released; its pid (0 while it is down: that would be all of us)."""
    pid = wait_for("%s to be up" % process, lambda: pid_of(side, process))
    os.kill(pid, signal.SIGSTOP)
    return pid


def release(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass  # it was the victim


def aim(side, victim):
    """A call by which the victim dies at once (or the side is restarted) and all is up again."""
    pids = side.status()["pids"]
    pid = None if victim in ("restart", "supervisor") else wait_for(
        "%s to be up" % victim, lambda: pid_of(side, victim))

    def strike_now():
        if victim == "restart":
            side.restart()
        elif victim == "supervisor":
            side.kill()
            wait_for("the children to end", lambda: not any(os.path.exists("/proc/%d" % child) for child in
                                                            [pids["node"], pids["gateway"]] + pids["decoder"]), 10)
            side.start()
        else:
            os.kill(pid, signal.SIGKILL)
    return strike_now


def strike(side, victim):
    """What stood still goes on by then."""
    aim(side, victim)()


def wait_ready(side):
    wait_for("%s to be whole again" % side.name, lambda: side.is_ready() and all(
        pid_of(side, process) for process in ["node", "gateway"] + list(DECODERS)))


def state_of(side, subject):
    rows = [row for row in side.states() if row["subject"] == subject]
    return rows[0]["state"] if len(rows) == 1 else None


def wait_states(side, wanted):
    """wanted: subject -> state."""
    def reached():
        rows = {row["subject"]: row["state"] for row in side.states()}
        return all(rows.get(subject) == state for subject, state in wanted.items())
    wait_for("%s at %s (now %s)" % (wanted, side.name, side.states()), reached, 90, 0.1)


class Killed(harness.TestCase):
    def setUp(self):
        # Acknowledgements leave at random within 2 s; peers find each other again where they were.
        self.a, self.b = self.pair(agent__ack_delay=2)
        self.a.settings["node.port"] = str(self.a.status()["node"]["port"])
        self.alice = self.a.identity("Alice")
        self.bob = self.b.identity("Bob")
        self.subjects = []
        self.a.send(self.alice, self.bob, "warm up", "x\n")
        self.b.wait_mail("warm up")
        self.subjects.append("warm up")

    def send(self, subject, to=None):
        self.a.send(self.alice, to or self.bob, subject, "x\n")
        self.subjects.append(subject)

    def send_into(self, victim, delay_sec, subject):
        """The victim dies between the end of DATA and its answer. Who heard no 250 looks whether the mail was
        sent, as a person does, and sends it again if not."""
        strike_now = aim(self.a, victim)
        server = self.a.smtp()
        server.mail(mail_address(self.alice))
        server.rcpt(mail_address(self.bob))
        server.docmd("DATA")
        server.send("From: %s\r\nSubject: %s\r\n\r\nx\r\n.\r\n" % (mail_address(self.alice), subject))
        time.sleep(delay_sec)
        strike_now()
        try:
            is_accepted = server.getreply()[0] == 250
        except (smtplib.SMTPException, OSError):
            is_accepted = False
        server.close()
        wait_ready(self.a)
        n_there = sum(mail["Subject"] == subject for mail in self.a.mails("Sent"))
        self.assertIn(n_there, (1,) if is_accepted else (0, 1), subject)
        if n_there == 0:
            self.a.send(self.alice, self.bob, subject, "x\n")
        self.subjects.append(subject)
        return is_accepted, n_there

    def restart_with(self, side, changes):
        side.stop()
        side.settings.update(changes)
        side.start()

    def check(self):
        """All that was sent is there exactly once."""
        def all_delivered():
            rows = self.a.states()
            return sorted(row["subject"] for row in rows if row["state"] == "delivered") == \
                sorted(self.subjects)
        try:
            wait_for("all delivered", all_delivered, 120, 0.2)
        except AssertionError as error:
            late = [(row["subject"], row["state"]) for row in self.a.states() if row["state"] != "delivered"]
            raise AssertionError("%s; not so: %s; peers %s %s" % (
                error, late, self.a.status()["node"], self.b.status()["node"])) from error
        for side, mailbox, expected in ((self.b, "INBOX", self.subjects), (self.a, "Sent", self.subjects),
                                        (self.a, "Outbox", [])):
            found = sorted(mail["Subject"] for mail in side.mails(mailbox)
                           if mail["Subject"] != "Welcome to Bittern")
            self.assertEqual(found, sorted(expected), "%s of %s" % (mailbox, side.name))
        self.assertTrue(all("$bm-delivered" in mail.keywords for mail in self.a.mails("Sent")))
        for side in (self.a, self.b):
            subprocess.run([os.path.join(harness.BIN, "check_store"),
                            os.path.join(side.home, "gateway", "mail.db")], check=True)


class Table(Killed):
    def test_every_process_in_every_state(self):
        for phase in (self.between_the_end_of_data_and_its_answer, self.held_working_and_awaiting_key,
                      self.queued_and_finished, self.sent_awaiting_its_ack, self.half_received,
                      self.ack_about_to_leave):
            began = time.monotonic()
            phase()
            self.check()
            print("%s: %.1f s" % (phase.__name__, time.monotonic() - began))

    def between_the_end_of_data_and_its_answer(self):
        outcomes = []
        for victim in ("gateway", "decoder (owner)", "supervisor"):
            for delay_ms in (0, 2, 8):
                outcomes.append(self.send_into(victim, delay_ms / 1000, "%s dies after %d ms" % (victim, delay_ms)))
        print("accepted before the kill: %d of %d" % (sum(is_accepted for is_accepted, _ in outcomes), len(outcomes)))
        self.check()

    def held_working_and_awaiting_key(self):
        """The sender's bound and endless work; the recipient is away, and his new key unknown."""
        self.b.stop()
        late = self.b.identity("Late")
        self.send("awaiting", late)
        wait_states(self.a, {"awaiting": "awaiting-key"})
        self.restart_with(self.a, HARD)
        self.send("held")
        self.send("working")
        self.send("withdrawn from held")
        self.send("withdrawn from working")
        subjects = ["held", "working", "withdrawn from held", "withdrawn from working"]
        wait_states(self.a, dict.fromkeys(subjects, "held"))
        for row in self.a.states():
            if row["subject"].endswith("working"):
                self.a.cli("queue", "retry", str(row["id"]), "--force")
        open_states = {"awaiting": "awaiting-key", "held": "held", "working": "working",
                       "withdrawn from held": "held", "withdrawn from working": "working"}
        for victim in VICTIMS:
            strike(self.a, victim)
            wait_ready(self.a)
            wait_states(self.a, open_states)
        self.withdraw("withdrawn from held", "delete")
        self.withdraw("withdrawn from working", "move")
        self.restart_with(self.a, {"network.least_trials_per_byte": "10",
                                   "agent.max_trials_per_byte": "1000000"})
        self.b.start()
        wait_states(self.a, {"held": "delivered"} if state_of(self.a, "held") != "held" else {})
        for row in self.a.states():
            if row["state"] == "held":
                self.a.cli("queue", "retry", str(row["id"]), "--force")

    def withdraw(self, subject, how):
        """By a mail client; it is then as if it had not been sent, but for the copy in Sent."""
        box = self.a.imap("Outbox")
        uid = box.uid("SEARCH", "SUBJECT", '"%s"' % subject)[1][0].decode()
        if how == "move":
            self.assertEqual(box.uid("MOVE", uid, "Trash")[0], "OK")
        else:
            box.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
            self.assertEqual(box.expunge()[0], "OK")
        box.logout()
        self.assertEqual(state_of(self.a, subject), "cancelled")
        box = self.a.imap("Sent")
        uid = box.uid("SEARCH", "SUBJECT", '"%s"' % subject)[1][0].decode()
        box.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
        box.expunge()
        box.logout()
        self.subjects.remove(subject)

    def queued_and_finished(self):
        """The sender's node stands still: no key can be looked up, nothing finished be handed over."""
        people = [self.b.identity("Person %d" % i) for i in range(len(VICTIMS))]
        for victim, person in zip(VICTIMS, people):
            node = stop_process(self.a, "node")
            self.send("queued, " + victim, person)
            self.send("finished, " + victim)
            wait_states(self.a, {"queued, " + victim: "queued", "finished, " + victim: "working"})
            if victim == "restart":
                release(node)
            strike(self.a, victim)
            release(node)
            wait_ready(self.a)

    def sent_awaiting_its_ack(self):
        """The recipient's gateway stands still: his node has the message, nobody acknowledges."""
        gateway = stop_process(self.b, "gateway")
        subjects = ["sent, " + victim for victim in VICTIMS]
        for subject, victim in zip(subjects, VICTIMS):
            self.send(subject)
            wait_states(self.a, {subject: "sent"})
            strike(self.a, victim)
            wait_ready(self.a)
        wait_states(self.a, dict.fromkeys(subjects, "sent"))
        release(gateway)
        self.b.restart()

    def half_received(self):
        """The recipient's decoder stands still with the message in its hands."""
        for victim in VICTIMS:
            decoder = stop_process(self.b, "decoder (network)")
            subject = "half received, " + victim
            self.send(subject)
            wait_states(self.a, {subject: "sent"})
            strike(self.b, victim)
            release(decoder)
            wait_ready(self.b)

    def ack_about_to_leave(self):
        """It has arrived, and its acknowledgement waits for its moment."""
        for victim in VICTIMS:
            subject = "acknowledged, " + victim
            self.send(subject)
            self.b.wait_mail(subject)
            strike(self.b, victim)
            wait_ready(self.b)


class Campaign(Killed):
    def test_kills_at_random(self):
        seed = int(os.environ.get("BITTERN_SEED", "1"))
        print("BITTERN_SEED=%d" % seed)
        chance = random.Random(seed)
        for i in range(ROUNDS):
            side = chance.choice((self.a, self.b))
            victim = chance.choice(VICTIMS)
            subject = "round %d" % i
            if chance.random() < 0.3:
                side = self.a
                self.send_into(victim, chance.random() * 0.02, subject)
            else:
                self.send(subject)
                time.sleep(chance.random() * 0.5)
                strike(side, victim)
            wait_ready(side)
            wait_ready(self.a)
            if i % 20 == 19:
                # Fresh supervisors, whose children come back at once.
                self.a.restart()
                self.b.restart()
                self.check()
        self.check()


if __name__ == "__main__":
    if "--rounds" in sys.argv:
        at = sys.argv.index("--rounds")
        ROUNDS = int(sys.argv[at + 1])
        sys.argv[at:at + 2] = []
        del Table
    else:
        del Campaign
    harness.main()
