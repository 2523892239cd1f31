#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pmtop doctor from outside: what it says is what is so, and each way out is said."""

import ctypes
import json
import os
import subprocess
import sys
import unittest

PMTOP = sys.argv[1]
CACHESTAT = 451


def doctor(*words, **keywords):
    return subprocess.run([PMTOP, "doctor", *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **keywords)


def features(*words, **keywords):
    result = doctor("--json", *words, **keywords)
    assert result.returncode == 0, result.stderr
    return {f["key"]: f for f in json.loads(result.stdout)["features"]}


class Doctor(unittest.TestCase):
    def test_usage(self):
        self.assertEqual(doctor("--nothing").returncode, 2)
        self.assertEqual(doctor("more").returncode, 2)
        self.assertEqual(doctor("--without", "x").returncode, 2)
        self.assertEqual(doctor("--help").returncode, 0)

    def test_text_has_all(self):
        text = doctor().stdout.decode()
        for key, feature in features().items():
            self.assertIn(key, text)
            self.assertIn(feature["gives"], text)
            if not feature["has"]:
                self.assertIn(feature["way_out"], text)
                self.assertTrue(feature["way_out"])
                self.assertTrue(feature["reason"])

    def test_against_the_kernel(self):
        """Asked here once more, by other means."""
        found = features()
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall(CACHESTAT, -1, None, None, 0)
        self.assertEqual(found["cachestat"]["has"], ctypes.get_errno() != 38)
        with open("/proc/swaps", encoding="ascii") as swaps:
            self.assertEqual(found["swap"]["has"], len(swaps.readlines()) > 1)
        self.assertTrue(found["pagemap"]["has"])

    def test_taken_away(self):
        taken = features("--without", "cachestat,pagemap_scan")
        self.assertFalse(taken["cachestat"]["has"] or taken["pagemap_scan"]["has"])
        self.assertEqual(taken["cachestat"]["reason"], "taken away by --without")
        self.assertEqual(taken["mincore"]["has"], features()["mincore"]["has"])

    @unittest.skipIf(os.geteuid(), "needs root to become somebody else")
    def test_plain_user(self):
        found = features(user=65534, group=65534, extra_groups=[])
        for key in "sys_admin", "map_files", "bpf", "others":
            self.assertFalse(found[key]["has"], key)
        self.assertTrue(found["pagemap"]["has"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
