# SPDX-License-Identifier: MIT
"""The two letters of the corpus, which every client writes: one of text alone, one with a picture attached."""
SUBJECT = "Grüße aus Köln: 5 € für zwei"
TEXT = ("Liebe Grüße aus Köln,\n"
        "\n"
        "dies ist ein Absatz, der so lang ist, dass ihn jedes Programm anders umbricht, kodiert oder in eine "
        "einzige Zeile schreibt, und der trotzdem überall als derselbe Absatz ankommen soll.\n"
        "\n"
        "a = b; 50 % = half\n"
        "Bis bald\n")
FROM = "BM-2cVUa5gFcJ9mFKPDqs2BTJUwiR8aSNqvv1@bm.alt"
TO = "BM-2cT8kXqyJ6fNnvTGkpGkm4mRcVpJ1kYdWq@bm.alt"
FILE = "p.png"
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002"
    "000005000179a3d3e20000000049454e44ae426082")
