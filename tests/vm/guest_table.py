# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12 newest
# guest: --zram 96 --disk 192 --memory 1200
"""What is exact on this kernel, right by right, held against pagemap-test and against the README.

pagemap-test lays out every kind of memory and says the truth of each page. pmtop looks at it as
root, as root without BPF, and as the user who owns the process. A page that is shown as what it is
not fails the test; pages that are shown as unknown decide between "exact", "approximate" and
"unknown". The last line is the column for the table in README.md, which table.py puts together.
"""
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

from guest import PMTOP, TESTS, Dump, Target, check, clear_written, report

KINDS = ("shared-anon private-anon memfd shm-file tmpfs-unlinked sysv file-shared file-private "
         "memfd-private tmpfs-private zero sparse hugetlb guard uffd-wp poison "
         "beyond-eof fallocate swapped-in-by-other fork").split()
USER = 1000
HAVE_COLUMNS = ("6.1", "6.12") # the newest kernel may be newer than the README
RIGHTS = {"root": {}, "root, no BPF": {"without": ["--without", "bpf"]},
          "owner": {"user": USER, "group": USER, "extra_groups": []}}
DOUBTFUL = {("swap", "poison"), ("swap", "none"), ("none", "cached")}
ROWS = {"anon": "private pages in RAM", "file": "mapped file pages", "shmem": "mapped shared memory",
        "zero": "zero pages", "swap": "private pages in swap",
        "shared_swap": "**shared pages in swap**", "cached": "in the page cache, not mapped",
        "none": "nothing there", "guard": "guard regions", "poison": "poison markers",
        "private_slots": "swap slots of private pages", "shared_slots": "swap slots of shared pages",
        "written": "written since the last clear"}


def account_of(seed):
    """pagemap-test with every kind, held, under the user's id; its process and its account."""
    program = Path(PMTOP).with_name("pagemap-test")
    work = Path("/var/tmp/pmtop-table")
    work.mkdir(exist_ok=True)
    os.chown(work, USER, USER)
    process = subprocess.Popen([program, "--hold", "--seed", str(seed), "--dir", work, "--kind",
                                ",".join(KINDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, user=USER, group=USER, extra_groups=[], cwd="/")
    return process, json.loads(process.stdout.readline())


def truth_of(account):
    """(pid, address of the region) -> its kind and the state of each page."""
    truth = {}
    for region in account["regions"]:
        states = [run["state"] for run in region["runs"] for _ in range(run["pages"])]
        if len(states) <= 8192 and not region["volatile"]:
            truth[region["pid"], int(region["start"], 16)] = (region["kind"], states)
    return truth


def states_at(dump, start, count):
    """pmtop's (state, doubt) of [start, start + count pages), over mapping borders."""
    seen = [(None, None)] * count
    for address, mapping in dump.mappings.items():
        if start <= address < start + count * 4096 or address <= start < int(mapping["end"], 16):
            for index, page in enumerate(dump.pages(address), (address - start) // 4096):
                if 0 <= index < count:
                    seen[index] = page.state, mapping["doubt"]
    return seen


def compare(account, how):
    """For each true state: how many pages are right, unknown and wrong; and some wrong ones."""
    tally, wrong = defaultdict(Counter), Counter()
    dumps = {}
    for (pid, start), (kind, states) in truth_of(account).items():
        if pid not in dumps:
            options = dict(how)
            dumps[pid] = Dump(pid, *options.pop("without", []), **options)
        for true, (seen, doubt) in zip(states, states_at(dumps[pid], start, len(states))):
            if true == "unknown" or seen is None:
                continue
            what = "right" if seen == true else "unknown" if seen == "unknown" else "wrong"
            # Markers look like swap without the right to see types, the cache cannot always be
            # asked: pmtop says so of the mapping.
            if what == "wrong" and doubt and (seen, true) in DOUBTFUL:
                what = "doubted"
                tally[seen]["doubted"] += 1
            tally[true][what] += 1
            if what == "wrong":
                wrong[f"{kind}: {true}, shown as {seen}"] += 1
    return tally, wrong, dumps[account["pid"]].known


def word_for(counts):
    if not counts:
        return "–"
    if not counts["unknown"] + counts["doubted"]:
        return "exact"
    return "approximate" if counts["right"] else "unknown"


def become_user():
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)


def written_word(how, known):
    """Soft-dirty, tried: exactly the pages written since the clear, or the kernel has none."""
    if not known["written"]:
        return "unknown"
    options = dict(how)
    with Target(prepare=become_user) as target:
        a = target.anon(100)
        target.write(a, range(100))
        clear_written(target.pid)
        target.write(a, range(0, 100, 3))
        pages = Dump(target.pid, *options.pop("without", []), **options).pages(a)
        exact = all(("written" in page.marks) == (i % 3 == 0) for i, page in enumerate(pages))
        check("written marks are exact where pmtop says it knows them", exact)
        return "exact" if exact else "approximate"


def column(account, name, how):
    tally, wrong, known = compare(account, how)
    check(f"{name}: no page is shown as what it is not", not wrong, *[f"{count} pages of {what}" for what, count in wrong.items()])
    words = {row: word_for(tally[row]) for row in ROWS if row in tally}
    words["private_slots"] = "exact" if known["private_slots"] else "unknown"
    words["shared_slots"] = "exact" if known["shared_slots"] else "unknown"
    words["written"] = written_word(how, known)
    print(f"{name}: {json.dumps(known)}")
    for row, counts in sorted(tally.items()):
        print(f"    {row}: {dict(counts)}")
    return {row: words.get(row, "–") for row in ROWS}


def readme_column(release, right):
    """What README.md says, row by row, or {} when it has no such column."""
    said, head = {}, []
    for line in (TESTS.parent / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| | "):
            head = cells
        for row, text in ROWS.items():
            if cells[0] == text and f"{release} {right}" in head:
                said[row] = cells[head.index(f"{release} {right}")]
    return said


def main():
    seed = int.from_bytes(os.urandom(4), "little")
    release = re.match(r"\d+\.\d+", os.uname().release).group()
    print(f"seed {seed}")
    if os.environ.get("PMTOP_GUEST"):
        Path("/proc/sys/vm/nr_hugepages").write_text("8")
        Path("/proc/sys/vm/unprivileged_userfaultfd").write_text("1")
    process, account = account_of(seed)
    for skipped in account["skipped"]:
        print(f"not on this kernel: {skipped['kind']}: {skipped['why']}")
    columns = {name: column(account, name, how) for name, how in RIGHTS.items()}
    process.stdin.close()
    process.wait()
    print("TABLE " + json.dumps({"release": release, "columns": columns}))
    if os.environ.get("PMTOP_GUEST"):
        for name, words in columns.items():
            said = readme_column(release, name)
            if not said and release not in HAVE_COLUMNS:
                print(f"README.md has no column for {release} yet")
                continue
            differs = {row: (said.get(row), word) for row, word in words.items()
                       if said.get(row) != word}
            check(f"README.md says the same of {release}, {name} (else run tests/vm/table.py)",
                  not differs, differs)
    return report()


if __name__ == "__main__":
    sys.exit(main())
