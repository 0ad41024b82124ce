# SPDX-License-Identifier: MIT
"""A mail leaves a mail program, crosses the network, and the answer comes back."""
import harness
from harness import plain_text, wait_for


class Spine(harness.TestCase):
    def test_mail_and_answer_at_the_networks_least_difficulty(self):
        a, b = self.pair(base=harness.REAL_DIFFICULTY)
        alice = a.identity("Alice")
        bob = b.identity("Bob")

        a.send(alice, bob, "Greetings", "Does this arrive?\n")
        mail = b.wait_mail("Greetings", timeout=240)
        self.assertEqual(plain_text(mail), "Does this arrive?\n")
        self.assertIn(alice + "@bm.alt", mail["From"])
        self.assertIn(bob + "@bm.alt", mail["To"])

        b.send(bob, alice, "Re: Greetings", "It does.\n")
        answer = a.wait_mail("Re: Greetings", timeout=240)
        self.assertEqual(plain_text(answer), "It does.\n")

        a.wait_state("delivered", timeout=120)
        b.wait_state("delivered", timeout=120)
        sent = a.find_mail("Greetings", "Sent")
        self.assertIn("$bm-delivered", sent.keywords)
        wait_for("an empty Outbox", lambda: a.mails("Outbox") == [])

    def test_a_recipient_whose_key_is_not_in_the_network_yet(self):
        a = self.bittern("a")
        alice = a.identity("Alice")
        b = self.bittern("b")
        bob = b.identity("Bob")
        b.stop()

        a.send(alice, bob, "Waiting", "for your key\n")
        a.wait_state("awaiting-key")
        b.settings["network.connect"] = "127.0.0.1:%d" % a.status()["node"]["port"]
        b.start()

        b.wait_mail("Waiting", timeout=120)
        a.wait_state("delivered", timeout=120)


if __name__ == "__main__":
    harness.main()
