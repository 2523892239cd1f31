# SPDX-License-Identifier: GPL-2.0-or-later
"""Starting pmtop run on the live kernel, and proving that nothing of it is left."""

import glob
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

PMTOP = os.environ.setdefault(
    "PMTOP", os.path.abspath(os.path.join(os.path.dirname(__file__), "../../build/dev/pmtop")))
CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py")
PYTHON = sys.executable
CLAIMS = ("/run/pmtop", "/tmp/pmtop-0", "/tmp/pmtop-65534")


def wait_for(condition, seconds=10):
    """The first true value of condition(), or its last value when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.01)


def pids_with(word):
    """Processes that have the word among their arguments; zombies have none, and a terminal that
    was told to run them does not count."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if words[0] == b"tmux" or b"wrap" in words:
            continue
        if word.encode() in words:
            found.append(int(path.split("/")[2]))
    return [pid for pid in found if pid != os.getpid()]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def cgroups(prefix):
    """Directories of cgroups with such a name, on every hierarchy that is mounted."""
    found = []
    with open("/proc/mounts") as f:
        mounts = [line.split()[1] for line in f if line.split()[2] in ("cgroup", "cgroup2")]
    for mount in mounts:
        for folder, names, _ in os.walk(mount):
            found += [os.path.join(folder, name) for name in names if name.startswith(prefix)]
    return found


def swaps(prefix):
    with open("/proc/swaps") as f:
        return [line.split()[0] for line in f if os.path.basename(line.split()[0]).startswith(prefix)]


def claims(prefix):
    return [path for folder in CLAIMS for path in glob.glob(f"{folder}/{prefix}*")]


def leftovers(pid, word=None):
    """All that a pmtop with that pid has outside of itself."""
    prefix = f"pmtop-{pid}-"
    left = cgroups(prefix) + swaps(prefix) + claims(prefix) + glob.glob(f"/var/tmp/{prefix}*")
    if word:
        left += [f"process {other}" for other in pids_with(word)]
    return left


def has_v2_memory():
    """Whether it is the second version of cgroups that has the memory controller here."""
    with open("/proc/mounts") as f:
        for line in f:
            if line.split()[2] == "cgroup2":
                with open(os.path.join(line.split()[1], "cgroup.controllers")) as c:
                    return "memory" in c.read().split()
    return False


class Case(unittest.TestCase):
    """A test that runs pmtop; whatever it leaves behind, even when it fails, is ended after it."""

    def setUp(self):
        self.started = []
        self.word = "pmtop-test-" + uuid.uuid4().hex
        folder = tempfile.TemporaryDirectory(prefix="pmtop-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o777)

    def tearDown(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for process in self.started:
            wait_for(lambda: not leftovers(process.pid), 5)
        for pid in pids_with(self.word):
            os.kill(pid, signal.SIGKILL)
        # A last guard, for what only a broken pmtop leaves: the next one takes it away.
        subprocess.run([PMTOP, "run", "--no-cgroup", "--", "true"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def pmtop(self, *words, **options):
        """Runs pmtop run to its end."""
        return subprocess.run([PMTOP, "run", *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, **options)

    def start(self, *words, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen([PMTOP, "run", *words], stdin=subprocess.DEVNULL, **options)
        self.started.append(process)
        return process

    def start_family(self, *options, **popen):
        """pmtop with a workload of three: a child, a grandchild in a session of its own, and one
        more that has lost its parents. All have self.word as an argument."""
        ready = os.path.join(self.folder, "ready")
        process = self.start(*options, "--", PYTHON, CHILD, "family", ready, self.word, **popen)
        self.assertTrue(wait_for(lambda: os.path.exists(ready)), "the workload did not start")
        os.unlink(ready)
        self.assertEqual(len(pids_with(self.word)) - self.pmtops_with_word(), 3)
        return process

    def pmtops_with_word(self):
        """pmtop and its supervisor have the command in their arguments, too."""
        count = 0
        for pid in pids_with(self.word):
            try:
                count += os.readlink(f"/proc/{pid}/exe") == os.path.realpath(PMTOP)
            except OSError:
                pass
        return count

    def supervisor_of(self, process):
        found = children(process.pid)
        self.assertEqual(len(found), 1, "pmtop has one child, its supervisor")
        return found[0]

    def assert_nothing_left(self, process, seconds=10):
        wait_for(lambda: not leftovers(process.pid, self.word), seconds)
        self.assertEqual(leftovers(process.pid, self.word), [])
