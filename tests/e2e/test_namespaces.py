# SPDX-License-Identifier: MIT
"""Bittern in network namespaces: strict Tor mode under packet capture, a router that forwards ports,
neighbours in a local network, IPv6 alone, its own address as others see it."""
import os
import socket
import struct
import sys
import threading
import time
import unittest

import bmwire
import harness
import netns
from harness import QUICK, wait_for

PROXY, PROXY_PORT = "10.77.0.2", 9050
NODE = "10.77.0.1"
ONION = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"


class Server:
    """Accepts in a namespace; serve(socket) runs in a thread for each connection."""

    def __init__(self, space, host, port, serve):
        with space.inside():
            self.socket = socket.create_server((host, port), backlog=32)
        self.port = self.socket.getsockname()[1]
        self.serve = serve
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.guard, args=(client,), daemon=True).start()

    def guard(self, client):
        try:
            self.serve(client)
        except (OSError, IndexError, AssertionError, bmwire.ProtocolError):
            pass
        finally:
            client.close()

    def close(self):
        self.socket.close()


def pump(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Proxy(Server):
    """SOCKS5 with user and password; all that is asked for leads to one port."""

    def __init__(self, space, host, port, behind):
        self.asked = []
        self.space = space
        self.behind = behind
        super().__init__(space, host, port, self.answer)

    def answer(self, client):
        file = client.makefile("rb")
        methods = file.read(file.read(2)[1])
        assert 2 in methods
        client.sendall(b"\x05\x02")
        user = file.read(file.read(2)[1])
        file.read(file.read(1)[0])
        client.sendall(b"\x01\x00")
        kind = file.read(4)[3]
        if kind == 3:
            host = file.read(file.read(1)[0]).decode()
        else:
            family, size = {1: (socket.AF_INET, 4), 4: (socket.AF_INET6, 16)}[kind]
            host = socket.inet_ntop(family, file.read(size))
        port = struct.unpack(">H", file.read(2))[0]
        self.asked.append((host, port, user))
        with self.space.inside():
            behind = socket.create_connection(self.behind)
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        back = threading.Thread(target=pump, args=(behind, client), daemon=True)
        with behind:
            back.start()
            pump(client, behind)
            back.join()


class Router:
    """An Internet gateway device: answers the search, hands out its description, keeps mappings."""

    SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"

    def __init__(self, space, host, taken=0):
        self.space, self.host = space, host
        self.taken = taken       # so many requests are answered by a conflict
        self.mappings = {}       # external port -> (client, port, lease)
        self.history = []
        self.http = Server(space, host, 0, self.answer)
        with space.inside():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("", 1900))
            group = socket.inet_aton("239.255.255.250") + socket.inet_aton(host)
            self.udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        threading.Thread(target=self.search, daemon=True).start()

    def search(self):
        while True:
            try:
                data, sender = self.udp.recvfrom(2048)
            except OSError:
                return
            if data.startswith(b"M-SEARCH") and b"InternetGatewayDevice:1" in data:
                self.udp.sendto((
                    "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
                    "USN: uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
                    "LOCATION: http://%s:%d/desc.xml\r\n\r\n" % (self.host, self.http.port)).encode(),
                    sender)

    def answer(self, client):
        client.settimeout(10)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return
            data += piece
        head, body = data.split(b"\r\n\r\n", 1)
        size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                     if line.lower().startswith(b"content-length")), 0)
        while len(body) < size:
            body += client.recv(65536)
        code, reply = ("200 OK", self.description()) if head.startswith(b"GET") else self.act(head, body)
        client.sendall(("HTTP/1.1 %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n"
                        "Connection: close\r\n\r\n%s" % (code, len(reply), reply)).encode())

    def description(self):
        return ("""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1</serviceType>
<serviceId>urn:upnp-org:serviceId:WANCommonIFC1</serviceId><controlURL>/common</controlURL>
<eventSubURL>/event</eventSubURL><SCPDURL>/scpd</SCPDURL></service></serviceList><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType><serviceList><service>
<serviceType>%s</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
<controlURL>/control</controlURL><eventSubURL>/event</eventSubURL><SCPDURL>/scpd</SCPDURL>
</service></serviceList></device></deviceList></device></deviceList></device></root>""" % self.SERVICE)

    def act(self, head, body):
        action = head.split(b"#")[1].split(b'"')[0].decode()

        def value(name):
            text = body.decode()
            return text.split("<%s>" % name)[1].split("</")[0] if "<%s>" % name in text else ""

        inside = ""
        if action == "GetStatusInfo":
            inside = "<NewConnectionStatus>Connected</NewConnectionStatus><NewUptime>1</NewUptime>"
        elif action == "GetExternalIPAddress":
            inside = "<NewExternalIPAddress>8.8.4.4</NewExternalIPAddress>"
        elif action == "AddPortMapping":
            self.history.append(("add", int(value("NewExternalPort"))))
            if self.taken > 0:
                self.taken -= 1
                return self.fault(718, "ConflictInMappingEntry")
            self.mappings[int(value("NewExternalPort"))] = (
                value("NewInternalClient"), int(value("NewInternalPort")), int(value("NewLeaseDuration")),
                value("NewProtocol"))
        elif action == "DeletePortMapping":
            self.history.append(("delete", int(value("NewExternalPort"))))
            self.mappings.pop(int(value("NewExternalPort")), None)
        return "200 OK", self.envelope('<u:%sResponse xmlns:u="%s">%s</u:%sResponse>' % (
            action, self.SERVICE, inside, action))

    def fault(self, code, words):
        return "500 Internal Server Error", self.envelope(
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
            '<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>%d</errorCode>'
            "<errorDescription>%s</errorDescription></UPnPError></detail></s:Fault>" % (code, words))

    @staticmethod
    def envelope(inside):
        return ('<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
                "<s:Body>%s</s:Body></s:Envelope>" % inside)

    def close(self):
        self.http.close()
        self.udp.close()


