#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--make-swap destroys nothing and switches nothing on but its own file, whatever others do with
names in the folder meanwhile; what of it cannot be taken away is said."""

import contextlib
import glob
import os
import signal
import subprocess
import threading
import unittest

from common import Case, swaps, wait_for

OTHER = 65534


def make(path, owner, mode):
    os.mkdir(path)
    os.chown(path, owner, owner)
    os.chmod(path, mode)
    return path


@unittest.skipIf(os.geteuid(), "only root can switch swap on")
class SwapDir(Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.victim = os.path.join(self.folder, "victim")
        with open(self.victim, "wb") as f:
            f.write(b"precious" * (32 << 17))

    def assert_untouched(self):
        with open(self.victim, "rb") as f:
            self.assertEqual(f.read(), b"precious" * (32 << 17))
        self.assertEqual(swaps("victim"), [])

    def exchange(self, folder, stop):
        """Somebody else, who puts a link to the victim in the place of the swap file."""
        attack = ("import os, sys\n"
                  "os.chdir(sys.argv[1])\n"
                  "while True:\n"
                  "    for n in os.listdir():\n"
                  "        if n.endswith('.swap') and not n.startswith('x'):\n"
                  "            try:\n"
                  "                os.rename(n, 'x' + n)\n"
                  "                os.symlink(sys.argv[2], n)\n"
                  "            except OSError: pass\n")
        with subprocess.Popen(["python3", "-c", attack, folder, self.victim], user=OTHER,
                              group=OTHER, extra_groups=[]) as attacker:
            stop.wait()
            attacker.kill()

    def run_against(self, folder):
        stop = threading.Event()
        thread = threading.Thread(target=self.exchange, args=(folder, stop))
        thread.start()
        try:
            return self.pmtop("--make-swap", "8M", "--swap-dir", folder, "--no-cgroup", "--", "true")
        finally:
            stop.set()
            thread.join()

    def test_folders_of_others(self):
        theirs = make(os.path.join(self.folder, "theirs"), OTHER, 0o755)
        below = make(os.path.join(theirs, "below"), 0, 0o755)
        sticky = make(os.path.join(self.folder, "sticky"), OTHER, 0o1777)
        free = make(os.path.join(self.folder, "free"), 0, 0o777)
        group = make(os.path.join(self.folder, "group"), 0, 0o775)
        link = os.path.join(self.folder, "link")
        os.symlink(below, link)
        for folder in theirs, below, sticky, free, group, link:
            with self.subTest(folder=os.path.basename(folder)):
                result = self.run_against(folder)
                self.assertEqual(result.returncode, 125, result.stderr)
                self.assertRegex(result.stderr, "theirs to write.*--swap-dir DIR")
                self.assertEqual([n for n in os.listdir(folder) if "swap" in n], [])
                self.assert_untouched()

    def test_signal_while_it_is_written(self):
        """A large file is not finished first: what was made of it is gone, and so is pmtop."""
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT:
            room = os.statvfs(self.folder)
            process = self.start("--make-swap", str(room.f_bavail * room.f_frsize // 2),
                                 "--swap-dir", self.folder, "--", "sleep", "600")
            self.assertTrue(wait_for(lambda: any(os.path.getsize(path) > 8 << 20 for path in
                                                 glob.glob(f"{self.folder}/*.swap"))))
            process.send_signal(number)
            self.assertEqual(process.wait(), -number)
            self.assertEqual(glob.glob(f"{self.folder}/*.swap"), [])
            self.assert_clean(process)

    def test_sticky_folder_of_root(self):
        folder = make(os.path.join(self.folder, "sticky"), 0, 0o1777)
        result = self.run_against(folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(os.listdir(folder), [])
        self.assertEqual(swaps("pmtop-"), [])
        self.assert_untouched()

    def test_moved_away(self):
        """The folder has another name when the area is to be switched off: said, with the name."""
        folder = make(os.path.join(self.folder, "before"), 0, 0o755)
        after = os.path.join(self.folder, "after")
        process = self.start("--make-swap", "1M", "--swap-dir", folder, "--no-cgroup", "--", "sleep",
                             "100")
        prefix = f"pmtop-{process.pid}-"
        self.assertTrue(wait_for(lambda: swaps(prefix)), self.said(process))
        os.rename(folder, after)
        try:
            process.send_signal(signal.SIGTERM)
            process.wait(100)
            self.assertRegex(self.said(process), f"is on as {after}/{prefix}[^ ]*: swapoff that")
            os.rename(after, folder)
            # The claim is there still, so the next one takes it away.
            self.pmtop("--no-cgroup", "--", "true")
            self.assert_clean(process)
        finally:
            for path in glob.glob(f"{self.folder}/*/{prefix}*"):
                with contextlib.suppress(OSError):
                    subprocess.run(["swapoff", path], check=False)


if __name__ == "__main__":
    unittest.main()
