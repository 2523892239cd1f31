#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What data/read-log.py reads of a log is what pmtop exports of it, page by page."""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "../../data")
DEMO = os.path.join(DATA, "demo.pmtop")
EVERY = 9


def of_decoder(sample):
    """Every page with its state, marks and slot, in the order of addresses."""
    said = subprocess.run([sys.executable, os.path.join(DATA, "read-log.py"), DEMO, str(sample)],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    pages = {}
    for line in said.splitlines():
        start, count, state, marks, slot = line.split()
        place = None if slot == "-" else [int(n) for n in slot.split(":")]
        for i in range(int(count)):
            pages[int(start, 16) + 4096 * i] = (
                state, [] if marks == "-" else marks.split(","),
                place and (place[0], place[1] + i))
    return pages


def of_export(line):
    pages = {}
    for mapping in json.loads(line)["mappings"]:
        for run in mapping["runs"]:
            slot = run.get("swap")
            for i in range(run["pages"]):
                pages[int(run["start"], 16) + 4096 * i] = (
                    run["state"], run["marks"], slot and (slot["type"], slot["offset"] + i))
    return pages


class ReadLog(unittest.TestCase):
    maxDiff = 2000

    def test_is_what_is_exported(self):
        lines = subprocess.run([os.environ["PMTOP"], "export", "--format", "json", "--pages", DEMO],
                               stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        self.assertGreater(len(lines), 2 * EVERY)
        placed = 0
        for sample in list(range(0, len(lines), EVERY)) + [len(lines) - 1]:
            exported = of_export(lines[sample])
            self.assertEqual(of_decoder(sample), exported)
            placed += sum(page[2] is not None for page in exported.values())
        self.assertGreater(placed, 100)


if __name__ == "__main__":
    unittest.main()
