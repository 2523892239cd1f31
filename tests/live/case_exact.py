# SPDX-License-Identifier: GPL-2.0-or-later
"""Page-exact: each kind of memory, each page, against what pagemap-test knows about itself."""
import random
from pathlib import Path

import compare
from harness import Failure, Target, check, smaps

# Kind, pages, and how often the number of seeds asked for.
KINDS = [
    ("private-anon", 512), ("shared-anon", 512), ("memfd", 512), ("shm-file", 512),
    ("tmpfs-unlinked", 512), ("sysv", 256), ("memfd-private", 512), ("tmpfs-private", 512),
    ("file-shared", 512), ("file-private", 512), ("fork", 512), ("zero", 512), ("huge-zero", 512),
    ("sparse", 128), ("thp", 3072), ("hugetlb", 1024), ("guard", 512), ("uffd-wp", 512),
    ("poison", 256), ("lazyfree", 256), ("beyond-eof", 512), ("fallocate", 512),
    ("swapped-in-by-other", 512), ("kernel", 256), ("migrate", 256),
]
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
