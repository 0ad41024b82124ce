# SPDX-License-Identifier: MIT
"""The tests' own peer against the known answers: what the others lean on must itself be right."""
import json
import os
import socket
import threading
import unittest

import bmwire

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")


def load(name):
    with open(os.path.join(VECTORS, name)) as file:
        return json.load(file)


class Bytes(unittest.TestCase):
    def test_var_ints(self):
        for entry in load("varint.json")["ok"]:
            data = bytes.fromhex(entry["hex"])
            self.assertEqual(bmwire.var_int(int(entry["value"])), data)
            self.assertEqual(bmwire.Reader(data).var_int(), int(entry["value"]))

    def test_addresses(self):
        rows = [row for row in load("address_codec.json")["encode_roundtrip"] if row["version"] == 4]
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual(bmwire.address_text(bytes.fromhex(row["ripe"]), 4, row["stream"]), row["address"])

    def test_packets(self):
        n_checked = 0
        for entry in load("network_messages.json")["messages"]:
            if "hex" in entry:
                payload = bytes.fromhex(entry["payload"])
                self.assertEqual(bmwire.frame(entry["command"], payload).hex(), entry["hex"])
                n_checked += 1
            if entry.get("command") in ("inv", "dinv", "getdata"):
                hashes = bmwire.parse_hashes(payload)
                self.assertEqual([h.hex() for h in hashes], entry["hashes"])
                self.assertEqual(bmwire.hashes_payload(hashes), payload)
            if entry.get("command") == "version":
                version = bmwire.parse_version(payload)
                self.assertEqual(version.streams, entry["fields"]["streams"])
                self.assertEqual(version.port, entry["fields"]["from_port"])
                self.assertEqual(version.nonce.hex(), entry["fields"]["nonce"])
                self.assertEqual(len(bmwire.version_payload(user_agent=b"/PyBitmessage:0.6.3.2/",
                                                            streams=version.streams)), len(payload))
        self.assertGreater(n_checked, 20)

    def test_objects(self):
        for entry in load("objects.json")["objects"]:
            data = bytes.fromhex(entry["hex"])
            parsed = bmwire.parse_object(data)
            self.assertEqual(parsed.expires, entry["header"]["expires"])
            self.assertEqual(parsed.type, entry["header"]["type"])
            self.assertEqual(parsed.stream, entry["header"]["stream"])
            self.assertEqual(bmwire.object_hash(data).hex(), entry["inventory_hash"])
            if "pow" in entry:
                self.assertEqual(bmwire.work_value(data), int(entry["pow"]["trial_value"]))
                self.assertTrue(bmwire.is_paid_for(data, entry["now"]))

    def test_targets(self):
        for entry in load("pow_and_limits.json")["targets"]:
            trials, extra = max(entry["ntpb"], 1000), max(entry["extra"], 1000)
            self.assertEqual(bmwire.target(entry["object_length_with_nonce"], entry["ttl"], trials, extra),
                             int(entry["check_target"]))

    def test_made_objects_are_paid_for(self):
        for data in bmwire.noise_messages(3):
            self.assertTrue(bmwire.is_paid_for(data, trials=10, extra=10))
            self.assertEqual(bmwire.parse_object(data).type, bmwire.MSG)

    def test_points_are_on_the_curve(self):
        point = bmwire.random_point()
        x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
        self.assertEqual((y * y - x * x * x - 7) % bmwire.FIELD, 0)


class Peers(unittest.TestCase):
    def talk(self, services):
        """Two of them, in two threads, through a handshake and an object."""
        ours, theirs = socket.socketpair()
        data = bmwire.make_object(bmwire.MSG, b"x" * 60)
        failures = []

        def serve():
            try:
                with bmwire.Peer(theirs, False, services=services) as peer:
                    peer.handshake()
                    peer.announce([bmwire.object_hash(data)])
                    asked = bmwire.parse_hashes(peer.wait_for("getdata"))
                    assert asked == [bmwire.object_hash(data)]
                    peer.send_object(data)
                    peer.wait_for("ping")
            except Exception as error:  # reported below, in the main thread
                failures.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with bmwire.Peer(ours, True, services=services) as peer:
                version = peer.handshake()
                self.assertEqual(version.services, services)
                peer.wait(lambda: peer.announced)
                self.assertEqual(peer.fetch(sorted(peer.announced)), [data])
                self.assertTrue(peer.is_alive())
        finally:
            thread.join()
        self.assertEqual(failures, [])

    def test_two_peers_exchange_an_object(self):
        self.talk(bmwire.NODE_NETWORK)

    def test_two_peers_exchange_an_object_under_tls(self):
        self.talk(bmwire.NODE_NETWORK | bmwire.NODE_SSL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
