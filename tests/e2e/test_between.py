# SPDX-License-Identifier: MIT
"""Between two Bitterns: files, pictures, threads and signatures come out as they went in."""
import base64
import email.message
import email.policy
import random
import time
import unittest

import harness
from harness import mail_address, plain_text, wait_for

SIGNED = ("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
          "\r\nI sign =C3=A4 this. =20\r\n")
SIGNATURE = "-----BEGIN PGP SIGNATURE-----\r\n\r\niQEzBAEB=\r\n-----END PGP SIGNATURE-----\r\n"
ARMOUR = "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA=\r\n-----END PGP MESSAGE-----\r\n"


class Between(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(name="a")
        cls.b = None
        try:
            cls.a.start()
            cls.a.make_account()
            cls.b = harness.Bittern(dict(harness.QUICK, **{
                "network.connect": "127.0.0.1:%d" % cls.a.status()["node"]["port"]}), name="b")
            cls.b.start()
            cls.b.make_account()
            wait_for("a and b to meet", lambda: cls.b.status()["node"]["peers_out"] == 1)
            cls.alice = cls.a.identity("Alice")
            cls.bob = cls.b.identity("Bob")
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for one in (cls.a, cls.b):
            if one is not None:
                one.close()

    def post(self, subject, content, extra=""):
        raw = "From: %s\r\nTo: %s\r\nSubject: %s\r\nUser-Agent: Nosy/1\r\n%sMIME-Version: 1.0\r\n%s" % (
            mail_address(self.alice), mail_address(self.bob), subject, extra, content)
        self.a.send(self.alice, self.bob, raw=raw.encode())
        return self.b.wait_mail(subject)

    def test_files_and_pictures(self):
        noise = random.Random(7).randbytes(60000)
        mail = email.message.EmailMessage(policy=email.policy.SMTP)
        mail["From"], mail["To"] = mail_address(self.alice), mail_address(self.bob)
        mail["Subject"] = "with files"
        mail.set_content("see the picture\n")
        mail.add_alternative("<p>see <img src=cid:secret@my.host.example></p>", subtype="html")
        mail.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<secret@my.host.example>",
                                          disposition="inline", filename="p.png")
        mail.add_attachment(noise, "application", "x-noise", filename="Grüße aus Köln.bin")
        mail.add_attachment("a,b\r\n", "csv", filename="table.csv")
        self.a.send(self.alice, self.bob, raw=mail.as_bytes())
        got = self.b.wait_mail("with files")
        files = {part.get_filename(): part.get_payload(decode=True) for part in got.walk()
                 if part.get_filename()}
        self.assertEqual(files, {"p.png": b"\x89PNG", "Grüße aus Köln.bin": noise,
                                 "table.csv": b"a,b\r\n"})
        self.assertEqual(plain_text(got), "see the picture\n")
        self.assertIn(b"multipart/related", got.raw)
        self.assertNotIn(b"my.host.example", got.raw)

    def test_hostile_texts_arrive_as_text_and_fast(self):
        for subject, text in (
                ("one long line", "x" * 200000),
                ("many links", "".join("http://example.org/%d <b>\n" % i for i in range(6000))),
                ("many brackets", "<" * 100000 + "[" * 100000),
                ("program", "MZ\x90\x01\x02 \x1b[2J \u202egpj.exe\n")):
            began = time.monotonic()
            got = self.post(subject, "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(
                                text.encode()).decode().replace("\n", "\r\n"))
            self.assertLess(time.monotonic() - began, 20)
            self.assertEqual(got.get_content_type(), "text/plain")
            self.assertLess(max(len(line) for line in got.raw.split(b"\r\n")), 998)
            self.assertNotRegex(plain_text(got), "[\x00-\x08\x0b-\x1f]")

    def test_a_signed_mail_keeps_its_signature(self):
        got = self.post("signed", (
            "Content-Type: multipart/signed; micalg=pgp-sha512; protocol=\"application/pgp-signature\";\r\n"
            " boundary=\"------------Nosy7\"\r\n\r\nThis is an OpenPGP/MIME signed message\r\n"
            "--------------Nosy7\r\n%s\r\n--------------Nosy7\r\nContent-Type: application/pgp-signature;"
            " name=\"OpenPGP_signature.asc\"\r\nContent-Description: by Nosy\r\n\r\n%s\r\n"
            "--------------Nosy7--\r\n") % (SIGNED, SIGNATURE))
        self.assertEqual(got.get_content_type(), "multipart/signed")
        self.assertEqual(got.get_param("micalg"), "pgp-sha512")
        boundary = ("\r\n--%s" % got.get_boundary()).encode()
        parts = got.raw.split(boundary)
        self.assertEqual(parts[1], b"\r\n" + SIGNED.encode())
        self.assertIn(SIGNATURE.encode(), parts[2])
        self.assertNotIn(b"Nosy", got.raw)

    def test_an_encrypted_mail_stays_one(self):
        got = self.post("encrypted", (
            "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=N\r\n\r\n"
            "--N\r\nContent-Type: application/pgp-encrypted\r\nContent-Description: Nosy\r\n\r\nVersion: 1\r\n\r\n"
            "--N\r\nContent-Type: application/octet-stream; name=\"Nosy.asc\"\r\n\r\n%s\r\n--N--\r\n") % ARMOUR)
        self.assertEqual(got.get_content_type(), "multipart/encrypted")
        self.assertEqual(got.get_param("protocol"), "application/pgp-encrypted")
        self.assertEqual(got.get_payload()[1].get_payload().replace("\r\n", "\n").strip(),
                         ARMOUR.replace("\r\n", "\n").strip())
        self.assertNotIn(b"Nosy", got.raw)

    def test_a_thread_holds_over_three_mails(self):
        first = self.post("thread", "Content-Type: text/plain\r\n\r\n1\r\n", "Message-ID: <one@client>\r\n")
        self.b.send(self.bob, self.alice, "Re: thread", "2\n", headers=[
            ("In-Reply-To", str(first["Message-ID"])), ("References", str(first["Message-ID"]))])
        second = self.a.wait_mail("Re: thread")
        self.assertEqual(str(second["In-Reply-To"]), "<one@client>")
        third = self.post("Re: thread", "Content-Type: text/plain\r\n\r\n3\r\n",
                          "In-Reply-To: %s\r\nReferences: <one@client>\r\n %s\r\n" % (
                              second["Message-ID"], second["Message-ID"]))
        self.assertIn(str(first["Message-ID"]), str(third["References"]))

    def test_an_answer_without_references_finds_its_mail(self):
        """As PyBitmessage answers: by the subject alone."""
        self.post("Plans", "Content-Type: text/plain\r\n\r\n1\r\n", "Message-ID: <plans@client>\r\n")
        self.b.send(self.bob, self.alice, "Re: Plans", "2\n")
        self.assertEqual(str(self.a.wait_mail("Re: Plans")["In-Reply-To"]), "<plans@client>")
        self.b.send(self.bob, self.alice, "Re: Nothing of the kind", "2\n")
        self.assertIsNone(self.a.wait_mail("Re: Nothing of the kind")["In-Reply-To"])


if __name__ == "__main__":
    harness.main()
