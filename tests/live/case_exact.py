# SPDX-License-Identifier: GPL-2.0-or-later
"""Page-exact: each kind of memory, each page, against what pagemap-test knows about itself."""
import random
import time
from pathlib import Path

import compare
from harness import PAGE, Cgroup, Failure, Skip, Target, check, pagemap_words, smaps

# Kind, pages, and how often the number of seeds asked for.
KINDS = [
    ("private-anon", 512), ("shared-anon", 512), ("memfd", 512), ("shm-file", 512),
    ("tmpfs-unlinked", 512), ("sysv", 256), ("memfd-private", 512), ("tmpfs-private", 512),
    ("file-shared", 512), ("file-private", 512), ("fork", 512), ("zero", 512), ("huge-zero", 512),
    ("sparse", 128), ("thp", 3072), ("hugetlb", 1024), ("guard", 512), ("uffd-wp", 512),
    ("poison", 256), ("lazyfree", 256), ("beyond-eof", 512), ("fallocate", 512),
    ("swapped-in-by-other", 512), ("kernel", 256), ("migrate", 256),
]
LIMIT_TRIES = 5  # targets that the kernel may kill before a case gives up
ORDERS = ["sequential", "random", "reverse"]


class HugePages:
    """Some pages in the hugetlb pool while this lasts."""
    pool = Path("/proc/sys/vm/nr_hugepages")

    pages = 8

    def add(self, pages):
        # By difference: another run may do the same at the same time.
        if self.pool.exists():
            self.pool.write_text(str(max(int(self.pool.read_text()) + pages, 0)))

    def __enter__(self):
        self.add(self.pages)

    def __exit__(self, *_):
        self.add(-self.pages)


class Look:
    """One stopped look at a target: its accounts and its smaps before and after, dumps between."""

    def __init__(self, programs, target, *words):
        self.before = target.account()
        target.stop()
        try:
            self.smaps = {pid: smaps(pid) for pid in target.pids}
            self.dumps = {pid: programs.dump(pid, *words) for pid in target.pids}
            self.smaps_after = {pid: smaps(pid) for pid in target.pids}
        finally:
            target.resume()
        self.after = target.account()
        self.exceptions = compare.exceptions_of(self.before)
        for dump in self.dumps.values():
            compare.check_form(dump)

    def compare(self, allowed=None):
        return compare.compare(self.before, self.after, self.dumps, allowed)

    def compare_smaps(self):
        return sum(compare.compare_smaps(dump, self.smaps[pid], self.smaps_after[pid],
                                         self.exceptions) for pid, dump in self.dumps.items())

    def surprises(self):
        return sum(region["surprises"] for account in (self.before, self.after)
                   for region in account["regions"])


def has_verified(dump, exceptions):
    """What --verify says: each mapping agrees, but for those that the manual names."""
    for mapping in dump["mappings"]:
        start, end = int(mapping["start"], 16), int(mapping["end"], 16)
        said = {key: mapping[key] for key in ("smaps", "agrees", "cause")}
        if any(start <= address < end for address in exceptions):
            check(said["agrees"] or said["cause"], f"{mapping['start']}: no cause named: {said}")
        elif said["smaps"] is not None:
            check(said["agrees"] is True, f"{mapping['start']} {mapping['name']!r}: {said}")


def look_calmly(programs, target_words, *dump_words):
    """
    A look without surprises: what the program did is what the kernel says. Some machines push cold
    memory out by themselves (DAMON can), and a swapoff brings everything in, but not time and again.
    """
    for attempt in range(5):
        with Target(programs, *target_words) as target:
            seen = Look(programs, target, *dump_words)
        if not seen.surprises():
            return seen, attempt
    raise Failure(f"{seen.surprises()} surprises: what was done and what the kernel says differ")


def run_kind(programs, kind, pages, seed, order):
    words = ["--kind", kind, "--pages", pages, "--seed", seed, "--order", order]
    if kind == "migrate":
        with Target(programs, *words) as target:
            seen, attempt = Look(programs, target, "--verify"), 0
    else:
        seen, attempt = look_calmly(programs, words, "--verify")
    # Only PAGEMAP_SCAN tells how a page is mapped; on a kernel without it no such mark is known.
    compared = seen.compare()
    swapped = seen.compare_smaps()
    if kind != "migrate":
        for dump in seen.dumps.values():
            has_verified(dump, seen.exceptions)
    partly = "; ".join(f"not {s['kind']}: {s['why']}" for s in seen.before["skipped"])
    return (f"{compared} pages, {swapped} in swap{f', attempt {attempt + 1}' if attempt else ''}"
            f"{' -- ' + partly if partly else ''}")


