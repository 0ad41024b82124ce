# SPDX-License-Identifier: MIT
"""The Bitmessage network in plain Python: for tests that play a peer, honest or hostile.

Bytes: var_int, frames, the payloads of messages, objects and their proof of work. Peers: `Peer`, one
connection with its handshake (dialled or accepted, plain or with the network's anonymous TLS), and `Listener`.
Nothing here knows Bittern's code; it is written from the protocol alone, so that a mistake there is not a
mistake here.
"""
import collections
import hashlib
import os
import socket
import ssl
import struct
import time

MAGIC = 0xE9BEB4D9
PRIVATE_MAGIC = 0xB1773A11  # of harness.QUICK
MAX_PAYLOAD = 1600100
HASH_BYTES = 32
MAX_INV = 50000

NODE_NETWORK, NODE_SSL, NODE_DANDELION = 1, 2, 8

GETPUBKEY, PUBKEY, MSG, BROADCAST = 0, 1, 2, 3
ONIONPEER = 0x746F72


class ProtocolError(Exception):
    """The other side broke the protocol, or went away."""


class Closed(ProtocolError):
    """The other side closed the connection."""


# ---- bytes

def sha512(data):
    return hashlib.sha512(data).digest()


def double_sha512(data):
    return sha512(sha512(data))


def var_int(value):
    if value < 0xFD:
        return struct.pack(">B", value)
    if value <= 0xFFFF:
        return struct.pack(">BH", 0xFD, value)
    if value <= 0xFFFFFFFF:
        return struct.pack(">BI", 0xFE, value)
    return struct.pack(">BQ", 0xFF, value)


def var_str(data):
    return var_int(len(data)) + data


