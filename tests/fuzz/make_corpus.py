#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the seeds of corpus/log from a small log: make_corpus.py LOG DIRECTORY.

The logs get SQLite's smallest pages, so that a mutation has a chance to hit something that counts.
"""

import os
import shutil
import sqlite3
import sys

LIES = {
    "good": "",
    "newer": "PRAGMA user_version=2",
    "no-blocks": "DELETE FROM block",
    "base-of-itself": "UPDATE block SET base=id",
    "block-elsewhere": "UPDATE block SET block=block+1",
    "overlap": "UPDATE mapping SET start=4096, end=1099511627776",
    "huge": "UPDATE mapping SET start=4096, end=-4096 WHERE mapping=1",
    "totals": "UPDATE total SET none=9223372036854775807",
    "samples": "UPDATE sample SET sample=9223372036854775806 WHERE sample=(SELECT max(sample) "
               "FROM sample)",
    "escapes": "UPDATE mapping SET name=char(27)||'[2J'||char(10)",
    "other-tables": "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql=replace(sql, "
                    "'none INTEGER', 'none INTEGER GENERATED ALWAYS AS (zeroblob(99999999))')",
}


def raw_block(first, kinds, pages, slots):
    out = bytearray([1, first, len(pages), len(kinds)])
    for state, marks in kinds:
        out.append(state)
        while marks >= 0x80:
            out.append(marks & 0x7F | 0x80)
            marks >>= 7
        out.append(marks)
    return bytes(out) + bytes(pages) + bytes(slots)


BLOBS = {
    "block-states": raw_block(3, [(0, 0), (1, 2), (6, 0)], [0, 1, 2, 1, 0, 2], []),
    "block-slots": raw_block(0, [(7, 0x8000), (3, 1)], [0, 0, 1, 0, 0, 0], [2, 5, 9, 0, 1, 40, 0]),
    "block-empty": b"\x01\x00\x00\x00",
    "detail": b"\x02\x05\x00\x02\x00\x07" + bytes(range(2 * 8 * 3)) + b"\x01\x02",
    "detail-empty": b"\x02\x00\x00\x00\x00\x00",
    "nothing": b"",
    "text": b"this is not a log, but it is long enough to be looked at more closely than others, "
            b"and then refused",
}


def main():
    log, directory = sys.argv[1:]
    for name, sql in LIES.items():
        path = os.path.join(directory, name)
        shutil.copyfile(log, path)
        database = sqlite3.connect(path)
        database.executescript("PRAGMA page_size=512; VACUUM; " + sql)
        database.commit()
        database.close()
    for name, blob in BLOBS.items():
        with open(os.path.join(directory, name), "wb") as out:
            out.write(blob)
    with open(os.path.join(directory, "good"), "rb") as good:
        whole = good.read()
    with open(os.path.join(directory, "truncated"), "wb") as out:
        out.write(whole[: len(whole) * 2 // 3])


if __name__ == "__main__":
    main()
