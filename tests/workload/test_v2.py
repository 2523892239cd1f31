# SPDX-License-Identifier: GPL-2.0-or-later
"""What only cgroup v2 has: delegation to a plain user, and its own counters."""

import os
import subprocess
import sys
import unittest

from common import PATIENCE, PMTOP, Case, has_v2_memory

NOBODY = 65534
TOP = "/sys/fs/cgroup"


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


class Delegation(Case):
    """A plain user in a group that root has given away, as systemd does for a session."""

    def setUp(self):
        super().setUp()
        self.given = f"{TOP}/pmtop-test-{os.getpid()}"
        self.inner = self.given + "/session"
        os.makedirs(self.inner)
        self.addCleanup(self.remove)
        write(TOP + "/cgroup.subtree_control", "+memory")
        for path in (self.given, self.given + "/cgroup.procs",
                     self.given + "/cgroup.subtree_control", self.inner,
                     self.inner + "/cgroup.procs"):
            os.chown(path, NOBODY, NOBODY)

    def remove(self):
        for path in (self.inner, self.given):
            os.rmdir(path)

    def as_user(self, *words):
        def enter():
            write(self.inner + "/cgroup.procs", "0")
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return subprocess.run([PMTOP, "run", *words], stdin=subprocess.DEVNULL, cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              preexec_fn=enter, timeout=PATIENCE, env={"PATH": os.environ["PATH"]})

    def test_limit_without_root(self):
        report = os.path.join(self.folder, "report")
        result = self.as_user("--limit", "8M", "--swap-limit", "2M", "--", "sh", "-c",
                              f"cat /proc/self/cgroup > {report}; g=/sys/fs/cgroup$(cut -d: -f3 "
                              f"{report}); cat $g/memory.max $g/memory.swap.max >> {report}")
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(report) as f:
            group, limit, swap = f.read().split()
        # Beside our own group, not in it: a group with processes cannot have such children.
        self.assertRegex(group, rf"^0::/pmtop-test-{os.getpid()}/pmtop-\d+-[0-9a-f]+$")
        self.assertEqual(limit, str(8 << 20))
        self.assertEqual(swap, str(2 << 20))
        self.assertEqual(sorted(d for d in os.listdir(self.given)
                                if os.path.isdir(os.path.join(self.given, d))), ["session"])

    def test_controller_that_is_not_given(self):
        """The user's part of the tree has no memory controller: says so, makes nothing."""
        write(TOP + "/cgroup.subtree_control", "-memory")
        try:
            result = self.as_user("--limit", "8M", "--", "true")
            self.assertEqual(result.returncode, 125)
            self.assertIn("no right to make a cgroup", result.stderr)
            self.assertIn("Delegate=yes", result.stderr)
        finally:
            write(TOP + "/cgroup.subtree_control", "+memory")

    def test_root_switches_the_controller_on(self):
        write(TOP + "/cgroup.subtree_control", "-memory")
        try:
            result = self.pmtop("--limit", "8M", "--", "true")
            self.assertEqual(result.returncode, 0, result.stderr)
        finally:
            write(TOP + "/cgroup.subtree_control", "+memory")


class Events(Case):
    def test_counters(self):
        self.assertRegex(self.reproduced_once(), r"limit 512K .*limit-hits [1-9]\d* ")


if __name__ == "__main__":
    if not has_v2_memory():
        print("skipped: cgroup v1 has the memory controller here; vm.*.run has v2")
        sys.exit(77)
    unittest.main()
