# SPDX-License-Identifier: GPL-2.0-or-later
"""
Terabytes reserved and little of them used: exact, and no word read for each page of the rest.

Reading all words of a reservation is told from walking its page table, and from PAGEMAP_SCAN, by
the bytes that pmtop has read: 2 TiB are 4 GiB of words.
"""
import itertools
import platform
import random
import sys
import time
from pathlib import Path

import compare
from harness import HERE, PAGE, Failure, Skip, check, tell_again

sys.path.append(str(HERE.parent / "vm"))
from guest import Target, present, smaps  # pylint: disable=wrong-import-position

GIB = (1 << 30) // PAGE
LARGE, SMALL, SHARED = 2048 * GIB, 64 * GIB, 40 * GIB
BLOCK = 512  # pages of one entry of the table above
USED, TEETH = 150, 300
WORD = 8
# Libraries, lists of mappings, and what the kernel says of its types to who loads a BPF program.
OTHER_BYTES = 32 << 20


def places(rng, start, pages):
    """
    Pages to use: at each kind of border; here and there in the first half, some of them in blocks
    side by side; a comb with more teeth than one run of the walk can tell. The rest is empty, so
    that there is nothing at each level of the table.
    """
    borders = [0, pages - 1]
    for size in (BLOCK, BLOCK ** 2, BLOCK ** 3):
        border = -(start // PAGE) % size
        borders += [border + n * size + beside for n in (0, 1) for beside in (-1, 0)]
    chosen = [rng.randrange(pages // 2) for _ in range(USED)]
    chosen += [page + BLOCK for page in chosen[::4]]
    comb = rng.randrange(pages // 4)
    chosen += [comb + 2 * n * BLOCK for n in range(TEETH)]
    return sorted({page for page in borders + chosen if 0 <= page < pages})


def push_out(target, start, pages):
    """MADV_PAGEOUT until none of the pages is mapped."""
    end = time.monotonic() + 60
    while pages:
        check(time.monotonic() < end, f"{len(pages)} pages do not go to swap")
        for page in pages:
            target.advise(start, page, 1, "pageout")
        pages = [page for page in pages if present(target.pid, start, page, 1)]


def private_part(target, rng, pages):
    """Its address and the state of each page that is not none."""
    start = target.reserve(pages, "private")
    chosen = places(rng, start, pages)
    kinds = ["anon", "anon", "anon", "zero", "swap", "dropped"]
    state = {page: rng.choice(kinds) for page in chosen}
    target.read(start, [page for page in chosen if state[page] == "zero"])
    target.write(start, [page for page in chosen if state[page] != "zero"])
    push_out(target, start, [page for page in chosen if state[page] == "swap"])
    for page in chosen:
        if state[page] == "dropped":
            target.advise(start, page, 1, "dontneed")
    return start, {page: what for page, what in state.items() if what != "dropped"}


def shared_part(target, rng, pages):
    start = target.reserve(pages, "shared")
    chosen = places(rng, start, pages)
    kinds = ["shmem", "shmem", "shmem", "shared_swap", "cached"]
    state = {page: rng.choice(kinds) for page in chosen}
    target.write(start, chosen)
    push_out(target, start, [page for page in chosen if state[page] == "shared_swap"])
    for page in chosen:
        if state[page] == "cached":
            target.advise(start, page, 1, "dontneed")
    return start, state


def huge_part(target, rng, pages):
    """One entry of the table above is a page of its own: written, or the huge zero page."""
    start = target.reserve(pages, "huge")
    blocks = rng.sample(range(1, pages // BLOCK - 1), 9)
    target.write(start, [block * BLOCK for block in blocks[:6]])
    target.read(start, [block * BLOCK for block in blocks[6:]])
    got = smaps(target.pid)[start]["AnonHugePages"]
    if got != 6 * BLOCK:
        raise Skip(f"the kernel gave {got // BLOCK} of 6 huge pages")
    return start, {block * BLOCK + page: "anon" if i < 6 else "zero"
                   for i, block in enumerate(blocks) for page in range(BLOCK)}


def bytes_read():
    """By us and by all children that have ended."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def states_of(dump, start):
    """The pages of a mapping that are not none; the rest may be far too many for a table."""
    mapping, = (m for m in dump["mappings"] if int(m["start"], 16) == start)
    states = {}
    for run in mapping["runs"]:
        first = (int(run["start"], 16) - start) // PAGE
        if run["state"] != "none":
            check(run["pages"] <= BLOCK, f"{run['pages']} {run['state']} pages at {run['start']}")
            states.update((first + k, run["state"]) for k in range(run["pages"]))
    return states


def compare_part(dump, start, truth):
    seen = states_of(dump, start)
    wrong = {page: (seen.get(page, "none"), truth.get(page, "none"))
             for page in seen.keys() | truth.keys() if seen.get(page) != truth.get(page)}
    check(not wrong, f"{len(wrong)} pages of {start:x} are wrong; page: (seen, in truth) "
                     f"{dict(sorted(wrong.items())[:5])}")


def in_swap(parts):
    return sum(state in ("swap", "shared_swap") for _, truth in parts for state in truth.values())


def swapped(target, parts):
    sums = smaps(target.pid)
    return sum(sums[start]["Swap"] for start, _ in parts)


def one(programs, seed, make, words):
    """What the dump of these parts has read. Some machines push cold memory out by themselves."""
    end = time.monotonic() + 60
    for attempt in itertools.count(1):
        rng = random.Random(seed)
        with Target() as target:
            parts = [function(target, rng, pages) for function, pages in make]
            before = bytes_read()
            dump = programs.dump(target.pid, *words)
            read = bytes_read() - before
            counts = swapped(target, parts), in_swap(parts)
        if counts[0] == counts[1]:
            break
        why = f"smaps counts {counts[0]} pages in swap, where {counts[1]} were pushed out"
        if attempt >= 5 and time.monotonic() > end:
            raise Failure(f"{why}, {attempt} times over")
        tell_again("a look", why)
    compare.check_form(dump)
    for start, truth in parts:
        compare_part(dump, start, truth)
    return read, f"{sum(len(truth) for _, truth in parts)} pages used, {read >> 10} KiB read"


def walked(programs, seed, make, *words):
    read, note = one(programs, seed, make, words)
    check(read < OTHER_BYTES, f"the words of unused pages were read: {note}")
    return note


def every_word(programs, seed, make, *words):
    """The way that is left without both: as exact, and the count of bytes is seen to count."""
    read, note = one(programs, seed, make, words)
    check(read > SMALL * WORD > OTHER_BYTES, f"not every word was read, or not counted: {note}")
    return note


def huge_pages_are_on():
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return path.exists() and "[never]" not in path.read_text()


def cases(programs):
    """(what is used, the parts, features to take away, what must hold)."""
    lacking = programs.lacking()
    both = [(private_part, LARGE), (shared_part, SHARED)]
    ways = [""] if "pagemap_scan" in lacking else ["", "pagemap_scan"]
    if "bpf" in lacking:
        ways.remove(ways[-1])
    for without in ways:
        yield "2 TiB", both, without, walked
        if huge_pages_are_on():
            yield "huge pages", [(huge_part, SMALL)], without, walked
    yield "64 GiB", [(private_part, SMALL)], "pagemap_scan,bpf", every_word


def run(report, programs, options):
    if platform.machine() != "x86_64":
        raise Skip("page tables are walked on x86-64 only")
    if "bpf" in programs.lacking():
        report.skipped.append("reservation")
        print("skip  reservation by the page table: there is no BPF here")
    for what, make, without, function in cases(programs):
        words = ["--without", without] if without else []
        name = f"reservation of {what}{f' without {without}' if without else ''}"
        report.case(f"{name} --seed {options.seed}", function, programs, options.seed, make, *words)
