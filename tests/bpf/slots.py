#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every slot that pmtop gives for a shared page holds exactly that page.

  slots.py DIRECTORY exact [PAGES [WORD]...]  all kinds of shared memory, byte by byte; split: this
                                          kernel splits large folios before it swaps them out;
                                          one-size: its large folios are all of 2 MiB, and it may
                                          split them when memory gets short
  slots.py DIRECTORY agree [PAGES]        all ways to ask say the same
  slots.py DIRECTORY dump PMTOP           dump --pagemap and dump --json --pages
  slots.py DIRECTORY verify PMTOP         dump --verify where a mapping cuts large swap entries
  slots.py DIRECTORY fallback PMTOP       where BPF cannot be had: why, and the rest still holds
  slots.py DIRECTORY rights               BPF reads any process; pmtop does not
  slots.py DIRECTORY churn WALKS [PAGES]  walks while the target changes all the time
  slots.py DIRECTORY bench [PAGES]        what a walk costs

DIRECTORY holds slots_target and slots_check. Exit status 77: no BPF here, and why."""

import functools
import json
import os
import struct
import subprocess
import sys
import time

from machine import (Cgroup, KernelLog, Target, give_back_when_told_to_end, huge_tmpfs, loop_swap,
                     PAGE)

FAILED = []


def check(programs, *arguments, program="slots_check"):
    result = subprocess.run([f"{programs}/{program}", *map(str, arguments)],
                            capture_output=True, text=True, check=False)
    if result.returncode == 77:
        print(result.stderr.strip())
        sys.exit(77)
    if result.returncode or not result.stdout:
        FAILED.append(arguments)
        print(f"FAILED {arguments}: status {result.returncode}\n{result.stderr}{result.stdout}")
    return json.loads(result.stdout) if result.stdout else {}


def need(condition, what, figures):
    """A test that did not get what it was to look at proves nothing."""
    if not condition:
        FAILED.append(what)
        print(f"FAILED: {what}: {figures}")


class Spoilt(Exception):
    """What was to be looked at is not there: the kernel moves pages as it likes."""


def wanted(condition, what, figures):
    """Something that the kernel decides, without which a test proves nothing: it is tried again."""
    if not condition:
        raise Spoilt(f"{what}: {figures}")


def in_rounds(test):
    """Until the kernel did what is wanted, some times; what is wrong in any round is wrong."""
    @functools.wraps(test)
    def run(*arguments, **more):
        for _ in range(4):
            try:
                return test(*arguments, **more)
            except Spoilt as spoilt:
                why = spoilt
                print(f"again: {why}", flush=True)
        return need(False, "spoilt in each round", why)
    return run


@in_rounds
def exact(programs, name, kind, pages, skip=0, seed=1, where=None, pressure=(), large=False,
          sizes=False, then=None):
    # Every page is compared all the same; these only say what is to be looked at on this kernel.
    large = large and not (sizes and "one-size" in sys.argv)
    split = "split" in sys.argv
    group = Cgroup(name) if pressure else None
    target = Target(f"{programs}/slots_target", kind, pages, skip, seed, where, group)
    try:
        if pressure:
            target.stop()
            for part in pressure:
                wanted(group.limit(pages * PAGE // part), f"{name}: a limit of 1/{part}", kind)
            group.free()
            target.go_on()
        else:
            target.tell("out")
        if then:
            target.tell(then)
        target.stop()
        figures = check(programs, "exact", target.pid, target.start, seed, skip,
                        int(kind == "holes"))
        print(f"{name}: {json.dumps(figures)}", flush=True)
        if not figures:
            return
        wanted(figures["byte_equal"] > pages // 4, f"{name}: enough pages in swap", figures)
        if large and not split:
            wanted(any(int(o) for o in figures.get("swap_orders", {})),
                 f"{name}: large swap entries", figures)
        if not pressure:
            wanted(figures["resident"] > 0, f"{name}: some pages in RAM", figures)
        if large and not pressure:
            wanted(any(int(o) for o in figures.get("resident_orders", {})),
                 f"{name}: large folios", figures)
    finally:
        target.end()
        if group:
            group.remove()


@in_rounds
def agree(programs, name, kind, pages, skip=0, where=None, pressure=(), want=(), word="out",
          by_page=0):
    group = Cgroup(name) if pressure else None
    target = Target(f"{programs}/slots_target", kind, pages, skip, 3, where, group)
    try:
        for part in pressure:
            group.limit(pages * PAGE // part)
        if pressure:
            group.free()
            target.tell("touch")
        target.tell(word)
        target.stop()
        figures = check(programs, target.pid, target.start, program="slots_agree")
        print(f"{name}: {json.dumps(figures)}", flush=True)
        bpf = figures.get("bpf", {})
        if not figures:
            return
        for word in want:
            wanted(bpf.get(word, 0) > 0, f"{name}: some pages are {word}", figures)
        need(bpf.get("slots") == bpf.get("swapped", 0) + bpf.get("swap_cached", 0),
             f"{name}: a slot for each swapped page", figures)
        need(figures.get("by_page", 0) >= by_page, f"{name}: looked at page by page", figures)
        need(figures.get("walks_in_gaps", 0) <= 2 + pages // 16384,
             f"{name}: one walk answers for many gaps", figures)
    finally:
        target.end()
        if group:
            group.remove()


MASK = (1 << 64) - 1


def mix(x):
    x = (x + 0x9e3779b97f4a7c15) & MASK
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & MASK
    return x ^ (x >> 31)


def pattern(seed, page):
    """What slots_target writes into a page."""
    x = mix(seed ^ mix(page + 1))
    words = []
    for _ in range(512):
        x = mix(x)
        words.append(x)
    return struct.pack("<512Q", *words)


def pagemap(pid, start, pages):
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        f.seek(start // PAGE * 8)
        return struct.unpack(f"<{pages}Q", f.read(pages * 8))


def smaps_swap(pid, start):
    here = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith(f"{start:x}-"):
                here = True
            if here and line.startswith("Swap:"):
                return int(line.split()[1]) * 1024 // PAGE
    return None


def read_slot(areas, offset):
    for area in areas:
        fd = os.open(area, os.O_RDONLY)
        try:
            # What was read from there before, by way of the page cache, is not what is there now.
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            yield os.pread(fd, PAGE, offset * PAGE)
        finally:
            os.close(fd)


def is_written(areas, offset, content):
    """Whether the slot holds these bytes; the disk may be busy writing them."""
    end = time.monotonic() + 60
    while not any(content == bytes_there for bytes_there in read_slot(areas, offset)):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@in_rounds
def dump(programs, pmtop, device):
    """As the seed does it: words by hexdump, here by struct; two pages more on each side."""
    seed, skip, pages = 77, 1000, 5000
    target = Target(f"{programs}/slots_target", "holes", pages, skip, seed)
    try:
        target.tell("out")
        target.stop()
        start = int(target.start, 16)
        own = pagemap(target.pid, start - 2 * PAGE, pages + 4)
        forms = (f"{start - 2 * PAGE:x}+{pages + 4}",
                 f"0x{start - 2 * PAGE:x}-0x{start + (pages + 2) * PAGE:x}")
        raw = [subprocess.run([pmtop, "dump", "-p", str(target.pid), "--pagemap", form],
                              check=True, capture_output=True).stdout for form in forms]
        need(raw[0] == raw[1] and len(raw[0]) == 8 * (pages + 4), "both forms of a range", len(raw[0]))
        words = struct.unpack(f"<{pages + 4}Q", raw[0])
        full = json.loads(subprocess.run([pmtop, "dump", "-p", str(target.pid), "--json",
                                          "--pages"], check=True, capture_output=True).stdout)
        runs = [r for m in full["mappings"] if int(m["start"], 16) == start for r in m["runs"]]
        slots = {(int(r["start"], 16) - start) // PAGE + k:
                 (r["swap"]["type"], r["swap"]["offset"] + k)
                 for r in runs if r["state"] == "shared_swap" for k in range(r["pages"])}
        with open("/proc/swaps", encoding="utf-8") as f:
            areas = [line.split()[0] for line in f.readlines()[1:]]
        need(device in areas, "the area of this test is on", areas)
        changed = same = proven = 0
        for i, (word, kernel) in enumerate(zip(words, own)):
            page = i - 2
            if page not in slots:
                same += word == kernel
                need(word == kernel, "any other word is the kernel's", (page, hex(word)))
                continue
            changed += 1
            kind, offset = word & 31, word >> 5 & (1 << 50) - 1
            need(word >> 61 == 3 and kernel & ~(1 << 55) == 0, "bits 61 and 62", (page, hex(word)))
            need((kind, offset) == slots[page], "the same slot in JSON", (page, hex(word)))
            if changed % 20 == 0:
                content = pattern(seed, skip + page)
                proven += 1
                need(is_written(areas, offset, content), "bytes", (page, offset))
        figures = {"words": len(words), "slots": changed, "smaps": smaps_swap(target.pid, start),
                   "kernel's own": same, "byte_equal": proven, "runs": len(runs)}
        print(f"dump: {json.dumps(figures)}", flush=True)
        need(changed == figures["smaps"], "slots as smaps counts", figures)
        wanted(changed > pages // 4, "enough pages in swap", figures)
        need(full["known"]["shared_slots"] is True, "known: shared_slots", full["known"])
        for arguments, status in ((["--pagemap", f"{start + 1:x}+1"], 2),
                                  (["--pagemap", f"{start:x}-{start:x}"], 2),
                                  (["--pagemap", f"{start:x}+0"], 2),
                                  (["--pagemap", f"{start:x}+-3"], 2),
                                  (["--pagemap", f"{start:x}"], 2),
                                  (["--pagemap", f"{start:x}+1", "--json"], 2),
                                  (["--pagemap", "ffff800000000000+1"], 1),
                                  (["--pagemap", f"{start:x}+{pages}", "--without", "bpf"], 1)):
            result = subprocess.run([pmtop, "dump", "-p", str(target.pid), *arguments],
                                    capture_output=True, check=False)
            need(result.returncode == status and not result.stdout and
                 result.stderr.count(b"\n") == 1, f"status {status}", (arguments, result))
        full = json.loads(subprocess.run([pmtop, "dump", "-p", str(target.pid), "--json",
                                          "--pages", "--without", "bpf"], check=True,
                                         capture_output=True).stdout)
        need(full["known"]["shared_slots"] is False, "without BPF: shared_slots", full["known"])
        need(full["known"]["shared_swap"] == "exact", "without BPF: exact", full["known"])
        missing = [r for m in full["mappings"] if int(m["start"], 16) == start for r in m["runs"]
                   if r["state"] == "shared_swap" and "swap" in r]
        need(not missing, "without BPF: no slots", missing[:1])
    finally:
        target.end()


@in_rounds
def verify(programs, pmtop, where, skip, pages, cut):
    """smaps counts an entry whole that reaches beyond the mapping: named, and only where it is so."""
    target = Target(f"{programs}/slots_target", "inside" if where else "memfd", pages, skip, 9, where)
    try:
        target.tell("out")
        target.stop()
        start = int(target.start, 16)
        for arguments in ([], ["--without", "bpf"]):
            full = json.loads(subprocess.run([pmtop, "dump", "-p", str(target.pid), "--json",
                                              "--verify", *arguments], check=True,
                                             capture_output=True).stdout)
            mapping = [m for m in full["mappings"] if int(m["start"], 16) == start][0]
            figures = {"skip": skip, "pages": pages, "own": mapping["states"]["shared_swap"],
                       "smaps": mapping["smaps"]["swap"], "agrees": mapping["agrees"],
                       "cause": mapping["cause"] or ""}
            name = f"verify {' '.join(arguments)}"
            print(f"{name}: {json.dumps(figures)}", flush=True)
            need(figures["smaps"] == smaps_swap(target.pid, start), f"{name}: as smaps says", figures)
            wanted(figures["own"] > pages // 2, f"{name}: enough pages in swap", figures)
            # What pmtop counts is proven byte by byte elsewhere; here it is about the difference.
            wanted(not cut or figures["smaps"] > figures["own"], f"{name}: an entry is cut", figures)
            need(cut or figures["smaps"] == figures["own"], f"{name}: no entry is cut", figures)
            need(figures["agrees"] == (not cut), f"{name}: agrees", figures)
            if cut:
                cause = "nothing known" if arguments else "large swap entry"
                need(cause in figures["cause"], f"{name}: the cause", figures)
    finally:
        target.end()


# What hides BPF in a mount namespace of the test's own, and what pmtop has to say about it.
LACKS = (
    ("no BTF", "mount -t tmpfs none /sys/kernel/btf", "no BTF"),
    ("BTF that is none", "mount --bind /dev/null /sys/kernel/btf/vmlinux", "does not take"),
    ("lockdown", "mount -t tmpfs none /sys/kernel/security && "
     "echo 'none integrity [confidentiality]' >/sys/kernel/security/lockdown", "lockdown"),
    ("CAP_BPF missing", "set -- setpriv --bounding-set -bpf,-perfmon,-sys_admin --inh-caps "
     "-bpf,-perfmon,-sys_admin \"$@\"", "CAP_BPF"),
)


@in_rounds
def fallback(programs, pmtop):
    target = Target(f"{programs}/slots_target", "holes", 3000, 7, 5)
    try:
        target.tell("out")
        target.stop()

        def swapped():
            return smaps_swap(target.pid, int(target.start, 16))

        wanted(swapped() > 500, "fallback: enough pages in swap", swapped())
        for name, hide, why in LACKS:
            def run(*arguments, hide=hide):
                return subprocess.run(["unshare", "-m", "sh", "-c", f'{hide}\nexec "$@"', "sh",
                                       pmtop, *arguments], capture_output=True, text=True,
                                      check=False)

            doctor = run("doctor", "--json")
            feature = [f for f in json.loads(doctor.stdout)["features"] if f["key"] == "bpf"][0]
            before = swapped()
            result = run("dump", "-p", str(target.pid), "--json", "--pages")
            wanted(swapped() == before, f"fallback, {name}: no page moves", (before, swapped()))
            full = json.loads(result.stdout) if result.stdout else {"known": {}, "totals": {}}
            figures = {"reason": feature["reason"], "known": full["known"],
                       "shared_swap": full["totals"].get("shared_swap"), "smaps": before}
            print(f"fallback, {name}: {json.dumps(figures)}", flush=True)
            need(not feature["has"] and why in feature["reason"], f"{name}: says why", feature)
            need(not doctor.stderr and not result.stderr, f"{name}: nobody else speaks",
                 doctor.stderr + result.stderr)
            need(full["known"].get("shared_slots") is False, f"{name}: slots unknown", figures)
            if why != "CAP_BPF":  # without CAP_SYS_ADMIN the object cannot be opened either
                need(full["totals"].get("shared_swap") == before and
                     full["known"].get("shared_swap") == "exact",
                     f"{name}: states are exact all the same", figures)
    finally:
        target.end()


def rights(programs):
    """CAP_BPF and CAP_PERFMON load the program and could read root's memory; pmtop asks first."""
    target = Target(f"{programs}/slots_target", "memfd", 500, 0, 1)
    try:
        target.stop()
        caps = "+bpf,+perfmon"
        result = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534",
                                 "--clear-groups", "--inh-caps", caps, "--ambient-caps", caps,
                                 f"{programs}/slots_check", "refused", str(target.pid),
                                 target.start], capture_output=True, text=True, check=False)
        print(f"rights: {result.stdout.strip()}{result.stderr}", flush=True)
        need(result.returncode == 0 and "Permission denied" in result.stdout,
             "another user's process is refused", result)
        # In other files a value of the xarray is a shadow, not a slot.
        with open(f"/proc/{target.pid}/maps", encoding="utf-8") as f:
            maps = [line.split() for line in f]
        others = [m for m in maps if "libc" in m[-1] or m[-1] in ("[heap]", "[stack]", "[vdso]")]
        need(len(others) > 5, "other mappings", maps)
        for m in others:
            result = subprocess.run([f"{programs}/slots_check", "refused", str(target.pid),
                                     m[0].split("-")[0]], capture_output=True, text=True,
                                    check=False)
            need(result.returncode == 0 and "not supported" in result.stdout,
                 "not shared memory: refused", (m, result))
        print(f"rights: {len(others)} mappings of other kinds refused")
    finally:
        target.end()


