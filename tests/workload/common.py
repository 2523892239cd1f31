# SPDX-License-Identifier: GPL-2.0-or-later
"""Starting pmtop run on the live kernel, and proving that nothing of it is left.

Nothing here is decided by time: a machine may be slow, or stand still for seconds at any moment.
What must come is waited for; PATIENCE is the end of waiting for what never comes.
"""

import contextlib
import glob
import os
import re
import signal
import sqlite3
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
PATIENCE = 120


def wait_for(condition, seconds=PATIENCE, pause=0.01):
    """The first true value of condition(), or its last value when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


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


def has_ended(pid):
    """Gone, or a zombie; before that it still holds its files, and the lock on its claim."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            return f.read().rsplit(b")", 1)[1].split()[0] in b"ZX"
    except OSError:
        return True


def stop(pid):
    """SIGSTOP, and it stands still when this returns."""
    os.kill(pid, signal.SIGSTOP)
    def stands():
        with open(f"/proc/{pid}/stat", "rb") as f:
            return f.read().rsplit(b")", 1)[1].split()[0] == b"T"
    if not wait_for(stands):
        raise AssertionError(f"{pid} does not stop")


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


def count_samples(log):
    """How many a log has by now, of somebody who records into it; 0 when there is none yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as database:
            return database.execute("SELECT count(*) FROM sample").fetchone()[0]
    except sqlite3.Error:
        return 0


def wait_for_samples(log, least):
    """Whether a log comes to have so many. Looked at seldom: who reads is in the writer's way."""
    return wait_for(lambda: count_samples(log) >= least, pause=0.2)


def kib(size):
    """A size as pmtop prints it."""
    return 0 if size == "-" else int(size[:-1]) << {"K": 0, "M": 10}[size[-1]]


def spoilt(why):
    """Says that a round proved nothing, as the machine was too slow for it, and is done again."""
    print(f"spoilt round, again: {why}", flush=True)


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
            wait_for(lambda: not leftovers(process.pid), 30)
        for pid in pids_with(self.word):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # A last guard, for what only a broken pmtop leaves: the next one takes it away.
        subprocess.run([PMTOP, "run", "--no-cgroup", "--", "true"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)

    def pmtop(self, *words, **options):
        """Runs pmtop run to its end."""
        return subprocess.run([PMTOP, "run", *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE, **options)

    def reproduced_once(self):
        """What --once says of the built-in reproduction, one picture, two seconds on. On a slow
        machine it may not have touched all of its 256 shared pages by then."""
        for _ in range(10):
            result = self.pmtop("--make-swap", "16M", "--once")
            self.assertEqual(result.returncode, 0, result.stderr)
            # RSS, WRITTEN, SWAP, SHSWAP, CACHED, UNKN
            row = re.search(r"rw-s +(\S+) +\S+ +\S+ +(\S+) +(\S+) +\S+ /dev/zero", result.stdout)
            if row and sum(map(kib, row.groups())) == 1024:
                break
            spoilt(f"the workload had not touched all of its pages:\n{result.stdout}")
        return result.stdout

    def start(self, *words, **options):
        """pmtop run; what it says, said() tells, unless the caller takes it."""
        name = os.path.join(self.folder, f"said-{len(self.started)}")
        with open(name, "w") as said:
            options.setdefault("stdout", subprocess.DEVNULL)
            options.setdefault("stderr", said)
            process = subprocess.Popen([PMTOP, "run", *words], stdin=subprocess.DEVNULL, **options)
        process.said = name
        self.started.append(process)
        return process

    def said(self, process):
        """How a process of start() stands, and what it said: for failures."""
        with open(process.said, errors="replace") as said:
            return f"pmtop {process.pid}: status {process.poll()}, it said: {said.read()!r}"

    def family_is_there(self, process, ready):
        """Whether the workload of start_family() has come to be, all three of it, before pmtop
        ended. The one between the grandchild and its own child is soon gone, but may linger."""
        def came(condition):
            wait_for(lambda: condition() or process.poll() is not None)
            return condition() and process.poll() is None
        return came(lambda: os.path.exists(ready)) and came(lambda: self.family() == 3)

    def start_family(self, *options, **popen):
        """pmtop with a workload of three: a child, a grandchild in a session of its own, and one
        more that has lost its parents. All have self.word as an argument."""
        ready = os.path.join(self.folder, "ready")
        process = self.start(*options, "--", PYTHON, CHILD, "family", ready, self.word, **popen)
        self.assertTrue(self.family_is_there(process, ready),
                        f"{self.family()} processes of the workload; {self.said(process)}")
        os.unlink(ready)
        return process

    def family(self):
        """How many processes with self.word are not pmtop's own."""
        return len(pids_with(self.word)) - len(self.pmtops_with_word())

    def pmtops_with_word(self):
        """pmtop and its supervisor have the command in their arguments, too."""
        found = []
        for pid in pids_with(self.word):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(PMTOP):
                    found.append(pid)
        return found

    def wait_for_pmtops(self, *known):
        """Until no pmtop with self.word is left, nor any of these: what they held is free then."""
        self.assertTrue(wait_for(lambda: not self.pmtops_with_word()), "pmtop does not end")
        self.assertTrue(wait_for(lambda: all(map(has_ended, known))), f"{known} do not all end")

    def supervisor_of(self, process):
        found = children(process.pid)
        self.assertEqual(len(found), 1, "pmtop has one child, its supervisor")
        return found[0]

    def assert_clean(self, process, word=None):
        """Nothing is left now: neither of pmtop's own nor, with a word, of its workload."""
        self.assertEqual(leftovers(process.pid, word), [], self.said(process))

    def assert_nothing_left(self, process):
        """Nothing is left some time later, where nobody waited for it."""
        wait_for(lambda: not leftovers(process.pid, self.word))
        self.assert_clean(process, self.word)