def under_limit(name, size, look):
    """
    What look(group) says of a target in a group of its own. Where swap is a slow disk, cgroup v2
    now and then kills a process rather than wait for it (measured on 6.12): then another one is
    looked at, and the answer says so. Any other failure is one.
    """
    for killed in range(LIMIT_TRIES):
        with Cgroup(name) as group:
            group.limit(size)
            try:
                note = look(group)
            except (Failure, OSError):
                if not group.oom_kills():
                    raise
                continue
        return note + (f"; the kernel killed {killed} targets before" if killed else "")
    raise Failure(f"the kernel killed all of {LIMIT_TRIES} targets for want of memory")


def reproduction(programs, group):
    """The case that started it all (seeds/000): 256 dirty shared pages in 512 KiB."""
    if group.v1:
        (group.path / "memory.swappiness").write_text("60")
    with Target(programs, enter=group.enter) as target:
        seen = Look(programs, target)
        region = seen.before["regions"][0]
        seen.compare()
        swapped = seen.compare_smaps()
        words = pagemap_words(target.pid, int(region["start"], 16), region["pages"])
    pages = sum(run["pages"] for run in region["runs"] if run["state"] == "shared_swap")
    check(pages > 128, f"only {pages} of 256 pages went to swap")
    # Bit 55 may be set on all of them where the kernel has it: it is the mapping's.
    silent = sum(1 for word in words if word & ~(1 << 55) == 0)
    check(silent >= pages, f"{pages} pages in swap, but only {silent} words are silent")
    return f"{pages} of 256 pages in swap, pagemap silent on {silent}, {swapped} by smaps"


def holds_page(word):
    """Present or swapped. A page never touched is no 0 where the kernel has soft-dirty."""
    return bool(word >> 62)


def states_of(programs, target, region):
    dump = programs.dump(target.pid)
    compare.check_form(dump)
    pages = compare.expand_mappings(dump, target.first, target.pid)
    start = int(region["start"], 16)
    return [pages[start + i * PAGE][0]["state"] for i in range(region["pages"])]


def look_while_filling(programs, target, region):
    """Stopped in its first round: nothing is exactly where the page table and smaps have nothing."""
    start = int(region["start"], 16)
    target.stop()
    try:
        words = pagemap_words(target.pid, start, region["pages"])
        states = states_of(programs, target, region)
        sums = next(sums for (low, high), sums in smaps(target.pid).items() if low <= start < high)
    finally:
        target.resume()
    wrong = [i for i, word in enumerate(words) if (states[i] == "none") == holds_page(word)]
    check(not wrong, f"pages {wrong[:5]}: {[(states[i], hex(words[i])) for i in wrong[:5]]}")
    held = (sums["Rss"] + sums["Swap"]) * 1024 // PAGE
    check(held == len(words) - states.count("none"), f"smaps has {held} pages")
    return states.count("none")


def thrashing(programs, group):
    """A target that never stands still: each page is in RAM or in swap at any moment."""
    with Target(programs, "--kind", "thrash", "--pages", 1024, enter=group.enter) as target:
        region = target.first["regions"][0]
        start = int(region["start"], 16)
        none = look_while_filling(programs, target, region)
        deadline = time.monotonic() + 20
        while not all(map(holds_page, pagemap_words(target.pid, start, 1024))):
            check(time.monotonic() < deadline, "not all pages are touched")
        swapped = []
        for _ in range(20):
            states = states_of(programs, target, region)
            check(set(states) <= {"anon", "swap"}, f"states {sorted(set(states))}")
            swapped.append(states.count("swap"))
    check(min(swapped) > 256, f"a limit of half of the pages, but only {min(swapped)} in swap")
    return f"{none} of 1024 pages untouched at first, then {min(swapped)} to {max(swapped)} in swap"


def kind_runs(programs, options):
    """(name, function) of each kind and seed."""
    rng = random.Random(options.seed)
    for kind, pages in KINDS:
        for n in range(options.rounds):
            seed = rng.getrandbits(32)
            order = ORDERS[n % 3]
            yield (f"exact {kind} --seed {seed} --order {order}", run_kind, programs, kind, pages,
                   seed, order)


def run(report, programs, options):
    with HugePages():
        for name, function, *arguments in kind_runs(programs, options):
            if not options.kind or arguments[1] in options.kind:
                report.case(name, function, *arguments)
    if not options.kind:
        report.case("exact reproduction", under_limit, "rfc", 512 << 10,
                    lambda group: reproduction(programs, group))
        report.case("exact thrash", under_limit, "thrash", 2 << 20,
                    lambda group: thrashing(programs, group))
