# SPDX-License-Identifier: MIT
"""The other end of tests/support/fail_calls.c: which call of which program fails, and when."""
import errno
import mmap
import os
import struct

import harness

LIBRARY = os.path.join(harness.BIN, "libfail_calls.so")
MEMORY, WRITE, SYNC = 1, 2, 3
NO_SPACE, BROKEN, HALF = errno.ENOSPC, errno.EIO, 0
LAYOUT = struct.Struct("<IIIIqQ")


class Failing(harness.Bittern):
    """A Bittern of which one program, the gateway unless said otherwise, fails on demand."""

    def __init__(self, program="bittern-gateway", **options):
        super().__init__(**options)
        self.control_path = os.path.join(self.folder, "fail")
        with open(self.control_path, "wb") as file:
            file.write(bytes(4096))
        with open(self.control_path, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 4096)
        self.environment = {"LD_PRELOAD": LIBRARY, "BITTERN_FAIL_PROGRAM": program,
                            "BITTERN_FAIL_CONTROL": self.control_path}

    def spawn(self):
        os.environ.update(self.environment)
        try:
            super().spawn()
        finally:
            for name in self.environment:
                del os.environ[name]

    def arm(self, kind, nth, error=0, from_then=False, least_size=0):
        """The nth such call from now on fails. The kind is set last: from then on it counts."""
        self.disarm()
        self.control[4:LAYOUT.size] = LAYOUT.pack(0, error, from_then, 0, nth, least_size)[4:]
        self.control[0:4] = struct.pack("<I", kind)

    def disarm(self):
        self.control[0:4] = struct.pack("<I", 0)

    def failed(self):
        """How many calls did, since it was armed."""
        return LAYOUT.unpack(self.control[:LAYOUT.size])[3]
