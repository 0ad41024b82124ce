# SPDX-License-Identifier: MIT
"""Three nodes in a row: a message crosses the one in the middle, which has no key."""
import http.client

import bmwire
import harness
from harness import wait_for


class Relay(harness.TestCase):
    def test_a_message_crosses_a_node_without_keys(self):
        middle = self.bittern("middle", start=False)
        middle.command = "node"
        middle.start()
        a = self.bittern("a", peers=[middle])
        b = self.bittern("b", peers=[middle])
        alice = a.identity("Alice")
        bob = b.identity("Bob")
        wait_for("two connections", lambda: middle.status()["node"]["peers_in"] == 2)

        a.send(alice, bob, "through the middle", "x\n")
        b.wait_mail("through the middle")
        a.wait_state("delivered")
        self.assertEqual(a.status()["node"]["peers_in"], 0)
        self.assertEqual(b.status()["node"]["peers_in"], 0)

    def test_what_a_gateway_publishes_starts_on_the_stem(self):
        """One peer of Dandelion hears of it, by dinv; nobody else does until it comes back."""
        with bmwire.Listener(services=bmwire.NODE_NETWORK | bmwire.NODE_DANDELION) as listener:
            one = self.bittern("a", network__dandelion="100", network__connect="127.0.0.1:%d" % listener.port)
            with listener.accept() as child, bmwire.Peer.dial(one.status()["node"]["port"]) as watcher:
                child.handshake()
                watcher.handshake()
                one.identity("Alice")  # whose pubkey is told
                child.wait(lambda: child.stems, "the stem")
                name = next(iter(child.stems))
                self.assertEqual(list(child.fetch([name])), [child.objects[name]])
                watcher.ask_for([name])
                self.assertTrue(watcher.is_alive())
                self.assertNotIn(name, watcher.announced | watcher.stems | child.announced | set(watcher.objects))
                child.announce([name])
                watcher.wait(lambda: name in watcher.announced, "the fluff")

    def test_prometheus_reads_a_relay_and_a_whole_bittern(self):
        relay = self.bittern("relay", start=False, http__metrics="yes")
        relay.command = "node"
        relay.start()
        whole = self.bittern("whole", peers=[relay], http__metrics="yes", http__hosts="mail.example")
        wait_for("the connection", lambda: relay.status()["node"]["peers_in"] == 1)
        wait_for("the figures", lambda: whole.status()["node"]["peers_out"] == 1)
        for one, colour in ((relay, "green"), (whole, "yellow")):
            status = one.status()
            self.assertEqual(one.json("status").keys(), status.keys())
            self.assertEqual(status["colour"], colour)
            self.assertEqual(status["node"]["colour"], colour)
            for name in ("peers_by_ipv4", "peers_over_tls", "wanted", "sync_percent", "objects_in_msg",
                         "object_bytes_out_pubkey", "verify_us", "bans", "misdeeds_flood", "stem_objects",
                         "rate_in", "bytes_of_kind_msg"):
                self.assertIsInstance(status["node"][name], int, name)
        relay_port = int(next(line.rsplit("=", 1)[1] for line in relay.log_text().splitlines()
                              if "metrics are served" in line))
        self.assertEqual(fetch(relay_port, "/"), 404)  # the page is for mail accounts
        for one, port, direction in ((relay, relay_port, "in"), (whole, whole.status()["http"]["port"], "out")):
            text = fetch(port, "/metrics")
            self.assertIn('\nbittern_node_peers{direction="%s"} 1\n' % direction, text)
            lines = [line for line in text.splitlines() if not line.startswith("#")]
            for line in lines:
                self.assertRegex(line, r'^bittern_[a-z_]+(\{[a-z]+="[a-z0-9_-]+"\})? [0-9.e+]+$')
            self.assertEqual(len({line.rsplit(" ", 1)[0] for line in lines}), len(lines))
            self.assertEqual(fetch(port, "/metrics", host="evil.example"), 421)
            self.assertEqual(fetch(port, "/nowhere"), 404)
        self.assertIn('bittern_queue{state="sent"} 0', text)
        self.assertIn("bittern_node_up 1", fetch(port, "/metrics", host="mail.example:80"))

    def test_the_node_is_measured_by_the_command_line(self):
        one = harness.Bittern(name="bench")
        self.addCleanup(one.close)
        for name in ("ingest", "relay"):
            result = one.json("bench", name, "--objects", "300", "--bytes", "200")
            self.assertEqual(result["name"], name)
            self.assertGreater(result["ours"], 100)
            self.assertAlmostEqual(result["ratio"], result["ours"] / result["anchor"], places=2)
            self.assertIn("300 objects of 200 bytes", result["detail"])
        for words in (("relay", "--objects", "many"), ("relay", "--objects", "10000001"),
                      ("ingest", "--bytes", "262145")):
            self.assertEqual(one.cli("bench", *words, check=False).returncode, 1)

    def test_the_mailboxes_are_measured_by_the_command_line(self):
        one = harness.Bittern(name="bench")
        self.addCleanup(one.close)
        result = one.json("bench", "imap", "--objects", "3000", "--bytes", "200")
        self.assertEqual(result["name"], "imap")
        self.assertEqual([row["name"] for row in result["all"]], ["list", "append", "search"])
        for row in result["all"]:
            self.assertGreater(row["ours"], 0)
            self.assertGreater(row["ratio"], 0)
            self.assertIn("3000 messages of 200 bytes", row["detail"])
        self.assertGreater(result["ratio"], 5)  # from memory beside a walk of the index
        self.assertIn("append", one.cli("bench", "imap", "--objects", "1000", "--bytes", "100"))
        for words in (("--objects", "many"), ("--objects", "1000001"), ("--bytes", "60001")):
            self.assertEqual(one.cli("bench", "imap", *words, check=False).returncode, 1)

    def test_figures_are_not_shown_unasked(self):
        one = self.bittern("quiet")
        self.assertEqual(fetch(one.status()["http"]["port"], "/metrics"), 404)


def fetch(port, path, host="localhost"):
    """The text, or the status when it is not 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return text if answer.status == 200 else answer.status


if __name__ == "__main__":
    harness.main()
