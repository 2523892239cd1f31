# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --numa --zram 64
"""Pages on the move between two NUMA nodes: migrating, never swapped, never lost."""
import ctypes
import os
import signal
import sys
import time

from guest import PAGE, PATIENCE, Dump, Target, check, report, syscall

MOVE_PAGES = 279
PAGES = 4096
ENOUGH, SECONDS = 20, 40  # this many caught, or any after this long
# A mover has one page in hand at a time (6.1): the more stand still while pmtop looks, the more of
# them do so in the middle of one.
MOVERS = 8


def mover(pid, address, pages):
    """A child that moves the pages to and fro until it is killed."""
    child = os.fork()
    if child:
        return child
    os.nice(19)  # or pmtop hardly ever gets to look
    addresses = (ctypes.c_void_p * pages)(*(address + i * PAGE for i in range(pages)))
    status = (ctypes.c_int * pages)()
    node = 0
    while True:
        node ^= 1
        nodes = (ctypes.c_int * pages)(*[node] * pages)
        syscall(MOVE_PAGES, pid, ctypes.c_ulong(pages), addresses, nodes, status, 2)


def watch(target, address, state, what):
    """Dump until pages were caught on the move; each page is present or migrating, all the time."""
    share = PAGES // MOVERS
    children = [mover(target.pid, address + n * share * PAGE, share) for n in range(MOVERS)]
    caught, dumps, wrong = 0, 0, []
    start = time.monotonic()
    try:
        while caught < ENOUGH and time.monotonic() < start + (SECONDS if caught else PATIENCE):
            pages = Dump(target.pid).pages(address)
            dumps += 1
            caught += sum(page.state == "migrating" for page in pages)
            wrong += [f"page {i}: {page!r}" for i, page in enumerate(pages)
                      if page.state not in (state, "migrating")]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    print(f"{what}: {caught} pages caught on the move in {dumps} dumps")
    check(f"{what}: migrating pages were caught and shown as such", caught > 0, f"{dumps} dumps")
    check(f"{what}: every page is {state} or migrating", not wrong, *wrong[:20])


def main():
    nodes = [name for name in os.listdir("/sys/devices/system/node") if name.startswith("node")]
    check("the guest has two nodes", len(nodes) == 2, nodes)
    with Target() as target:
        for what, address, state in (("private", target.anon(PAGES), "anon"),
                                     ("shared", target.shared(PAGES), "shmem"),
                                     ("huge", target.anon(PAGES, 2 << 20), "anon")):
            if what == "huge":
                target.advise(address, 0, PAGES, "hugepage")
            target.write(address, range(PAGES))
            watch(target, address, state, what)
            check(f"{what}: the target's memory is whole",
                  target.whole(address, list(range(PAGES))) == [])
            target.unmap(address, PAGES)
        with open(f"/proc/{target.pid}/status", encoding="ascii") as file:
            check("nothing was swapped", "VmSwap:\t       0 kB" in file.read())
    return report()


if __name__ == "__main__":
    sys.exit(main())
