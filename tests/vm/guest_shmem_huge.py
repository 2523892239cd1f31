# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 128
"""Large folios in shared memory, pushed out whole or in part, read in again, with holes."""
import random
import subprocess
import sys
from pathlib import Path

from guest import Dump, Target, check, check_states, report, swapped

PAGES = 2048
HUGE = 2 << 20


def check_sum(what, target, address, pages):
    """The pages in swap are as many as smaps counts."""
    seen = sum(page.state == "shared_swap" for page in pages)
    wanted = swapped(target.pid, address)
    check(f"{what}: as many as smaps says", seen == wanted, f"{seen}, smaps {wanted}")


def push_out_all(target, a):
    """
    MADV_PAGEOUT may unmap pages and yet leave them in the page cache (seen once with 64 KiB folios
    on 6.12), where it does not find them again: then they are mapped first.
    """
    for _ in range(20):
        target.push_out(a, 0, PAGES)
        if swapped(target.pid, a) >= PAGES:
            return
        target.advise(a, 0, PAGES, "populate_read")
    raise AssertionError(f"{swapped(target.pid, a)} of {PAGES} pages go to swap, not all")


def one_file(target, path, pick, what):
    a = target.file(path, PAGES, "shared", HUGE)
    state = ["shmem"] * PAGES
    target.write(a, range(PAGES))
    pages = Dump(target.pid).pages(a)
    check_states(f"{what}: written", pages, state)
    print(f"{what}: {sum('huge' in page.marks for page in pages)} of {PAGES} pages mapped huge")

    push_out_all(target, a)
    pages = Dump(target.pid).pages(a)
    state = ["shared_swap"] * PAGES
    check_states(f"{what}: pushed out", pages, state)
    check_sum(f"{what}: pushed out", target, a, pages)

    read = sorted(pick.sample(range(PAGES), 60))
    for page in read:
        target.read(a, [page])
    # Readahead and large swap-ins bring more than was asked for: those are in the page cache.
    dump = Dump(target.pid)
    pages = dump.pages(a)
    check(f"{what}: read pages are mapped", all(pages[i].state == "shmem" for i in read))
    check(f"{what}: the others are in swap or brought in with them",
          {page.state for page in pages} <= {"shmem", "shared_swap", "cached"},
          {page.state for page in pages})
    check_sum(f"{what}: partly read in", target, a, pages)

    holes = sorted(pick.sample(range(0, PAGES, 4), 100))
    for page in holes:
        target.advise(a, page, 1, "remove")
    pages = Dump(target.pid).pages(a)
    check(f"{what}: holes are nothing", all(pages[i].state == "none" for i in holes),
          [pages[i] for i in holes if pages[i].state != "none"][:10])
    check_sum(f"{what}: with holes", target, a, pages)
    rest = sorted(set(range(PAGES)) - set(holes))
    check(f"{what}: the target's memory is whole", target.whole(a, rest) == [])
    target.unmap(a, PAGES)


def main():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    pick = random.Random(seed)
    Path("/mnt").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "huge=always", "huge", "/mnt"], check=True)
    sizes = Path("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/shmem_enabled")
    with Target() as target:
        one_file(target, "/mnt/whole", pick, "tmpfs huge=always")
        one_file(target, "/dev/shm/small", pick, "tmpfs small pages")
        if sizes.exists():
            sizes.write_text("always")
            a = target.shared(PAGES, HUGE)
            target.write(a, range(PAGES))
            push_out_all(target, a)
            pages = Dump(target.pid).pages(a)
            check_states("64 KiB folios: pushed out", pages, ["shared_swap"] * PAGES)
            check_sum("64 KiB folios", target, a, pages)
    return report()


if __name__ == "__main__":
    sys.exit(main())
