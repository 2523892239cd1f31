#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the seeds of corpus/log from a small log: make_corpus.py LOG SCHEMA-1-LOG DIRECTORY.

The logs get SQLite's smallest pages, so that a mutation has a chance to hit something that counts.
"""

import os
import shutil
import sqlite3
import sys

LIES = {
    "good": "",
    "newer": "PRAGMA user_version=3",
    "older": "PRAGMA user_version=1",
    "phases": "UPDATE phase SET clock_ns=9223372036854775807, sample=sample+100 WHERE sample>0",
    "stored": "UPDATE block SET data=x'0100000000'",
    "details": "UPDATE detail SET data=x'01' || data",
    "detail-of-all": "UPDATE detail SET sample=0, block=(SELECT min(block) FROM detail)+id",
    "cgroups": "UPDATE environment SET value=zeroblob(100000) WHERE key LIKE 'cgroup.%'",
    "no-blocks": "DELETE FROM block",
    "base-of-itself": "UPDATE block SET base=id",
    "block-elsewhere": "UPDATE block SET block=block+100000",
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


OLD_LIES = {
    "old": "",
    "old-base-of-itself": "UPDATE block SET base=id",
    "old-detail": "UPDATE detail SET data=x'28B52FFD00'",
    "old-newer": "PRAGMA user_version=2",
}

# Nothing of the machine that it was made on.
NEUTRAL = ("UPDATE environment SET value='/some/group' WHERE key LIKE 'cgroup.%'; "
           "UPDATE environment SET value='of a test' WHERE key LIKE 'kernel%'; ")

# Of the old log this is enough.
SHORTER = ("DELETE FROM sample WHERE sample>2; DELETE FROM block WHERE sample>2; DELETE FROM total "
           "WHERE sample>2; DELETE FROM detail WHERE sample>2; DELETE FROM mapping WHERE "
           "first_sample>2; DELETE FROM mapping_count WHERE sample>2; DELETE FROM event; "
           "DELETE FROM layout WHERE sample>2; VACUUM; ")

DETAIL = bytes([2, 7, 2, 3, 0, 1, 1, 1, 9, 0, 2,  # two runs, one stale
                0x80, 2, 0, 1, 77, 4, 0, 0, 0, 0, 0, 0, 0, 255, 255,  # two kinds
                0, 0, 1, 4, 0, 9])

BLOBS = {
    "block-states": raw_block(3, [(0, 0), (1, 2), (6, 0)], [0, 1, 2, 1, 0, 2], []),
    "block-slots": raw_block(0, [(7, 0x8000), (3, 1)], [0, 0, 1, 0, 0, 0], [2, 5, 9, 0, 1, 40, 0]),
    "block-empty": b"\x01\x00\x00\x00",
    "block-one-kind": raw_block(3, [(1, 2)], [], []),
    "old-block": b"\x03" + raw_block(3, [(1, 2)], [0] * 40, [])[1:],
    "detail": DETAIL,
    "detail-empty": b"\x02\x00\x00\x00\x00",
    "detail-whole": b"\x02\x0f" + DETAIL[2:],
    "old-detail-raw": b"\x04\x05\x00\x02\x00\x07" + bytes(range(2 * 8 * 3)) + b"\x01\x02",
    "frame": b"\x05\x01\xc5\x9d\x1c\x81",
    "nothing": b"",
    "text": b"this is not a log, but it is long enough to be looked at more closely than others, "
            b"and then refused",
}


def main():
    log, old, directory = sys.argv[1:]
    lies = [(log, name, sql) for name, sql in LIES.items()]
    lies += [(old, name, SHORTER + sql) for name, sql in OLD_LIES.items()]
    for source, name, sql in lies:
        path = os.path.join(directory, name)
        shutil.copyfile(source, path)
        database = sqlite3.connect(path)
        database.executescript(NEUTRAL + "PRAGMA page_size=512; VACUUM; " + sql)
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
