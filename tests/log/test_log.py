#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Logs on the live kernel: what was seen is what is replayed, and nothing is lost whatever happens.

PMTOP, RECORD_COMPARE and TARGET are the programs. KILLS is how often a recorder is killed.
"""

import contextlib
import ctypes
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD", os.path.join(HERE, "../../build/dev"))
PMTOP = os.environ.get("PMTOP", os.path.join(BUILD, "pmtop"))
COMPARE = os.environ.get("RECORD_COMPARE", os.path.join(BUILD, "tests/log/record_compare"))
FACTS = os.environ.get("FACTS_COMPARE", os.path.join(BUILD, "tests/log/facts_compare"))
TARGET = os.environ.get("TARGET", os.path.join(BUILD, "tests/log/log_target"))
KILLS = int(os.environ.get("KILLS", "20"))
CGROUP = "/sys/fs/cgroup/memory"


def pmtop(*words, prefix=(), timeout=120, **options):
    return subprocess.run([*prefix, PMTOP, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout, check=False, **options)


def until(what, condition, seconds=60):
    """Waits for what must come, however slow the machine is; what condition() returned."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not after {seconds} s")
        time.sleep(0.02)


def tell_again(what):
    """What is done once more since something else than pmtop spoilt it."""
    print(f"\n    again: {what}", end=" ", file=sys.stderr, flush=True)


