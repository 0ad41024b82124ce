#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Submissions a second, each durable, against a Postfix of our own in the same run.

    BITTERN_BIN=build/release/bin tests/bench/submit.py [MAILS]

smtp-source sends mails of 2 KiB to each in turn, over one connection and over ten; Postfix puts them
into its queue and throws them away (transport discard). Bittern is asked through its trusted Unix socket,
for smtp-source knows no login; its recipient has no key yet, so that no proof of work runs meanwhile.
CPU is that of all processes of the server. Needs root and the package postfix."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402
from postfix_server import Postfix  # noqa: E402

SIZE = 2048


def stat_of(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()


def cpu_seconds(root):
    """Of a process and all below it, those that have ended included."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents, used = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = stat_of(int(name))
            except (OSError, IndexError):
                continue
            parents[int(name)] = int(fields[1])
            used[int(name)] = sum(int(f) for f in fields[11:15])
    total = 0
    for pid in used:
        up = pid
        while up in parents and up != root:
            up = parents[up]
        total += used[pid] if up == root else 0
    return total / ticks


class Ours:
    def __init__(self):
        self.one = harness.Bittern(name="submit")
        path = os.path.join(self.one.folder, "run", "smtp.sock")
        self.one.settings["smtp.socket"] = path
        self.one.start()
        self.one.make_account()
        self.target = "unix:" + path
        self.sender = self.one.identity("me2") + "@bm.alt"
        other = harness.Bittern(name="nobody")
        other.cli("account", "new", "me")
        self.recipient = other.cli("identity", "new", "nobody") + "@bm.alt"
        other.close()
        self.pid = self.one.process.pid

    def close(self):
        self.one.close()


def measure(server, connections, mails):
    before = cpu_seconds(server.pid)
    began = time.monotonic()
    subprocess.run(["smtp-source", "-d", "-s", str(connections), "-m", str(mails), "-l", str(SIZE), "-f",
                    server.sender, "-t", server.recipient, "-S", "bench", server.target], check=True)
    wall = time.monotonic() - began
    return {"per_second": round(mails / wall, 1),
            "cpu_ms_each": round((cpu_seconds(server.pid) - before) / mails * 1e3, 3)}


def main():
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    figures = {}
    for name, make in (("postfix", Postfix), ("bittern", Ours)):
        server = make()
        try:
            measure(server, 1, 20)
            figures[name] = {"1": measure(server, 1, mails), "10": measure(server, 10, mails)}
        finally:
            server.close()
    for connections in ("1", "10"):
        ours, anchor = (figures[name][connections] for name in ("bittern", "postfix"))
        print(json.dumps({"name": "submit-%s" % connections, "unit": "CPU ms a mail",
                          "ours": ours["cpu_ms_each"], "anchor": anchor["cpu_ms_each"],
                          "ratio": round(anchor["cpu_ms_each"] / max(ours["cpu_ms_each"], 1e-9), 2),
                          "detail": {"bittern": ours, "postfix": anchor, "bytes": SIZE,
                                     "mails": mails}}))


if __name__ == "__main__":
    main()
