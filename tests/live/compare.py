# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds what pmtop says of a process against what the process knows about itself, page by page."""
from harness import PAGE, check, has_pagemap_scan

# What root must be told on a kernel that has all that is asked for.
ALL_MARKS = {"exclusive", "uffd_wp", "huge", "hugetlb", "swap_cached", "allocated", "lazyfree"}


def allow(unknown=(), none=(), marks=ALL_MARKS):
    """
    What may be missing without a feature: true states that may be called unknown, or none in a
    mapping that names a doubt; and marks, where the mapping does not list them as known. Nothing
    may ever be called something else.
    """
    return {"unknown": set(unknown), "none": set(none), "marks": set(marks)}


# Only PAGEMAP_SCAN tells what is mapped by a PMD.
FULL = allow(marks=() if has_pagemap_scan() else ["huge"])


def expand(runs):
    """Address -> run, for every page of a list of runs."""
    pages = {}
    for run in runs:
        start = int(run["start"], 16)
        for k in range(run["pages"]):
            check(start + k * PAGE not in pages, f"page {start + k * PAGE:x} is told twice")
            pages[start + k * PAGE] = run
    return pages


# Of states that pages of an object have, how much they say of it.
OF_AN_OBJECT = {"file": 3, "shmem": 3, "cached": 2, "shared_swap": 2, "unknown": 1}


def count_once(mapping, totals, seen):
    """Adds the pages of a mapping; a page of an object that was seen before counts no more."""
    which = mapping["device"], mapping["inode"]
    for run in mapping["runs"]:
        state, pages = run["state"], run["pages"]
        totals[state] = totals.get(state, 0) + pages
        if state not in OF_AN_OBJECT or mapping["kind"] not in ("file", "shmem", "hugetlb"):
            continue
        first = mapping["offset"] + int(run["start"], 16) - int(mapping["start"], 16)
        for place in range(first, first + pages * PAGE, PAGE):
            before = seen.get((*which, place))
            if before is None or OF_AN_OBJECT[state] > OF_AN_OBJECT[before]:
                seen[(*which, place)] = state
            if before is not None:
                totals[min(state, before, key=OF_AN_OBJECT.get)] -= 1


