#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows that the page-exact suite bites: breaks one rule after the other, and demands that it fails.

    tests/live/mutants.py [--only NAME] [--scratch DIR]      (also: ninja mutants)

Each mutant is one replacement in one source file, in a scratch copy of the tree. The suite must
pass without any, or a failure would say nothing.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
CLASSIFY = "src/model/classify.c"
# Name, file, what stands there (exactly once), what stands there instead, which part must notice.
MUTANTS = [
    ("shared swap is nothing", CLASSIFY, "return decide(PAGE_SHARED_SWAP, RULE_SHARED_SWAP);",
     "return decide(PAGE_NONE, RULE_HOLE);", "exact"),
    ("cached is nothing", CLASSIFY, "return decide(PAGE_CACHED, RULE_CACHED);",
     "return decide(PAGE_NONE, RULE_HOLE);", "exact"),
    ("cached is in swap", CLASSIFY, "return decide(PAGE_CACHED, RULE_CACHED);",
     "return decide(PAGE_SHARED_SWAP, RULE_SHARED_SWAP);", "exact"),
    ("allocated is nothing", CLASSIFY, "= decide(PAGE_CACHED, RULE_ALLOCATED);",
     "= decide(PAGE_NONE, RULE_HOLE);", "exact"),
    ("swap-cached is resident", CLASSIFY, "= decide(PAGE_SHARED_SWAP, RULE_SHARED_SWAP_CACHED);",
     "= decide(PAGE_CACHED, RULE_CACHED);", "exact"),
    ("swap-cached is not marked", CLASSIFY, "v.marks = MARK_SWAP_CACHED;", "v.marks = 0;", "exact"),
    ("a protection marker is swap", CLASSIFY,
     "case SWAP_TYPE_MARKER_WP:\n\t\treturn classify_absent(m, e);",
     "case SWAP_TYPE_MARKER_WP:\n\t\treturn decide(PAGE_SWAP, RULE_SWAP);", "exact"),
    ("behind a protection marker is nothing", CLASSIFY,
     "return evidence->swap_type == SWAP_TYPE_MARKER_WP;", "return false;", "exact"),
    ("poison is swap", CLASSIFY, "return decide(PAGE_POISON, RULE_POISON);",
     "return decide(PAGE_SWAP, RULE_SWAP);", "exact"),
    ("a guard is swap", CLASSIFY, "v = decide(PAGE_GUARD, RULE_GUARD);",
     "v = decide(PAGE_SWAP, RULE_SWAP);", "exact"),
    ("the zero page is private", CLASSIFY,
     "if (e->bits & SEEN_ZERO)\n\t\treturn decide(PAGE_ZERO, RULE_ZERO);",
     "if (e->bits & SEEN_ZERO)\n\t\treturn decide(PAGE_ANON, RULE_PRESENT_ANON);", "exact"),
    ("a copy is the object's page", CLASSIFY, "if (mapping_is_private(m) && !(e->bits & SEEN_FILE))",
     "if (mapping_is_private(m) && !e->known)", "exact"),
    ("a private mapping has copies only", CLASSIFY,
     "if (mapping_is_private(m) && !(e->bits & SEEN_FILE))", "if (mapping_is_private(m))", "exact"),
    ("kernel memory is nothing", "src/sample/pass_scan.c",
     "fill_mapping(p, PAGE_UNKNOWN, DOUBT_KERNEL_MEMORY)",
     "fill_mapping(p, PAGE_NONE, DOUBT_KERNEL_MEMORY)", "exact"),
    ("hugetlb is not marked", CLASSIFY, "marks |= MARK_HUGETLB;", "marks |= 0;", "exact"),
    ("huge is not marked", CLASSIFY, "marks |= MARK_HUGE;", "marks |= 0;", "exact"),
    ("protected is not marked", CLASSIFY, "marks |= MARK_UFFD_WP;", "marks |= 0;", "exact"),
    ("exclusive is always marked", CLASSIFY, "if (e->bits & SEEN_EXCLUSIVE && e->bits & SEEN_PRESENT)",
     "if (e->bits & SEEN_PRESENT)", "exact"),
    ("hugetlb may be freed", "src/sample/pass_scan.c", "| KPF_ZERO_PAGE | KPF_HUGE)",
     "| KPF_ZERO_PAGE)", "exact"),
    ("a file's shadow is a swap slot", "src/kernel/object_cache.c",
     "evicted = q->cache->shmem ? counts.evicted : 0;", "evicted = counts.evicted;", "exact"),
    ("an offset is forgotten (cachestat)", "src/kernel/object.c",
     "{ sink, context, mapping->offset >> PMTOP_PAGE_SHIFT }", "{ sink, context, 0 }", "fallbacks"),
    ("in core is cached, without cachestat", "src/kernel/object_cache.c",
     "what = in_core ? OBJECT_CACHED_OR_SWAPPED : OBJECT_SWAPPED;",
     "what = in_core ? OBJECT_CACHED : OBJECT_SWAPPED;", "fallbacks"),
    ("unknown is nothing", CLASSIFY,
     "return doubted(PAGE_UNKNOWN, RULE_OBJECT_UNKNOWN, DOUBT_NO_RIGHT);",
     "return doubted(PAGE_NONE, RULE_HOLE, DOUBT_NO_RIGHT);", "fallbacks"),
    ("smaps settles what it cannot", "src/sample/settle.c",
     "if (counts->state[PAGE_GUARD] + counts->state[PAGE_POISON])\n\t\treturn true;",
     "if (counts)\n\t\treturn false;", "fallbacks"),
    ("a full run of the table's walk loses one", "src/kernel/page_tables.c",
     "return (int)walk->count;",
     "return (int)walk->count - (walk->count == PAGE_TABLES_RANGES);", "reservation"),
    ("two empty GiB where one is", "src/kernel/bpf/tables.bpf.c", "if (next > walk.end)",
     "if (!entry && shift == 30)\n\t\tnext += GIB;\n\tif (next > walk.end)", "reservation"),
    ("two empty 512 GiB where one is", "src/kernel/bpf/tables.bpf.c", "if (next > walk.end)",
     "if (!entry && shift == 39)\n\t\tnext += GIB << 9;\n\tif (next > walk.end)", "reservation"),
    ("a huge page is no entry", "src/kernel/bpf/tables.bpf.c", "if (entry)",
     "if (entry && !(entry & TABLES_PSE))", "reservation"),
    ("the table is never walked", "src/kernel/page_tables.c", "if (tables->tried || load(tables) < 0)",
     "if (tables)", "reservation"),
]


