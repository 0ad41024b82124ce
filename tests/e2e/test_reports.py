# SPDX-License-Identifier: MIT
"""What a person learns of his mails: reports as he asked for them, the worst state of several recipients, his
own copy merged, a second mail with the same text kept apart."""
import email
import email.policy
import email.utils
import time

import harness
from harness import mail_address, wait_for


class Reports(harness.TestCase):
    def setUp(self):
        self.a, self.b = self.pair()
        self.alice = self.a.identity("Alice")
        self.bob = self.b.identity("Bob")

    def submit(self, recipients, subject, mail_options=(), rcpt_options=(), message_id=None):
        mail = email.message.EmailMessage(policy=email.policy.SMTP)
        mail["From"] = mail_address(self.alice)
        mail["To"] = ", ".join(mail_address(one) for one in recipients)
        mail["Subject"] = subject
        mail["Date"] = email.utils.formatdate()
        if message_id is not None:
            mail["Message-ID"] = message_id
        mail.set_content("The text.\n")
        with self.a.smtp() as server:
            server.sendmail(mail_address(self.alice), [mail_address(one) for one in recipients],
                            mail.as_bytes(), mail_options, rcpt_options)
        return mail.as_bytes()

    def report_of(self, subject):
        mail = self.a.wait_mail(subject, timeout=90)
        self.assertEqual(mail.get_content_type(), "multipart/report")
        parts = list(mail.iter_parts())
        status = parts[1].get_payload()
        return mail, parts[0].get_content(), {
            name.lower(): value for block in status for name, value in block.items()}, parts[2]

    def test_reports_states_copies_and_repeats(self):
        self.the_arrival_is_reported_with_all_that_was_asked_for()
        self.a_chan_is_relayed()
        self.nobody_who_did_not_ask_hears_of_an_arrival()
        self.the_clients_copy_becomes_one_with_ours_and_a_repeat_is_a_new_mail()
        self.the_least_advanced_of_several_recipients_is_shown()

    def the_arrival_is_reported_with_all_that_was_asked_for(self):
        self.submit([self.bob], "asked", ["RET=FULL", "ENVID=env+2B1"],
                    ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;bob@example.org"])
        mail, text, status, original = self.report_of("Delivered: asked")
        self.assertEqual(status["action"], "delivered")
        self.assertEqual(status["status"], "2.0.0")
        self.assertEqual(status["original-envelope-id"], "env+1")
        self.assertEqual(status["original-recipient"], "rfc822;bob@example.org")
        self.assertEqual(status["final-recipient"], "rfc822; " + mail_address(self.bob))
        self.assertIn("not tell that anybody has read it", text)
        self.assertEqual(original.get_content_type(), "text/rfc822-headers")
        self.assertEqual(mail["Auto-Submitted"], "auto-replied")

    def a_chan_is_relayed(self):
        chan = self.a.cli("chan", "create", "a room of the tests").split()[0]
        self.submit([chan], "to all", [], ["NOTIFY=SUCCESS"])
        _, _, status, _ = self.report_of("Sent: to all")
        self.assertEqual(status["action"], "relayed")

    def nobody_who_did_not_ask_hears_of_an_arrival(self):
        self.submit([self.bob], "unasked")
        wait_for("delivered", lambda: any(row["subject"] == "unasked" and row["state"] == "delivered"
                                          for row in self.a.states()))
        time.sleep(1)
        self.assertIsNone(self.a.find_mail("Delivered: unasked"))

    def the_clients_copy_becomes_one_with_ours_and_a_repeat_is_a_new_mail(self):
        raw = self.submit([self.bob], "twice", message_id="<one@client>")
        box = self.a.imap()
        self.assertEqual(box.append("Sent", "(\\Seen)", None, raw)[0], "OK")
        box.logout()
        self.assertEqual(len([m for m in self.a.mails("Sent") if m["Subject"] == "twice"]), 1)
        self.submit([self.bob], "twice", message_id="<one@client>")
        wait_for("both to arrive", lambda: len([m for m in self.b.mails() if m["Subject"] == "twice"]) == 2)
        self.assertEqual(len([m for m in self.a.mails("Sent") if m["Subject"] == "twice"]), 2)

    def the_least_advanced_of_several_recipients_is_shown(self):
        self.b.stop()
        nobody = self.b.identity("Nobody yet")  # its key is in no network
        own = self.a.identity("Second")
        self.submit([own, nobody], "several")

        def states():
            return sorted(row["state"] for row in self.a.states() if row["subject"] == "several")
        wait_for("both states", lambda: states() == ["awaiting-key", "delivered"])
        self.assertIn("$bm-awaiting-key", self.a.find_mail("several", "Sent").keywords)
        self.assertEqual([m["Subject"] for m in self.a.mails("Outbox")], ["several"])
        self.b.start()
        wait_for("both delivered", lambda: states() == ["delivered", "delivered"], 90)
        self.assertIn("$bm-delivered", self.a.find_mail("several", "Sent").keywords)
        self.assertEqual(self.a.mails("Outbox"), [])


if __name__ == "__main__":
    harness.main()
