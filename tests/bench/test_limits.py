#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the node may cost at most, by `bittern bench`: CPU and memory, which hold on a busy machine too. Skips
(exit code 77) on a build with sanitizers."""
import json
import os
import re
import subprocess
import sys

BIN = os.environ.get("BITTERN_BIN", "build/release/bin")

# (benchmark, what stands in its detail, no more than)
LIMITS = [
    ("start", r"memory (\d+) KiB", 60 * 1024),
    ("start", r"idle at ([\d.]+) %", 0.1),
    ("ingest", r"over TLS: ([\d.]+) us of CPU", 50),
    ("relay", r"over TLS: ([\d.]+) us of CPU", 50),
]
START_SEC = 0.5


def measure(name):
    done = subprocess.run([os.path.join(BIN, "bittern"), "bench", name, "--json"], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=600)
    return json.loads(done.stdout)


def main():
    if os.environ.get("BITTERN_SANITIZED") == "1":
        print("skipped: a build with sanitizers is slow on purpose")
        return 77
    results = {name: measure(name) for name in ("start", "ingest", "relay")}
    bad = []
    if results["start"]["ours"] > START_SEC:
        bad.append("start took %.2f s of CPU" % results["start"]["ours"])
    for name, pattern, limit in LIMITS:
        value = float(re.search(pattern, results[name]["detail"]).group(1))
        if value > limit:
            bad.append("%s: %s is above %s: %s" % (name, value, limit, results[name]["detail"]))
    for result in results.values():
        print("%s: %s" % (result["name"], result["detail"]))
    if bad:
        print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
