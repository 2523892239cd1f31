# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits, the OOM killer, rights, and the built-in reproduction."""

import glob
import os
import shutil
import re
import signal
import sqlite3
import struct
import subprocess
import unittest

from common import (CHILD, PATIENCE, PMTOP, PYTHON, Case, children, has_v2_memory, leftovers,
                    spoilt, stop, wait_for, wait_for_samples)

NOBODY = 65534
AS_NOBODY = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")


def swap_areas():
    with open("/proc/swaps") as f:
        return [line.split()[0] for line in f][1:]


class Memory(Case):
    def test_oom(self):
        result = self.pmtop("--limit", "20M", "--swap-limit", "0", "--", PYTHON, CHILD, "hog",
                            str(64 << 20))
        self.assertEqual(result.returncode, 128 + 9, result.stderr)
        self.assertRegex(result.stderr, r"OOM-killed after \S+s: limit 20M, last usage \S+, most 20M")
        self.assertIn("Raise the limit", result.stderr)
        self.assertNotIn("too small to start", result.stderr)
        self.assertIn("  | taking", result.stderr)
        self.assertIn("oom-kills 1", result.stdout)

    def events_of_an_oom(self, command):
        """The kinds of event in the log of a shell command that begins after the first sample."""
        log = os.path.join(self.folder, "oom.pmtop")
        go = os.path.join(self.folder, "go")
        process = self.start("--limit", "20M", "--swap-limit", "0", "--duration", "10m", "--record",
                             log, "--", "sh", "-c", f"until [ -e {go} ]; do sleep 0.1; done; "
                                                    f"{command}")
        has_sample = wait_for_samples(log, 1)
        with open(go, "x"):
            pass
        process.wait(PATIENCE)
        self.assertTrue(has_sample, self.said(process))
        self.assertEqual(process.returncode, 137, self.said(process))
        with sqlite3.connect(log) as database:
            kinds = [row[0] for row in database.execute(
                "SELECT kind FROM event WHERE mapping IS NULL ORDER BY event")]
        self.assertEqual(kinds.count("oom"), 1, kinds)
        return kinds

    def test_what_the_log_says_of_an_oom(self):
        kinds = self.events_of_an_oom(f"exec {PYTHON} {CHILD} hog {64 << 20}")
        self.assertEqual(kinds[-1], "ended", kinds)

    def test_an_oom_that_was_noted_already(self):
        """A kill in the group is noted when it is seen; the command's own end is no other one."""
        kinds = self.events_of_an_oom(f"{PYTHON} {CHILD} hog {64 << 20}; sleep 2; kill -9 $$")
        self.assertEqual(kinds[-1], "ended", kinds)

    def test_too_small_to_start_in(self):
        """That it had no time is said only of what lived for less than a second."""
        for _ in range(10):
            result = self.pmtop("--limit", "16K", "--swap-limit", "0", "--", PYTHON, "-c",
                                "print(1)")
            self.assertEqual(result.returncode, 128 + 9, result.stderr)
            self.assertIn("limit 16K", result.stderr)
            lived = re.search(r"OOM-killed after (\S+)s", result.stderr)[1]
            if float(lived) < 1:
                break
            spoilt(f"it lived for {lived} s")
        self.assertIn("too small to start in", result.stderr)

    def test_enough(self):
        result = self.pmtop("--limit", "200M", "--", PYTHON, CHILD, "hog", str(64 << 20))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_the_limits_are_the_kernels(self):
        process = self.start("--limit", "32M", "--swap-limit", "8M", "--high", "16M", "--", "sleep",
                             "1000")
        def group():
            found = [p for p in leftovers(process.pid) if "memory" in p or has_v2_memory()]
            return [p for p in found if os.path.isdir(p)]
        self.assertTrue(wait_for(group), self.said(process))
        directory = group()[0]
        def value(name):
            with open(os.path.join(directory, name)) as f:
                return f.read().strip()
        names = ({"memory.max": 32 << 20, "memory.swap.max": 8 << 20, "memory.high": 16 << 20}
                 if has_v2_memory() else
                 {"memory.limit_in_bytes": 32 << 20, "memory.memsw.limit_in_bytes": 40 << 20,
                  "memory.soft_limit_in_bytes": 16 << 20, "memory.swappiness": 60})
        for name, want in names.items():
            self.assertTrue(wait_for(lambda: value(name) == str(want)), f"{name} {value(name)}")

    def test_no_swap_is_explained(self):
        for _ in range(10):
            before = swap_areas()
            result = self.pmtop("--limit", "8M", "--", "true")
            if swap_areas() == before:
                break
            spoilt("somebody else's swap came or went")
        self.assertEqual("has no swap" in result.stderr, not before, result.stderr)

    def test_temporary_swap(self):
        """It is the last to be used, its file has real extents, and it goes."""
        process = self.start("--limit", "64M", "--make-swap", "3M", "--", "sleep", "1000")
        def files():
            return glob.glob(f"/var/tmp/pmtop-{process.pid}-*.swap")
        self.assertTrue(wait_for(files), self.said(process))
        path = files()[0]
        def row():
            with open("/proc/swaps") as f:
                rows = [line.split() for line in f][1:]
            return [r for r in rows if r[0] == path] and rows
        rows = wait_for(row)
        self.assertTrue(rows, self.said(process))
        own = [r for r in rows if r[0] == path][0]
        self.assertEqual(own[1], "file")
        self.assertEqual(int(own[2]), 3 * 1024 - 4)
        # Others may come and go meanwhile; none that was there before may come after ours.
        self.assertLess(int(own[4]), 0)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertGreaterEqual(os.stat(path).st_blocks * 512, 3 << 20)
        process.terminate()
        process.wait()
        self.assert_clean(process)


