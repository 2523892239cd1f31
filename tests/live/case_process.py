# SPDX-License-Identifier: GPL-2.0-or-later
"""A process is its memory: whichever thread lives on, however many processes share it, and however
often it maps an object. Judges are smaps of a living thread and what the program did itself."""
import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import compare
from case_swaps import by_pid, count, kernel_sums
from harness import (PAGE, Failure, Skip, check, pagemap_words, parse_json, signal_quietly, smaps,
                     tell_again, until)

PAGES = 300

# What the targets have in common: a line of Python a time from standard input, one line in answer.
PRELUDE = """
import ctypes, mmap, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = mmap.PAGESIZE
SHARED, PRIVATE, ANON = 1, 2, 32

def area(pages, flags, fd=-1, page=0):
    at = libc.mmap(None, pages * PAGE, 3, flags, fd, page * PAGE)
    assert at != ctypes.c_void_p(-1).value, os.strerror(ctypes.get_errno())
    libc.madvise(at, pages * PAGE, 15)
    return at

def fill(at, pages):
    ctypes.memmove(at, os.urandom(pages * PAGE), pages * PAGE)

def memfd(pages):
    fd = os.memfd_create("pmtop-process")
    os.ftruncate(fd, pages * PAGE)
    return fd

def out(at, pages):
    for cpu in sorted(os.sched_getaffinity(0)) * 3:
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, [cpu])
        libc.madvise(at, pages * PAGE, 21)
        os.sched_setaffinity(0, allowed)

def serve():
    for line in sys.stdin:
        print(eval(line), flush=True)

def end_thread():
    libc.syscall(60, 0)
"""


