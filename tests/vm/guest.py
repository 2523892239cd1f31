# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts in a guest share: a target, pmtop's picture of it, and checks that explain.

A script calls check() for each thing that must hold and ends with sys.exit(report()).
"""
import ctypes
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

PAGE = 4096
TESTS = Path(__file__).resolve().parent.parent
# Seconds to wait for what must come: the machine may be slow, or stand still for a while.
PATIENCE = 120
PMTOP = os.environ.get("PMTOP", str(TESTS.parent / "build/pmtop"))
_failed = []
_passed = 0


def check(what, good, *more):
    """Count one thing that must hold; say what was seen where it does not."""
    global _passed
    if good:
        _passed += 1
        return True
    _failed.append(what)
    print(f"FAILED: {what}", *more, sep="\n    ", flush=True)
    return False


def report():
    print(f"{_passed} checks passed, {len(_failed)} failed (Linux {os.uname().release})")
    return 1 if _failed or not _passed else 0


def wait_for(holds, pause=0.1):
    """The first true value of holds(), or its last value when patience ends."""
    end = time.monotonic() + PATIENCE
    while True:
        value = holds()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


class Target:
    """A target.py under our orders; its functions are this object's methods."""

    def __init__(self, prepare=None):
        self.process = subprocess.Popen([sys.executable, "-B", TESTS / "vm/target.py"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=prepare)
        self.pid = self.process.pid

    def __getattr__(self, name):
        def order(*arguments):
            self.process.stdin.write(json.dumps([name, *arguments], default=list) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"the target died at {name}: {self.process.wait()}")
            answer = json.loads(line)
            if isinstance(answer, dict):
                raise OSError(answer["errno"], f"{name}: {answer['error']}")
            return answer
        return order

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def push_out(self, address, first, count):
        """MADV_PAGEOUT until smaps says that all of the range's pages are in swap."""
        def is_out():
            before = swapped(self.pid, address)
            self.advise(address, first, count, "pageout")
            return (swapped(self.pid, address) >= before + count or
                    not present(self.pid, address, first, count))
        if wait_for(is_out, 0.05):
            return
        stay = present(self.pid, address, first, count)
        raise AssertionError(f"pages {stay} of {address:#x} do not go to swap: "
                             f"{[hex(words(self.pid, address, page, 1)[0]) for page in stay[:5]]}")


def words(pid, address, first, count):
    """The pagemap words of pages [first, first + count)."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as file:
        data = os.pread(file.fileno(), count * 8, (address // PAGE + first) * 8)
    return [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]


def present(pid, address, first, count):
    return [first + i for i, word in enumerate(words(pid, address, first, count)) if word >> 63]


def smaps(pid):
    """start address -> {"Swap": pages, "Rss": pages, …, "VmFlags": [words]} of each mapping."""
    found, now = {}, None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line)
        if head:
            now = found.setdefault(int(head.group(1), 16), {})
        elif line.startswith("VmFlags:"):
            now["VmFlags"] = line.split()[1:]
        elif line.endswith(" kB"):
            key, size, _ = line.split()
            now[key.rstrip(":")] = int(size) // 4
    return found


def swapped(pid, address):
    return smaps(pid)[address]["Swap"]


def clear_written(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("4")


def pmtop(*words, check_status=True, **options):
    """Run pmtop; its output. A sanitizer's complaint or a status other than 0 ends the script."""
    done = subprocess.run([PMTOP, *map(str, words)], capture_output=True, text=True, timeout=300,
                          **options)
    if check_status and done.returncode:
        raise AssertionError(f"pmtop {' '.join(map(str, words))}: status {done.returncode}\n"
                             f"{done.stderr[-3000:]}")
    return done.stdout


def doctor():
    """What pmtop itself says that this kernel and these rights allow."""
    return json.loads(pmtop("doctor", "--json"))


class Page:
    """One page as pmtop shows it."""

    def __init__(self, run, index):
        self.state = run["state"]
        self.marks = set(run.get("marks", []))
        swap = run.get("swap")
        self.slot = (swap["type"], swap["offset"] + index) if swap else None

    def __repr__(self):
        marks = "+".join(sorted(self.marks))
        return self.state + (f"[{marks}]" if marks else "") + (f"@{self.slot}" if self.slot else "")


class Dump:
    """One `pmtop dump --json --pages` of a process; keywords go to subprocess (user=…)."""

    def __init__(self, pid, *options, **how):
        self.data = json.loads(pmtop("dump", "-p", pid, "--json", "--pages", *options, **how))
        self.known = self.data["known"]
        self.mappings = {int(m["start"], 16): m for m in self.data["mappings"]}

    def mapping(self, address):
        return self.mappings[address]

    def pages(self, address):
        """The pages of the mapping that starts at address, in order."""
        pages = []
        for run in self.mappings[address]["runs"]:
            gap = (int(run["start"], 16) - address) // PAGE - len(pages)
            pages += [Page({"state": "none"}, 0)] * gap
            pages += [Page(run, index) for index in range(run["pages"])]
        return pages + [Page({"state": "none"}, 0)] * (self.mappings[address]["pages"] - len(pages))


def differences(pages, wanted, seen=lambda page: page.state):
    """Lines "page: seen, wanted" for each page whose value is not the wanted one."""
    lines = [f"page {i}: {page!r}, wanted {want}"
             for i, (page, want) in enumerate(zip(pages, wanted)) if seen(page) != want]
    if len(pages) != len(wanted):
        lines.append(f"{len(pages)} pages, wanted {len(wanted)}")
    return lines[:20] + ([f"and {len(lines) - 20} more"] if len(lines) > 20 else [])


def check_states(what, pages, wanted):
    wrong = differences(pages, wanted)
    return check(what, not wrong, *wrong)


def check_written(what, pages, written):
    """Exactly the pages of the set `written` have the mark."""
    wrong = differences(pages, [i in written for i in range(len(pages))],
                        lambda page: "written" in page.marks)
    return check(what, not wrong, *wrong)


def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
