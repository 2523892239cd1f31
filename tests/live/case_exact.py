# SPDX-License-Identifier: GPL-2.0-or-later
"""Page-exact: each kind of memory, each page, against what pagemap-test knows about itself."""
import collections
import itertools
import os
import random
import time
from pathlib import Path

import compare
from harness import Failure, Target, check, smaps, tell_again

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

# How often, at least, and for how many seconds, at least, calm regions are looked for.
LOOKS, LOOKING = 5, 30


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

    def compare(self, allowed=None, only_calm=False):
        """Returns how many pages were compared; with only_calm, those of calm regions."""
        places = [i for i, region in enumerate(self.before["regions"])
                  if not only_calm or not (region["surprises"] or
                                           self.after["regions"][i]["surprises"])]
        both = [{"regions": [account["regions"][i] for i in places]}
                for account in (self.before, self.after)]
        return compare.compare(*both, self.dumps, allowed)

    def regions(self):
        """Name of each region -> whether it was calm; a region has the same in each such target."""
        found, seen = {}, collections.Counter()
        for region, later in zip(self.before["regions"], self.after["regions"]):
            name = (region["kind"], region["note"], region["pid"] == self.before["pid"])
            seen[name] += 1
            found[(*name, seen[name])] = not region["surprises"] and not later["surprises"]
        return found

    def compare_smaps(self):
        return sum(compare.compare_smaps(dump, self.smaps[pid], self.smaps_after[pid],
                                         self.exceptions) for pid, dump in self.dumps.items())

    def surprises(self):
        """Where the kernel did something else than it was asked for: a line for each region."""
        lines = []
        for region in self.before["regions"] + self.after["regions"]:
            for page in region["surprised"][:1]:
                lines.append(f"{region['kind']}{' ' * bool(region['note'])}{region['note']}: "
                             f"{region['surprises']} pages, such as {page['at']}: did "
                             f"{'+'.join(page['did']) or 'nothing'}, so "
                             f"{'+'.join(page['expected']) or 'nothing'}, but its word is "
                             f"{page['word']}, out {page['out']}, core {page['core']}")
        return "\n    ".join(dict.fromkeys(lines))

    def has_moved(self, pid, key):
        """Whether the kernel swapped pages of this mapping while pmtop looked, which says nothing."""
        both = [sums[pid].get(key, {}).get("Swap") for sums in (self.smaps, self.smaps_after)]
        return both[0] != both[1]

    def check_verified(self):
        """What --verify says: each mapping agrees, but for those that the manual names."""
        for pid, dump in self.dumps.items():
            for mapping in dump["mappings"]:
                start, end = int(mapping["start"], 16), int(mapping["end"], 16)
                said = {key: mapping[key] for key in ("smaps", "agrees", "cause")}
                if any(start <= address < end for address in self.exceptions):
                    check(said["agrees"] or said["cause"].startswith("smaps ") or
                          self.has_moved(pid, (start, end)),
                          f"{mapping['start']}: no cause named: {said}")
                elif said["smaps"] is not None and not self.has_moved(pid, (start, end)):
                    check(said["agrees"] is True, f"{mapping['start']} {mapping['name']!r}: {said}")


def calm_looks(programs, *words, dump_words=(), **how):
    """
    Looks at such targets until each region was calm in one of them: what the program did is what
    the kernel says, before the look and after it. Some machines push cold memory out by themselves
    (DAMON, every few seconds, some of what no process maps), and a swapoff brings everything in.
    The slower the machine is, the more looks that hits, but it never is the same pages.
    """
    calm, end = set(), time.monotonic() + LOOKING
    for attempt in itertools.count(1):
        with Target(programs, *words, **how) as target:
            seen = Look(programs, target, *dump_words)
        regions = seen.regions()
        calm |= {name for name, is_calm in regions.items() if is_calm}
        yield seen
        if calm >= set(regions):
            return
        if attempt >= LOOKS and time.monotonic() > end:
            raise Failure(f"in {attempt} looks what was done and what the kernel says differed; "
                          f"never calm: {sorted(set(regions) - calm)}; at last:\n    "
                          f"{seen.surprises()}")
        tell_again("a look", f"the kernel moved pages by itself:\n    {seen.surprises()}")


def counts_huge_pages():
    """Before 6.7 the tree of a hugetlb object is counted in huge pages, which pmtop leaves alone."""
    return [int(n) for n in os.uname().release.split("-")[0].split(".")[:2]] < [6, 7]


def allowed_of(kind):
    if kind == "hugetlb" and counts_huge_pages():
        return compare.allow(unknown=["none", "cached"], marks=compare.FULL["marks"])
    return None


def run_kind(programs, kind, pages, seed, order):
    words = ["--kind", kind, "--pages", pages, "--seed", seed, "--order", order]
    if kind == "migrate":
        with Target(programs, *words) as target:
            looks = [Look(programs, target, "--verify")]
    else:
        looks = calm_looks(programs, *words, dump_words=["--verify"])
    compared = swapped = count = 0
    for seen in looks:
        # Only PAGEMAP_SCAN tells how a page is mapped; without it no such mark is known.
        compared += seen.compare(allowed_of(kind), only_calm=kind != "migrate")
        swapped += seen.compare_smaps()
        if kind != "migrate":
            seen.check_verified()
        count += 1
    partly = "; ".join(f"not {s['kind']}: {s['why']}" for s in seen.before["skipped"])
    return (f"{compared} pages, {swapped} in swap{f', {count} looks' if count > 1 else ''}"
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
