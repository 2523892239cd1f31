# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets at their memory limit: the case that started it all, and one that never stands still."""
import compare
from case_exact import Look
from harness import PAGE, Cgroup, Failure, Target, check, pagemap_words, smaps, tell_again, until


def limited(name, size, look):
    """
    What look(group) says of a target in a group of its own. Cgroup v2 kills a process rather than
    wait for swap that is slow to write: then another target is looked at.
    """
    for attempt in range(5):
        with Cgroup(f"{name}-{attempt}") as group:
            group.limit(size)
            try:
                return look(group)
            except (Failure, OSError) as error:
                if not group.oom_kills():
                    raise
                why = f"the kernel killed the target at its limit ({error})"
        tell_again(name, why)
    raise Failure(why)


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
        until("all pages are touched",
              lambda: all(map(holds_page, pagemap_words(target.pid, start, 1024))), 120)
        swapped = []
        for _ in range(20):
            states = states_of(programs, target, region)
            check(set(states) <= {"anon", "swap"}, f"states {sorted(set(states))}")
            swapped.append(states.count("swap"))
    # Half of the pages, but a look may be interrupted between two parts of the mapping, and in each
    # see what is there just then; most are not.
    check(sorted(swapped)[len(swapped) // 2] > 256,
          f"a limit of half of the pages, but in swap were only {swapped}")
    return f"{none} of 1024 pages untouched at first, then {min(swapped)} to {max(swapped)} in swap"


def run(report, programs, _):
    report.case("limits reproduction", limited, "rfc", 512 << 10,
                lambda group: reproduction(programs, group))
    report.case("limits thrash", limited, "thrash", 2 << 20,
                lambda group: thrashing(programs, group))
