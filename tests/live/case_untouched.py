# SPDX-License-Identifier: GPL-2.0-or-later
"""A hundred samples leave the target as it was: page tables, page flags, shared memory, swap."""
import ctypes
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time

from harness import (PAGE, Target, check, libc, pagemap_words, push_out, signal_quietly, smaps,
                     until)

KINDS = "shared-anon,private-anon,memfd,memfd-private,file-shared,zero,fallocate"
SAMPLES, SPOILT = 100, 25
SCREEN = 500  # bytes; a first screen is more
SYS_CACHESTAT = 451
PRESENT, SWAPPED, PFN = 1 << 63, 1 << 62, (1 << 55) - 1
# Of /proc/kpageflags.
REFERENCED, ACTIVE, IDLE, OWN_BITS = 1 << 2, 1 << 6, 1 << 25, 1 << 4 | 1 << 12 | 1 << 14


def flags_of(words):
    """kpageflags and kpagecount of each present page."""
    found = []
    with open("/proc/kpageflags", "rb", buffering=0) as flags, \
            open("/proc/kpagecount", "rb", buffering=0) as counts:
        for word in words:
            if word & PRESENT and word & PFN:
                at = (word & PFN) * 8
                found.append((int.from_bytes(os.pread(flags.fileno(), 8, at), "little"),
                              int.from_bytes(os.pread(counts.fileno(), 8, at), "little")))
            else:
                found.append(None)
    return found


def cachestat(pid, start, end):
    """Of the whole object behind a mapping: pages in the cache, pages evicted; None: no object."""
    try:
        fd = os.open(f"/proc/{pid}/map_files/{start:x}-{end:x}", os.O_RDONLY)
    except OSError:
        return None
    span = (ctypes.c_ulonglong * 2)(0, 0)
    result = (ctypes.c_ulonglong * 5)()
    done = libc.syscall(SYS_CACHESTAT, fd, span, result, 0)
    os.close(fd)
    return (result[0], result[3]) if done == 0 else None


def is_ours(name):
    """Libraries are mapped by many processes, and every one of them may touch their pages."""
    return not name or name.startswith(("/memfd:", "/dev/zero", "/dev/shm/", "[stack]", "[heap]"))


def picture(pid):
    """Everything about the target that a reader could change."""
    found = {}
    for (start, end), fields in smaps(pid).items():
        name = fields["name"]
        if name.startswith(("[vvar", "[vsyscall")):
            continue
        words = pagemap_words(pid, start, (end - start) // PAGE)
        found[start] = (name, words, flags_of(words) if is_ours(name) else [],
                        cachestat(pid, start, end) if is_ours(name) else None)
    return found


def word_touched(a, b):
    """
    What a reader does to a page-table entry: it brings a page in, or changes its marks. What the
    kernel does by itself is not held against anybody: it moves pages, and takes them away.
    """
    if not a & PRESENT:
        return a != b
    return b & PRESENT and (a ^ b) & ~PFN


def flags_touched(a, b):
    """The same for the page behind: its marks of use, its kind, and how often it is mapped."""
    if not a or not b:
        return False
    gained, lost = b[0] & ~a[0], a[0] & ~b[0]
    return gained & (REFERENCED | ACTIVE) or lost & IDLE or (a[0] ^ b[0]) & OWN_BITS or a[1] != b[1]


def cache_touched(a, b):
    """Pages of the object that were brought in, or made."""
    return a is not None and (b is None or b[1] < a[1] or sum(b) > sum(a))


def differences(before, after):
    for start, (name, words, flags, cache) in before.items():
        if start not in after:
            yield f"mapping {start:x} is gone"
            continue
        _, words2, flags2, cache2 = after[start]
        for what, touched, a, b in (("pagemap word", word_touched, words, words2),
                                    ("kpageflags, kpagecount", flags_touched, flags, flags2)):
            places = [i for i, (x, y) in enumerate(zip(a, b)) if touched(x, y)]
            if places:
                i = places[0]
                yield (f"{what} of {len(places)} pages of {name or 'anon'} {start:x}, first "
                       f"{start + i * PAGE:x}: {a[i]} -> {b[i]}")
        if cache_touched(cache, cache2):
            yield f"cachestat of {name} {start:x}: {cache} -> {cache2}"
    if set(after) - set(before):
        yield "there are new mappings"


def argument_page(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[45]) // PAGE * PAGE  # arg_start, field 48 of proc_pid_stat(5)


def swap_argument_page(pid):
    address = argument_page(pid)

    def is_out():
        push_out(pid, address, PAGE)
        word = pagemap_words(pid, address, 1)[0]
        return word & SWAPPED and not word & PRESENT

    until("the argument page goes to swap", is_out)


def dump(programs, pid, samples):
    for _ in range(samples):
        programs.dump(pid)
    return samples


def record(programs, pid, samples):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(programs.pmtop), "record", "-p", str(pid), "-o", f"{folder}/log",
                               "--interval", "20ms", "--duration", f"{samples * 20 + 500}ms"],
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    # On a slow machine none may be taken in that time.
    if done.returncode == 1 and "before the first sample" in done.stderr:
        return 0
    taken = re.search(r"(\d+) samples in", done.stderr)
    check(done.returncode == 0 and taken, f"record: status {done.returncode}: {done.stderr}")
    return int(taken.group(1))


