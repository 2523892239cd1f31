# SPDX-License-Identifier: GPL-2.0-or-later
"""What every live test needs: programs, swap, memory cgroups, targets, and how to end all of them.

Nothing here assumes that the machine has no swap, or only one area: each run brings its own, with
a name that holds its process id, and removes what a dead run has left.
"""
import ctypes
import errno
import fcntl
import glob
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = os.sysconf("SC_PAGE_SIZE")
SKIPPED = 77
SYS_PROCESS_MADVISE, SYS_PIDFD_OPEN, MADV_PAGEOUT = 440, 434, 21
PAGEMAP_SCAN = 0xC0606610
libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """This cannot be tested here; the text says why."""


class Failure(AssertionError):
    """What was tested does not hold; the text says what was seen."""


def has_pagemap_scan():
    """Tried on our own pagemap, without regard to what pmtop says; an empty request is refused."""
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        try:
            fcntl.ioctl(pagemap, PAGEMAP_SCAN, bytearray(96))
        except OSError as error:
            return error.errno != errno.ENOTTY
    return True


def check(condition, text):
    if not condition:
        raise Failure(text)


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


def signal_quietly(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def until(what, condition, seconds=60, pause=0.05):
    """Waits for what must come, however slow the machine is; what condition() returned."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not after {seconds} s")
        time.sleep(pause)


def tell_again(what, why):
    """What is done once more since something else than pmtop spoilt it: said, also when quiet."""
    print(f"again {what}: {why}", flush=True)


def run_quietly(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


# ---- programs -------------------------------------------------------------------------------


class Programs:
    """Where pmtop and pagemap-test are: --bin, or PMTOP_BUILD."""

    def __init__(self, folder):
        self.folder = Path(folder or os.environ.get("PMTOP_BUILD") or ".").resolve()
        self.pmtop = self.folder / "pmtop"
        self.target = self.folder / "pagemap-test"
        for program in (self.pmtop, self.target):
            if not os.access(program, os.X_OK):
                raise Failure(f"{program} is not there: give --bin DIR or PMTOP_BUILD")

    def run(self, *words, timeout=120, prefix=(), stdin=subprocess.DEVNULL):
        """pmtop with these words; never waits longer than the timeout, which is a failure."""
        command = [*prefix, str(self.pmtop), *map(str, words)]
        try:
            return subprocess.run(command, stdin=stdin, capture_output=True, timeout=timeout,
                                  check=False)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"hung for {timeout} s: {' '.join(command)}") from error

    def lacking(self):
        """Features that this kernel or these rights do not give, by pmtop's own word."""
        doctor = parse_json(self.run("doctor", "--json").stdout, "doctor")
        return {feature["key"] for feature in doctor["features"] if not feature["has"]}

    def dump(self, pid, *words, prefix=(), timeout=120):
        done = self.run("dump", "-p", pid, "--json", "--pages", *words, prefix=prefix,
                        timeout=timeout)
        check(done.returncode == 0,
              f"pmtop dump -p {pid} {' '.join(words)}: status {done.returncode}: "
              f"{done.stderr.decode(errors='replace')[-2000:]}")
        return parse_json(done.stdout, f"dump of {pid}")


def parse_json(data, what):
    try:
        return json.loads(data)
    except ValueError as error:
        raise Failure(f"{what} is no JSON: {error}: {data[:200]!r}") from error


# ---- swap -----------------------------------------------------------------------------------


class Swap:
    """A swap file of our own, on as long as this lives. `existing`: use what is on instead."""

    folder = "/var/tmp"

    def __init__(self, mebibytes, existing=False):
        self.path = f"{self.folder}/pmtop-live-{os.getpid()}.swap"
        self.mebibytes = mebibytes
        self.existing = existing

    @classmethod
    def sweep(cls):
        """Ends what a run that was killed has left."""
        for path in glob.glob(f"{cls.folder}/pmtop-live-*.swap"):
            owner = re.search(r"-(\d+)\.swap$", path)
            if owner and not alive(owner.group(1)):
                run_quietly("swapoff", path)
                os.unlink(path)

    def __enter__(self):
        if self.existing:
            free = re.search(r"SwapFree: +(\d+)", Path("/proc/meminfo").read_text())
            if int(free.group(1)) < self.mebibytes * 512:
                raise Skip("not enough swap is on, and --swap existing was asked for")
            return self
        if os.geteuid():
            raise Skip("only root can switch swap on")
        self.sweep()
        try:
            # Real extents: a file that fallocate made reads as zeros, and some kernels refuse it.
            subprocess.run(["dd", "if=/dev/zero", f"of={self.path}", "bs=1M",
                            f"count={self.mebibytes}", "status=none"], check=True)
            os.chmod(self.path, 0o600)
            subprocess.run(["mkswap", "-q", self.path], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["swapon", self.path], check=True)
        except (subprocess.CalledProcessError, OSError) as error:
            self.__exit__()
            raise Skip(f"no swap file can be made here: {error}") from error
        return self

    def __exit__(self, *_):
        if not self.existing:
            run_quietly("swapoff", self.path)
            if os.path.exists(self.path):
                os.unlink(self.path)


# ---- memory cgroups -------------------------------------------------------------------------


class Cgroup:
    """A memory cgroup of our own, v1 or v2, removed with everything in it at the end."""

    def __init__(self, name):
        self.v1 = self.path = None
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _, folder, kind, options = line.split()[:4]
            if kind == "cgroup" and "memory" in options.split(","):
                self.v1, self.path = True, Path(folder)
            if kind == "cgroup2" and not self.v1:
                controllers = (Path(folder) / "cgroup.controllers").read_text().split()
                if "memory" in controllers:
                    self.v1, self.path = False, Path(folder)
                    (self.path / "cgroup.subtree_control").write_text("+memory")
        if not self.path:
            raise Skip("no memory controller")
        self.path /= f"pmtop-live-{os.getpid()}-{name}"

    def __enter__(self):
        try:
            self.path.mkdir()
        except OSError as error:
            raise Skip(f"no memory cgroup can be made: {error}") from error
        return self

    def limit(self, size):
        """Bytes. Tries again while there is too much that cannot be pushed out at once."""
        name = "memory.limit_in_bytes" if self.v1 else "memory.max"

        def is_set():
            try:
                return (self.path / name).write_text(str(size))
            except OSError:
                return 0

        until(f"the limit {size} of {self.path}, where {self.usage()} are used", is_set, pause=0.1)

    def oom_kills(self):
        """Processes of the group that the kernel has killed for want of memory."""
        text = (self.path / ("memory.oom_control" if self.v1 else "memory.events")).read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def usage(self):
        name = "memory.usage_in_bytes" if self.v1 else "memory.current"
        return int((self.path / name).read_text())

    def pids(self):
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]

    def enter(self):
        """For preexec_fn: the child moves itself in."""
        (self.path / "cgroup.procs").write_text("0")

    def __exit__(self, *_):
        deadline = time.monotonic() + 60
        while self.path.exists():
            for pid in self.pids():
                signal_quietly(pid, signal.SIGKILL)
            try:
                self.path.rmdir()
            except OSError:
                check(time.monotonic() < deadline, f"{self.path} cannot be removed")
                time.sleep(0.05)