def address_text(ripe, version=4, stream=1):
    """ "BM-..." of a ripe of 20 bytes."""
    data = var_int(version) + var_int(stream) + ripe.lstrip(b"\0")
    data += double_sha512(data)[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number > 0:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return "BM-" + text


class Reader:
    """Takes bytes apart; ProtocolError when there are too few."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        if n > len(self.data) - self.at:
            raise ProtocolError("cut")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def var_int(self):
        first = self.number(1)
        if first < 0xFD:
            return first
        size = 2 << (first - 0xFD)
        value = self.number(size)
        if len(var_int(value)) != size + 1:
            raise ProtocolError("a var_int in a longer form than needed")
        return value

    def var_str(self):
        return self.take(self.var_int())

    def rest(self):
        return self.take(len(self.data) - self.at)


# ---- frames

def frame(command, payload=b"", magic=MAGIC, checksum=None, length=None):
    """A packet. `checksum` and `length` may lie."""
    name = command if isinstance(command, bytes) else command.encode()
    return (struct.pack(">I", magic) + name.ljust(12, b"\0") +
            struct.pack(">I", len(payload) if length is None else length) +
            (sha512(payload)[:4] if checksum is None else checksum) + payload)


# ---- payloads

def ip_bytes(host):
    if ":" in host:
        return socket.inet_pton(socket.AF_INET6, host)
    return bytes(10) + b"\xff\xff" + socket.inet_aton(host)


def version_payload(timestamp=None, protocol=3, services=NODE_NETWORK, nonce=None, port=8444,
                    user_agent=b"/Testpeer:1.0/", streams=(1,), recv_host="127.0.0.1"):
    timestamp = int(time.time()) if timestamp is None else timestamp
    nonce = os.urandom(8) if nonce is None else nonce
    here = ip_bytes("127.0.0.1")
    return (struct.pack(">IQQ", protocol, services, timestamp) +
            struct.pack(">Q", 1) + ip_bytes(recv_host) + struct.pack(">H", 8444) +
            struct.pack(">Q", services) + here + struct.pack(">H", port) + nonce +
            var_str(user_agent) + var_int(len(streams)) + b"".join(map(var_int, streams)))


Version = collections.namedtuple("Version", "protocol services timestamp port nonce user_agent streams")


def parse_version(payload):
    reader = Reader(payload)
    protocol, services, timestamp = reader.number(4), reader.number(8), reader.number(8)
    reader.take(26 + 24)
    port, nonce, user_agent = reader.number(2), reader.take(8), reader.var_str()
    streams = [reader.var_int() for _ in range(reader.var_int())]
    return Version(protocol, services, timestamp, port, nonce, user_agent, streams)


def hashes_payload(hashes):
    """Of inv, dinv and getdata."""
    return var_int(len(hashes)) + b"".join(hashes)


def parse_hashes(payload):
    reader = Reader(payload)
    return [reader.take(HASH_BYTES) for _ in range(reader.var_int())]


def addr_payload(entries):
    """Of (host, port) or (host, port, time, stream, services)."""
    out = var_int(len(entries))
    for host, port, *more in entries:
        seen, stream, services = (list(more) + [int(time.time()) - 60, 1, 1][len(more):])
        out += struct.pack(">QIQ", seen, stream, services) + ip_bytes(host) + struct.pack(">H", port)
    return out


def parse_addr(payload):
    """A list of (16 bytes of ip, port, time, stream)."""
    reader = Reader(payload)
    found = []
    for _ in range(reader.var_int()):
        seen, stream, _ = reader.number(8), reader.number(4), reader.number(8)
        found.append((reader.take(16), reader.number(2), seen, stream))
    return found


def error_payload(fatal=2, ban_time=0, vector=b"", text=b""):
    return var_int(fatal) + var_int(ban_time) + var_str(vector) + var_str(text)


def parse_error(payload):
    reader = Reader(payload)
    return reader.var_int(), reader.var_int(), reader.var_str(), reader.var_str()


# ---- objects

Object = collections.namedtuple("Object", "nonce expires type version stream payload")


def parse_object(data):
    reader = Reader(data)
    return Object(reader.number(8), reader.number(8), reader.number(4), reader.var_int(),
                  reader.var_int(), reader.rest())


def object_hash(data):
    return double_sha512(data)[:HASH_BYTES]


def object_header(object_type, version=1, stream=1, ttl=3600, now=None):
    """All of it but the nonce and the payload."""
    now = int(time.time()) if now is None else now
    return struct.pack(">QI", now + ttl, object_type) + var_int(version) + var_int(stream)


def target(length, ttl, trials=1000, extra=1000):
    """The receiver's; `length` counts the nonce."""
    ttl = max(ttl, 300)
    return 2**64 // (trials * (length + extra + ttl * (length + extra) // 65536))


def work_value(data):
    """Of a whole object."""
    return int.from_bytes(double_sha512(data[:8] + sha512(data[8:]))[:8], "big")


def is_paid_for(data, now=None, trials=1000, extra=1000):
    now = int(time.time()) if now is None else now
    ttl = int.from_bytes(data[8:16], "big") - now
    return work_value(data) <= target(len(data), ttl, trials, extra)


def do_work(body, ttl, trials=10, extra=10):
    """The whole object of `body`, which is all but the nonce. The default difficulty is harness.QUICK's."""
    goal = target(len(body) + 8, ttl + 300, trials, extra)
    initial = sha512(body)
    digest = hashlib.sha512
    nonce = int.from_bytes(os.urandom(6), "big")
    while True:
        head = nonce.to_bytes(8, "big")
        if int.from_bytes(digest(digest(head + initial).digest()).digest()[:8], "big") <= goal:
            return head + body
        nonce += 1


def make_object(object_type, payload, version=1, stream=1, ttl=3600, now=None, trials=10, extra=10,
                work=True):
    """Without `work` it has too little for every network."""
    body = object_header(object_type, version, stream, ttl, now) + payload
    if work:
        return do_work(body, ttl, trials, extra)
    while True:
        whole = os.urandom(8) + body
        if work_value(whole) > target(len(whole), ttl, 1, 1):
            return whole


# secp256k1's field: only to find points that are on the curve.
FIELD = 2**256 - 2**32 - 977


def random_point():
    """X || Y of a point that nobody knows the logarithm of."""
    while True:
        x = int.from_bytes(os.urandom(32), "big") % FIELD
        square = (pow(x, 3, FIELD) + 7) % FIELD
        y = pow(square, (FIELD + 1) // 4, FIELD)
        if y * y % FIELD == square:
            return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def noise_encryption(n_blocks=20, point=None):
    """What looks like an encrypted message to whom it is not meant for: layout and point are right."""
    point = random_point() if point is None else point
    return (os.urandom(16) + b"\x02\xca\x00\x20" + point[:32] + b"\x00\x20" + point[32:] +
            os.urandom(16 * n_blocks) + os.urandom(32))


def noise_messages(count, n_blocks=20, ttl=3600, trials=10, extra=10, now=None):
    """That many msg objects which every gateway must try all its keys on, none of them readable. They share one
    point, so that making them is cheap."""
    point = random_point()
    return [make_object(MSG, noise_encryption(n_blocks, point), ttl=ttl, trials=trials, extra=extra,
                        now=now) for _ in range(count)]


# ---- peers

def tls_context(is_server):
    """Anonymous ECDH on secp256k1, as the network does it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    context.set_ecdh_curve("secp256k1")
    return context


class Peer:
    """One connection. Everything is blocking, with a time-out that ends in ProtocolError."""

    def __init__(self, sock, is_dialler, magic=PRIVATE_MAGIC, services=NODE_NETWORK, timeout=20.0):
        self.sock = sock
        self.is_dialler = is_dialler
        self.magic = magic
        self.services = services
        self.timeout = timeout
        self.input = b""
        self.is_established = False
        self.version = None       # the other side's
        self.announced = set()    # hashes that came by inv
        self.stems = set()        # by dinv
        self.objects = {}         # hash -> bytes
        self.addresses = []
        self.errors = []
        sock.settimeout(timeout)

    @classmethod
    def dial(cls, port, host="127.0.0.1", source=None, **options):
        """`source` is the address to dial from, such as 127.0.0.2: a node may take one connection per address."""
        timeout = options.get("timeout", 20.0)
        sock = socket.create_connection((host, port), timeout,
                                        source_address=(source, 0) if source else None)
        return cls(sock, True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.sock.close()

    # ---- sending

    def send_raw(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as error:
            raise Closed(str(error)) from error

    def send(self, command, payload=b"", **lies):
        self.send_raw(frame(command, payload, self.magic, **lies))

    def announce(self, hashes, command="inv"):
        self.send(command, hashes_payload(hashes))

    def ask_for(self, hashes):
        self.send("getdata", hashes_payload(hashes))

    def send_object(self, data):
        self.send("object", data)

    # ---- receiving

    def _fill(self, n):
        while len(self.input) < n:
            try:
                # No byte more than needed before TLS may begin: they would be TLS's.
                piece = self.sock.recv(65536 if self.is_established else n - len(self.input))
            except socket.timeout as error:
                raise ProtocolError("silence") from error
            except (ConnectionResetError, ssl.SSLError) as error:
                raise Closed(str(error)) from error
            if not piece:
                raise Closed("closed")
            self.input += piece

    def read(self):
        """The next (command, payload), whatever it is."""
        self._fill(24)
        magic, length = struct.unpack(">I", self.input[:4])[0], int.from_bytes(self.input[16:20], "big")
        if magic != self.magic or length > MAX_PAYLOAD:
            raise ProtocolError("not a frame: %r" % self.input[:24])
        self._fill(24 + length)
        command, checksum = self.input[4:16].rstrip(b"\0").decode("ascii"), self.input[20:24]
        payload, self.input = self.input[24:24 + length], self.input[24 + length:]
        if sha512(payload)[:4] != checksum:
            raise ProtocolError("wrong checksum on %s" % command)
        return command, payload

    def receive(self):
        """The next (command, payload), kept where it belongs; pings are answered."""
        command, payload = self.read()
        if command == "ping":
            self.send("pong")
        elif command == "inv":
            self.announced.update(parse_hashes(payload))
        elif command == "dinv":
            self.stems.update(parse_hashes(payload))
        elif command == "object":
            self.objects[object_hash(payload)] = payload
        elif command == "addr":
            self.addresses += parse_addr(payload)
        elif command == "error":
            self.errors.append(parse_error(payload))
        return command, payload

    def wait(self, check, what="an answer", timeout=None):
        """Receives until check() is true; its value."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        try:
            while True:
                value = check()
                if value:
                    return value
                left = end - time.monotonic()
                if left <= 0:
                    raise ProtocolError("waited in vain for " + what)
                self.sock.settimeout(left)
                self.receive()
        finally:
            self.sock.settimeout(self.timeout)

    def wait_for(self, command, timeout=None):
        """The payload of the next such message; others before it are kept as receive does."""
        seen = []

        def next_one():
            return seen[-1:] and seen[-1][0] == command

        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not next_one():
            self.sock.settimeout(max(end - time.monotonic(), 0.001))
            seen.append(self.receive())
        self.sock.settimeout(self.timeout)
        return seen[-1][1]

    def fetch(self, hashes, timeout=None):
        """Ask for objects and wait until all are there."""
        self.ask_for(hashes)
        return self.wait(lambda: all(h in self.objects for h in hashes) and
                         [self.objects[h] for h in hashes], "objects", timeout)

    def is_alive(self, timeout=10.0):
        """A ping is answered: all that was sent before has been read."""
        try:
            self.send("ping")
            self.wait_for("pong", timeout)
            return True
        except ProtocolError:
            return False

    def is_closed(self, timeout=10.0):
        """The other side closes within that time, whatever else it says before."""
        end = time.monotonic() + timeout
        try:
            while time.monotonic() < end:
                self.sock.settimeout(max(end - time.monotonic(), 0.001))
                self.receive()
        except Closed:
            return True
        except ProtocolError:
            return False
        finally:
            try:
                self.sock.settimeout(self.timeout)
            except OSError:
                pass
        return False

    # ---- handshake

    def send_version(self, **fields):
        self.send("version", version_payload(services=self.services, **fields))

    def handshake(self, **fields):
        """Both versions and veracks in the order that the roles have; then TLS when both sides can. Returns the
        other side's version."""
        if self.is_dialler:
            self.send_version(**fields)
        got_verack = False
        while not (got_verack and self.version):
            command, payload = self.receive()
            if command == "verack":
                got_verack = True
            elif command == "version":
                self.version = parse_version(payload)
                self.send("verack")
                if not self.is_dialler:
                    self.send_version(**fields)
            elif command == "error":
                raise ProtocolError("refused: %s" % self.errors[-1][3].decode("ascii", "replace"))
            else:
                raise ProtocolError("%s during the handshake" % command)
        if self.services & self.version.services & NODE_SSL:
            self.start_tls()
        self.is_established = True
        return self.version

    def start_tls(self):
        if self.input:
            raise ProtocolError("bytes before TLS: %r" % self.input[:40])
        self.sock = tls_context(not self.is_dialler).wrap_socket(self.sock,
                                                                 server_side=not self.is_dialler)


class Listener:
    """A port for a node to dial."""

    def __init__(self, host="127.0.0.1", **options):
        self.options = options
        self.sock = socket.create_server((host, 0))
        self.sock.settimeout(options.get("timeout", 20.0))
        self.port = self.sock.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.sock.close()

    def accept(self):
        sock, _ = self.sock.accept()
        return Peer(sock, False, **self.options)


# ---- malice

# (name, bytes, what must follow once the handshake is over: "close" or "ignore"). Before it, all but
# version, verack and error must end the connection.
def hostile_frames(magic=PRIVATE_MAGIC):
    def packet(command, payload=b"", **lies):
        return frame(command, payload, magic, **lies)

    one = os.urandom(HASH_BYTES)
    return [
        ("a foreign magic", frame("ping", magic=magic ^ 1), "close"),
        ("random bytes", b"\x16\x03\x01" + os.urandom(200), "close"),
        ("a wrong checksum", packet("ping", b"x", checksum=b"\0\0\0\0"), "close"),
        ("4 GiB announced", packet("object", b"", length=0xFFFFFFFF), "close"),
        ("a byte above the longest payload", packet("inv", b"", length=MAX_PAYLOAD + 1), "close"),
        ("junk behind the command", packet(b"ping\0junk"), "close"),
        ("an unknown command", packet("newthing", b"whatever"), "ignore"),
        ("pings with a payload", packet("ping", b"x" * 1000), "ignore"),
        ("an unasked pong", packet("pong"), "ignore"),
        ("a second verack", packet("verack"), "ignore"),
        ("a portcheck", packet("portcheck"), "ignore"),
        ("a second version", packet("version", version_payload()), "close"),
        ("an empty inv", packet("inv", b""), "ignore"),
        ("an inv of nothing", packet("inv", hashes_payload([])), "ignore"),
        ("an inv that is cut", packet("inv", hashes_payload([one])[:-1]), "ignore"),
        ("an inv with a byte more", packet("inv", hashes_payload([one]) + b"x"), "ignore"),
        ("an inv of 2^63", packet("inv", var_int(2**63) + one), "ignore"),
        ("an inv with a count in a longer form", packet("inv", b"\xfd\x00\x01" + one), "ignore"),
        ("an inv of 50,001", packet("inv", hashes_payload([one] * (MAX_INV + 1))), "ignore"),
        ("a getdata of 2^63", packet("getdata", var_int(2**63) + one), "ignore"),
        ("a getdata of the unknown", packet("getdata", hashes_payload([one])), "ignore"),
        ("a dinv that is cut", packet("dinv", var_int(2) + one), "ignore"),
        ("an addr of 1,001", packet("addr", addr_payload([("5.45.99.75", 8444)] * 1001)), "ignore"),
        ("an addr that is cut", packet("addr", addr_payload([("5.45.99.75", 8444)])[:-1]), "ignore"),
        ("an error with a giant text", packet("error", b"\0\0\0" + var_int(2**40) + b"x"), "ignore"),
        ("an empty object", packet("object"), "ignore"),
        ("an object cut in its header", packet("object", os.urandom(19)), "ignore"),
        ("an object without work", packet("object", make_object(MSG, os.urandom(100), work=False)),
         "ignore"),
        ("an object that is too long", packet("object", make_object(MSG, bytes(2**18 + 1), work=False)),
         "ignore"),
        ("an object of another stream", packet("object", make_object(MSG, b"x" * 40, stream=2)), "ignore"),
        ("an object that has expired", packet("object", make_object(MSG, b"x" * 40, ttl=-7200)), "ignore"),
        ("an object of the far future", packet("object", make_object(MSG, b"x" * 40, ttl=2500000)),
         "ignore"),
    ]
