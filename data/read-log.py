#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""read-log.py FILE SAMPLE: the pages of a log of pmtop at a sample, a line for each run of equal ones.

Says "address pages state marks [type:offset of the first slot]". It is an example of how another
language reads what pmtop-log(5) describes; libzstd unpacks the data.
"""
import ctypes
import sqlite3
import struct
import sys

ZSTD = ctypes.CDLL("libzstd.so.1")
SLOT, MAPPED = 14, 15


def unpack(data):
    out = ctypes.create_string_buffer(1 << 16)
    size = ZSTD.ZSTD_decompress(out, len(out), data, len(data))
    return out.raw[:size]


def numbers(data):
    """In base 128, little end first."""
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0


def block(data, older=None):
    """(value, slot or None) of each of 512 pages; older: those of the row `base`."""
    base, varied = struct.unpack_from("<HH", data)
    planes, at = {}, 4
    for bit in range(16):
        if varied >> bit & 1:
            planes[bit] = int.from_bytes(data[at:at + 64], "little")
            at += 64
    codes, slot, pages = numbers(data[at:]), -1, []
    for i in range(512):
        value = base | sum((plane >> i & 1) << bit for bit, plane in planes.items())
        if value >> SLOT & 1:
            code = next(codes)
            away = code - 1 >> 1 ^ -(code - 1 & 1)
            slot = (slot + 1 + away) % 2**64 if code else older[i][1]
        pages.append((value, slot if value >> SLOT & 1 else None))
    return pages


def pages(log, sample):
    """(page number, value, slot) of each page that was read; a value is state and marks << 4."""
    for start, end, fill in log.execute(
            "SELECT start, end, fill FROM mapping WHERE read AND ? BETWEEN first_sample AND "
            "last_sample ORDER BY start", (sample,)):
        first, end = start % 2**64 >> 12, end % 2**64 >> 12
        for number in range(first >> 9, (end - 1 >> 9) + 1):
            row = log.execute("SELECT data, base FROM block WHERE block = ? AND sample <= ? ORDER BY "
                              "sample DESC LIMIT 1", (number, sample)).fetchone()
            known, base = [(fill, None)] * 512, None
            if row and row[1]:
                base = block(unpack(*log.execute("SELECT data FROM block WHERE id = ?", row[1:])
                                    .fetchone()))
            if row and row[0]:
                known = block(unpack(row[0]), base)
            for page in range(max(first, number << 9), min(end, (number + 1) << 9)):
                yield (page, known[page & 511][0] & (1 << SLOT) - 1, known[page & 511][1])


def say(run, states, marks):
    page, count, value, slot = run
    words = [name for i, name in enumerate(marks) if value >> 4 + i & 1]
    print(f"{page << 12:x} {count} {states[value & 15]} {','.join(words) or '-'}",
          f"{slot >> 58}:{slot & 2**58 - 1}" if slot is not None else "-")


def main():
    log = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    names = [c[1] for c in log.execute("PRAGMA table_info(total)")][1:-1]
    states, marks = names[:names.index("written")], names[names.index("written"):]
    run = [0, 0, 0, None]
    for page, value, slot in pages(log, int(sys.argv[2])):
        after = None if run[3] is None else run[3] + run[1]
        if (run[0] + run[1], run[2], after) == (page, value, slot):
            run[1] += 1
            continue
        if run[1]:
            say(run, states, marks)
        run = [page, 1, value, slot]
    say(run, states, marks)


if __name__ == "__main__":
    main()
