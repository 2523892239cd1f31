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
    "clocks": "UPDATE sample SET clock_ns=9223372036854775807, sample=sample+100 WHERE sample>0",
    "raw-cut": "UPDATE raw SET data=substr(data, 1, length(data) - 1)",
    "raw-of-all": "UPDATE raw SET sample=0, block=(SELECT min(block) FROM raw)+id",
    "raw-is-pages": "UPDATE raw SET data=(SELECT data FROM block WHERE data IS NOT NULL)",
    "cgroups": "UPDATE environment SET value=zeroblob(100000) WHERE key LIKE 'cgroup.%'",
    "no-blocks": "DELETE FROM block",
    "lives": "UPDATE mapping SET last_sample=first_sample",
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


def block(base, planes, slots=b""):
    """A block of pages before packing; planes: {bit: 64 bytes}."""
    varied = sum(1 << bit for bit in planes)
    return (b"\x01" + base.to_bytes(2, "little") + varied.to_bytes(2, "little")
            + b"".join(planes[bit] for bit in sorted(planes)) + slots)


def raw(known, there, stale, columns):
    """Raw data before packing."""
    return (b"\x02" + bytes([known]) + there.to_bytes(64, "little") + stale.to_bytes(64, "little")
            + columns)


# Nothing of the machine that it was made on.
NEUTRAL = ("UPDATE environment SET value='/some/group' WHERE key LIKE 'cgroup.%'; "
           "UPDATE environment SET value='of a test' WHERE key LIKE 'kernel%'; ")

MAPPED, SLOT = 1 << 15, 1 << 14
HALF = bytes([0x0f] * 64)

BLOBS = {
    "block-one-value": block(MAPPED | 1, {}),
    "block-states": block(MAPPED, {0: HALF, 1: bytes([0x33] * 64)}),
    "block-part": block(0, {0: HALF, 15: HALF}),
    "block-slots": block(MAPPED | 6, {14: bytes([5] + [0] * 63)}, bytes([3, 0x81, 1])),
    "block-empty": block(0, {}),
    "raw": raw(7, 0b111, 0b1000, bytes([0x80, 2, 0, 0, 18, 4, 0] + [8, 0, 0] + [2, 0, 0]
                                       + [0x9a, 1, 0, 0] + [8, 1, 0] + [0, 0, 0] + [2, 0, 0])),
    "raw-empty": raw(0, 0, 0, b""),
    "raw-whole": raw(8, 1, 0, bytes(8)),
    "packed": b"\x05\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00\x99\xe9\xd8\x51",
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