class Program:
    """A Python program that answers lines."""

    def __init__(self, text, prefix=()):
        self.process = subprocess.Popen([*prefix, sys.executable, "-c", PRELUDE + text],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.first = self.process.stdout.readline().strip()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        signal_quietly(self.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def all_agree(dump, what):
    """Every mapping that smaps lists agrees with it; how many those are."""
    wrong = [m for m in dump["mappings"] if m.get("agrees") is False]
    told = [m for m in dump["mappings"] if m.get("agrees") is not None]
    check(not wrong, f"{what}: {len(wrong)} mappings differ from smaps: {wrong[:2]}")
    check(len(told) >= len(dump["mappings"]) - 2,
          f"{what}: smaps was compared with {len(told)} of {len(dump['mappings'])} mappings")
    return len(told)


LEADER_GONE = f"""
shared, private = area({PAGES}, SHARED | ANON), area({PAGES}, PRIVATE | ANON)
fill(shared, {PAGES}); fill(private, {PAGES})
out(shared, {PAGES}); out(private, {PAGES})
leave = threading.Event()
def first():
    leave.wait()
    end_thread()
waiters = [threading.Thread(target=first), threading.Thread(target=serve)]
for thread in waiters:
    thread.start()
print(" ".join(str(thread.native_id) for thread in waiters), flush=True)
end_thread()
"""


@contextlib.contextmanager
def leaderless():
    """A process whose main thread has ended, and the ids of the two threads that live."""
    with Program(LEADER_GONE) as program:
        until("the main thread ends",
              lambda: re.search(r"^State:\tZ", Path(f"/proc/{program.pid}/status").read_text(),
                                re.MULTILINE))
        yield program, [int(word) for word in program.first.split()]


def swap_lines(programs, pid):
    done = programs.run("swaps", "-p", pid)
    check(done.returncode == 0 and not done.stderr,
          f"swaps -p: status {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode().splitlines()[1:]


def leader_gone(programs):
    """In the list, `swaps`, dump, verify, with slots, and with its objects' mappers."""
    with leaderless() as (program, threads):
        private, shared = kernel_sums(threads[0])
        check(private and shared, f"nothing of it is in swap: {private}, {shared}")
        census = count(programs)
        process = by_pid(census).get(program.pid)
        check(process, "it is not in the list")
        check((process["swap"], process["shared_swap"]) == (private, shared),
              f"{process}, the kernel says {private} and {shared}")
        check(not set(threads) & set(by_pid(census)), "its threads are listed as processes")
        check(any(o["mappers"] == [program.pid] and o["swap"] == shared
                  for o in census["objects"]), "no object of it")
        dump = programs.dump(program.pid, "--verify")
        compared = all_agree(dump, "main thread gone")
        check((dump["totals"]["swap"] * PAGE, dump["totals"]["shared_swap"] * PAGE) ==
              (private, shared), f"{dump['totals']}, the kernel says {private} and {shared}")
        if "bpf" not in programs.lacking():
            check(dump["known"]["shared_slots"], "the slots of its shared pages are not known")
            slots = sum(int(line.split()[2]) for line in swap_lines(programs, program.pid))
            check(slots * PAGE == private + shared,
                  f"{slots} slots, {private + shared} bytes are in swap")
    return f"{compared} mappings agree"


def samples_of(path, at_least):
    """Total shared and private swap of each sample, once there are that many."""
    def rows():
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as log:
            try:
                number, = log.execute("SELECT count(*) FROM sample").fetchone()
                return number >= at_least and number
            except sqlite3.Error:
                return 0
    return until(f"{at_least} samples in the log", rows)


def totals_in(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as log:
        return log.execute("SELECT shared_swap, swap FROM total ORDER BY sample").fetchall()


@contextlib.contextmanager
def recording(programs, pid):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/log"
        process = subprocess.Popen([programs.pmtop, "record", "-p", str(pid), "-o", path,
                                    "--interval", "50ms"], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        try:
            until("a log", lambda: os.path.exists(path))
            yield path, process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def thread_changes(programs):
    """The thread by which it was looked at ends, another lives on: the log does not notice."""
    with leaderless() as (program, threads):
        with recording(programs, program.pid) as (path, record):
            samples_of(path, 2)
            program.ask("leave.set()")
            until("the first of the threads ends",
                  lambda: not os.path.exists(f"/proc/{program.pid}/task/{threads[0]}"))
            number = samples_of(path, 1)
            samples_of(path, number + 3)
            private, shared = kernel_sums(threads[1])
            dump = programs.dump(program.pid, "--verify")
            all_agree(dump, "one thread left")
            check(record.poll() is None, "record took the end of a thread for that of the process")
            program.process.kill()
            check(record.wait(60) == 0, f"record: status {record.returncode}")
            wrong = {row for row in totals_in(path)} - {(shared // PAGE, private // PAGE)}
            check(not wrong, f"shared and private swap {shared // PAGE}, {private // PAGE}, "
                             f"in the log also {wrong}")


def another_thread_execs(programs):
    """exec by a thread that is not the first, which has ended: the same process, another program."""
    with leaderless() as (program, _):
        with recording(programs, program.pid) as (path, record):
            samples_of(path, 2)
            program.tell('os.execv("/bin/sleep", ["sleep", "1000"])')
            until("it becomes sleep",
                  lambda: Path(f"/proc/{program.pid}/comm").read_text() == "sleep\n")
            number = samples_of(path, 1)
            samples_of(path, number + 3)
            all_agree(programs.dump(program.pid, "--verify"), "after an exec")
            program.process.kill()
            check(record.wait(60) == 0, f"record: status {record.returncode}")
            check(totals_in(path)[-1] == (0, 0), f"sleep has swap: {totals_in(path)[-1]}")


def other_pid_namespace(programs):
    """Its threads have other numbers inside, which are nobody's or another's outside."""
    namespace = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    with Program(LEADER_GONE, prefix=namespace) as unshare:
        child, = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()
        until("the main thread ends",
              lambda: re.search(r"^State:\tZ", Path(f"/proc/{child}/status").read_text(),
                                re.MULTILINE))
        thread = next(int(t) for t in os.listdir(f"/proc/{child}/task") if t != child)
        sums = kernel_sums(thread)
        process = by_pid(count(programs))[int(child)]
        check((process["swap"], process["shared_swap"]) == sums,
              f"{process}, the kernel says {sums}")
        all_agree(programs.dump(child, "--verify"), "in another pid namespace")


# Views of one object of 1,000 pages, as (pages, first page, private), of which the first is whole.
VIEWS = {
    "thrice": [(1000, 0, False)] * 3,
    "in part": [(1000, 0, False), (600, 0, False), (500, 400, False), (7, 993, False)],
    "private copies": [(1000, 0, False), (1000, 0, True), (300, 350, True)],
    "apart": [(400, 0, False), (600, 400, False)],
}
OBJECT = """
pages = 1000
fd = memfd(pages)
ats = [area(n, PRIVATE if private else SHARED, fd, page) for n, page, private in {views}]
for at, (n, page, private) in zip(ats, {views}):
    fill(at, n if not private else n // 3)
# What is not mapped goes to swap: half of the object, and half of the private copies.
def half_out():
    for at, (n, page, private) in zip(ats, {views}):
        if not private:
            libc.madvise(at, n * PAGE, 4)
    everything = area(pages, SHARED, fd)
    ctypes.string_at(everything, pages * PAGE)
    out(everything, pages // 2)
    libc.munmap(ctypes.c_void_p(everything), ctypes.c_size_t(pages * PAGE))
# What of the object is in swap, by a mapping of all of it that touches nothing.
def swapped():
    at = area(pages, SHARED, fd)
    here = False
    for line in open("/proc/self/smaps"):
        here = line.startswith("%x-" % at) or here and "-" not in line.split()[0]
        if here and line.startswith("Swap:"):
            libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(pages * PAGE))
            return int(line.split()[1]) * 1024 // PAGE
print(os.fstat(fd).st_ino, flush=True)
serve()
"""


def status_pages(pid, *names):
    text = Path(f"/proc/{pid}/status").read_text()
    return sum(int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024 // PAGE
               for name in names)


def smaps_rss(pid):
    return sum(fields.get("Rss", 0) for fields in smaps(pid).values()) * 1024 // PAGE


def rss_is_the_kernels(pid, dump):
    """In dump: what smaps says, mapping by mapping, and together what VmRSS counts."""
    said = smaps_rss(pid)
    check(dump["rss"] == said, f"RSS {dump['rss']} pages, smaps says {said}")
    # VmRSS is counted by processor, and read without waiting for them: 64 pages each are let go.
    vague = 64 * os.cpu_count()
    vm_rss = status_pages(pid, "VmRSS")
    check(abs(vm_rss - said) <= vague, f"RSS {said} pages, VmRSS {vm_rss}")


def calm(programs, program):
    """What is in swap of the object, and a count and a dump while the kernel moved none of it."""
    for _ in range(20):
        swapped, rss = program.ask("swapped()"), smaps_rss(program.pid)
        process = by_pid(count(programs))[program.pid]
        dump = programs.dump(program.pid, "--verify")
        if (program.ask("swapped()"), smaps_rss(program.pid)) == (swapped, rss):
            return int(swapped), process, dump
        tell_again("a dump", "pages of the object moved meanwhile")
    raise Failure("the kernel moves pages all the time")


def mapped_often(programs, name):
    """The object counts once in the totals of dump, list and `swaps`; each view by itself is whole."""
    views = VIEWS[name]
    with Program(OBJECT.replace("{views}", str(views))) as program:
        inode = int(program.first)
        for stage in "in RAM", "half in swap":
            if stage != "in RAM":
                program.ask("half_out()")
                check(int(program.ask("swapped()")) > 100, "nothing of the object is in swap")
            swapped, process, dump = calm(programs, program)
            all_agree(dump, f"{name}, {stage}")
            compare.check_form(dump)
            rss_is_the_kernels(program.pid, dump)
            check(dump["totals"]["shared_swap"] == swapped,
                  f"{name}, {stage}: {dump['totals']}, {swapped} pages of it are in swap")
            mine = [m for m in dump["mappings"] if m["inode"] == inode and m["kind"] == "shmem"]
            check(len(mine) == len(views), f"{len(mine)} views of {len(views)}")
            check(dump["totals"]["shmem"] + swapped <= 1000,
                  f"{name}, {stage}: {dump['totals']} of an object of 1000 pages")
            check(process["shared_swap"] == swapped * PAGE,
                  f"{name}, {stage}: {process}, {swapped} pages are in swap")
            check(process["swap"] == status_pages(program.pid, "VmSwap") * PAGE, f"{process}")


HUGE = """
at = libc.mmap(None, 4 << 21, 3, PRIVATE | ANON | 0x40000, -1, 0)
if at is None or at == ctypes.c_void_p(-1).value:
    print("none", flush=True)
    sys.exit()
ctypes.memset(at, 1, 2 << 21)
small = area(100, PRIVATE | ANON)
fill(small, 50)
ctypes.string_at(small, 100 * PAGE)
print("huge", flush=True)
serve()
"""


def hugetlb_is_named(programs):
    """Pages of hugetlb and the zero page are not in RSS; hugetlb stands beside it."""
    pool = Path("/proc/sys/vm/nr_hugepages")
    before = pool.read_text()
    try:
        pool.write_text(str(int(before) + 4))
        with Program(HUGE) as program:
            if program.first != "huge":
                raise Skip("no huge pages can be had")
            dump = programs.dump(program.pid)
            rss_is_the_kernels(program.pid, dump)
            check(dump["hugetlb"] == status_pages(program.pid, "HugetlbPages") == 1024,
                  f"hugetlb: {dump['hugetlb']} pages")
            text = programs.run("dump", "-p", program.pid).stdout.decode()
            check("hugetlb: 4M" in text, text[-600:])
    finally:
        pool.write_text(before)


ONE_MEMORY = """
CLONE_VM, CLONE_VFORK, SIGCHLD = 0x100, 0x4000, 17
shared, private = area(200, SHARED | ANON), area(100, PRIVATE | ANON)
fill(shared, 200); fill(private, 100)
out(shared, 200); out(private, 100)
libc.mmap.restype = ctypes.c_void_p
pause = ctypes.cast(libc.pause, ctypes.c_void_p)
def child(flags):
    stack = area(16, PRIVATE | ANON)
    return libc.clone(pause, ctypes.c_void_p(stack + 16 * PAGE), CLONE_VM | SIGCHLD | flags, None)
plain = child(0)
held = threading.Thread(target=child, args=(CLONE_VFORK,), daemon=True)
held.start()
forked = os.fork()
if not forked:
    libc.pause()
    os._exit(0)
print(plain, forked, flush=True)
serve()
"""


def children_of(pid):
    return {int(child) for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()}


def end_all(pids):
    for pid in pids:
        signal_quietly(pid, signal.SIGKILL)


def one_memory(programs):
    """clone() with CLONE_VM and a vfork() that holds: one memory; a fork() is another one."""
    with Program(ONE_MEMORY) as program, contextlib.ExitStack() as stack:
        plain, forked = (int(word) for word in program.first.split())
        stack.callback(end_all, {plain, forked})
        until("a child that vfork() waits for", lambda: len(children_of(program.pid)) == 3)
        children = children_of(program.pid)
        stack.callback(end_all, children)
        same = children - {forked}
        census = count(programs)
        rows = by_pid(census)
        check({pid: rows[pid]["memory_of"] for pid in children | {program.pid}} ==
              {program.pid: None, forked: None, **{pid: program.pid for pid in same}},
              f"{[rows[pid] for pid in children | {program.pid}]}")
        for pid in same:
            check((rows[pid]["swap"], rows[pid]["shared_swap"]) == kernel_sums(pid),
                  f"{rows[pid]}, the kernel says {kernel_sums(pid)}")
        text = programs.run("swaps").stdout.decode()
        for pid in same:
            check(re.search(rf"^ *{pid} \S+ +=  +=.*\(memory of {program.pid}\)$", text, re.MULTILINE),
                  f"{pid} is not told as the memory of {program.pid}: {text}")
        # Without slots the private pages are VmSwap of each memory once.
        sums = count(programs, "--without", "sys_admin")
        once = sum(p["swap"] for p in sums["processes"] if p["memory_of"] is None)
        check(sums["totals"]["private"] == once, f"{sums['totals']}, each memory once is {once}")
        slots = sum(p["swap"] for p in rows.values() if p["memory_of"] is None)
        check(census["totals"]["private"] <= slots, f"{census['totals']}, {slots} at most")
    with Program(ONE_MEMORY) as program, contextlib.ExitStack() as stack:
        stack.callback(end_all, children_of(program.pid))
        done = programs.run("swaps", "--json", prefix=("setpriv", "--reuid=65534",
                                                       "--regid=65534", "--clear-groups"))
        totals = parse_json(done.stdout, "swaps of a plain user")["totals"]
        check(totals["may_be_counted_twice"] >= 2, f"a plain user may compare nothing: {totals}")


BACK_IN_RAM = """
pages = 400
at = area(pages, PRIVATE | ANON)
fill(at, pages); out(at, pages)
ready, done = os.pipe(), os.pipe()
child = os.fork()
if not child:
    os.close(done[1])
    ctypes.string_at(at, pages // 2 * PAGE)
    os.write(ready[1], b"x")
    os.read(done[0], 1)
    os._exit(0)
os.read(ready[0], 1)
print(child, at, flush=True)
serve()
"""
SWAPCACHE = 1 << 13


def swap_cached_frames(pid, start, pages):
    """By kpageflags: of each page whether it is in RAM, and whether it keeps a slot there."""
    with open("/proc/kpageflags", "rb", buffering=0) as flags:
        def one(word):
            if not word >> 63:
                return None
            data = os.pread(flags.fileno(), 8, (word & (1 << 55) - 1) * 8)
            return bool(int.from_bytes(data, "little") & SWAPCACHE)
        return [one(word) for word in pagemap_words(pid, start, pages)]


def told_marks(dump, start, pages):
    told = {}
    for m in dump["mappings"]:
        if int(m["start"], 16) <= start < int(m["end"], 16):
            known = "swap_cached" in m["marks_known"]
            for run in m["runs"]:
                for k in range(run["pages"]):
                    present = run["state"] == "anon"
                    told[int(run["start"], 16) + k * PAGE] = (
                        "swap_cached" in run["marks"] if present else None)
    return known, [told[start + k * PAGE] for k in range(pages)]


def swap_cached_private(programs):
    """Private pages back in RAM that keep their slot have the mark; where it is not known, it is not."""
    with Program(BACK_IN_RAM) as program:
        child, at = (int(word) for word in program.first.split())
        for pid in child, program.pid:
            for _ in range(20):
                before = swap_cached_frames(pid, at, 400)
                dump = programs.dump(pid)
                if before == swap_cached_frames(pid, at, 400):
                    break
                tell_again("a dump", "pages moved between swap and RAM meanwhile")
            known, told = told_marks(dump, at, 400)
            check(told == before, f"{pid}: {sum(map(bool, told))} pages are told to keep a slot, "
                                  f"{sum(map(bool, before))} do")
            check(known == (None not in before), f"{pid}: known is {known}, in swap are "
                                                 f"{before.count(None)}")
        marked = sum(map(bool, before + swap_cached_frames(child, at, 400)))
        without = programs.dump(child, "--without", "kpageflags")
        known, _ = told_marks(without, at, 400)
        check(not known, "without kpageflags the mark is called known")
    return f"{marked} pages keep their slot"


PLAIN_USER = "setpriv --reuid=65534 --regid=65534 --clear-groups"


def swaps_where(programs, mount, prefix=""):
    """`swaps` where /proc is mounted like this: text, and JSON."""
    def once(*words):
        script = f'mount -t proc -o {mount} proc /proc && exec {prefix} "$@"'
        command = ("unshare", "--mount", "sh", "-c", script, "sh")
        done = programs.run("swaps", *words, prefix=command)
        check(done.returncode == 0, f"{mount}: status {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode()
    return once(), parse_json(once("--json"), f"swaps with {mount}")


def nothing_negative(census, where):
    for key, value in census["totals"].items():
        check(not isinstance(value, int) or value >= 0, f"{where}: {key} is {value}")


def swap_in_use():
    with open("/proc/meminfo", encoding="ascii") as file:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return (kib["SwapTotal"] - kib["SwapFree"]) * 1024


def not_counted_is_said(programs):
    """What /proc does not show is not told as nothing, and the sums say that they are the least."""
    with Program(LEADER_GONE.replace("end_thread()\n\"", "\"")) as program:
        before = swap_in_use()
        text, census = swaps_where(programs, "subset=pid")
        check(census["areas"] is None, f"subset=pid: areas {census['areas']}")
        # sysinfo(2) tells the sum without /proc; a sum that moved meanwhile says nothing here.
        if before == swap_in_use():
            check(census["totals"]["used"] == before, f"{before} in use: {census['totals']}")
        check("no swap area" not in text and "subset=pid" in text, text)
        nothing_negative(census, "subset=pid")
        check(by_pid(census)[program.pid]["swap"] > 0, "the process is told all the same")
        for option in 1, 2:
            text, census = swaps_where(programs, f"hidepid={option}", PLAIN_USER)
            check(program.pid not in by_pid(census), "hidepid hides nothing here")
            check(census["totals"]["unlisted"] == "hidepid", f"{census['totals']}")
            check("at least" in text and "hidepid" in text, text)
            nothing_negative(census, f"hidepid={option}")
        done = programs.run("swaps", "--json", prefix=("unshare", "--pid", "--fork",
                                                       "--mount-proc"))
        totals = parse_json(done.stdout, "swaps in a pid namespace")["totals"]
        check(totals["unlisted"] == "pid_namespace", f"{totals}")
        check(count(programs)["totals"]["unlisted"] is None, "everything is listed here")


def run(report, programs, options):
    del options
    report.case("process: main thread gone", leader_gone, programs)
    report.case("process: the next thread", thread_changes, programs)
    report.case("process: exec by another thread", another_thread_execs, programs)
    report.case("process: main thread gone, pid namespace", other_pid_namespace, programs)
    for name in VIEWS:
        report.case(f"process: an object mapped {name}", mapped_often, programs, name)
    report.case("process: one memory, several processes", one_memory, programs)
    report.case("process: private pages that keep their slot", swap_cached_private, programs)
    report.case("process: what is not counted is said", not_counted_is_said, programs)
    report.case("process: hugetlb beside RSS", hugetlb_is_named, programs)