class Target:
    """A process to record, maybe with little memory and a swap file of its own."""

    def __init__(self, *words, limit=None, prefix=()):
        self.cgroup = self.swap = None
        command = [*prefix, TARGET, *[str(word) for word in words]]
        if limit:
            self.make_swap()
            self.cgroup = f"{CGROUP}/pmtop-log-{os.getpid()}-{id(self)}"
            os.mkdir(self.cgroup)
            with open(f"{self.cgroup}/memory.limit_in_bytes", "w", encoding="ascii") as f:
                f.write(str(limit))
            command = ["sh", "-c", f"echo $$ > {self.cgroup}/cgroup.procs && exec \"$@\"", "sh",
                       *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            self.__exit__()
            raise RuntimeError("the target did not start")
        self.pid = str(self.process.pid)

    def make_swap(self):
        self.swap = f"/var/tmp/pmtop-log-test-{os.getpid()}.swap"
        with open(self.swap, "wb") as f:
            os.fchmod(f.fileno(), 0o600)
            for _ in range(160):
                f.write(bytes(1 << 20))
            f.flush()
            os.fsync(f.fileno())
        subprocess.run(["mkswap", self.swap], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["swapon", self.swap], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.swap:
            subprocess.run(["swapoff", self.swap], check=True)
            os.unlink(self.swap)
        if self.cgroup:
            until(f"{self.cgroup} is empty", lambda: not removed(self.cgroup))

    def stand_still(self):
        self.process.send_signal(signal.SIGSTOP)
        until(f"{self.pid} stops", lambda: stat_of(self.pid)[0] == "T")

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


def removed(folder):
    """None, or why not."""
    try:
        os.rmdir(folder)
    except OSError as error:
        return error
    return None


def push_out(pid):
    """MADV_PAGEOUT on all that is anonymous and of /dev/zero, from outside."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            if "/dev/zero" not in line and len(line.split()) > 5:
                continue
            start, end = [int(word, 16) for word in line.split()[0].split("-")]
            vector = (ctypes.c_size_t * 2)(start, end - start)
            libc.syscall(440, pidfd, vector, ctypes.c_size_t(1), 21, 0)
    os.close(pidfd)


def stat_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()


def faults_of(pid):
    """Minor and major faults of a process."""
    words = stat_of(pid)
    return int(words[7]), int(words[9])


def places(pid):
    """Pages that are mapped, and private pages in swap, by the page table; and swap by smaps."""
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as smaps:
        lines = smaps.readlines()
    mapped = out = swap = 0
    for line in lines:
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)", line)
        if head:
            ours = head.group(3).startswith("/dev/zero") or not head.group(3)
            start, end = (int(word, 16) // 4096 for word in head.groups()[:2])
            with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
                data = os.pread(pagemap.fileno(), (end - start) * 8, start * 8) if ours else b""
            words = memoryview(data).cast("Q")
            mapped += sum(word >> 63 for word in words)
            out += sum(word >> 62 == 1 for word in words)
        elif line.startswith("Swap:") and ours:
            swap += int(line.split()[1]) // 4
    return mapped, out, swap


def swap_areas():
    with open("/proc/swaps", encoding="utf-8") as lines:
        return {line.split()[0] for line in lines}


def swap_is_possible():
    """Whether this machine lets us limit memory and add swap: cgroup v1, as root."""
    return os.geteuid() == 0 and os.path.exists(f"{CGROUP}/memory.limit_in_bytes")


def samples_of(path):
    """All samples as objects; every one must be whole."""
    done = pmtop("export", path, "--format", "json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask(path, question):
    """One number of a log that is being recorded; 0: there is no log yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return database.execute(question).fetchone()[0] or 0
    except sqlite3.Error:
        return 0


def await_samples(path, count=2, beside=lambda: True):
    """Until a log that is being recorded holds so many, however much else goes on here."""
    until(f"{count} samples in {path}",
          lambda: ask(path, "SELECT count(*) FROM sample") >= count and beside())


def await_next(path):
    """Until a log that is being recorded holds a sample that was begun after this call."""
    await_samples(path, ask(path, "SELECT count(*) FROM sample") + 2)


def length_of(path):
    """From the first sample of a log to its last, in seconds."""
    return ask(path, "SELECT max(taken_ns) - min(taken_ns) FROM sample") / 1e9


@contextlib.contextmanager
def recording(pid, path, *words, prefix=()):
    """A recorder into a new log, told to end when the block does; then its status is 0."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    recorder = subprocess.Popen([*prefix, PMTOP, "record", "-p", str(pid), "-o", path, *words],
                                stderr=subprocess.PIPE, text=True)
    try:
        yield recorder
    except BaseException:
        recorder.kill()
        print(f"\n    the recorder says {recorder.communicate()[1]!r}", file=sys.stderr)
        raise
    recorder.send_signal(signal.SIGINT)
    recorder.said = recorder.communicate(timeout=60)[1]
    assert recorder.returncode == 0, f"status {recorder.returncode}: {recorder.said}"


def record(pid, path, *words, count=5):
    """At least so many samples of a process."""
    with recording(pid, path, *words):
        await_samples(path, count)


def record_for_a_time(pid, path, *words):
    """As long as a machine that is slow needs to take a sample."""
    for seconds in (1, 4, 16):
        done = pmtop("record", "-p", str(pid), "-o", path, "--duration", f"{seconds}s", *words)
        if "before the first sample" not in done.stderr:
            break
    return done


class Quota:
    """A folder of nobody's that holds 512 KiB, on a file system of its own (btrfs: real EDQUOT)."""

    possible = (os.geteuid() == 0 and shutil.which("mkfs.btrfs") and
                "btrfs" in open("/proc/filesystems", encoding="ascii").read())

    def __init__(self, folder):
        self.image, self.mount = os.path.join(folder, "image"), os.path.join(folder, "mount")
        self.home = os.path.join(self.mount, "home")
        os.chmod(folder, 0o755)

    def __enter__(self):
        def run(*words):
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        with open(self.image, "wb") as image:
            image.truncate(128 << 20)
        os.mkdir(self.mount)
        run("mkfs.btrfs", "-q", self.image)
        run("mount", "-o", "loop", self.image, self.mount)
        run("btrfs", "quota", "enable", self.mount)
        run("btrfs", "subvolume", "create", self.home)
        os.chown(self.home, 65534, 65534)
        run("btrfs", "qgroup", "limit", "512K", self.home)
        return self.home

    def __exit__(self, *_):
        for _ in range(100):  # until the last process whose directory it was is gone
            if not subprocess.run(["umount", self.mount], check=False,
                                  stderr=subprocess.DEVNULL).returncode:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.mount} is still in use")


AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


class Log(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pmtop-log-")
        self.log = os.path.join(self.folder, "log.pmtop")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def compare(self, samples, target):
        for _ in range(3):
            done = subprocess.run([COMPARE, target.pid, str(samples), self.log],
                                  stdout=subprocess.PIPE, text=True, timeout=200, check=False)
            print(f"\n    {done.stdout.strip()[:2000]}", end=" ", file=sys.stderr)
            if not re.search("left out [1-9]", done.stdout):
                break
            tell_again("the disk stood still for so long that the recorder left samples out")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_equal_restless(self):
        with Target(4, 300, 5, "restless") as target:
            self.compare(40, target)

    @unittest.skipUnless(swap_is_possible(), "needs root and a cgroup v1 memory controller")
    def test_equal_swapping(self):
        with Target(16, 400, 5, limit=6 << 20) as target:
            until("it swaps", lambda: places(target.pid)[1] > 50 and places(target.pid)[2] > 400)
            self.compare(40, target)
        swapped = samples_of(self.log)[-1]["totals"]
        self.assertGreater(swapped["shared_swap"], 100)
        self.assertGreater(swapped["swap"], 10)

    @unittest.skipUnless(swap_is_possible(), "needs root and a cgroup v1 memory controller")
    def test_facts_of_changed_pages(self):
        """Pages move to swap, some come back; the replay has the kernel's own words about each."""
        # So few pages that the facts of all of them are read when all change at once.
        with Target(1, 40, 20, limit=64 << 20) as target:
            # Others may switch areas on and off meanwhile.
            swaps = swap_areas()
            until("nearly all is touched", lambda: places(target.pid)[0] > 480)
            with recording(target.pid, self.log):
                await_samples(self.log)
                target.stand_still()
                await_next(self.log)
                self.move_to_swap_and_back(target)
                swaps |= swap_areas()
            done = subprocess.run([FACTS, target.pid, self.log], stdout=subprocess.PIPE, text=True,
                                  timeout=60, check=False)
        print(f"\n    {done.stdout.strip()[:2000]}", end=" ", file=sys.stderr)
        with sqlite3.connect(self.log) as database:
            left_out = database.execute("SELECT sum(pages) FROM raw_left_out").fetchone()[0]
            names = dict(database.execute("SELECT key, value FROM environment"))
        self.assertIsNone(left_out)
        self.assertEqual(done.returncode, 0, done.stdout)
        changed, facts, present, swapped = [int(n) for n in re.findall(r"\d+", done.stdout)[:4]]
        self.assertGreater(changed, 400)
        self.assertEqual(facts, changed)
        self.assertGreater(present, 10)
        self.assertGreater(swapped, 100)
        areas = [value for key, value in names.items() if key.startswith("swap.")]
        others = swaps - {"Filename", target.swap}
        if others:  # then it may not be certain which type is whose
            print(f"\n    not alone: {others} are on, too", end=" ", file=sys.stderr)
        else:
            self.assertTrue(areas)
        self.assertLessEqual(set(areas) - {""}, swaps)
        self.assertIn(os.path.basename(target.cgroup),
                      "".join(value for key, value in names.items() if key.startswith("cgroup.")))

    def move_to_swap_and_back(self, target):
        """Nearly all, then a part; a machine that stood still meanwhile has too much come back."""
        for _ in range(20):
            faults = faults_of(target.pid)
            push_out(target.process.pid)
            # The facts of all that went out are read, and nothing comes back for it.
            await_next(self.log)
            self.assertEqual(faults_of(target.pid), faults)
            for _ in range(20):
                target.go_on()
                time.sleep(0.06)
                target.stand_still()
                await_next(self.log)
                mapped, out, _ = places(target.pid)
                if mapped > 20:
                    break
            if mapped > 20 and out > 110:
                return
            tell_again(f"{mapped} pages came back, {out} private ones stayed in swap")
        self.fail(f"{mapped} pages came back, {out} private ones stayed in swap")

    def test_is_one_private_file(self):
        with Target(1, 10, 10) as target:
            record(target.pid, self.log)
        self.assertEqual(os.listdir(self.folder), ["log.pmtop"])
        self.assertEqual(os.stat(self.log).st_mode & 0o7777, 0o600)

    def test_plain_sql(self):
        """A question of anybody, in any language: pages of this mapping by time."""
        shared = "FROM mapping_at_sample WHERE name LIKE '/dev/zero%'"
        with Target(16, 10, 10) as target, recording(target.pid, self.log):
            await_samples(self.log, 10,
                          lambda: ask(self.log, f"SELECT count(DISTINCT shmem) {shared}") > 2)
        samples = samples_of(self.log)
        with sqlite3.connect(self.log) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            rows = database.execute(f"SELECT sample, shmem {shared} ORDER BY sample").fetchall()
            totals = database.execute(
                "SELECT anon, shmem, shared_swap FROM total_at_sample ORDER BY at").fetchall()
        want = [(n, m["states"]["shmem"]) for n, s in enumerate(samples) for m in s["mappings"]
                if m["name"].startswith("/dev/zero")]
        self.assertEqual(rows, want)
        self.assertGreater(len(set(row[1] for row in rows)), 2)
        self.assertEqual(totals, [(s["totals"]["anon"], s["totals"]["shmem"],
                                   s["totals"]["shared_swap"]) for s in samples])

    def test_ends_with_the_target(self):
        target = Target(1, 10, 10)
        recorder = subprocess.Popen([PMTOP, "record", "-p", target.pid, "-o", self.log],
                                    stderr=subprocess.PIPE, text=True)
        await_samples(self.log)
        target.__exit__()
        message = recorder.communicate(timeout=60)[1]
        self.assertEqual(recorder.returncode, 0, message)
        self.assertIn("ended", pmtop("replay", "--info", self.log).stdout)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to make a program of root's")
    def test_becomes_a_program_of_another_user(self):
        """Not permitted to read it any more, but it lives: that is what is said, and in the log."""
        os.chmod(self.folder, 0o777)
        program = os.path.join(self.folder, "sleep")
        shutil.copy(shutil.which("sleep"), program)
        os.chmod(program, 0o4755)
        target = subprocess.Popen([*AS_NOBODY, "sh", "-c", f"read line; exec {program} 600"],
                                  stdin=subprocess.PIPE, text=True)
        try:
            until("the shell runs", lambda: self.read(f"/proc/{target.pid}/comm") == "sh\n")
            recorder = subprocess.Popen([*AS_NOBODY, PMTOP, "record", "-p", str(target.pid), "-o",
                                         self.log], stderr=subprocess.PIPE, text=True)
            await_samples(self.log)
            target.stdin.write("\n")
            target.stdin.flush()
            message = recorder.communicate(timeout=60)[1]
            self.assertEqual(recorder.returncode, 4, message)
            self.assertRegex(message, r"\d+ samples into .*\n.*not permitted to read")
            self.assertIsNone(target.poll())
        finally:
            target.kill()
            target.communicate()
        info = pmtop("replay", "--info", self.log).stdout
        self.assertRegex(info, r"stopped +#\d+ .* cannot be read any more: Permission denied")
        self.assertNotIn("ended", info)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
    def test_ends_under_a_plain_user(self):
        """Between its last breath and its end a process is root's: that is no lack of rights."""
        os.chmod(self.folder, 0o777)
        for _ in range(8):
            target = subprocess.Popen([*AS_NOBODY, TARGET, "60", "10", "10"],
                                      stdout=subprocess.PIPE, text=True)
            target.stdout.readline()
            recorder = subprocess.Popen([*AS_NOBODY, PMTOP, "record", "-p", str(target.pid), "-o",
                                         self.log, "--force", "--interval", "2ms"],
                                        stderr=subprocess.PIPE, text=True)
            await_samples(self.log)
            target.kill()
            message = recorder.communicate(timeout=60)[1]
            target.communicate()
            self.assertEqual(recorder.returncode, 0, message)
            self.assertIn("the process ended", pmtop("replay", "--info", self.log).stdout)
            os.unlink(self.log)

    def test_says_what_it_does(self):
        """A person is told at once what is recorded, and how to end it; nobody else is."""
        with Target(1, 10, 10) as target:
            for words in ([], ["--quiet"]):
                ours, theirs = os.openpty()
                recorder = subprocess.Popen([PMTOP, "record", "-p", target.pid, "-o", self.log,
                                             *words], stderr=theirs)
                os.close(theirs)
                await_samples(self.log)
                said = b""
                if not words:
                    said = os.read(ours, 4096)
                    self.assertEqual(said.decode(),
                                     f"pmtop record: recording process {target.pid} (log_target) "
                                     f"into {self.log}; ^C ends it\r\n")
                recorder.send_signal(signal.SIGINT)
                self.assertEqual(recorder.wait(timeout=60), 0)
                with contextlib.suppress(OSError):  # nobody has the other side any more
                    said += os.read(ours, 4096)
                os.close(ours)
                os.unlink(self.log)
                self.assertEqual(said.count(b"\n"), 0 if words else 2, said)
            done = record_for_a_time(target.pid, self.log)
        self.assertRegex(done.stderr, r"\Apmtop record: recorded \d+ samples into .*\n\Z")

    def test_without(self):
        """What was taken away is in the log, and what it would have told is not: nobody can tell
        then that pages are in the page cache, only that none of them is in swap."""
        taken = ["bpf", "cachestat", "mincore", "seek_data"]
        program = ("import mmap, os\nfd = os.memfd_create('untouched')\n"
                   "os.write(fd, bytes(64 * 4096))\nkeep = mmap.mmap(fd, 64 * 4096)\n"
                   "print('ready', flush=True)\nos.read(0, 1)")
        seen = {}
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            for words in ([], ["--without", ",".join(taken)]):
                record(process.pid, self.log, *words)
                with sqlite3.connect(self.log) as database:
                    facts = dict(database.execute("SELECT key, value FROM environment"))
                self.assertEqual({key for key, value in facts.items() if "--without" in value},
                                 {f"has.{feature}" for feature in taken if words})
                samples = samples_of(self.log)
                self.assertTrue(samples)
                for sample in samples:
                    mapping, = [m for m in sample["mappings"] if "untouched" in m["name"]]
                    states = {state: n for state, n in mapping["states"].items() if n}
                    seen.setdefault(bool(words), []).append(
                        (states, sample["known"]["shared_swap"], mapping["doubt"]))
            process.stdin.close()
            done = pmtop("record", "-p", str(process.pid), "-o", self.log, "--without", "nonsense")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--without does not know 'nonsense'", done.stderr)
        self.assertEqual(seen[False][0], ({"cached": 64}, "exact", None))
        self.assertEqual(seen[True][0][:2], ({"unknown": 64}, "exact"))
        self.assertIn("not in swap", seen[True][0][2])
        for samples in seen.values():
            self.assertEqual(samples, samples[:1] * len(samples))

    def test_signals_close_the_log(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with Target(1, 10, 10) as target:
                recorder = subprocess.Popen([PMTOP, "record", "-p", target.pid, "-o", self.log,
                                             "--force"], stderr=subprocess.PIPE, text=True)
                await_samples(self.log)
                recorder.send_signal(number)
                message = recorder.communicate(timeout=60)[1]
            self.assertEqual(recorder.returncode, 0, message)
            self.assertEqual(os.listdir(self.folder), ["log.pmtop"])
            self.assertGreater(len(samples_of(self.log)), 1)
            os.unlink(self.log)

    def test_killed_at_any_moment(self):
        """
        Every committed sample is whole and the log opens, whenever the recorder is killed: half of
        the times counted from its start, half from its first samples.
        """
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        empty = 0
        with Target(2, 300, 5, "restless") as target:
            for kill in range(KILLS):
                path = os.path.join(self.folder, f"{kill}.pmtop")
                recorder = subprocess.Popen([PMTOP, "record", "-p", target.pid, "-o", path, "-q",
                                             "--interval", "10ms"])
                moment = chance.uniform(0.0, 1.2)
                if kill % 2:
                    await_samples(path)
                time.sleep(moment)
                recorder.kill()
                recorder.wait()
                where = f"seed {seed} kill {kill} at {moment:.3f}s"
                if not kill % 2 and not os.path.exists(path):
                    empty += 1
                    continue
                done = pmtop("export", path, "--format", "json")
                if not kill % 2 and done.returncode:
                    # Only what was killed before its first sample may say that it holds none.
                    self.assertIn("before", done.stderr, where)
                    empty += 1
                    continue
                self.assertEqual(done.returncode, 0, f"{where}: {done.stderr}")
                lines = done.stdout.splitlines()
                taken = [json.loads(line)["taken"] for line in lines]
                self.assertEqual(taken, sorted(taken), where)
                with sqlite3.connect(path) as database:
                    self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(),
                                     [("ok",)], where)
                    count = database.execute("SELECT count(*) FROM sample").fetchone()[0]
                self.assertEqual(len(lines), count, where)
        print(f"\n    {KILLS} kills, {empty} before the first sample, seed {seed}", end=" ",
              file=sys.stderr)

    def test_second_recorder_is_refused(self):
        with Target(1, 10, 10) as target:
            first = subprocess.Popen([PMTOP, "record", "-p", target.pid, "-o", self.log, "-q"])
            await_samples(self.log)
            for force in ([], ["--force"]):
                second = pmtop("record", "-p", target.pid, "-o", self.log, "--duration", "1s",
                               *force)
                self.assertEqual(second.returncode, 1)
                self.assertIn("another recorder", second.stderr)
            first.send_signal(signal.SIGINT)
            self.assertEqual(first.wait(timeout=60), 0)
            self.assertGreater(len(samples_of(self.log)), 1)
            again = pmtop("record", "-p", target.pid, "-o", self.log, "--duration", "1s")
            self.assertEqual(again.returncode, 1)
            self.assertIn("--force", again.stderr)
            again = record_for_a_time(target.pid, self.log, "--force")
            self.assertEqual(again.returncode, 0, again.stderr)

    def test_removed_file(self):
        with Target(1, 10, 10) as target:
            recorder = subprocess.Popen([PMTOP, "record", "-p", target.pid, "-o", self.log],
                                        stderr=subprocess.PIPE, text=True)
            await_samples(self.log)
            os.unlink(self.log)
            message = recorder.communicate(timeout=60)[1]
        self.assertEqual(recorder.returncode, 1)
        self.assertIn("somebody removed or replaced it", message)
        self.assertEqual(os.listdir(self.folder), [])

    def test_moved_file(self):
        """Nothing is lost to who moves what the message names."""
        with Target(1, 10, 10) as target:
            recorder = subprocess.Popen([PMTOP, "record", "-p", target.pid, "-o", self.log],
                                        stderr=subprocess.PIPE, text=True)
            await_samples(self.log)
            os.rename(self.log, self.log + ".away")
            message = recorder.communicate(timeout=60)[1]
        self.assertEqual(recorder.returncode, 1, message)
        self.assertIn("somebody moved it; its newest samples are in its -wal: keep both", message)
        count = int(re.search(r"after (\d+) samples", message).group(1))
        os.rename(self.log + "-wal", self.log + ".away-wal")
        self.assertEqual(len(samples_of(self.log + ".away")), count)

    def test_directory_without_rights(self):
        with Target(1, 10, 10) as target:
            done = pmtop("record", "-p", target.pid, "-o", "/proc/log.pmtop")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("/proc/log.pmtop", done.stderr)
            done = pmtop("record", "-p", target.pid, "-o", self.folder + "/none/log.pmtop")
            self.assertEqual(done.returncode, 1)
            self.assertIn("No such file", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root for another user")
    def test_what_cannot_be_replaced(self):
        """What stands in the way is said, and nobody is told to remove a directory."""
        os.chmod(self.folder, 0o777)
        with open(self.log, "w", encoding="ascii") as file:
            file.write("somebody's")
        os.chmod(self.log, 0o600)
        for force in ([], ["--force"]):
            done = pmtop("record", "-p", str(os.getpid()), "-o", self.folder, *force)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{self.folder}: cannot be replaced: Is a directory", done.stderr)
        with Target(1, 10, 10, prefix=AS_NOBODY) as target:
            done = subprocess.run([*AS_NOBODY, PMTOP, "record", "-p", target.pid, "-o", self.log,
                                   "--force"], text=True, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn(f"{self.log}: cannot be replaced: Permission denied", done.stderr)
        self.assertEqual(self.read(self.log), "somebody's")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount")
    def test_read_only_directory(self):
        with Target(1, 10, 10) as target:
            record(target.pid, self.log)
            want = len(samples_of(self.log))
            subprocess.run(["mount", "--bind", self.folder, self.folder], check=True)
            try:
                subprocess.run(["mount", "-o", "remount,bind,ro", self.folder], check=True)
                done = pmtop("record", "-p", target.pid, "-o", self.folder + "/other.pmtop")
                self.assertEqual(done.returncode, 1)
                self.assertIn("Read-only", done.stderr)
                self.assertEqual(len(samples_of(self.log)), want)
            finally:
                subprocess.run(["umount", self.folder], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount")
    def test_full_disk(self):
        """The disk fills up while recording: said clearly, and what was written is readable."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "pmtop-log-test", self.folder],
                       check=True)
        try:
            with Target(32, 3000, 5, "restless") as target:
                done = pmtop("record", "-p", target.pid, "-o", self.log, timeout=400)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("No space left", done.stderr)
            samples = samples_of(self.log)
            self.assertGreater(len(samples), 2)
        finally:
            subprocess.run(["umount", self.folder], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount")
    def test_nothing_is_left_on_a_full_disk(self):
        """Where there is no room for one sample, the last room is not taken for nothing."""
        recorded = 0
        with Target(1, 10, 10) as target:
            for size in range(8, 160, 24):
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "pmtop-log-test",
                                self.folder], check=True)
                try:
                    done = pmtop("record", "-p", target.pid, "-o", self.log)
                    self.assertIn("No space left", done.stderr, size)
                    if "the recording ended after" in done.stderr:
                        recorded += len(samples_of(self.log))
                    else:
                        self.assertEqual(os.listdir(self.folder), [], size)
                finally:
                    subprocess.run(["umount", self.folder], check=True)
        self.assertGreater(recorded, 0)

    def check_quota_log(self, log, said):
        """What was written is whole and readable, also for who has no room left."""
        self.assertIn("Disk quota exceeded", said)
        count = int(re.search(r"(\d+) samples", said).group(1))
        self.assertGreater(count, 2)
        self.assertEqual(len(samples_of(log)), count)
        done = subprocess.run([*AS_NOBODY, PMTOP, "export", log, "--format", "json"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(done.stdout.splitlines()), count)

    @unittest.skipUnless(Quota.possible, "needs root, btrfs and mkfs.btrfs (package btrfs-progs)")
    def test_quota(self):
        with Quota(self.folder) as home, Target(32, 3000, 5, "restless", prefix=AS_NOBODY) as target:
            log = os.path.join(home, "log.pmtop")
            done = pmtop("record", "-p", target.pid, "-o", log, prefix=AS_NOBODY, timeout=400)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.check_quota_log(log, done.stderr)

    @unittest.skipUnless(Quota.possible and shutil.which("tmux"), "as test_quota, and tmux")
    def test_quota_in_the_view(self):
        """The view says it, goes on, and says it again when it is gone."""
        socket = os.path.join(self.folder, "tmux")
        errors = os.path.join(self.folder, "errors")

        def tmux(*words):
            return subprocess.run(["tmux", "-S", socket, *words], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout

        def shows(what):
            end = time.monotonic() + 100
            while not re.search(what, tmux("capture-pane", "-p")):
                self.assertLess(time.monotonic(), end, tmux("capture-pane", "-p"))
                time.sleep(0.1)

        with Quota(self.folder) as home, Target(32, 3000, 5, "restless", prefix=AS_NOBODY) as target:
            # What the view records of this target alone would take a minute.
            subprocess.run([*AS_NOBODY, "dd", "if=/dev/urandom", f"of={home}/rest", "bs=1k",
                            "count=320", "conv=fsync"], check=True, stderr=subprocess.DEVNULL)
            command = " ".join([*AS_NOBODY, PMTOP, "-p", target.pid])
            tmux("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "40", "-c", home,
                 f"LC_ALL=C.UTF-8 TERM=xterm-256color {command} 2>{errors}; sleep 100")
            try:
                shows(r"live \d")
                tmux("send-keys", "R")
                shows("the recording ended after .*: Disk quota exceeded")
                tmux("send-keys", "j")
                shows(r"  live \d+ ms")
                tmux("send-keys", "q")
                until("it says so at its end", lambda: "recording ended" in self.read(errors))
            finally:
                tmux("kill-server")
            logs = [name for name in os.listdir(home) if name.endswith(".pmtop")]
            self.check_quota_log(os.path.join(home, logs[0]), self.read(errors))

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    @unittest.skipUnless(Quota.possible, "needs root, btrfs and mkfs.btrfs (package btrfs-progs)")
    def test_read_while_recorded_on_btrfs(self):
        with Quota(self.folder) as home, Target(1, 10, 10) as target:
            log = os.path.join(home, "log.pmtop")
            # What it holds cannot be asked meanwhile: a machine that is slow takes longer to record.
            for seconds in (1, 4, 16):
                with recording(target.pid, log, "-q"):
                    until("the log is there", lambda: "No such file" not in
                          pmtop("replay", "--info", log).stderr)
                    done = pmtop("replay", "--info", log)
                    self.assertEqual(done.returncode, 1, done.stdout)
                    self.assertIn("being recorded", done.stderr)
                    time.sleep(seconds)
                self.assertEqual(os.listdir(home), ["log.pmtop"])
                if len(samples_of(log)) > 2:
                    return
                tell_again(f"{len(samples_of(log))} samples in {seconds} s")
            self.assertGreater(len(samples_of(log)), 2)

    def test_read_while_recorded(self):
        with Target(1, 10, 10) as target:
            with recording(target.pid, self.log, "-q"):
                await_samples(self.log)
                first = len(samples_of(self.log))
                self.assertGreater(first, 1)
                until("a later look shows more", lambda: len(samples_of(self.log)) > first)

    def test_largest_size(self):
        size = 400 << 10
        with Target(32, 3000, 5, "restless") as target:
            done = pmtop("record", "-p", target.pid, "-o", self.log, "--max-size", "400K",
                         timeout=400)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr,
                         rf"\Apmtop record: log full: \d+ samples in {self.log} \(.*, --max-size\)\n")
        self.assertLessEqual(os.stat(self.log).st_size, size)
        self.assertGreater(len(samples_of(self.log)), 2)
        self.assertIn("stopped", pmtop("replay", "--info", self.log).stdout)

    def test_rotation(self):
        oldest = set()

        def seen_oldest():
            with contextlib.suppress(FileNotFoundError):
                oldest.add(os.stat(self.log + ".2").st_ino)
            return len(oldest)

        with Target(32, 1000, 5, "restless") as target:
            with recording(target.pid, self.log, "--max-size", "128K", "--rotate", "2",
                           "--interval", "20ms") as recorder:
                until("the oldest log gives way", lambda: seen_oldest() > 2, 400)
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["log.pmtop", "log.pmtop.1", "log.pmtop.2"])
        taken = []
        for name in ("log.pmtop.2", "log.pmtop.1", "log.pmtop"):
            path = os.path.join(self.folder, name)
            self.assertLessEqual(os.stat(path).st_size, 128 << 10)
            taken += [sample["taken"] for sample in samples_of(path)]
        self.assertEqual(taken, sorted(set(taken)))
        self.assertRegex(recorder.said, rf"\Apmtop record: recorded {len(taken)} samples into "
                                        rf"{self.log} and {self.log}\.1 to {self.log}\.2 \(.*\); "
                                        r"[1-9]\d* older ones went with the oldest logs\n\Z")

    def test_rotation_loses_nothing(self):
        """Where nothing has to go, every sample is in one of the logs, and each says what is next."""
        for seconds in (10, 20, 40, 80):
            with Target(32, 1000, 5, "restless") as target:
                done = pmtop("record", "-p", target.pid, "-o", self.log, "--max-size", "128K",
                             "--rotate", "200", "--duration", f"{seconds}s", "--interval", "20ms")
            self.assertEqual(done.returncode, 0, done.stderr)
            names = sorted(os.listdir(self.folder))
            if len(names) > 3 and "left out" not in done.stderr:
                break
            # A disk that stands still for as long as a queue of 64 samples lasts, a slow machine.
            tell_again(f"{len(names)} logs in {seconds} s, {done.stderr}")
            for name in names:
                os.unlink(os.path.join(self.folder, name))
        names = ["log.pmtop"] + [f"log.pmtop.{n}" for n in range(1, len(names))]
        self.assertGreater(len(names), 3, done.stderr)
        self.assertEqual(set(os.listdir(self.folder)), set(names))
        taken = []
        for name in reversed(names):
            path = os.path.join(self.folder, name)
            self.assertLessEqual(os.stat(path).st_size, 128 << 10)
            with sqlite3.connect(path) as database:
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            taken += [sample["taken"] for sample in samples_of(path)]
            info = pmtop("replay", "--info", path).stdout
            self.assertIn("--duration is over" if path == self.log else "the next log goes on",
                          info)
        self.assertEqual(taken, sorted(set(taken)))
        # What was counted when it was taken is what there is now.
        self.assertRegex(done.stderr, rf"\Apmtop record: recorded {len(taken)} samples into "
                                      rf"{self.log} and {self.log}\.1 to "
                                      rf"{self.log}\.{len(names) - 1} \([^)]*\)\n\Z")
        print(f"\n    {len(taken)} samples in {len(names)} logs", end=" ", file=sys.stderr)

    def test_demo(self):
        """The recording that is installed: the reproduction, from its first page into swap."""
        samples = samples_of(os.path.join(HERE, "../../data/demo.pmtop"))
        swapped = [sample["totals"]["shared_swap"] for sample in samples]
        self.assertGreater(len(samples), 100)
        self.assertEqual(swapped[0], 0)
        self.assertGreater(swapped[-1], 100)

    def test_when_events_were(self):
        """After the first sample, or before it, as an event is with which a rotated log begins."""
        shutil.copy(os.path.join(HERE, "../../data/demo.pmtop"), self.log)
        os.chmod(self.log, 0o600)
        with sqlite3.connect(self.log) as database:
            first, = database.execute("SELECT taken_ns FROM sample").fetchone()
            database.executemany("INSERT INTO event VALUES(NULL, 0, ?, 'bookmark', NULL, ?)",
                                 [(first - 50000000, "before"), (first + 50000000, "after")])
        info = pmtop("replay", "--info", self.log).stdout
        self.assertIn("#0 -0.050s before\n", info)
        self.assertIn("#0 +0.050s after\n", info)

    def test_moments(self):
        with Target(64, 20, 10) as target:
            # It touches all of it in a minute, so that the first sample does not find all there.
            with recording(target.pid, self.log):
                await_samples(self.log, 5, lambda: length_of(self.log) > 1.1 and ask(
                    self.log, "SELECT max(shmem + anon) - min(shmem + anon) FROM total") > 20)
            living = pmtop("diff", self.log, target.pid, "--json")
        self.assertEqual(living.returncode, 0, living.stderr)
        count = len(samples_of(self.log))
        done = pmtop("diff", f"{self.log}@#0", f"{self.log}@#{count - 1}", "--json", "--pages")
        self.assertEqual(done.returncode, 0, done.stderr)
        changes = json.loads(done.stdout)
        self.assertGreater(changes["changes"]["appeared"], 10)
        runs = {key: 0 for key in changes["changes"]}
        for run in (run for m in changes["mappings"] for run in m["runs"]):
            runs[run["change"]] += run["pages"]
        # Pages that were unknown before and after are counted, and not listed.
        self.assertLessEqual(runs.pop("unknown"), changes["changes"].pop("unknown"))
        self.assertEqual(runs.pop("same"), 0)
        del changes["changes"]["same"]
        self.assertEqual(runs, changes["changes"])
        self.assertEqual(pmtop("diff", f"{self.log}@+1s", self.log).returncode, 0)
        for moment, word in (("@#999999", "samples"), ("@+9h", "long"), ("@nowhere", "bookmark"),
                             ("@", "ends in @"), ("@+x", "duration"), ("@#x", "number")):
            done = pmtop("diff", self.log + moment, self.log)
            self.assertNotEqual(done.returncode, 0, (moment, done.stdout))
            self.assertIn(word, done.stderr)

    def test_export_is_dump(self):
        """A line of export is what dump prints of the same pages, but for the moment."""
        with Target(8, 300, 5, "restless") as target:
            faults = faults_of(target.pid)[0]
            until("it has touched much", lambda: faults_of(target.pid)[0] > faults + 3000)
            target.stand_still()
            for options in ([], ["--pages"]):
                dump = self.at_rest(target.pid, lambda: record(target.pid, self.log),
                                    *options)
                lines = pmtop("export", self.log, "--format", "json", *options).stdout.splitlines()
                self.assertGreater(len(lines), 3)
                for line in lines:
                    sample = json.loads(line)
                    self.assertNotEqual(sample.pop("taken"), dump["taken"])
                    self.assertEqual(sample, {k: v for k, v in dump.items() if k != "taken"})
                    self.assertEqual(list(sample), [k for k in dump if k != "taken"])

    def at_rest(self, pid, do, *options):
        """
        What dump says of a process before and after do(), which must be the same: some machines
        take files' pages that no process maps out of the page cache by themselves (DAMON).
        """
        for _ in range(10):
            dumps = []
            for what in (lambda: None, do):
                what()
                dumps.append(json.loads(pmtop("dump", "-p", pid, "--json", *options).stdout))
            if [dump["mappings"] for dump in dumps[1:]] == [dumps[0]["mappings"]]:
                return dumps[0]
            tell_again(f"pages moved meanwhile: {dumps[0]['totals']}, {dumps[1]['totals']}")
        return self.fail("the pages of a stopped process do not come to rest")

    def changes(self, *words):
        """What diff says: as JSON, which must be what it says as text, too."""
        done = pmtop("diff", *words, "--json", "--pages")
        self.assertEqual(done.returncode, 0, done.stderr)
        changes = json.loads(done.stdout)
        text = pmtop("diff", *words)
        self.assertEqual(text.returncode, 0, text.stderr)
        for key, pages in changes["changes"].items():
            if pages and key != "same":
                self.assertRegex(text.stdout, rf"\b{pages}\b", key)
        return changes

    def test_diff_of_anything(self):
        """Two moments, two logs, a log and a process: the same pages give the same changes."""
        other = os.path.join(self.folder, "other.pmtop")
        with Target(8, 300, 5, "restless") as target:
            target.stand_still()
            self.at_rest(target.pid, lambda: record(target.pid, self.log))
            faults = faults_of(target.pid)[0]
            target.go_on()
            until("it has touched much", lambda: faults_of(target.pid)[0] > faults + 3000)
            target.stand_still()
            with sqlite3.connect(self.log) as database:
                database.execute("INSERT INTO event VALUES(NULL, 2, 0, 'bookmark', NULL, 'spot')")
            got = {}

            def look():
                with recording(target.pid, other):
                    await_samples(other, 5, lambda: length_of(other) > 0.6)
                for pair in ((self.log, other), (self.log, target.pid), (f"{self.log}@spot", other),
                             (f"{self.log}@#0", f"{other}@+500ms")):
                    got[pair] = self.changes(*pair)

            self.at_rest(target.pid, look)
            want = got[self.log, other]
            self.assertGreater(want["changes"]["appeared"] + want["changes"]["gone"], 10)
            for pair, changes in got.items():
                self.assertEqual((changes["changes"], changes["mappings"]),
                                 (want["changes"], want["mappings"]), pair)
            self.assertEqual(sum(pages for key, pages in self.changes(self.log)["changes"].items()
                                 if key not in ("same", "unknown")), 0)
        count = len(samples_of(self.log))
        # Another file of that name is not what is meant here.
        shutil.copy(other, self.log + "@spot")
        done = pmtop("export", self.log, "--format", "json", "--from", "spot")
        self.assertEqual(len(done.stdout.splitlines()), count - 2)

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool of package prometheus")
    def test_promtool(self):
        with Target(2, 100, 10) as target:
            record(target.pid, self.log, count=10)
        metrics = os.path.join(self.folder, "metrics")
        done = pmtop("export", self.log, "--format", "openmetrics", "-o", metrics)
        self.assertEqual(done.returncode, 0, done.stderr)
        blocks = os.path.join(self.folder, "blocks")
        done = subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", metrics,
                               blocks], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        os.mkdir(os.path.join(blocks, "wal"))  # without it, tsdb dump finds no database
        dumped = subprocess.run(["promtool", "tsdb", "dump", blocks], stdout=subprocess.PIPE,
                                text=True, check=True).stdout.splitlines()
        shmem = [line for line in dumped
                 if 'state="shmem"' in line and 'pmtop_process_pages' in line]
        want = [sample["totals"]["shmem"] for sample in samples_of(self.log)]
        self.assertEqual([int(line.split("} ")[1].split()[0]) for line in shmem], want)

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool of package prometheus")
    def test_promtool_and_any_name(self):
        """Each mapping is a series, whatever its name; the numbers are those of dump --json."""
        names = [b'quo"te', b"back\\slash\\", b"new\nline", b"broken\xff\xc3utf8", b"esc\x1b[2J",
                 "gr\u00fc\u00df {a=\"b\"}".encode(), b"# EOF", b"tab\there"]
        program = ("import mmap, os, sys, time\nkeep = []\n"
                   "for name in os.listdir(b'.'):\n"
                   "    with open(name, 'r+b') as f:\n"
                   "        m = mmap.mmap(f.fileno(), 8192)\n"
                   "        m[0]\n"
                   "        keep.append(m)\n"
                   "print('ready', flush=True)\ntime.sleep(100)")
        folder = os.path.join(self.folder, "maps")
        os.mkdir(folder)
        for name in names:
            with open(os.path.join(os.fsencode(folder), name), "wb") as file:
                file.write(bytes(8192))
        with subprocess.Popen([sys.executable, "-c", program], cwd=folder, text=True,
                              stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            pid = str(process.pid)
            record(pid, self.log)
            text = pmtop("dump", "-p", pid, "--prometheus").stdout
            process.kill()
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual((checked.returncode, checked.stdout), (0, ""))
        metrics = os.path.join(self.folder, "metrics")
        done = pmtop("export", self.log, "--format", "openmetrics", "-o", metrics)
        self.assertEqual(done.returncode, 0, done.stderr)
        blocks = os.path.join(self.folder, "blocks")
        done = subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", metrics,
                               blocks], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        os.mkdir(os.path.join(blocks, "wal"))
        dumped = subprocess.run(["promtool", "tsdb", "dump", blocks], stdout=subprocess.PIPE,
                                text=True, check=True).stdout.splitlines()
        got = {}
        for line in dumped:
            labels, rest = line.rsplit("} ", 1)
            if 'pmtop_mapping_pages"' in labels:
                number, when = rest.split()
                key = tuple(json.loads(re.search(f'[{{ ,]{label}=("(?:[^"\\\\]|\\\\.)*")',
                                                 labels).group(1))
                            for label in ("start", "perms", "kind", "state"))
                got.setdefault(key, {})[int(when)] = int(number)
        last = samples_of(self.log)[-1]
        want = {(m["start"], m["perms"], m["kind"], state): pages for m in last["mappings"]
                for state, pages in m["states"].items() if pages}
        self.assertEqual({key: points[max(points)] for key, points in got.items()
                          if points[max(points)]}, want)
        ours = [m for m in last["mappings"] if "/maps/" in m["name"]]
        self.assertEqual(len(ours), len(names))
        total = pmtop("export", self.log, "--format", "openmetrics", "--totals").stdout
        self.assertNotIn("pmtop_mapping_pages", total)
        self.assertTrue(total.endswith("# EOF\n"))

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool of package prometheus")
    def test_promtool_checks_dump(self):
        done = pmtop("dump", "-p", str(os.getpid()), "--prometheus")
        self.assertEqual(done.returncode, 0, done.stderr)
        checked = subprocess.run(["promtool", "check", "metrics"], input=done.stdout, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual((checked.returncode, checked.stdout), (0, ""))
        self.assertIn(f'pmtop_process_pages{{pid="{os.getpid()}"', done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
