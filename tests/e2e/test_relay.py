# SPDX-License-Identifier: MIT
"""Three nodes in a row: a message crosses the one in the middle, which has no key."""
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


if __name__ == "__main__":
    harness.main()