def on_screen(*words):
    """
    The live view in a terminal of its own, at 50 samples a second, for as many samples from its
    first screen on.
    """

    def watch(programs, pid, samples):
        command = [str(programs.pmtop), *(str(pid) if word == "PID" else word for word in words)]
        child, terminal = pty.fork()
        if not child:
            os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
            os.execv(command[0], command)
        drawn, deadline = 0, time.monotonic() + 60
        try:
            while time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.05)[0]:
                    before, drawn = drawn, drawn + len(os.read(terminal, 65536))
                    if before <= SCREEN < drawn:
                        deadline = time.monotonic() + 1.0 + samples * 0.02
            os.write(terminal, b"q")
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and select.select([terminal], [], [], 1)[0]:
                if not os.read(terminal, 65536):
                    break
        except OSError:
            pass  # the view has closed its terminal: this is its end
        finally:
            os.close(terminal)
            signal_quietly(child, signal.SIGKILL)
            os.waitpid(child, 0)
        check(drawn > SCREEN, f"{words}: only {drawn} bytes were drawn")
        return samples

    return watch


def untouched(programs, watch, batch):
    """
    In batches: a monitor that reads every process's command line touches the target as well, now
    and then. A batch in which something changed is repeated with a new target; a pmtop that
    touches would spoil every one of them.
    """
    clean, spoilt, pages, found = 0, 0, 0, []
    while clean < SAMPLES and spoilt < SPOILT:
        with Target(programs, "--kind", KINDS, "--pages", 256, "--seed", 11) as target:
            target.stop()
            swap_argument_page(target.pid)
            before = picture(target.pid)
            while clean < SAMPLES:
                taken = watch(programs, target.pid, batch)
                found = list(differences(before, picture(target.pid)))
                if found or not taken:
                    spoilt += 1
                    break
                clean += taken
            pages = sum(len(entry[1]) for entry in before.values())
    check(clean >= SAMPLES, f"only {clean} samples left the target as it was, {spoilt} batches did "
          "not; the last:\n    " + "\n    ".join(found[:20] or ["nothing was sampled"]))
    return f"{pages} pages, {clean} samples, {spoilt} batches of {batch} spoilt by others"


def detector(programs):
    """That the picture notices: reading the command line swaps the argument page in."""
    with Target(programs, "--kind", "shared-anon", "--pages", 256, "--seed", 11) as target:
        target.stop()
        swap_argument_page(target.pid)
        before = picture(target.pid)
        with open(f"/proc/{target.pid}/cmdline", "rb") as file:
            file.read()
        check(list(differences(before, picture(target.pid))), "a page read in was not noticed")


def run(report, programs, options):
    del options
    report.case("untouched: the detector detects", detector, programs)
    report.case("untouched by dump", untouched, programs, dump, 5)
    report.case("untouched by a recording", untouched, programs, record, 25)
    report.case("untouched by the live view", untouched, programs,
                on_screen("-p", "PID", "--interval", "20ms"), 25)
    report.case("untouched by the list of processes", untouched, programs, on_screen(), 25)
