#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the seed corpora of node/wire, node/objects and node/link from tests/vectors.

Run it from anywhere; it writes tests/fuzz/corpus/NAME/*. Files that are there and not made by it (found by a
fuzzer, kept after a fix) stay.
"""
import json
import pathlib
import re

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


def main():
    messages()


if __name__ == "__main__":
    main()