class NameServer:
    """Stands where the system's one is expected; every name has these IPv4 addresses."""

    def __init__(self, space, addresses):
        with open("/etc/resolv.conf") as file:
            host = next((line.split()[1] for line in file if line.startswith("nameserver")), None)
        if host is None or ":" in host:
            raise unittest.SkipTest("the system asks no name server at an IPv4 address")
        if not host.startswith("127."):
            space.ip("addr", "add", host + "/32", "dev", "lo")
        self.records = [b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton(one) for one in addresses]
        self.asked = set()
        with space.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((host, 53))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                question, sender = self.socket.recvfrom(512)
            except OSError:
                return
            end = question.index(b"\0", 12) + 5
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
                at += 1 + question[at]
            self.asked.add(".".join(labels))
            records = self.records if question[end - 3] == 1 else []  # A, not AAAA
            self.socket.sendto(question[:2] + b"\x81\x80\0\1" + struct.pack(">HHH", len(records), 0, 0) +
                               question[12:end] + b"".join(records), sender)

    def close(self):
        self.socket.close()


class Namespaces(harness.TestCase):
    def space(self, name):
        space = netns.Space(name)
        self.addCleanup(space.close)
        return space

    def relay(self, space, name="a", **settings):
        """A bare node in the namespace."""
        chosen = dict(QUICK)
        chosen.update({key.replace("__", "."): str(value) for key, value in settings.items()})
        one = harness.Bittern(chosen, name)
        one.command = "node"
        self.addCleanup(self._close, one)
        with space.inside():
            one.start()
        return one

    def server(self, server):
        self.addCleanup(server.close)
        return server

    def pair(self, ours=(NODE + "/24",), theirs=(PROXY + "/24",)):
        near, far = self.space("near"), self.space("far")
        near.cable(far, ours, theirs)
        return near, far

    # ---- Tor

    def relay_settings(self, tor):
        return dict(node__tor=tor, node__listen="0.0.0.0, ::", node__lan_discovery="yes",
                    network__bootstrap="yes",
                    network__connect="peer.example.org:8444, 8.8.4.4:8445, %s:8446, [2a01:4f8::1]:8447" % ONION,
                    node__socks="%s:%d" % (PROXY, PROXY_PORT), node__upnp="yes")

    def captured(self, tor):
        """A node with a route to everywhere; what it sent in some seconds, and the proxy's notes."""
        near, far = self.pair((NODE + "/24", "fd77::1/64"), (PROXY + "/24", "fd77::2/64"))
        near.ip("route", "add", "default", "via", PROXY)
        near.ip("-6", "route", "add", "default", "via", "fd77::2")
        behind = self.relay(far, "behind")
        proxy = self.server(Proxy(far, PROXY, PROXY_PORT, ("127.0.0.1", behind.status()["node"]["port"])))
        tap = netns.Tap(near)
        node = self.relay(near, "hidden", **self.relay_settings(tor))
        if tor == "strict":
            wait_for("peers", lambda: node.status()["node"]["peers_out"] >= 4, 30)
        time.sleep(4)
        port = node.status()["node"]["port"]
        node.stop()
        tap.stop()
        sent = {packet for _, _, packet in tap.packets if packet[0] not in ("arp", "icmp6")}
        return sent, proxy, port

    def test_strict_tor_mode_sends_nothing_but_to_the_proxy(self):
        sent, proxy, port = self.captured("strict")
        self.assertTrue(sent)
        for packet in sent:
            self.assertEqual(packet[0], "tcp", packet)
            self.assertIn((PROXY, PROXY_PORT), (packet[1:3], packet[3:5]), packet)
        self.assertEqual(port, 0)
        asked = {(host, port) for host, port, _ in proxy.asked}
        self.assertLessEqual({("peer.example.org", 8444), ("8.8.4.4", 8445), (ONION, 8446),
                              ("2a01:4f8::1", 8447)}, asked)
        users = {}
        for host, port, user in proxy.asked:
            users.setdefault(user, set()).add((host, port))
        self.assertTrue(all(len(targets) == 1 for targets in users.values()), "circuits are shared")

    def test_the_capture_sees_what_an_open_node_sends(self):
        """The same node without Tor: names, peers and neighbours are all there, so the test above can fail."""
        sent, proxy, port = self.captured("no")
        self.assertGreater(port, 0)
        self.assertEqual(proxy.asked, [])
        self.assertTrue(any(packet[0] == "tcp" and packet[3:5] == ("8.8.4.4", 8445) for packet in sent), sent)
        self.assertTrue(any(packet[0] == "tcp" and packet[3:5] == ("2a01:4f8::1", 8447) for packet in sent), sent)
        self.assertTrue(any(packet[0] == "udp" and packet[3:5] == ("255.255.255.255", 8444) for packet in sent))
        self.assertTrue(any(packet[0] == "udp" and packet[3:5] == ("239.255.255.250", 1900) for packet in sent))

    def test_no_router_and_no_neighbour_is_asked_unless_the_settings_say_so(self):
        near, far = self.pair()
        near.ip("route", "add", "default", "via", PROXY)
        tap = netns.Tap(near)
        node = self.relay(near, node__listen="0.0.0.0", network__connect="8.8.4.4:8445")
        wait_for("a packet to the peer", lambda: any(
            packet[0] == "tcp" and packet[3:5] == ("8.8.4.4", 8445) for _, _, packet in tap.packets))
        time.sleep(3)
        node.stop()
        tap.stop()
        self.assertEqual([packet for _, _, packet in tap.packets if packet[0] not in ("tcp", "arp", "icmp6")], [])

    def test_a_node_that_knows_nobody_is_introduced_by_the_name_server(self):
        """Of the answers those go into the peers' book, and are dialled, that anybody can reach."""
        near, far = self.pair()
        near.ip("route", "add", "default", "via", PROXY)
        asked = self.server(NameServer(near, ["20.1.2.3", "10.1.1.1", "127.0.0.1"])).asked
        tap = netns.Tap(near)
        node = self.relay(near, network__bootstrap="yes", network__allow_loopback="no",
                          network__bootstrap_hosts="One.example:8446")
        wait_for("the book", lambda: node.status()["node"]["known_peers"] == 1)
        wait_for("a packet to the peer", lambda: any(
            packet[0] == "tcp" and packet[3:5] == ("20.1.2.3", 8446) for _, _, packet in tap.packets), 20)
        self.assertEqual(asked, {"one.example"})
        node.stop()
        tap.stop()
        self.assertFalse({"10.1.1.1"} & {packet[3] for _, _, packet in tap.packets if len(packet) > 3})

    def test_a_node_that_knows_nobody_is_introduced_by_name_through_the_proxy(self):
        near, far = self.pair()
        behind = self.relay(far, "behind")
        proxy = self.server(Proxy(far, PROXY, PROXY_PORT, ("127.0.0.1", behind.status()["node"]["port"])))
        self.relay(near, "hidden", node__tor="strict", network__bootstrap="yes",
                   node__socks="%s:%d" % (PROXY, PROXY_PORT))
        wait_for("both names", lambda: {host for host, _, _ in proxy.asked} >=
                 {"bootstrap8080.bitmessage.org", "bootstrap8444.bitmessage.org"}, 20)

    def test_an_onion_service_is_reached_from_loopback_alone(self):
        near, far = self.pair()
        behind = self.relay(far, "behind")
        self.server(Proxy(far, PROXY, PROXY_PORT, ("127.0.0.1", behind.status()["node"]["port"])))
        node = self.relay(near, "hidden", node__tor="strict", node__listen="0.0.0.0",
                          node__onion=ONION + ":8555", network__connect="peer.example.org:8444",
                          node__socks="%s:%d" % (PROXY, PROXY_PORT))
        port = node.status()["node"]["port"]
        self.assertGreater(port, 0)
        with far.inside():
            with self.assertRaises(OSError):
                socket.create_connection((NODE, port), 3)
        with near.inside():
            peers = [bmwire.Peer.dial(port) for _ in range(3)]  # as Tor does: all from one address
        for peer in peers:
            self.addCleanup(peer.close)
            self.assertEqual(peer.handshake().port, 8555)
        wait_for("the announcement", lambda: behind.status()["node"]["objects"] == 1, 60)

    # ---- the router

    def test_the_router_forwards_our_port_and_forgets_it_at_the_end(self):
        near, far = self.pair()
        near.ip("route", "add", "default", "via", PROXY)
        router = self.server(Router(far, PROXY))
        node = self.relay(near, node__upnp="yes", node__listen="0.0.0.0")
        port = node.status()["node"]["port"]
        wait_for("the mapping", lambda: router.mappings, 20)
        self.assertEqual(router.mappings, {port: (NODE, port, 3600, "TCP")})
        node.stop()
        wait_for("no mapping", lambda: not router.mappings, 20)

    def test_a_port_that_is_taken_at_the_router_leads_to_another(self):
        near, far = self.pair()
        near.ip("route", "add", "default", "via", PROXY)
        router = self.server(Router(far, PROXY, taken=2))
        node = self.relay(near, node__upnp="yes", node__listen="0.0.0.0")
        port = node.status()["node"]["port"]
        wait_for("the mapping", lambda: router.mappings, 30)
        external = next(iter(router.mappings))
        self.assertEqual(router.mappings[external][:2], (NODE, port))
        self.assertEqual([kind for kind, _ in router.history], ["add"] * 3)
        self.assertNotEqual(external, port)

        def told():
            with far.inside():
                with bmwire.Peer.dial(port, host=NODE) as peer:
                    return peer.handshake().port == external
        wait_for("the port in our version", told, 10)

    # ---- the neighbourhood

    def test_neighbours_find_each_other_by_broadcast(self):
        near, far = self.pair()
        for space in (near, far):
            space.ip("route", "add", "default", "dev", "v0")
        one, two = (self.relay(space, name, node__lan_discovery="yes", node__listen="0.0.0.0",
                               network__allow_loopback="no")
                    for space, name in ((near, "a"), (far, "b")))
        wait_for("each other", lambda: all(
            each.status()["node"]["peers_in"] + each.status()["node"]["peers_out"] >= 1
            for each in (one, two)), 20)

    def test_ipv6_alone_is_enough(self):
        near, far = self.pair(("fd77::1/64",), ("fd77::2/64",))
        for space, address in ((near, "fd77::1"), (far, "fd77::2")):
            netns.wait_for_address(space, address)
        first = self.relay(near, "a", node__listen="::", node__max_per_address=4)
        port = first.status()["node"]["port"]
        second = self.relay(far, "b", node__listen="::", node__max_per_address=4, network__connect="[fd77::1]:%d" % port)
        wait_for("the two to meet", lambda: second.status()["node"]["peers_out"] == 1, 20)
        data = bmwire.make_object(bmwire.MSG, os.urandom(60))
        with far.inside():
            with bmwire.Peer.dial(port, host="fd77::1") as peer:
                peer.handshake()
                peer.send_object(data)
                wait_for("the object", lambda: second.status()["node"]["objects"] == 1, 20)

    # ---- our own address

    def test_our_address_is_learned_from_a_quorum_and_told(self):
        hosts = ["20.%d.0.1" % i for i in range(1, 4)]
        near, far = self.pair(("8.8.4.4/24",), ["8.8.4.5/24"] + [host + "/32" for host in hosts])
        near.ip("route", "add", "default", "via", "8.8.4.5")
        seen = ["9.9.9.9", "8.8.4.4", "8.8.4.4"]
        told = {}

        def play(host, says):
            def serve(client):
                peer = bmwire.Peer(client, False)
                peer.handshake(recv_host=says)
                while True:
                    peer.receive()
            return self.server(Server(far, host, 0, serve)).port

        peers = ["%s:%d" % (host, play(host, says)) for host, says in zip(hosts, seen)]
        node = self.relay(near, node__listen="0.0.0.0", network__allow_loopback="no",
                          node__max_per_address=4, network__connect=", ".join(peers))
        port = node.status()["node"]["port"]
        wait_for("three peers", lambda: node.status()["node"]["peers_out"] == 3)

        def addresses():
            with far.inside():
                with bmwire.Peer.dial(port, host="8.8.4.4") as peer:
                    peer.handshake()
                    peer.is_alive()
                    return {(ip, at) for ip, at, _, _ in peer.addresses}
        # Two of three are no quorum.
        self.assertNotIn((bmwire.ip_bytes("8.8.4.4"), port), addresses())
        self.assertNotIn((bmwire.ip_bytes("9.9.9.9"), port), addresses())
        node.close()
        seen[0] = "8.8.4.4"
        peers = ["%s:%d" % (host, play(host, says)) for host, says in zip(hosts, seen)]
        node = self.relay(near, node__listen="0.0.0.0", network__allow_loopback="no",
                          node__max_per_address=4, network__connect=", ".join(peers))
        port = node.status()["node"]["port"]
        wait_for("three peers", lambda: node.status()["node"]["peers_out"] == 3)
        self.assertIn((bmwire.ip_bytes("8.8.4.4"), port), addresses())
        self.assertIn("own address learned", node.log_text())


if __name__ == "__main__":
    reason = netns.can_make()
    if reason is not None:
        print("skipped: " + reason)
        sys.exit(77)
    harness.main()
