# SPDX-License-Identifier: GPL-2.0-or-later
"""The kind and the identity of an object come from the object, not from a table beside it."""
import json

from case_swaps import by_pid, count, kernel_sums, push_all_out, python
from harness import PAGE, check, resume, smaps, stop

SIZE = 512 * PAGE

# A file of a tmpfs in a mount namespace of its own; the file system is then unmounted lazily.
DETACHED = """
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20000) == 0 and libc.mount(None, b"/", None, 0x44000, None) == 0
assert libc.mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0
fd = os.open("/mnt/pmtop-kinds", os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, %d)
memory = mmap.mmap(fd, %d)
memory[:] = os.urandom(len(memory))
assert libc.umount2(b"/mnt", 2) == 0
print("ready", flush=True)
sys.stdin.read()
"""
SEGMENT = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x08000000) == 0
libc.shmat.restype = ctypes.c_void_p
number = libc.shmget(0, ctypes.c_size_t(%d), 0o1600)
at = libc.shmat(number, None, 0)
libc.shmctl(number, 0, None)
ctypes.memmove(at, os.urandom(%d), %d)
print(number, flush=True)
sys.stdin.read()
"""


def detached(programs, *without):
    with python(DETACHED % (SIZE, SIZE)) as (process, _):
        push_all_out(process.pid, "/pmtop-kinds")
        stop(process.pid)
        start = next(at for at, fields in smaps(process.pid).items()
                     if fields["name"].startswith("/pmtop-kinds"))[0]
        done = programs.run("dump", "-p", str(process.pid), "--json", *without)
        mapping = next(m for m in json.loads(done.stdout)["mappings"]
                       if int(m["start"], 16) == start)
        _, shared = kernel_sums(process.pid)
        said = by_pid(count(programs, *without))[process.pid]["shared_swap"]
        resume(process.pid)
    check(mapping["kind"] == "shmem" and mapping["states"]["shared_swap"] == 512,
          f"kind {mapping['kind']}: {mapping['states']}, smaps says 512 pages in swap")
    check(said == shared, f"swaps says {said}, smaps {shared}")


def two_namespaces(programs):
    """Two segments with one shmid: one in swap, one in RAM."""
    text = SEGMENT % (SIZE, SIZE, SIZE)
    with python(text) as (out, first), python(text) as (here, second):
        check(first == second, f"segments {first} and {second} do not have one number")
        push_all_out(out.pid, "/SYSV")
        stop(out.pid, here.pid)
        census = count(programs)
        sums = {pid: kernel_sums(pid) for pid in (out.pid, here.pid)}
        resume(out.pid, here.pid)
    for pid, (_, shared) in sums.items():
        said = by_pid(census)[pid]["shared_swap"]
        check(said == shared, f"{pid}: swaps says {said}, smaps {shared}")
    mappers = [o["mappers"] for o in census["objects"] if set(o["mappers"]) & set(sums)
               and o["name"].startswith("/SYSV")]
    check(sorted(mappers) == sorted([[out.pid], [here.pid]]), f"objects mapped by {mappers}")


def run(report, programs, options):
    del options
    for without in ((), ("--without", "bpf"), ("--without", "cachestat,bpf")):
        report.case(f"kinds: tmpfs unmounted lazily {' '.join(without)}", detached, programs,
                    *without)
    report.case("kinds: one shmid in two IPC namespaces", two_namespaces, programs)
