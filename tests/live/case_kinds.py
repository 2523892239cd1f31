# SPDX-License-Identifier: GPL-2.0-or-later
"""The kind and the identity of an object come from the object, not from a table beside it."""
import json
import shutil
import tempfile

from case_swaps import by_pid, count, kernel_sums, push_all_out, python
from harness import PAGE, Skip, check, has_program, resume, smaps, stop

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


# A file of 64 pages in a mount namespace of its own: 16 are mapped, 8 more are in the
# page cache, the rest is in RAM only where it cannot be dropped (tmpfs).
HELD = """
import ctypes, mmap, os, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20000) == 0 and libc.mount(None, b"/", None, 0x44000, None) == 0
def sh(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
def write(path):
    with open(path, "wb") as file:
        file.write(os.urandom(64 * 4096))
        file.flush()
        os.fsync(file.fileno())
base, path = "%s", None
%s
fd = os.open(path, os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
os.pread(fd, 8 * 4096, 40 * 4096)
memory = mmap.mmap(fd, 64 * 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
memory.madvise(mmap.MADV_RANDOM)
for page in range(16):
    memory[page * 4096]
with open("/proc/self/maps") as maps:
    start = next(int(l.split("-")[0], 16) for l in maps if l.rstrip().endswith("/pmtop-held"))
core = (ctypes.c_ubyte * 64)()
assert libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(64 * 4096), core) == 0
print(sum(c & 1 for c in core), flush=True)
sys.stdin.read()
"""
BTRFS = """
with open(base + "/disk", "wb") as disk:
    disk.truncate(120 << 20)
sh("mkfs.btrfs", "-q", base + "/disk")
sh("mount", "-o", "loop", base + "/disk", "/mnt")
path = "/mnt/pmtop-held"
write(path)
"""
OTHER = """
sh("mount", "-t", "ramfs", "none", "/mnt")
path = "/mnt/pmtop-held"
write(path)
"""
# The upper layer, and so the file, is on a file system of this type.
OVERLAY = """
if "%s" == "tmpfs":
    sh("mount", "-t", "tmpfs", "none", base)
for name in ("low", "up", "work"):
    os.mkdir(base + "/" + name)
if "%s" == "lower":
    write(base + "/low/pmtop-held")
sh("mount", "-t", "overlay", "none", "-o",
   "lowerdir=%%s/low,upperdir=%%s/up,workdir=%%s/work" %% (base, base, base), "/mnt")
path = "/mnt/pmtop-held"
if not os.path.exists(path):
    write(path)
"""


def look(programs, setup, *without):
    """The states that pmtop tells, what smaps sums up, and the pages in core by mincore."""
    folder = tempfile.mkdtemp(prefix="pmtop-kinds-", dir="/var/tmp")
    try:
        with python(HELD % (folder, setup)) as (process, core):
            check(core, "the program that holds the file ended")
            stop(process.pid)
            start, sums = next((at[0], fields) for at, fields in smaps(process.pid).items()
                               if fields["name"].endswith("/pmtop-held"))
            done = programs.run("dump", "-p", str(process.pid), "--json", *without)
            resume(process.pid)
    finally:
        shutil.rmtree(folder)
    mapping = next(m for m in json.loads(done.stdout)["mappings"] if int(m["start"], 16) == start)
    return mapping, sums, int(core)


def held(programs, setup, *without):
    """What is in core by mincore is mapped or cached, what smaps counts is in swap: no page else."""
    mapping, sums, core = look(programs, setup, *without)
    present, swapped = sums["Rss"] * 1024 // PAGE, sums["Swap"] * 1024 // PAGE
    states = mapping["states"]
    true = {"file": present, "cached": core - present, "shared_swap": swapped,
            "none": 64 - core - swapped}
    check({state: n for state, n in states.items() if n} == {s: n for s, n in true.items() if n},
          f"{states}, but mincore and smaps say {true}; {mapping['doubt']}")


def on_btrfs(programs, *without):
    if not has_program("mkfs.btrfs"):
        raise Skip("there is no mkfs.btrfs here")
    held(programs, BTRFS, *without)


def not_asked(programs):
    mapping, sums, core = look(programs, OTHER)
    present = sums["Rss"] * 1024 // PAGE
    states = {state: n for state, n in mapping["states"].items() if n}
    check(states == {"file": present, "unknown": 64 - present} and mapping["doubt"],
          f"{states} of a ramfs, of which {core} pages are in core; {mapping['doubt']}")


def run(report, programs, options):
    del options
    for without in ((), ("--without", "bpf"), ("--without", "cachestat,bpf")):
        report.case(f"kinds: tmpfs unmounted lazily {' '.join(without)}", detached, programs,
                    *without)
    report.case("kinds: one shmid in two IPC namespaces", two_namespaces, programs)
    for without in ((), ("--without", "cachestat"), ("--without", "map_files")):
        report.case(f"kinds: btrfs {' '.join(without)}", on_btrfs, programs, *without)
    for where in ("disk", "lower", "tmpfs"):
        report.case(f"kinds: overlay, file on {where}", held, programs, OVERLAY % (where, where))
    report.case("kinds: a file system that is not asked", not_asked, programs)