def check_form(dump):
    """The promises of the format itself: runs cover mappings, counts add up."""
    totals, seen = {}, {}
    for mapping in dump["mappings"]:
        start, end = int(mapping["start"], 16), int(mapping["end"], 16)
        where = f"mapping {mapping['start']}-{mapping['end']} {mapping['name']!r}"
        check(mapping["pages"] == (end - start) // PAGE, f"{where}: pages {mapping['pages']}")
        counts = {}
        at = start
        for run in mapping["runs"]:
            check(int(run["start"], 16) == at, f"{where}: run at {run['start']}, not {at:x}")
            at += run["pages"] * PAGE
            counts[run["state"]] = counts.get(run["state"], 0) + run["pages"]
        check(at == end, f"{where}: runs end at {at:x}")
        stated = {key: n for key, n in mapping["states"].items() if n}
        check(counts == stated, f"{where}: runs {counts}, states {stated}")
        count_once(mapping, totals, seen)
    totals = {key: n for key, n in totals.items() if n}
    stated = {key: n for key, n in dump["totals"].items() if n and key != "swap_unplaced"}
    check(totals == stated, f"mappings have {totals}, each page once; totals say {dump['totals']}")


def page_faults(truth, later, got, region, allowed):
    """What is wrong about one page, as a list of words; empty when nothing is."""
    run, mapping = got
    state, seen = truth["state"], run["state"]
    possible = {state, later["state"]}
    if region["moving"]:
        possible |= {"anon", "migrating"}
    if mapping["doubt"] and state in allowed["unknown"]:
        possible.add("unknown")
    if mapping["doubt"] and state in allowed["none"]:
        possible.add("none")
    if seen == "unknown" and not mapping["doubt"]:
        return ["unknown without a reason"]
    if seen not in possible:
        return [f"{seen} instead of {state}"]
    if seen != state:
        return []
    marks, optional = set(run["marks"]), allowed["marks"] - set(mapping["marks_known"])
    faults = []
    for mark in truth["marks"]:
        if mark in later["marks"] and mark not in marks and mark not in optional:
            faults.append(f"{seen} lacks {mark}")
    for mark in truth["unmarks"]:
        if mark in later["unmarks"] and mark in marks:
            faults.append(f"{seen} has {mark}")
    return faults


def compare_region(region, later, pages, allowed, faults):
    """Counts the faults of one region in a dictionary: text -> addresses."""
    after = expand(later["runs"])
    compared = 0
    for address, truth in expand(region["runs"]).items():
        if address not in pages:
            faults.setdefault("page not told", []).append(address)
            continue
        for fault in page_faults(truth, after[address], pages[address], region, allowed):
            text = (f"{region['kind']}{' ' + region['note'] if region['note'] else ''}: {fault}"
                    f" (did {'+'.join(truth['did']) or 'nothing'})")
            faults.setdefault(text, []).append(address)
        compared += 1
    return compared


def compare(before, after, dumps, allowed=None):
    """
    Accounts before and after, dumps by process id: returns how many pages were compared, fails
    with a list of what is wrong. Pages that the accounts differ about may be either.
    """
    faults, compared = {}, 0
    told = {pid: expand_mappings(dump, before, pid) for pid, dump in dumps.items()}
    for region, later in zip(before["regions"], after["regions"]):
        if region["volatile"] or region["pid"] not in dumps:
            continue
        compared += compare_region(region, later, told[region["pid"]], allowed or FULL, faults)
    text = "".join(f"\n    {len(where)} pages from {min(where):x}: {fault}"
                   for fault, where in sorted(faults.items()))
    check(not faults, f"{sum(map(len, faults.values()))} of {compared} pages wrong:{text}")
    return compared


def expand_mappings(dump, account, pid):
    """Only what the regions cover: a reservation has more pages than anybody wants in a table."""
    ranges = [(int(r["start"], 16), int(r["start"], 16) + r["pages"] * PAGE)
              for r in account["regions"] if r["pid"] == pid]
    pages = {}
    for mapping in dump["mappings"]:
        start, end = int(mapping["start"], 16), int(mapping["end"], 16)
        if any(start < high and end > low for low, high in ranges):
            pages.update((at, (run, mapping)) for at, run in expand(mapping["runs"]).items())
    return pages


def compare_smaps(dump, before, after, exceptions=()):
    """
    Private swap + shared swap of each mapping against Swap of smaps, read before and after the
    dump: some machines push cold memory out by themselves at any moment. Mappings that hold an
    address of `exceptions` are those that the manual names: there smaps may count more, never less.
    """
    faults, total = [], 0
    for mapping in dump["mappings"]:
        key = int(mapping["start"], 16), int(mapping["end"], 16)
        own = mapping["states"].get("swap", 0) + mapping["states"].get("shared_swap", 0)
        if key not in before or key not in after:
            # vsyscall is in no smaps of some kernels.
            if own:
                faults.append(f"{mapping['start']}: smaps does not have it")
            continue
        low, high = sorted(sums[key].get("Swap", 0) * 1024 // PAGE for sums in (before, after))
        excused = any(key[0] <= address < key[1] for address in exceptions)
        if not low <= own <= high and not (excused and own < low):
            faults.append(f"{mapping['start']} {mapping['name'] or mapping['kind']}: "
                          f"{own} pages in swap, smaps says {low}"
                          f"{f' to {high}' if low != high else ''}")
        total += own
    missing = set(before) - {(int(m["start"], 16), int(m["end"], 16)) for m in dump["mappings"]}
    if missing:
        faults.append(f"{len(missing)} mappings are not told")
    check(not faults, "against smaps:\n    " + "\n    ".join(faults))
    return total


def exceptions_of(account):
    """Addresses of regions where smaps counts pages that the process cannot reach."""
    return [int(region["start"], 16) for region in account["regions"]
            if region["kind"] == "guard" or region["note"] == "not writable"]
