# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 256
"""Written marks: exactly the pages written since the clear, and nothing claimed that is not known."""
import random
import sys

from guest import Dump, Target, check, check_states, check_written, clear_written, doctor, report, \
    smaps

PAGES = 600


def private_pages(target, pick):
    """Clear, write some, push some out, bring some back, push those out again."""
    a = target.anon(PAGES)
    target.write(a, range(0, PAGES - 100))
    clear_written(target.pid)
    check_written("private: nothing written after the clear", Dump(target.pid).pages(a), set())
    dirty = set(pick.sample(range(PAGES), 150))
    target.write(a, sorted(dirty), 1)
    check_written("private: exactly the pages written", Dump(target.pid).pages(a), dirty)
    target.push_out(a, 0, PAGES)
    pages = Dump(target.pid).pages(a)
    touched = dirty | set(range(PAGES - 100))
    check_states("private: pushed out", pages,
                 ["swap" if i in touched else "none" for i in range(PAGES)])
    check_written("private: kept through swap", pages, dirty)
    target.read(a, sorted(touched)[::3])
    check_written("private: kept when read in again", Dump(target.pid).pages(a), dirty)
    target.push_out(a, 0, PAGES)
    check_written("private: kept when pushed out again", Dump(target.pid).pages(a), dirty)
    target.unmap(a, PAGES)


def shared_pages(target, pick, name, make):
    """A shared page that is pushed out loses its mark: pmtop must not say that it was not written."""
    a = make()
    target.write(a, range(PAGES))
    clear_written(target.pid)
    dirty = set(pick.sample(range(PAGES), 200))
    target.write(a, sorted(dirty), 1)
    check_written(f"{name}: exactly the pages written", Dump(target.pid).pages(a), dirty)
    target.push_out(a, 0, 300)
    dump = Dump(target.pid)
    pages = dump.pages(a)
    in_swap = [i for i, page in enumerate(pages) if page.state == "shared_swap"]
    if doctor_can_place(dump):
        check_states(f"{name}: pushed out", pages, ["shared_swap"] * 300 + ["shmem"] * (PAGES - 300))
    check(f"{name}: no swapped page is called written: the bit was lost",
          not [i for i in in_swap if "written" in pages[i].marks])
    check_written(f"{name}: the rest keeps its marks", pages[300:],
                  {i - 300 for i in dirty if i >= 300})
    target.unmap(a, PAGES)


def doctor_can_place(dump):
    return dump.known["shared_swap"] == "exact"


def fresh_mapping(target):
    """A new mapping is soft-dirty as a whole: pages never touched are not written."""
    clear_written(target.pid)
    a = target.anon(PAGES)
    b = target.shared(PAGES)
    target.write(a, range(0, PAGES, 7))
    target.write(b, range(0, PAGES, 5))
    flags = smaps(target.pid)
    dump = Dump(target.pid)
    for what, start, step in (("private", a, 7), ("shared", b, 5)):
        check(f"fresh {what} mapping has the flag sd", "sd" in flags[start]["VmFlags"])
        check_written(f"fresh {what} mapping: only touched pages", dump.pages(start),
                      set(range(0, PAGES, step)))
    target.unmap(a, PAGES)
    target.unmap(b, PAGES)


def huge_pages(target):
    """One byte written sets the bit of a whole huge page; hugetlb tells nothing."""
    a = target.anon(1024, 2 << 20)
    target.advise(a, 0, 1024, "hugepage")
    target.write(a, range(1024))
    clear_written(target.pid)
    check("the kernel gave huge pages", smaps(target.pid)[a]["AnonHugePages"] == 1024)
    target.write(a, [5])
    pages = Dump(target.pid).pages(a)
    check_written("huge page: all of it", pages, set(range(512)))
    wrong = [f"page {i}: {page!r}" for i, page in enumerate(pages) if "lazyfree" in page.marks]
    check("huge page: nobody freed it", not wrong, *wrong[:10])
    target.advise(a, 512, 512, "free")
    wrong = [f"page {i}: {page!r}" for i, page in enumerate(Dump(target.pid).pages(a))
             if ("lazyfree" in page.marks) != (i >= 512)]
    check("huge page: exactly the freed one is lazyfree", not wrong, *wrong[:10])
    target.unmap(a, 1024)
    with open("/proc/sys/vm/nr_hugepages", "w", encoding="ascii") as file:
        file.write("4")
    b = target.hugetlb(1024)
    target.write(b, range(1024))
    clear_written(target.pid)
    target.write(b, [5])
    mapping = Dump(target.pid).mapping(b)
    check("hugetlb: written is not known", mapping["written"] is None, mapping)


def main():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    pick = random.Random(seed)
    with Target() as target:
        check("pmtop says that this kernel has written marks", Dump(target.pid).known["written"],
              doctor())
        private_pages(target, pick)
        shared_pages(target, pick, "shared anonymous", lambda: target.shared(PAGES))
        shared_pages(target, pick, "tmpfs", lambda: target.file("/dev/shm/soft", PAGES, "shared"))
        fresh_mapping(target)
        huge_pages(target)
    return report()


if __name__ == "__main__":
    sys.exit(main())
