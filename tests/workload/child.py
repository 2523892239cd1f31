# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests run as a workload. The first argument says what it does."""

import mmap
import os
import random
import resource
import signal
import subprocess
import sys
import time


# Seconds after which those end that might else fork for ever; longer than any test waits.
MOST = 600


def detach(function):
    """A process that has a session of its own and no parent."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    function()
    os._exit(0)


def sleep_for_ever():
    while True:
        time.sleep(1000)


def family(ready, _word):
    def tell():
        open(ready + ".new", "w").close()
        os.rename(ready + ".new", ready)
        sleep_for_ever()

    if not os.fork():
        os.setsid()
        detach(tell)
        sleep_for_ever()
    sleep_for_ever()


def chain(ready, _word):
    """Never the same process for longer than it takes to fork the next one."""
    started = time.monotonic()
    written = False
    if os.fork():
        sleep_for_ever()
    while time.monotonic() - started < MOST:
        if os.fork():
            os._exit(0)
        if not written:
            open(ready, "w").close()
            written = True


def storm(ready, _word):
    """As many at once as may be (300, or PMTOP_TEST_STORM), each of which forks for as long as it lives: a user of its own, so
    that the limit is this storm's alone."""
    most = int(os.environ.get("PMTOP_TEST_STORM", "300"))
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    open(ready, "w").close()
    os.setgid(54321)
    os.setuid(54321)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    started = time.monotonic()
    while time.monotonic() - started < MOST:
        try:
            if not os.fork():
                os.setsid()
        except OSError:
            os.sched_yield()


def memory_group():
    """The directory of this process's memory cgroup, v1 or v2."""
    own = {}
    with open("/proc/self/cgroup") as f:
        for line in f:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            for controller in controllers.split(","):
                own[controller] = path
    with open("/proc/mounts") as f:
        mounts = [line.split() for line in f]
    for _, place, kind, options, *_ in mounts:
        if kind == "cgroup" and "memory" in options.split(",") and "memory" in own:
            return place + own["memory"]
    return next(m[1] for m in mounts if m[2] == "cgroup2") + own[""]


def nest(ready, _word):
    """Makes groups of its own below the one that it was given, and moves there."""
    inner = memory_group() + "/a/b"
    os.makedirs(inner)
    with open(inner + "/cgroup.procs", "w") as f:
        f.write("0")
    with open(ready + ".new", "w") as f:
        f.write(inner)
    os.rename(ready + ".new", ready)
    sleep_for_ever()


def report(path):
    """What it got from whoever started it."""
    with open("/proc/self/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    with open("/proc/self/stat") as f:
        stat = f.read().rsplit(")", 1)[1].split()
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            fds[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            pass
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
        tty = "a terminal"
    except OSError as error:
        tty = os.strerror(error.errno)
    with open(path, "w") as f:
        f.write(repr({
            "fds": {fd: name for fd, name in fds.items() if not name.endswith("/fd")},
            "blocked": status["SigBlk"], "ignored": status["SigIgn"],
            "tty_nr": stat[4], "tty": tty,
            "session": os.getsid(0), "pid": os.getpid(), "cwd": os.getcwd(),
        }))


def hog(size):
    """Takes private memory until somebody objects."""
    print("taking", size, flush=True)
    memory = mmap.mmap(-1, int(size))
    for at in range(0, int(size), 4096):
        memory[at] = 1
    print("took it", flush=True)


def restless():
    """Writes half of its pages and gives them all back, again and again: its log grows quickly."""
    memory = mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    while True:
        memory.madvise(mmap.MADV_DONTNEED)
        for at in range(0, len(memory), 4096):
            if random.random() < 0.5:
                memory[at] = 1
        time.sleep(0.05)


def chatter(lines):
    for n in range(int(lines)):
        print("line", n)
    print("evil \x1b[2J\x1b]0;title\x07 \u202e end", flush=True)
    sys.exit(5)


def wrap(folder, *words):
    """Runs a program on this terminal and writes down its pid and how it ended: tmux sometimes
    never learns the status of a process whose terminal closed first."""
    process = subprocess.Popen(words)
    with open(folder + "/pid.new", "w") as f:
        f.write(str(process.pid))
    os.rename(folder + "/pid.new", folder + "/pid")
    status = process.wait()
    with open(folder + "/status.new", "w") as f:
        f.write(str(status))
    os.rename(folder + "/status.new", folder + "/status")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
