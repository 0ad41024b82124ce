# SPDX-License-Identifier: MIT
"""The web page's server side: logging in, the table of calls over HTTP, and who may not ask."""
import base64
import json
import re
import socket
import threading
import time

import harness
import netns
from harness import mail_address, wait_for
from web import Script, Web

KEPT_OUT = ("account.new", "account.passwd", "account.delete", "export.keys", "export.mail", "recovery_key.new",
            "restore.prepare", "import.key", "setup.first_password", "identity.move")
# Ways by which text becomes markup, script or style.
MARKUP = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function| style="
FAR = "10.77.0.9"
OTHER = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"


class LoggedIn(harness.TestCase):
    """Two accounts in one home; each case has a browser of its own."""

    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(name="a")
        cls.a.start()
        cls.a.make_account()
        cls.bob_password = cls.a.cli("account", "new", "bob")
        cls.bob = cls.a.cli("identity", "new", "Bob of bob", "--account", "bob")

    @classmethod
    def tearDownClass(cls):
        cls.a.close()

    def me(self):
        web = Web(self.a)
        self.assertEqual(web.log_in("me", self.a.password).status, 200)
        return web

    # ---- sessions

    def test_a_session_is_a_cookie_and_a_token(self):
        web = Web(self.a)
        answer = web.log_in("me", self.a.password)
        self.assertEqual(answer.result["account"], "me")
        attributes = [part.strip() for part in answer.headers["Set-Cookie"].split(";")]
        self.assertRegex(attributes[0], "^bittern-%d=[0-9a-f]{32}$" % web.port)
        self.assertEqual(sorted(attributes[1:]), ["HttpOnly", "Path=/api", "SameSite=Strict"])
        self.assertRegex(web.token, "^[0-9a-f]{32}$")
        self.assertEqual(web.call("status").status, 200)
        self.assertEqual(web.call("status", {"Cookie": "other=1; " + web.cookie + "; more=2"}).status, 200)
        for more in ({"Cookie": None}, {"Bittern_Token": None}, {"Cookie": "bittern-1=" + web.cookie.split("=")[1]},
                     {"Bittern_Token": web.token[:-1]}, {"Bittern_Token": "0" * 32},
                     {"Cookie": web.cookie[:-1] + ("0" if web.cookie[-1] != "0" else "1")}):
            answer = web.call("status", more)
            self.assertEqual((answer.status, answer.code), (401, "denied"), more)
            self.assertNotIn("Basic", answer.headers["WWW-Authenticate"])

    def test_one_logs_in_under_an_address_too(self):
        address = self.a.json("identity", "list")[0]["address"]
        web = Web(self.a)
        self.assertEqual(web.log_in(address, self.a.password).result["account"], "me")

    def test_logging_out_ends_it(self):
        web = self.me()
        other = self.me()
        answer = web.post("/api/logout")
        self.assertEqual(answer.status, 200)
        self.assertIn("Max-Age=0", answer.headers["Set-Cookie"])
        self.assertEqual(web.call("status").status, 401)
        self.assertEqual(other.call("status").status, 200)

    def test_sessions_are_bounded(self):
        webs = [self.me() for _ in range(9)]
        self.assertEqual(webs[0].call("status").status, 401)
        for web in webs[1:]:
            self.assertEqual(web.call("status").status, 200)

    def test_scripts_send_name_and_password(self):
        script = Script(self.a, "me", self.a.password)
        self.assertEqual([row["name"] for row in script.call("account.list").result], ["me"])
        # A browser that was told them would send them for any site.
        browser = script.call("account.list", {"Origin": "http://127.0.0.1:%d" % script.port})
        self.assertEqual(browser.status, 401)
        for word in ("Bearer abc", "Basic !!!", "Basic", "Basic "):
            answer = script.call("status", {"Authorization": word})
            self.assertEqual(answer.status, 401, word)

    # ---- calls

    def test_what_the_socket_answers_is_answered(self):
        web = self.me()
        self.assertEqual(web.call("status").result["version"], self.a.status()["version"])
        self.assertEqual(web.post("/api/status", "").status, 200)
        for body in ("[]", "{", "1", '{"a": 1, "a": 2}', "\0"):
            answer = web.post("/api/identity.list", body)
            self.assertEqual((answer.status, answer.code), (400, "invalid"), body)
        for kind in ("text/plain", "application/x-www-form-urlencoded", None, "multipart/form-data; boundary=x"):
            self.assertEqual(web.post("/api/status", "{}", Content_Type=kind).status, 415)
        self.assertEqual(web.post("/api/status", "{}", Content_Type="application/json; charset=utf-8").status, 200)
        for name in ("no.such", "", "login/", "status/"):
            answer = web.post("/api/" + name)
            self.assertEqual((answer.status, answer.code), (404, "unsupported"), name)
        answer = web.call("identity.show", address="nobody")
        self.assertEqual((answer.status, answer.code), (404, "not found"))

    def test_identities(self):
        web = self.me()
        made = web.call("identity.new", label="Web <img src=x onerror=alert(1)>").result["address"]
        row = next(r for r in web.call("identity.list").result if r["address"] == made)
        self.assertEqual(row["label"], "Web <img src=x onerror=alert(1)>")
        self.assertEqual(web.call("identity.rename", address=made, label="Web").status, 200)
        self.assertEqual(web.call("identity.set", address=made, ttl=7200, acks=False, list="L").result["ttl"], 7200)
        code = web.call("identity.qr", address=made).result
        self.assertEqual(code["link"], "bitmessage:%s?label=Web" % made)
        self.assertTrue(all(len(line) == len(code["rows"]) and set(line) <= {"0", "1"} for line in code["rows"]))
        self.assertEqual(code["rows"][0][:8], "11111110")
        web.call("identity.enable", address=made, enabled=False)
        self.assertFalse(self.a.json("identity", "show", made)["enabled"])
        same = [web.call("identity.new", label="same", passphrase="web words").result["address"],
                self.a.cli("identity", "new", "again", "--account", "me", "--passphrase", stdin="web words\n",
                           check=False).stderr]
        self.assertIn("here already", same[1])
        for address in (made, same[0]):
            self.assertEqual(web.call("identity.delete", address=address).status, 200)
            self.assertEqual(web.call("identity.show", address=address).status, 404)

    def test_chans(self):
        web = self.me()
        chan = web.call("chan.join", name="web chan").result["address"]
        wrong = web.call("chan.join", name="another name", address=chan)
        self.assertEqual((wrong.status, wrong.code), (400, "invalid"))
        self.assertIn(chan, [r["address"] for r in web.call("chan.list").result])
        self.assertEqual(web.call("identity.rename", address=chan, label="Renamed").status, 200)
        self.assertEqual(web.call("chan.leave", address=chan).status, 200)
        self.assertNotIn(chan, [r["address"] for r in web.call("chan.list").result])

    def test_subscriptions_contacts_and_senders(self):
        web = self.me()
        for kind in ("subscription", "contact"):
            self.assertEqual(web.call(kind + ".add", address=OTHER, label="Otto").status, 200)
            again = web.call(kind + ".list").result
            self.assertEqual([(r["label"], r["account"]) for r in again if r["address"] == OTHER], [("Otto", "me")])
        web.call("subscription.mute", address=OTHER)
        self.assertTrue(next(r for r in web.call("subscription.list").result if r["address"] == OTHER)["muted"])
        exported = web.call("contact.export", form="csv").result["data"]
        self.assertIn(OTHER, exported)
        for kind in ("subscription", "contact"):
            self.assertEqual(web.call(kind + ".remove", address=OTHER).status, 200)
            self.assertEqual(web.call(kind + ".list").result, [])
        self.assertEqual(web.call("contact.import", data=exported).result, {"read": 1, "new": 1})
        web.call("sender.set", address=OTHER, rule="block")
        self.assertEqual([r["rule"] for r in web.call("sender.list").result], ["block"])
        web.call("sender.set", address=OTHER, rule="none")
        self.assertEqual(web.call("sender.list").result, [])
        web.call("sender.mode", mode="allowed")
        self.assertEqual(web.call("account.list").result[0]["senders"], "allowed")
        web.call("sender.mode", mode="all")
        web.call("contact.remove", address=OTHER)

    def test_the_queue(self):
        web = self.me()
        mine = web.call("identity.list").result[0]["address"]
        self.a.send(mine, OTHER, "Cancelled here")
        row = wait_for("it to be queued", lambda: next(
            (r for r in web.call("queue.list", current=True).result if r["subject"] == "Cancelled here"), None))
        self.assertEqual(web.call("queue.show", id=row["id"]).result["to"], OTHER)
        self.assertEqual(web.call("queue.retry", id=row["id"]).status, 400)
        self.assertEqual(web.call("queue.cancel", id=row["id"]).result["state"], "cancelled")
        self.assertEqual(web.call("queue.cancel", id=999999).status, 404)

    def test_a_mail_is_submitted(self):
        script = Script(self.a, "me", self.a.password)
        mine = next(r["address"] for r in script.call("identity.list").result if r["kind"] == "identity")
        mail = "From: %s\nTo: %s\nSubject: By HTTP\n\nhello\n" % (mail_address(mine), mail_address(mine))
        answer = script.call("mail.submit", data=base64.b64encode(mail.encode()).decode(), recipients=[mine])
        self.assertEqual(answer.status, 200, answer.body)
        self.a.wait_mail("By HTTP")

    def test_setting_a_program_up(self):
        info = self.me().call("setup.info").result
        self.assertEqual((info["account"], info["imap_port"]), ("me", self.a.status()["imap"]["port"]))
        self.assertEqual(info["page"], "http://127.0.0.1:%d/" % self.a.status()["http"]["port"])

    # ---- within one's account

    def test_another_account_is_out_of_reach(self):
        web = Web(self.a)
        web.log_in("bob", self.bob_password)
        mine = self.a.json("identity", "list")[0]["address"]
        self.a.send(mine, OTHER, "Not for bob")
        queued = wait_for("queued", lambda: next(
            (r["id"] for r in self.a.states() if r["subject"] == "Not for bob"), 0))
        self.assertEqual([r["address"] for r in web.call("identity.list").result], [self.bob])
        self.assertEqual(web.call("queue.list").result, [])
        self.assertEqual([r["name"] for r in web.call("account.list").result], ["bob"])
        info = web.call("setup.info").result
        self.assertEqual((info["account"], info["address"]), ("bob", mail_address(self.bob)))
        for name, params, status in (
                ("identity.show", {"address": mine}, 404), ("identity.qr", {"address": mine}, 404),
                ("identity.delete", {"address": mine}, 404), ("identity.rename", {"address": mine, "label": "x"}, 404),
                ("chan.leave", {"address": mine}, 404), ("queue.show", {"id": queued}, 404),
                ("queue.cancel", {"id": queued}, 404), ("queue.retry", {"id": queued, "force": True}, 404),
                ("contact.add", {"address": OTHER, "account": "me"}, 403),
                ("identity.new", {"label": "x", "account": "me"}, 403),
                ("sender.mode", {"mode": "allowed", "account": "me"}, 403),
                ("mail.submit", {"data": "eA==", "account": "me"}, 403)):
            self.assertEqual(web.call(name, **params).status, status, name)
        stolen = web.call("mail.submit", data=base64.b64encode(b"Subject: x\n\nx\n").decode(), sender=mine,
                          recipients=[self.bob])
        self.assertGreaterEqual(stolen.status, 400)
        self.assertEqual(self.a.json("queue", "show", str(queued))["state"] in ("queued", "awaiting-key", "working"),
                         True)

    def test_what_is_for_the_command_line(self):
        web = self.me()
        for name in KEPT_OUT:
            answer = web.call(name, name="me", address=self.bob, account="me")
            self.assertEqual((answer.status, answer.code), (403, "denied"), name)
        # Of the whole home, in which there is another account.
        for name in ("backup.make", "recovery_key.show"):
            self.assertEqual(web.call(name).status, 403, name)

    # ---- who may not ask

    def test_other_sites_are_kept_out(self):
        web = self.me()
        port = web.port
        for path in ("/api/identity.new", "/api/login", "/api/logout", "/api/status"):
            for origin in ("https://example.org", "null", "http://127.0.0.1", "http://127.0.0.1:%d" % (port - 1),
                           "http://localhost:%d" % port, "file://", ""):
                self.assertEqual(web.post(path, {"label": "x"}, Origin=origin).status, 403, (path, origin))
            for host in ("example.org", "127.0.0.1.example.org:%d" % port, "localhost.:1"):
                self.assertEqual(web.post(path, {"label": "x"}, Host=host, Origin="http://" + host).status, 421, host)
            for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
                answer = web.ask(method, path, headers={"Cookie": web.cookie, "Bittern-Token": web.token})
                self.assertEqual(answer.status, 405, (method, path))
                self.assertFalse([h for h in answer.headers if h.lower().startswith("access-control")])
        # A form of another site sends the cookie at most, in a browser that knows no SameSite.
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = web.post("/api/identity.new", '{"label": "x"}', Content_Type=kind, Bittern_Token=None, Origin=None)
            self.assertEqual(answer.status, 415)
        self.assertEqual(web.call("identity.new", {"Bittern_Token": None, "Origin": None}, label="x").status, 401)
        self.assertNotIn("x", [r["label"] for r in web.call("identity.list").result])

    def test_nothing_of_a_login_is_in_the_log(self):
        web = self.me()
        Web(self.a).log_in("me", "a guess of mine")
        web.call("status")
        text = self.a.log_text()
        for secret in (web.cookie.split("=")[1], web.token, self.a.password, "a guess of mine"):
            self.assertNotIn(secret, text)

    # ---- bounds

    def test_bodies_are_bounded(self):
        web = self.me()
        small = 64 * 1024
        large = 16 * 1024 * 1024

        def body(size):
            return '{"x":"%s"}' % ("a" * (size - 8))

        stranger = Web(self.a)
        self.assertEqual(stranger.post("/api/status", body(small)).status, 401)
        self.assertEqual(stranger.post("/api/login", body(small)).status, 400)
        self.assertEqual(web.post("/api/status", body(large)).status, 200)

        def refused(asker, path, size):
            """Told before the body is sent."""
            connection = asker.connection()
            connection.putrequest("POST", path)
            for name, value in (("Content-Type", "application/json"), ("Cookie", asker.cookie),
                                ("Bittern-Token", asker.token), ("Content-Length", str(size))):
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders()
            status = connection.getresponse().status
            connection.close()
            return status

        self.assertEqual(refused(stranger, "/api/status", small + 1), 413)
        self.assertEqual(refused(web, "/api/login", small + 1), 413)
        self.assertEqual(refused(web, "/api/status", large + 1), 413)

    def test_silent_connections_lock_nobody_out(self):
        web = self.me()
        held = []
        try:
            for _ in range(80):
                one = socket.create_connection(("127.0.0.1", web.port), timeout=10)
                one.sendall(b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                held.append(one)
                self.assertEqual(web.call("status").status, 200)
            self.assertEqual(Web(self.a).log_in("me", self.a.password).status, 200)
        finally:
            for one in held:
                one.close()

    def test_who_leaves_before_the_answer_harms_nothing(self):
        web = self.me()
        before = len(web.call("identity.list").result)
        for i in range(10):
            connection = web.connection()
            connection.request("POST", "/api/identity.new", json.dumps({"label": "left %d" % i}), {
                "Content-Type": "application/json", "Cookie": web.cookie, "Bittern-Token": web.token})
            connection.close()
        wait_for("the identities", lambda: len(web.call("identity.list").result) == before + 10)
        for row in web.call("identity.list").result:
            if row["label"].startswith("left "):
                web.call("identity.delete", address=row["address"])


class Page(harness.TestCase):
    def test_the_page_is_a_few_files_and_asks_nothing_of_others(self):
        one = self.bittern()
        web = Web(one)
        front = web.ask("GET", "/")
        self.assertEqual((front.status, front.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        policy = front.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'",
                     "base-uri 'none'", "require-trusted-types-for 'script'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(front.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(front.headers["Cross-Origin-Resource-Policy"], "same-origin")
        wanted, seen = {"/"}, {}
        while wanted - set(seen):
            path = (wanted - set(seen)).pop()
            answer = web.ask("GET", path)
            self.assertEqual(answer.status, 200, path)
            text = seen[path] = answer.body.decode("ascii")
            wanted.update(re.findall(r'(?:src|href)="(/[^"]*)"', text))
            wanted.update("/page/" + name for name in re.findall(r'from "\./([^"]+)"', text))
            self.assertFalse(re.findall(r'(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]', text), path)
            self.assertFalse(re.findall(MARKUP, text), path)
        self.assertGreater(len(seen), 10)
        self.assertEqual(web.ask("HEAD", "/").body, b"")
        for path in ("/page/", "/page/no.js", "/page/../bittern.conf", "/index.html", "/bittern.conf"):
            self.assertEqual(web.ask("GET", path).status, 404, path)
        self.assertEqual(web.post("/").status, 405)
        self.assertEqual(web.ask("GET", "/", headers={"Host": "rebound.example"}).status, 421)
        self.assertEqual(web.ask("GET", "/metrics").status, 404)  # off until it is wanted

    def test_the_page_can_be_off_alone(self):
        one = self.bittern(http__page="no", http__metrics="yes")
        web = Web(one)
        self.assertEqual(web.ask("GET", "/").status, 404)
        self.assertEqual(web.ask("GET", "/page/app.js").status, 404)
        self.assertEqual(web.log_in("me", one.password).status, 404)
        self.assertEqual(Script(one, "me", one.password).call("status").status, 404)
        self.assertEqual(web.ask("GET", "/metrics").status, 200)
        self.assertEqual(one.json("setup", "mutt")["page"], "")

    def test_the_first_start_tells_its_address(self):
        one = self.bittern()
        self.assertIn("web page  http://127.0.0.1:%d/" % one.status()["http"]["port"], wait_for(
            "the first words", lambda: "web page" in one.output() and one.output()))

    def test_passwords_are_taken_over_loopback_alone(self):
        why_not = netns.can_make()
        if why_not:
            self.skipTest(why_not)
        space = netns.Space("web")
        self.addCleanup(space.close)
        space.ip("addr", "add", FAR + "/32", "dev", "lo")
        with space.inside():
            one = self.bittern(http__listen="0.0.0.0", http__metrics="yes")
            far = Web(one, host=FAR)
            self.assertEqual(far.ask("GET", "/").status, 403)
            self.assertEqual(far.log_in("me", one.password).status, 403)
            self.assertEqual(Script(one, "me", one.password, host=FAR).call("status").status, 403)
            self.assertEqual(far.ask("GET", "/metrics").status, 200)
            self.assertEqual(Web(one).log_in("me", one.password).status, 200)

    def test_a_home_with_one_account_is_its_own(self):
        one = self.bittern()
        web = Web(one)
        web.log_in("me", one.password)
        self.assertIn("exists", web.call("recovery_key.show").result)
        for name in KEPT_OUT:
            self.assertEqual(web.call(name, name="me").status, 403, name)
        one.cli("recovery-key", "--new")
        made = web.call("backup.make").result
        self.assertGreater(made["bytes"], 0)
        one.cli("account", "new", "second")
        self.assertEqual(web.call("backup.make").status, 403)

    def test_a_session_ends_with_its_password_and_with_its_account(self):
        one = self.bittern()
        web = Web(one)
        web.log_in("me", one.password)
        self.assertEqual(web.call("status").status, 200)
        one.make_account()  # there already: a new password
        answer = web.call("status")
        self.assertEqual(answer.status, 401)
        self.assertEqual(web.log_in("me", one.password).status, 200)
        other = Web(one)
        other.log_in("gone", one.cli("account", "new", "gone"))
        self.assertEqual(other.call("status").status, 200)
        one.cli("account", "delete", "gone", "--yes")
        one.cli("account", "new", "gone")
        self.assertEqual(other.call("status").status, 401)

    def test_sessions_end_with_a_restart(self):
        one = self.bittern()
        web = Web(one)
        web.log_in("me", one.password)
        one.restart()
        web.port = one.status()["http"]["port"]
        self.assertEqual(web.call("status").status, 401)
        self.assertEqual(web.log_in("me", one.password).status, 200)
        self.assertEqual(web.call("status").status, 200)

    def test_guessing_is_slow_over_all_connections(self):
        one = self.bittern()
        web = Web(one)
        web.log_in("me", one.password)
        for _ in range(4):
            self.assertEqual(Web(one).log_in("me", "wrong").status, 401)
        began = time.monotonic()
        counts = {}
        lock = threading.Lock()

        def guess(script):
            asker = Script(one, "me", "wrong") if script else Web(one)
            while time.monotonic() < began + 6:
                status = asker.call("status").status if script else asker.log_in("me", "wrong").status
                with lock:
                    counts[status] = counts.get(status, 0) + 1

        threads = [threading.Thread(target=guess, args=(i % 2 == 0,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One each 125, 250, 500, then 1000 ms, of those that don't end before.
        self.assertLessEqual(counts.get(401, 0), 4 + 6 + 4)
        self.assertEqual(set(counts) - {401, 429}, set())

    def test_who_guesses_keeps_nobody_out(self):
        one = self.bittern()
        one.cli("account", "new", "other", "--stdin", stdin="another password\n")
        web = Web(one)
        web.log_in("me", one.password)
        stop = threading.Event()

        def guess():
            while not stop.is_set():
                Web(one).log_in("me", "wrong")

        threads = [threading.Thread(target=guess) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        try:
            began = time.monotonic()
            self.assertEqual(web.call("status").status, 200)  # who is in
            self.assertEqual(Web(one).log_in("me", one.password).status, 200)  # known from before
            self.assertEqual(Web(one).log_in("other", "another password").status, 200)  # a first time
            self.assertLess(time.monotonic() - began, 10)
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def test_passwords_at_a_time_are_bounded(self):
        one = self.bittern()
        for _ in range(6):
            Web(one).log_in("me", "wrong")
        statuses = []

        def guess():
            statuses.append(Web(one).log_in("me", "wrong").status)

        threads = [threading.Thread(target=guess) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(statuses.count(429), 40 - 16 - 8)  # 16 wait; about one a second gets its turn
        self.assertGreaterEqual(statuses.count(401), 1)
        self.assertEqual(set(statuses), {401, 429})

    def test_nobody_logs_in_with_nothing(self):
        one = self.bittern()
        for i, (account, password) in enumerate((("", one.password), ("me", ""), ("", ""))):
            if i == 2:
                time.sleep(1)
            self.assertEqual(Web(one).log_in(account, password).status, 401)
        for params in ({}, {"account": "me"}, {"account": "me", "password": None}, {"account": ["me"], "password": 1}):
            self.assertEqual(Web(one).post("/api/login", params).status, 400)

    def test_a_large_address_book_goes_in_and_out(self):
        one = self.bittern()
        web = Web(one)
        web.log_in("me", one.password)
        rows = ["%s,Person %d" % (OTHER, i) for i in range(50000)]
        answer = web.call("contact.import", data="address,label\n" + "\n".join(rows))
        self.assertEqual(answer.result["read"], 50000)


if __name__ == "__main__":
    harness.main()
