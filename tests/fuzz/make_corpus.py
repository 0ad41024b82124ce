#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the seed corpora of node/wire, node/objects, node/link and crypto from tests/vectors, and that
of base/db_pages.

Run it from anywhere; it writes tests/fuzz/corpus/NAME/*. Files that are there and not made by it (found by a
fuzzer, kept after a fix) stay.
"""
import json
import pathlib
import re
import sqlite3
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
CORPUS = HERE / "corpus"

MESSAGE_SELECTOR = {"version": 0, "addr": 1, "inv": 2, "dinv": 2, "getdata": 2, "error": 3}


def load(name):
    return json.loads((VECTORS / name).read_text())


def file_name(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]


def put(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file_name(name)).write_bytes(data)


def messages():
    network = load("network_messages.json")
    for entry in network["messages"] + network["odd_payloads"]:
        if "payload" in entry and entry["command"] in MESSAGE_SELECTOR:
            selector = bytes([MESSAGE_SELECTOR[entry["command"]]])
            put("messages", entry["name"], selector + bytes.fromhex(entry["payload"]))


def frames():
    packets = [bytes.fromhex(entry["hex"]) for entry in load("network_messages.json")["messages"]
               if "hex" in entry]
    handshake = packets[0] + b"".join(p for p in packets if p[4:10] == b"verack")
    put("frame", "version and verack", handshake)
    put("frame", "all short packets", b"".join(p for p in packets if len(p) < 200))
    put("frame", "cut in a header", packets[0] + packets[1][:20])
    put("frame", "unknown command", packets[-1][:4] + b"newcommand\0\0" + packets[-1][16:])
    put("frame", "too long", packets[-1][:16] + bytes([0xff] * 4) + packets[-1][20:])
    put("frame", "wrong checksum", packets[-1][:-1] + b"?")


def objects():
    for entry in load("objects.json")["objects"]:
        put("object", entry["name"], bytes.fromhex(entry["hex"]))
        if "decrypted" in entry:
            selector = {"msg": 0, "bro": 1, "pub": 2}[entry["name"][:3]]
            put("plaintext", entry["name"], bytes([selector]) + bytes.fromhex(entry["decrypted"]))
            ack = entry["fields"].get("ack_packet")
            if ack:
                put("plaintext", "ack of " + entry["name"], b"\3" + bytes.fromhex(ack))
                put("object", "ack packet of " + entry["name"], bytes.fromhex(ack))
    for entry in load("objects_negative.json")["cases"]:
        if not entry["name"].startswith("encoding 3"):
            put("object", "bad " + entry["name"], bytes.fromhex(entry["hex"]))


def link_frame(kind, body):
    return (len(body) + 1).to_bytes(4, "big") + bytes([kind]) + body


def u32(value):
    return value.to_bytes(4, "big")


def u64(value):
    return value.to_bytes(8, "big")


def links():
    """The frames of node/link/link_frame.h, by the numbers of enum link_type."""
    epoch = b"fuzz fuzz fuzz f"
    tag = bytes(32)
    obj = bytes(22)
    gateway_hello = link_frame(1, u32(1))
    node_hello = link_frame(1, u32(1) + epoch + u64(1))
    scan = link_frame(3, u32(0) + u32(1) + epoch + u64(0))
    put("link", "gateway asks for everything", b"\0" + gateway_hello + scan +
        link_frame(2, u64(2) + obj) + link_frame(2, u64(3) + obj) +
        link_frame(5, u64(1) + u32(1) + tag) + link_frame(6, u64(1)) +
        link_frame(4, u32(0) + u32(1)) + link_frame(3, u32(5) + u32(2) + epoch + u64(9)))
    put("link", "gateway gives credit", b"\0" + gateway_hello + scan + link_frame(7, u64(1030)))
    put("link", "gateway gives too much credit", b"\0" + gateway_hello + link_frame(7, u64(1)))
    put("link", "node answers everything", b"\1" + node_hello +
        link_frame(8, u32(0) + u32(1) + u64(1) + tag + obj) +
        link_frame(9, u32(0) + u32(1) + u64(1)) +
        link_frame(8, u32(2) + u32(2) + u64(4) + tag + obj) +
        link_frame(9, u32(2) + u32(2) + u64(7)) +
        link_frame(10, u64(1) + tag + obj) + link_frame(11, u64(1)) +
        link_frame(12, u64(1) + b"\0" + u64(8)) +
        link_frame(12, u64(2) + b"\2" + u64(0) + b"not enough proof of work") +
        link_frame(13, u64(1) + bytes(54) + b"\1\0"))
    put("link", "node sends out of order", b"\1" + node_hello +
        link_frame(8, u32(0) + u32(1) + u64(5) + tag + obj) +
        link_frame(8, u32(0) + u32(1) + u64(5) + tag + obj))
    put("link", "no hello", b"\1" + link_frame(13, u64(1)))


def texts():
    codec = load("address_codec.json")
    for entry in codec["decode"]:
        put("address", entry["why"], entry["input"].encode())
    for entry in load("base58_wif.json")["wif"]:
        put("address", "wif " + entry["wif"][:8], entry["wif"].encode())
    put("address", "folded", codec["decode"][29]["input"].lower().encode())


def db_pages():
    """A file of a few pages (table, index, overflow), and the same with rows in a log."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.db"
        db = sqlite3.connect(path, isolation_level=None)
        db.executescript("PRAGMA page_size=4096; PRAGMA journal_mode=WAL;"
                         "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b BLOB);"
                         "CREATE TABLE w (k BLOB PRIMARY KEY, n REAL) WITHOUT ROWID;")
        for i in range(12):
            db.execute("INSERT INTO t VALUES (?, ?, ?)", (i << i, "t%d" % i, bytes([i]) * (i * 40)))
            db.execute("INSERT INTO w VALUES (?, ?)", (b"k%d" % i, i / 3))
        db.execute("INSERT INTO t VALUES (-5, NULL, zeroblob(5000))")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        plain = path.read_bytes()
        db.execute("UPDATE t SET a = a || 'x'")
        log = pathlib.Path(str(path) + "-wal").read_bytes()
        db.close()
    put("db_pages", "plain", bytes([len(plain) // 4096]) + plain)
    put("db_pages", "with a log", bytes([len(plain) // 4096]) + plain + log)
    put("db_pages", "a log alone", bytes([0]) + log)


def sealed():
    ecies = load("ecies.json")
    for entry in ecies["must_decrypt"] + ecies["must_fail"]:
        if len(entry["encrypted"]) < 1000:
            put("sealed", entry["name"], b"\0" + bytes.fromhex(entry["encrypted"]))
    for entry in load("ecdsa.json")["cases"]:
        put("sealed", "signature " + entry["name"], b"\1" + bytes.fromhex(entry["signature"]))


def main():
    messages()
    frames()
    objects()
    links()
    texts()
    sealed()
    db_pages()


if __name__ == "__main__":
    main()