class Rights(Case):
    def as_nobody(self, *words):
        return subprocess.run([*AS_NOBODY, PMTOP, "run", *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE, cwd="/", env={"PATH": os.environ["PATH"]})

    def test_no_right_to_make_cgroups(self):
        result = self.as_nobody("--limit", "8M", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("no right to make a cgroup under /sys/fs/cgroup", result.stderr)
        self.assertIn("--no-cgroup", result.stderr)
        self.assertIn("root", result.stderr)

    def test_without_a_cgroup_it_works(self):
        result = self.as_nobody("--no-cgroup", "--", "sh", "-c", "exit 7")
        self.assertEqual(result.returncode, 7, result.stderr)
        self.assertEqual(glob.glob("/tmp/pmtop-65534/*"), [])

    def test_without_the_right_to_switch_swap_on(self):
        result = self.as_nobody("--no-cgroup", "--make-swap", "1M", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("CAP_SYS_ADMIN", result.stderr)
        self.assertEqual(glob.glob("/tmp/pmtop-65534/*"), [])

    def test_anothers_folder_is_not_trusted(self):
        """In /tmp anybody can make the folder of another user, and a list of things to kill."""
        folder = "/tmp/pmtop-65534"
        victim = subprocess.Popen(["sleep", "1000"])
        try:
            if os.path.isdir(folder):
                os.rmdir(folder)
            os.mkdir(folder, 0o777)
            os.chmod(folder, 0o777)
            with open(f"{folder}/pmtop-1-abcdef", "w", encoding="ascii") as claim:
                claim.write(f"process {victim.pid}\n")
            result = self.as_nobody("--no-cgroup", "--", "true")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(os.listdir(folder), ["pmtop-1-abcdef"])
            self.assertIsNone(victim.poll())
        finally:
            shutil.rmtree(folder)
            for own in glob.glob(f"{folder}-*"):
                shutil.rmtree(own)
            victim.kill()
            victim.wait()

    def test_no_memory_controller(self):
        script = ("for m in $(awk '$3 == \"cgroup\" && $4 ~ /(^|,)memory(,|$)/ || $3 == \"cgroup2\""
                  " {print $2}' /proc/mounts); do umount -l $m; done; exec \"$@\"")
        result = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                 script, "sh", PMTOP, "run", "--limit", "8M", "--", "true"],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=PATIENCE)
        self.assertEqual(result.returncode, 125, result.stderr)
        self.assertIn("no memory cgroup controller", result.stderr)
        self.assertIn("--no-cgroup", result.stderr)


def pagemap(pid, start, pages):
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        f.seek(start // 4096 * 8)
        return struct.unpack(f"={pages}Q", f.read(8 * pages))


def shared_mappings(pid, kb):
    """(start, swap in KiB) of each shared anonymous mapping of that size."""
    found = []
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....) ", line)
            if head:
                start, end = int(head[1], 16), int(head[2], 16)
                wanted = head[3][3] == "s" and "/dev/zero" in line and end - start == kb * 1024
            elif wanted and line.startswith("Swap:"):
                found.append((start, int(line.split()[1])))
    return found


class Reproduction(Case):
    def test_defaults(self):
        """256 pages of shared memory in 512 KiB: most of them go to swap, and pagemap's own words
        for those are zero."""
        process = self.start("--make-swap", "16M", "--duration", "10m")
        found = wait_for(lambda: [c for pid in children(process.pid) for c in children(pid)])
        self.assertTrue(found, self.said(process))
        pid, seen = found[0], []
        def picture():
            """Of the target at rest: pages that pagemap knows nothing of, and those that smaps
            counts as swapped; None before most of them are in swap."""
            stop(pid)
            try:
                found = shared_mappings(pid, 1024)
                if not found:
                    return None
                start, swap_kb = found[0]
                words = pagemap(pid, start, 256)
            finally:
                os.kill(pid, signal.SIGCONT)
            zero, swapped = sum(1 for word in words if word & ~(1 << 55) == 0), swap_kb // 4
            seen[:] = zero, swapped
            # Pages that read-ahead brought back into the cache are silent as well.
            return zero >= swapped > 128
        self.assertTrue(wait_for(picture), f"silent, in swap: {seen}; {self.said(process)}")
        process.terminate()
        process.wait()
        self.assert_clean(process)

    def test_once(self):
        text = self.reproduced_once()
        self.assertIn("limit 512K", text.splitlines()[0])
        self.assertEqual(text.count("limit 512K"), 1)
        self.assertRegex(text, r"x shared-swap +\d+ pages")


if __name__ == "__main__":
    unittest.main()