def churn(programs, kind, pages, walks, where=None):
    target = Target(f"{programs}/slots_target", kind, pages, 3, 7, where)
    try:
        target.tell("churn", answer=False)
        figures = check(programs, "churn", target.pid, target.start, walks)
        print(f"churn {kind}: {json.dumps(figures)}", flush=True)
        need(target.process.poll() is None, f"churn {kind}: the target lives", figures)
    finally:
        target.end()


def bench(programs, name, kind, pages, word, where=None):
    """The figures of the design: 1 Mi pages mostly swapped in 10 ms, loaded in 100 ms."""
    target = Target(f"{programs}/slots_target", kind, pages, 0, 5, where)
    try:
        if word:
            target.tell(word)
        target.stop()
        result = subprocess.run([f"{programs}/slots_bench", str(target.pid), target.start],
                                capture_output=True, text=True, check=False)
        if result.returncode == 77:
            print(result.stderr.strip())
            sys.exit(77)
        print(f"{name}: {result.stdout.strip()}{result.stderr}", flush=True)
        figures = json.loads(result.stdout)
        scale = pages / (1 << 20)
        if word:
            need(figures["walk_ms"] <= 10 * scale, f"{name}: 10 ms per Mi pages", figures)
            need(figures["swapped"] > pages * 0.7, f"{name}: mostly swapped", figures)
        need(figures["load_ms"] <= 100, f"{name}: loaded in 100 ms", figures)
    finally:
        target.end()


