# SPDX-License-Identifier: GPL-2.0-or-later
"""Without a feature the outcome is the same, or unknown with a reason, but never wrong."""
from case_exact import HugePages, allowed_of, calm_looks
from compare import allow
from harness import PAGE, check

MIXED = ("fork,shared-anon,private-anon,memfd,sysv,file-shared,file-private,memfd-private,zero,poison,"
         "fallocate,huge-zero,thp,guard,uffd-wp,beyond-eof,swapped-in-by-other,kernel")
OBJECT = {"cached", "shared_swap"}
ABSENT = OBJECT | {"none"}
# What is taken away, and what may then be unknown, or called none with a doubt. On a kernel that
# lacks a feature anyway all rows count whose features are gone then.
WITHOUT = [
    ("pagemap_scan", allow()),
    ("scan_guard", allow()),
    ("scan_wp", allow()),
    ("bpf", allow()),
    ("kpageflags,kpagecount", allow()),
    ("mincore", allow()),
    ("seek_data", allow()),
    ("map_files", allow()),
    ("cachestat,mincore", allow(unknown=["cached", "none"])),
    ("cachestat,seek_data", allow(unknown=["cached", "none"])),
    ("bpf,cachestat", allow(unknown=OBJECT, none=["cached"])),
    ("bpf,cachestat,mincore", allow(unknown=ABSENT)),
    ("bpf,cachestat,mincore,seek_data", allow(unknown=ABSENT)),
    ("bpf,cachestat,seek_data", allow(unknown=ABSENT)),
    ("bpf,map_files", allow(unknown=ABSENT)),
    ("pagemap_scan,bpf,cachestat", allow(unknown=OBJECT, none=["cached"])),
    ("sys_admin", allow(unknown=["swap", "none", "poison"])),
    ("pagemap_scan,sys_admin", allow(unknown=["anon", "zero", "swap", "none", "poison"])),
]


# What others filled of an object of huge pages, without the walk: only how many these are.
HUGETLB = [("bpf", allow(unknown=["cached", "none"])), ("map_files", allow()),
           ("bpf,map_files", allow(unknown=["cached", "none"])),
           ("sys_admin", allow()), ("scan_wp", allow())]


def allowance(gone):
    """Everything that may be missing when these features are."""
    rows = [allowed for features, allowed in WITHOUT if set(features.split(",")) <= gone]
    return allow(unknown=set().union(*(row["unknown"] for row in rows)),
                 none=set().union(*(row["none"] for row in rows)))


def one(programs, seed, features, allowed, kinds=MIXED):
    compared = count = 0
    for seen in calm_looks(programs, "--kind", kinds, "--pages", 256, "--seed", seed,
                           dump_words=["--without", features]):
        compared += seen.compare(allowed, only_calm=True)
        unknown = sum(dump["totals"].get("unknown", 0) for dump in seen.dumps.values())
        known = sorted({dump["known"]["shared_swap"] for dump in seen.dumps.values()})
        if known == ["exact"] and all(dump["known"]["swap_exact"] for dump in seen.dumps.values()):
            seen.compare_smaps()
        else:
            check(allowed["unknown"], f"nothing may be unknown, but shared swap is {known}")
            bounds(seen)
        count += 1
    return (f"{compared} pages, {unknown} unknown, shared swap {'/'.join(known)}"
            f"{f', {count} looks' if count > 1 else ''}")


def bounds(seen):
    """What is known of swap is never more than there is, and with what is unknown never less."""
    for pid, dump in seen.dumps.items():
        for mapping in dump["mappings"]:
            key = int(mapping["start"], 16), int(mapping["end"], 16)
            if any(key[0] <= a < key[1] for a in seen.exceptions) or key not in seen.smaps[pid]:
                continue
            low, high = sorted(sums[pid][key].get("Swap", 0) * 1024 // PAGE
                               for sums in (seen.smaps, seen.smaps_after))
            states = mapping["states"]
            own = states.get("swap", 0) + states.get("shared_swap", 0)
            check(own <= high and low <= own + states.get("unknown", 0),
                  f"{mapping['start']}: {own} in swap, {states.get('unknown', 0)} unknown, "
                  f"smaps says {low} to {high}")


def run(report, programs, options):
    with HugePages():
        lacking = programs.lacking()
        for features, _ in WITHOUT:
            report.case(f"fallback without {features} --seed {options.seed}", one, programs,
                        options.seed, features, allowance(lacking | set(features.split(","))))
        for features, allowed in HUGETLB:
            report.case(f"fallback of huge pages without {features} --seed {options.seed}", one,
                        programs, options.seed, features, allowed_of("hugetlb") or allowed,
                        "hugetlb")
