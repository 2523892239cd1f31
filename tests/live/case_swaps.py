# SPDX-License-Identifier: GPL-2.0-or-later
"""pmtop swaps: the sums are the kernel's, each shared object and each slot counts once."""
import contextlib
import ctypes
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from case_untouched import SPOILT, differences, picture, swap_argument_page
from harness import (PAGE, Failure, Target, check, each_processor, libc, parse_json, push_out,
                     resume, signal_quietly, smaps, stop, tell_again)

PAGES = 2048
WITHOUT = ["pagemap_scan", "bpf", "cachestat", "mincore", "seek_data", "map_files", "sys_admin",
           "cachestat,mincore", "cachestat,seek_data", "bpf,cachestat,map_files",
           "pagemap_scan,sys_admin"]
SYS_MADVISE_PAGEOUT, IPC_RMID, SHM_FLAGS = 21, 0, 0o1600

# A process that maps what is asked for, says its own pid and waits. The object comes by a path.
OWNER = """
import mmap, os, sys
fd = os.memfd_create("pmtop-census")
os.ftruncate(fd, %d)
memory = mmap.mmap(fd, %d)
memory[:] = os.urandom(len(memory))
print(fd, flush=True)
sys.stdin.read()
"""
MAPPER = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(fd, 0)
print("mapped", flush=True)
sys.stdin.read()
"""
FAMILY = """
import ctypes, mmap, os, sys
memory = mmap.mmap(-1, %d, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory[:] = os.urandom(len(memory))
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
for _ in range(50):
    ctypes.CDLL(None).madvise(ctypes.c_void_p(address), ctypes.c_size_t(len(memory)), 21)
child = os.fork()
if child == 0:
    sys.stdin.read()
    os._exit(0)
print(child, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def python(text, *words):
    """A child that has printed its first line, and that line."""
    process = subprocess.Popen([sys.executable, "-c", text, *words], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        yield process, process.stdout.readline().decode().strip()
    finally:
        resume(process.pid)
        process.stdin.close()
        signal_quietly(process.pid, 9)
        process.wait()
        process.stdout.close()


def count(programs, *words, prefix=()):
    done = programs.run("swaps", "--json", *words, prefix=prefix)
    check(done.returncode == 0, f"pmtop swaps: status {done.returncode}: {done.stderr.decode()}")
    return parse_json(done.stdout, "pmtop swaps --json")


def by_pid(census):
    return {process["pid"]: process for process in census["processes"]}


def field(text, name):
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None


def kernel_sums(pid):
    """Private and shared swap, as the kernel tells them; None: it has ended."""
    try:
        private = field(Path(f"/proc/{pid}/status").read_text(), "VmSwap")
        swap = field(Path(f"/proc/{pid}/smaps_rollup").read_text(), "Swap")
    except OSError:
        return None
    return None if private is None or swap is None else (private, swap - private)


def push_all_out(pid, name):
    """Every page of the mapping with this name is in swap afterwards."""
    deadline = time.monotonic() + 60
    while True:
        (start, end), fields = next(item for item in smaps(pid).items()
                                    if item[1]["name"].startswith(name))
        if fields["Swap"] * 1024 == end - start:
            return
        check(time.monotonic() < deadline,
              f"{name} of {pid} does not go to swap whole: {fields['Swap']} kB")
        push_out(pid, start, end - start)
        time.sleep(0.02)


def steady(programs, sums, *words):
    """A count during which the kernel moved nothing of what sums() tells; it, and these sums."""
    deadline = time.monotonic() + 60
    while True:
        before = sums()
        census = count(programs, *words)
        if sums() == before:
            return census, before
        why = f"the kernel's sums moved meanwhile: {before} to {sums()}"
        check(time.monotonic() < deadline, why)
        tell_again("a count", why)


def one_object(programs):
    """One memfd in swap with three mappers is one object; each mapper has all of it."""
    size = PAGES * PAGE
    with contextlib.ExitStack() as stack:
        owner, fd = stack.enter_context(python(OWNER % (size, size)))
        push_all_out(owner.pid, "/memfd:pmtop-census")
        path = f"/proc/{owner.pid}/fd/{fd}"
        others = [stack.enter_context(python(MAPPER, path))[0] for _ in range(2)]
        pids = sorted([owner.pid] + [process.pid for process in others])
        stop(*pids)
        census, kernel = steady(programs, lambda: {pid: kernel_sums(pid) for pid in pids})
        objects = [o for o in census["objects"] if o["name"].startswith("/memfd:pmtop-census")]
        check(len(objects) == 1, f"{len(objects)} objects instead of one")
        check(objects[0]["swap"] == size and objects[0]["size"] == size, f"it is {objects[0]}")
        check(objects[0]["mappers"] == pids, f"mappers {objects[0]['mappers']}, {pids} are right")
        for pid in pids:
            process = by_pid(census)[pid]
            check((process["swap"], process["shared_swap"]) == kernel[pid],
                  f"{pid}: {process}, the kernel says {kernel[pid]}")
            check(process["shared_swap"] == size, f"{pid}: of {size} it is {process}")
    total = sum(o["swap"] or 0 for o in census["objects"])
    check(census["totals"]["shared"] == total, "the total is not the sum of the objects")
    return f"{size >> 10} kB, 3 mappers"


def forked_slots(programs, *words):
    """Slots that a parent and its child share count once."""
    size = PAGES * PAGE
    with python(FAMILY % size) as (parent, child):
        stop(parent.pid)
        census, before = steady(programs, lambda: [kernel_sums(pid)
                                                   for pid in (parent.pid, int(child))], *words)
        resume(parent.pid)
        check(census["totals"]["slots_seen"], "root sees no slots")
        twice = min(private for private, _ in before)
        check(twice >= size // 2, f"only {twice} bytes went to swap")
        double = sum(p["swap"] for p in census["processes"]) - census["totals"]["private"]
        check(double >= twice - size // 16, f"{double} bytes were found twice, not {twice}")
    return f"{twice >> 10} kB held twice"


def segment_row(shmid):
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()]
    return next(row for row in rows if row[1] == str(shmid))


def segment_without_attachers(programs):
    libc.shmat.restype = ctypes.c_void_p
    shmid = libc.shmget(0, ctypes.c_size_t(PAGES * PAGE), SHM_FLAGS)
    check(shmid >= 0, "no SysV segment can be made")
    try:
        address = libc.shmat(shmid, None, 0)
        ctypes.memset(address, 7, PAGES * PAGE)
        for _ in each_processor():
            libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(PAGES * PAGE),
                         SYS_MADVISE_PAGEOUT)
        libc.shmdt(ctypes.c_void_p(address))
        # What no process maps is what some kernels push out by themselves.
        census, row = steady(programs, lambda: segment_row(shmid))
        found = [o for o in census["objects"]
                 if o["inode"] == shmid and o["name"].startswith("/SYSV")]
        check(len(found) == 1, f"{len(found)} objects for segment {shmid}")
        check(int(row[-1]) > 0, "nothing of the segment went to swap")
        check(found[0]["mappers"] == [] and found[0]["swap"] == int(row[-1]),
              f"{found[0]}, the kernel says {row}")
    finally:
        libc.shmctl(shmid, IPC_RMID, None)
    return f"{int(row[-1]) >> 10} kB that no process shows"


def disagreement(process, sums):
    """None where the kernel says the same."""
    said = process["swap"], process["shared_swap"]
    return None if said == sums else f"{process}, the kernel says {sums}"


def is_true_again(programs, pid):
    """Whether a later count agrees: a page that is there and back meanwhile is nobody's fault."""
    for _ in range(10):
        before = kernel_sums(pid)
        process = by_pid(count(programs)).get(pid)
        if not process or before is None or not disagreement(process, before):
            return True
    return False


def whole_machine(programs):
    """Every process that stood still meanwhile: private and shared swap are the kernel's."""
    compared = nonzero = rounds = 0
    while compared < 20 and rounds < 10:
        before = {int(name): kernel_sums(name) for name in os.listdir("/proc") if name.isdigit()}
        census = count(programs)
        for pid, process in by_pid(census).items():
            sums = kernel_sums(pid)
            if sums is None or sums != before.get(pid) or process["shared_swap"] is None:
                continue
            if disagreement(process, sums):
                check(is_true_again(programs, pid), f"ten times over: {disagreement(process, sums)}")
                continue
            compared += 1
            nonzero += sums[1] > 0
        rounds += 1
    check(compared >= 5, f"only {compared} processes could be compared")
    return f"{compared} comparisons, {nonzero} with shared swap"


def untouched(programs):
    """Counting brings nothing back from swap, the argument page of a stopped process included."""
    found, spoilt = [], 0
    while spoilt < SPOILT:
        with Target(programs, "--kind", "shared-anon,private-anon,memfd", "--pages", 256,
                    "--seed", 5) as target:
            target.stop()
            swap_argument_page(target.pid)
            before = picture(target.pid)
            for _ in range(4):
                count(programs)
            found = list(differences(before, picture(target.pid)))
        if not found:
            return f"4 counts, {spoilt} rounds spoilt by others"
        spoilt += 1
    raise Failure("the target was touched:\n    " + "\n    ".join(found[:20]))


def without(programs):
    """A feature less: a process's sum is the kernel's; of what cannot be told, nothing is said."""
    size = PAGES * PAGE
    with python(OWNER % (size, size)) as (owner, _):
        push_all_out(owner.pid, "/memfd:pmtop-census")
        stop(owner.pid)
        for features in WITHOUT:
            census, kernel = steady(programs, lambda: kernel_sums(owner.pid), "--without", features)
            process = by_pid(census)[owner.pid]
            swap, = (o["swap"] for o in census["objects"] if o["mappers"] == [owner.pid])
            check((process["swap"], process["shared_swap"]) == kernel,
                  f"without {features}: {process}, the kernel says {kernel}")
            check(swap == (None if "cachestat" in features else size),
                  f"without {features}: {swap} bytes of the object are in swap, all {size} are")
            check(census["totals"]["slots_seen"] == ("sys_admin" not in features),
                  f"without {features}: {census['totals']}")
    return f"{len(WITHOUT)} lists of features"


def plain_user(programs):
    """Another user's process is unknown, not empty; its private swap is public."""
    pid = os.getpid()
    process = by_pid(count(programs, prefix=("setpriv", "--reuid=65534", "--regid=65534",
                                             "--clear-groups")))[pid]
    check(process["shared_swap"] is None, f"a plain user knows it: {process}")


def run(report, programs, options):
    del options
    report.case("swaps: an object with three mappers", one_object, programs)
    report.case("swaps: slots after a fork", forked_slots, programs)
    report.case("swaps: slots after a fork, read word by word", forked_slots, programs, "--without",
                "pagemap_scan")
    report.case("swaps: a segment without attachers", segment_without_attachers, programs)
    report.case("swaps: the whole machine", whole_machine, programs)
    report.case("swaps: untouched by counting", untouched, programs)
    report.case("swaps: without a feature", without, programs)
    report.case("swaps: a plain user", plain_user, programs)
