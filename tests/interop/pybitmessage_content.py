# SPDX-License-Identifier: MIT
"""PyBitmessage's own decoder shows subject and body of what we send as encoding 3. Runs in PyBitmessage's Python:

    python2.7 tests/interop/pybitmessage_content.py PYBITMESSAGE [PATH...]
"""
from __future__ import print_function, unicode_literals
import io
import os
import sys

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "corpus")


def read(name):
    with io.open(os.path.join(CORPUS, name), "rb") as file:
        return file.read()


def main():
    # Our own folder goes: it has a script named as one of their modules.
    sys.path[0:1] = [os.path.join(sys.argv[1], "src")] + sys.argv[2:]
    import helper_msgcoding
    plain = read("letter-text.expected")
    extended = read("letter-file.expected")[len(plain):]
    simple = helper_msgcoding.MsgDecode(2, plain)
    rich = helper_msgcoding.MsgDecode(3, extended)
    wanted = (simple.subject.decode("utf-8"), simple.body.decode("utf-8"))
    if not wanted[0].startswith("Gr\u00fc\u00dfe") or (rich.subject, rich.body) != wanted:
        sys.exit("not shown: %r %r" % (rich.subject, rich.body[:60]))
    print("shown: %d characters of subject, %d of body" % (len(rich.subject), len(rich.body)))


if __name__ == "__main__":
    main()