def main():
    programs, what = sys.argv[1], sys.argv[2]
    log = KernelLog()
    give_back_when_told_to_end()
    if what == "exact":
        pages = int(sys.argv[3]) if len(sys.argv) > 3 else 16384
        with loop_swap(max(256, pages * 6 // 256)), huge_tmpfs() as huge:
            exact(programs, "shared anonymous", "anon", pages, seed=11)
            exact(programs, "memfd with holes", "holes", pages, seed=12)
            exact(programs, "SysV", "sysv", pages, seed=13)
            exact(programs, "memfd at an offset", "memfd", pages, skip=4099, seed=14)
            exact(programs, "holes at an offset", "holes", pages, skip=77, seed=15)
            exact(programs, "tmpfs, large folios", "file", pages, seed=16, where=huge, large=True)
            exact(programs, "large entries, some split", "file", pages, seed=21, where=huge,
                  pressure=(4,), large=True, sizes=True, then="touch")
            exact(programs, "inside a large entry", "inside", pages, skip=77, seed=23, where=huge,
                  large=True)
            with huge_tmpfs("within_size") as within:
                exact(programs, "folios of many sizes", "written", pages, seed=22, where=within,
                      large=True, sizes=True)
            exact(programs, "one page", "memfd", 1 + 64 * 5, seed=17)
            exact(programs, "pressure", "anon", pages, seed=18, pressure=(2, 4, 8))
            exact(programs, "pressure, holes", "holes", pages, seed=19, pressure=(3, 5))
            exact(programs, "pressure, large folios", "file", pages, seed=20, where=huge,
                  pressure=(2,), large=True)
    elif what == "agree":
        pages = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
        with loop_swap(max(256, pages * 6 // 256)), huge_tmpfs() as huge:
            agree(programs, "anonymous", "anon", pages, want=("cached", "swap_cached"))
            agree(programs, "allocated", "allocated", pages, skip=55,
                  want=("hole", "allocated", "cached", "swap_cached"))
            agree(programs, "allocated, pressure", "allocated", pages, skip=55, pressure=(3, 5),
                  want=("hole", "cached", "swapped", "swap_cached"))
            agree(programs, "scattered", "holes", 3 * pages, skip=55, word="scatter",
                  by_page=2 * pages, want=("hole", "cached", "swap_cached"))
            agree(programs, "large folios", "file", pages, where=huge, pressure=(3,),
                  want=("swap_cached",))
    elif what == "dump":
        with loop_swap(256) as device:
            dump(programs, sys.argv[3], device)
    elif what == "verify":
        with loop_swap(256), huge_tmpfs() as huge:
            for skip, pages in ((77, 4000), (78, 997), (85, 1500)):
                verify(programs, sys.argv[3], huge, skip, pages, True)
            verify(programs, sys.argv[3], huge, 0, 4096, False)
            verify(programs, sys.argv[3], None, 77, 4000, False)
            # Written in pieces of 1 to 64 pages from page 0 on, so entries of these sizes.
            with huge_tmpfs("within_size") as within:
                for skip, pages in ((77, 4000), (1001, 2222), (79, 930), (33, 2020), (210, 3001)):
                    verify(programs, sys.argv[3], within, skip, pages, True)
    elif what == "fallback":
        with loop_swap(256):
            fallback(programs, sys.argv[3])
    elif what == "rights":
        rights(programs)
    elif what == "bench":
        pages = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 20
        with loop_swap(pages // 256 + 512), huge_tmpfs() as huge:
            bench(programs, "mostly swapped", "anon", pages, "out")
            bench(programs, "fragmented", "anon", pages, "scatter")
            bench(programs, "all in RAM", "anon", pages, "")
            bench(programs, "holes", "holes", pages, "")
            bench(programs, "large folios", "file", pages, "out", where=huge)
    else:
        walks = int(sys.argv[3])
        pages = int(sys.argv[4]) if len(sys.argv) > 4 else 8192
        with loop_swap(max(256, pages * 4 // 256)), huge_tmpfs() as huge:
            churn(programs, "memfd", pages, walks // 2)
            churn(programs, "file", pages, walks - walks // 2, where=huge)
    for line in log.trouble():
        FAILED.append(line)
        print("kernel log:", line)
    sys.exit(1 if FAILED else 0)


if os.geteuid():
    sys.exit("slots.py: needs root")
main()