# ---- processes ------------------------------------------------------------------------------


def state_of(pid):
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2]


def stands_still(pid):
    """Each thread: one that waits for the disk goes on although the first one has stopped."""
    for thread in glob.glob(f"/proc/{pid}/task/*/stat"):
        try:
            text = Path(thread).read_text()
        except OSError:
            continue
        if text[text.rindex(")") + 2] not in "TtZX":
            return False
    return True


def stop(*pids):
    """Stops processes, and returns when all of them stand still, or have ended."""
    for pid in pids:
        signal_quietly(pid, signal.SIGSTOP)
    for pid in pids:
        until(f"{pid} stops", lambda pid=pid: stands_still(pid), pause=0.002)


def resume(*pids):
    for pid in pids:
        signal_quietly(pid, signal.SIGCONT)


class Target:
    """pagemap-test, held. Its account is asked for as often as one likes."""

    def __init__(self, programs, *words, enter=None, user=None):
        self.process = subprocess.Popen([str(programs.target), "--hold", *map(str, words)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, preexec_fn=enter, user=user,
                                        group=user, extra_groups=[] if user else None)
        self.pid = self.process.pid
        self.words = " ".join(map(str, words))
        self.first = self.read()
        self.pids = [self.pid] + ([self.first["child"]] if self.first["child"] else [])
        if not self.first["regions"]:
            self.__exit__()
            raise Skip("; ".join(f"{s['kind']}: {s['why']}" for s in self.first["skipped"]))

    def read(self):
        line = b""
        deadline = time.monotonic() + 100
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            piece = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not piece:
                self.process.kill()
                raise Failure(f"pagemap-test {self.words} says nothing: "
                              f"{self.process.stderr.read().decode()}")
            line += piece
        return parse_json(line, "account")

    def account(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self.read()

    def stop(self):
        stop(*self.pids)

    def resume(self):
        resume(*self.pids)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            resume(*getattr(self, "pids", []))
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def each_processor():
    """
    A page that was touched waits in a list of the processor which touched it, and MADV_PAGEOUT
    empties the lists of its own processor only: so it is asked on each of them.
    """
    allowed = os.sched_getaffinity(0)
    try:
        for number in sorted(allowed):
            os.sched_setaffinity(0, [number])
            yield number
    finally:
        os.sched_setaffinity(0, allowed)


def push_out(pid, start, length):
    """MADV_PAGEOUT on somebody else's memory."""
    pidfd = libc.syscall(SYS_PIDFD_OPEN, pid, 0)
    check(pidfd >= 0, f"pidfd_open: {os.strerror(ctypes.get_errno())}")
    vector = (ctypes.c_ulong * 2)(start, length)
    error = 0
    for _ in each_processor():
        if libc.syscall(SYS_PROCESS_MADVISE, pidfd, vector, ctypes.c_size_t(1), MADV_PAGEOUT, 0) < 0:
            error = ctypes.get_errno()
    os.close(pidfd)
    if error:
        raise Skip(f"process_madvise: {os.strerror(error)}")


def pagemap_words(pid, start, pages):
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as file:
        data = os.pread(file.fileno(), pages * 8, start // PAGE * 8)
    return memoryview(data).cast("Q").tolist()


def smaps(pid):
    """Address range -> {field: kB}, and the name, of every mapping."""
    mappings, current = {}, None
    for line in Path(f"/proc/{pid}/smaps").read_bytes().decode(errors="replace").split("\n"):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
        if head:
            current = {"perms": head.group(3), "name": head.group(4)}
            mappings[int(head.group(1), 16), int(head.group(2), 16)] = current
        elif current is not None:
            field = re.match(r"(\w+): +(\d+) kB", line)
            if field:
                current[field.group(1)] = int(field.group(2))
    return mappings


# ---- test runs ------------------------------------------------------------------------------


class Report:
    """Counts what passed, failed and was skipped, and says each on a line."""

    def __init__(self, verbose=True, fail_fast=False):
        self.passed, self.failed, self.skipped = 0, [], []
        self.verbose, self.fail_fast = verbose, fail_fast

    def case(self, name, function, *arguments):
        if self.failed and self.fail_fast:
            return
        started = time.monotonic()
        try:
            note = function(*arguments)
        except Skip as why:
            self.skipped.append(name)
            print(f"skip  {name}: {why}", flush=True)
            return
        except (Failure, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
            self.failed.append(name)
            print(f"FAIL  {name}: {type(error).__name__}: {error}", flush=True)
            return
        self.passed += 1
        if self.verbose:
            print(f"ok    {name} ({time.monotonic() - started:.1f} s)"
                  f"{': ' + note if note else ''}", flush=True)

    def status(self):
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped",
              flush=True)
        if self.failed or not self.passed + len(self.skipped):
            return 1
        return 0 if self.passed else SKIPPED


def has_program(name):
    return shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin:" + os.environ.get("PATH", ""))


if sys.version_info < (3, 9):
    sys.exit("these tests need Python 3.9")
