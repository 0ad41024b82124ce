# SPDX-License-Identifier: MIT
"""The clocks of running processes, in the hands of a test (base/clock.h)."""
import fcntl
import mmap
import os
import struct
import time


class Clock:
    """The clocks of all processes that are given it, in builds with BITTERN_TEST_CLOCK."""

    def __init__(self):
        first = os.memfd_create("clock", 0)
        self.fd = fcntl.fcntl(first, fcntl.F_DUPFD, 64)  # out of the way of descriptor 3
        os.close(first)
        os.ftruncate(self.fd, mmap.PAGESIZE)
        self.page = mmap.mmap(self.fd, mmap.PAGESIZE)
        self.passed_sec = 0

    def set(self, offset_sec):
        """The wall clock is so far ahead."""
        self.page[:8] = struct.pack("=q", offset_sec)

    def let_pass(self, seconds):
        """So much time passes at once by the monotonic clock; a node looks at it twice a second."""
        self.passed_sec += seconds
        self.page[8:16] = struct.pack("=q", round(self.passed_sec * 1000))

    def mono(self):
        """As they see it."""
        return time.monotonic() + self.passed_sec


def handed_down(clock):
    """The environment of a process that is given the clock, and the descriptors that it needs; None: no clock."""
    if clock is None:
        return dict(os.environ), []
    return dict(os.environ, BITTERN_CLOCK_FD=str(clock.fd)), [clock.fd]
