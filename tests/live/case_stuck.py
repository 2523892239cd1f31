# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that do not answer: the others are told, these are named, and nothing waits for ever."""
import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time

from harness import Failure, Skip, check, signal_quietly, until

STUCK = 5
OTHERS = 200

# At the end LeakSanitizer would stop the threads that were left behind, which nothing can.
CALM = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


class Stuck:
    """STUCK processes whose memory lock is held until the end."""

    def __init__(self, programs):
        self.program = programs.folder / "tests" / "live" / "stuck_target"
        self.folder = tempfile.TemporaryDirectory(prefix="pmtop-stuck-", dir="/var/tmp")
        self.pids = []
        self.process = None
        self.sleepers = []

    def __enter__(self):
        if not self.program.exists():
            raise Skip(f"{self.program} is not there")
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([self.program, self.folder.name, str(STUCK)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline() for _ in range(STUCK)]
        if not all(lines):
            self.__exit__()
            raise Skip("FUSE cannot be mounted here")
        self.pids = [int(line) for line in lines]
        try:
            for pid in self.pids:
                until(f"process {pid} that holds its memory lock",
                      lambda pid=pid: is_stuck(pid), 15)
        except Failure:
            self.__exit__()
            raise
        for _ in range(OTHERS):
            self.sleepers.append(subprocess.Popen(["sleep", "600"]))
        return self

    @property
    def others(self):
        """Processes that answer."""
        return [process.pid for process in self.sleepers]

    def __exit__(self, *_):
        for pid in self.pids:
            signal_quietly(pid, signal.SIGKILL)
        for process in self.sleepers:
            process.kill()
            process.wait()
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.folder.cleanup()


def states(pid):
    """The letters of its threads."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
            yield file.read().rpartition(")")[2].split()[0]


def is_stuck(pid):
    """Some thread wants the lock and cannot be interrupted: so whoever asks for memory waits."""
    return "D" in list(states(pid))


def pmtop(programs, *words):
    return subprocess.run([str(programs.pmtop), *words], env=CALM, capture_output=True, text=True,
                          timeout=120, check=False)


def others_are_told(programs, stuck):
    """The machine's account is complete but for those that do not answer."""
    done = pmtop(programs, "swaps", "--json")
    check(done.returncode == 0, f"swaps: status {done.returncode}: {done.stderr}")
    account = json.loads(done.stdout)
    known = {one["pid"] for one in account["processes"] if one["shared_swap"] is not None}
    named = {one["pid"]: one for one in account["stuck"]}
    check(set(stuck.pids) <= set(named), f"not named: {set(stuck.pids) - set(named)}")
    for pid in stuck.pids:
        check(re.search(r"thread \d+ waits in \w+", named[pid]["why"]),
              f"{pid} waits in: {named[pid]['why']!r}")
    check(not set(stuck.pids) & known, "what a stuck process maps cannot be known")
    check(set(stuck.others) <= known, f"unknown, and not stuck: {set(stuck.others) - known}")


def one_shots_end(programs, stuck):
    """A dump and a list of slots say what holds the process."""
    for words in (["dump"], ["dump", "--verify"], ["dump", "--json"], ["swaps"]):
        done = pmtop(programs, *words, "-p", str(stuck.pids[0]), "--timeout", "500ms")
        check(done.returncode == 1 and not done.stdout, f"{words}: status {done.returncode}")
        check(f"process {stuck.pids[0]} did not answer" in done.stderr and
              "waits in" in done.stderr, f"{words}: {done.stderr}")


def a_living_one_has_not_ended(programs, stuck):
    """A recording that got no sample of a living process does not say that it ended."""
    with tempfile.TemporaryDirectory(prefix="pmtop-stuck-", dir="/var/tmp") as folder:
        done = pmtop(programs, "record", "-p", str(stuck.pids[0]), "-o", f"{folder}/log",
                   "--duration", "2s")
        check(done.returncode == 1 and "has not answered" in done.stderr and
              "ended" not in done.stderr, f"status {done.returncode}: {done.stderr}")


def maps_can_be_read(pid):
    """Since 6.17 the list of mappings needs no memory lock."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return not subprocess.run(["cat", f"/proc/{pid}/maps"], stdout=subprocess.DEVNULL,
                                  timeout=2, check=False).returncode
    return False


def the_list_is_shown(programs, stuck):
    """The screen has the mappings, and says that no sample comes, since when and why."""
    pid = stuck.pids[0]
    if not maps_can_be_read(pid):
        raise Skip("the list of mappings needs the memory lock here")
    child, terminal = pty.fork()
    if not child:
        os.execve(programs.pmtop, [programs.pmtop, "-p", str(pid)],
                  {**CALM, "TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": "200", "LINES": "40"})
    seen, end = b"", time.monotonic() + 60
    try:
        while not (b"stuck_target" in seen and b"no sample for" in seen and
                   b"waits in" in seen) and time.monotonic() < end:
            if select.select([terminal], [], [], 0.5)[0]:
                seen += os.read(terminal, 65536)
        for word in (b"stuck_target", b"no sample for", b"waits in"):
            check(word in seen, f"{word} is not on the screen: {seen[-2000:]}")
    finally:
        os.kill(child, signal.SIGTERM)
        os.close(terminal)
        os.waitpid(child, 0)


def held(programs):
    """A fault may get its one error before it holds the lock, and then never does: once more."""
    for _ in range(8):
        stuck = Stuck(programs)
        try:
            return stuck.__enter__()
        except Failure:
            continue
    raise Skip("no fault kept the memory lock here")


def run(report, programs, options):
    del options
    stuck = held(programs)
    try:
        report.case("stuck: the others are told", others_are_told, programs, stuck)
        report.case("stuck: one-shots end", one_shots_end, programs, stuck)
        report.case("stuck: the list is shown", the_list_is_shown, programs, stuck)
        report.case("stuck: a living one has not ended", a_living_one_has_not_ended, programs,
                    stuck)
    finally:
        stuck.__exit__()