def build(scratch):
    done = subprocess.run(["cmake", "--build", scratch / "build", "--target", "pmtop",
                           "pagemap-test"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else None


def copy_tree(scratch):
    """What git knows of the tree, as it stands."""
    names = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], capture_output=True,
                           check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        there, here = scratch / "tree" / name, SOURCE / name
        # A kept scratch tree has only what changed built again.
        if here.is_file() and not (there.exists() and there.read_bytes() == here.read_bytes()):
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, there)
    subprocess.run(["cmake", "-G", "Ninja", "-S", scratch / "tree", "-B", scratch / "build",
                    "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DBUILD_TESTING=OFF"], check=True,
                   stdout=subprocess.DEVNULL)


def suite(scratch, part, seed):
    """The status of the suite, and the first thing that it found wrong."""
    done = subprocess.run([sys.executable, "-B", HERE / "run.py", "--bin", scratch / "build",
                           "--only", part, "--rounds", "1", "--quiet", "--fail-fast", "--seed",
                           str(seed)], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    wrong = [i for i, line in enumerate(lines) if line.startswith("FAIL")]
    if not wrong:
        return done.returncode, lines[-1] if lines else done.stderr
    detail = lines[wrong[0] + 1].strip() if wrong[0] + 1 < len(lines) else ""
    return done.returncode, f"{re.sub(' --.*', '', lines[wrong[0]][6:])}: {detail}"[:100]


def mutate(scratch, name, file, old, new, part, seed):
    path = scratch / "tree" / file
    text = path.read_text()
    if text.count(old) != 1:
        return False, f"stands {text.count(old)} times in {file}: this mutant is out of date"
    try:
        path.write_text(text.replace(old, new))
        error = build(scratch)
        if error:
            return False, f"does not build: {error[-300:]}"
        status, what = suite(scratch, part, seed)
    finally:
        path.write_text(text)
    del name
    return status == 1, what


def main():
    parser = argparse.ArgumentParser(description="Break rules, and see the live tests fail.")
    parser.add_argument("--only", help="mutants whose name holds this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="keep the scratch tree here")
    options = parser.parse_args()
    scratch = options.scratch or Path(tempfile.mkdtemp(prefix="pmtop-mutants-", dir="/var/tmp"))
    survivors = 0
    try:
        copy_tree(scratch)
        error = build(scratch)
        if error:
            sys.exit(f"the tree does not build: {error[-2000:]}")
        for part in dict.fromkeys(mutant[-1] for mutant in MUTANTS):
            status, what = suite(scratch, part, options.seed)
            print(f"{'unchanged, ' + part:40} {'passes' if not status else 'FAILS'}  {what}",
                  flush=True)
            if status:
                sys.exit("the suite must pass on the unchanged tree")
        for name, file, old, new, part in MUTANTS:
            if options.only and options.only not in name:
                continue
            started = time.monotonic()
            noticed, what = mutate(scratch, name, file, old, new, part, options.seed)
            survivors += not noticed
            print(f"{name:40} {'noticed' if noticed else 'SURVIVES'} "
                  f"{time.monotonic() - started:5.1f} s  {what}", flush=True)
    finally:
        if not options.scratch:
            shutil.rmtree(scratch)
    print(f"{survivors} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
