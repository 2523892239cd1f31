# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of swap slots need of the machine, taken back when they end, however they end:
a swap area on a loop device over a file with real extents, a tmpfs that wants huge pages, a memory
cgroup (v1 or v2), a target process, and what the kernel log says meanwhile."""

import contextlib
import glob
import os
import re
import signal
import subprocess
import sys
import time

PAGE = 4096


def give_back_when_told_to_end():
    """A test that times out is told to end: what it made of the machine is taken back then too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    for left in glob.glob("/var/tmp/pmtop-slots-*.swap"):
        pid = re.search(r"slots-(\d+)\.swap", left)[1]
        if not os.path.exists(f"/proc/{pid}"):
            sweep(pid, left)


def sweep(pid, path):
    """What a run that was killed has left."""
    loops = subprocess.run(["losetup", "-j", path], capture_output=True, text=True, check=False)
    for line in loops.stdout.splitlines():
        device = line.split(":")[0]
        subprocess.run(["swapoff", device], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["losetup", "-d", device], check=False)
    os.unlink(path)
    for where in glob.glob(f"/run/pmtop-slots-{pid}-*"):
        subprocess.run(["umount", "-l", where], check=False)
        os.rmdir(where)
    for group in glob.glob(f"/sys/fs/cgroup/memory/pmtop-slots-{pid}-*"):
        os.rmdir(group)


@contextlib.contextmanager
def loop_swap(mib, priority=20, where="/var/tmp"):
    """A swap area that is a block device: only there the kernel gives large folios one entry."""
    path = f"{where}/pmtop-slots-{os.getpid()}.swap"
    device = None
    on = False
    try:
        subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={mib}", "status=none"],
                       check=True)
        os.chmod(path, 0o600)
        device = subprocess.run(["losetup", "--find", "--show", path], check=True,
                                capture_output=True, text=True).stdout.strip()
        subprocess.run(["mkswap", "-q", device], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["swapon", "-p", str(priority), device], check=True)
        on = True
        yield device
    finally:
        if on:
            subprocess.run(["swapoff", device], check=False)
        if device:
            subprocess.run(["losetup", "-d", device], check=False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


@contextlib.contextmanager
def huge_tmpfs(huge="always"):
    where = f"/run/pmtop-slots-{os.getpid()}-{huge}"
    os.mkdir(where)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"huge={huge}", "pmtop-slots", where],
                       check=True)
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=False)
        os.rmdir(where)


class Cgroup:
    """A memory cgroup for pressure: limit() pushes out, free() lifts the limit."""

    def __init__(self, name):
        v1 = "/sys/fs/cgroup/memory"
        self.v2 = not os.path.isdir(v1)
        self.path = os.path.join("/sys/fs/cgroup" if self.v2 else v1,
                                 f"pmtop-slots-{os.getpid()}-{name}")
        if self.v2:
            with contextlib.suppress(OSError):
                self._write("/sys/fs/cgroup/cgroup.subtree_control", "+memory")
        os.mkdir(self.path)
        if not self.v2:
            self._write(os.path.join(self.path, "memory.swappiness"), "100")

    @staticmethod
    def _write(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)

    def add(self, pid):
        self._write(os.path.join(self.path, "cgroup.procs"), str(pid))

    def limit(self, size):
        """Brings the group below `size`. The kernel gives up at times, as where a disk is slow to
        write, and says so on v1 only: then it is asked again."""
        name = "memory.high" if self.v2 else "memory.limit_in_bytes"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                self._write(os.path.join(self.path, name), str(size))
                if not self.v2 or self._usage() <= size:
                    return True
            time.sleep(0.05)
        return False

    def _usage(self):
        with open(os.path.join(self.path, "memory.current"), encoding="ascii") as f:
            return int(f.read())

    def free(self):
        name, value = ("memory.high", "max") if self.v2 else ("memory.limit_in_bytes", "-1")
        self._write(os.path.join(self.path, name), value)

    def remove(self):
        for _ in range(600):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)


class Target:
    """slots_target: fills shared memory and does what it is told."""

    def __init__(self, program, kind, pages, skip, seed, where=None, cgroup=None):
        command = [program, kind, str(pages), str(skip), str(seed)] + ([where] if where else [])

        def enter():
            if cgroup:
                cgroup.add(os.getpid())

        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=enter)
        line = self.process.stdout.readline().split()
        if len(line) != 2:
            raise RuntimeError(f"{command} did not start")
        self.pid, self.start = int(line[0]), line[1]

    def tell(self, word, answer=True):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        if answer:
            self.process.stdout.readline()

    def stop(self):
        os.kill(self.pid, 19)
        while True:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "T":
                    return
            time.sleep(0.01)

    def go_on(self):
        os.kill(self.pid, 18)

    def end(self):
        self.process.kill()
        self.process.wait()


class KernelLog:
    """Lines that the kernel logs from now on and that are about trouble."""

    # The first lines of reports. "Call Trace" and "RIP" follow them, but also follow a report of the
    # OOM killer, which other tests provoke.
    TROUBLE = re.compile(r"\bBUG\b|WARNING:|\bOops|general protection|unable to handle|"
                         r"lockup|stall|hung task|blocked for more|Bad page|Bad swap|swap_free|"
                         r"swap_dup|Unused swap|KASAN|KCSAN|UBSAN|refcount|list_(add|del)", re.I)

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def trouble(self):
        lines = []
        while True:
            try:
                lines.append(os.read(self.fd, 8192).decode("utf-8", "replace"))
            except BlockingIOError:
                break
            except BrokenPipeError:  # lines were overwritten before they were read
                continue
        return [line for line in lines if self.TROUBLE.search(line)]
