#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every slot that pmtop gives for a shared page holds exactly that page.

  slots.py DIRECTORY exact [PAGES [split]]  all kinds of shared memory, byte by byte; split: this
                                          kernel splits large folios before it swaps them out
  slots.py DIRECTORY agree [PAGES]        all ways to ask say the same
  slots.py DIRECTORY churn WALKS [PAGES]  walks while the target changes all the time
  slots.py DIRECTORY bench [PAGES]        what a walk costs

DIRECTORY holds slots_target and slots_check. Exit status 77: no BPF here, and why."""

import json
import os
import subprocess
import sys

from machine import Cgroup, KernelLog, Target, huge_tmpfs, loop_swap, PAGE

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


def exact(programs, name, kind, pages, skip=0, seed=1, where=None, pressure=(), large=False,
          then=None):
    split = "split" in sys.argv
    group = Cgroup(name) if pressure else None
    target = Target(f"{programs}/slots_target", kind, pages, skip, seed, where, group)
    try:
        if pressure:
            target.stop()
            for part in pressure:
                group.limit(pages * PAGE // part)
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
        need(figures.get("byte_equal", 0) > pages // 4, f"{name}: enough pages in swap", figures)
        if large and not split:
            need(any(int(o) for o in figures.get("swap_orders", {})),
                 f"{name}: large swap entries", figures)
        if not pressure:
            need(figures.get("resident", 0) > 0, f"{name}: some pages in RAM", figures)
        if large and not pressure:
            need(any(int(o) for o in figures.get("resident_orders", {})),
                 f"{name}: large folios", figures)
    finally:
        target.end()
        if group:
            group.remove()


def agree(programs, name, kind, pages, skip=0, where=None, pressure=(), want=()):
    group = Cgroup(name) if pressure else None
    target = Target(f"{programs}/slots_target", kind, pages, skip, 3, where, group)
    try:
        for part in pressure:
            group.limit(pages * PAGE // part)
        if pressure:
            group.free()
            target.tell("touch")
        target.tell("out")
        target.stop()
        figures = check(programs, target.pid, target.start, program="slots_agree")
        print(f"{name}: {json.dumps(figures)}", flush=True)
        bpf = figures.get("bpf", {})
        for word in want:
            need(bpf.get(word, 0) > 0, f"{name}: some pages are {word}", figures)
        need(bpf.get("slots") == bpf.get("swapped", 0) + bpf.get("swap_cached", 0),
             f"{name}: a slot for each swapped page", figures)
        need(figures.get("walks_in_gaps", 0) <= 2 + pages // 16384,
             f"{name}: one walk answers for many gaps", figures)
    finally:
        target.end()
        if group:
            group.remove()


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
                  pressure=(4,), large=True, then="touch")
            with huge_tmpfs("within_size") as within:
                exact(programs, "folios of many sizes", "written", pages, seed=22, where=within,
                      large=True)
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
            agree(programs, "large folios", "file", pages, where=huge, pressure=(3,),
                  want=("swap_cached",))
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
