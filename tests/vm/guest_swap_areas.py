# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 96 --disk 96 --disk 96
"""Several swap areas, one switched off in between: every slot that pmtop names holds that very page."""
import mmap
import os
import subprocess
import sys

from guest import PAGE, Dump, Target, check, check_states, report, wait_for, words

PAGES = 300
ZRAM, FIRST, SECOND = "/dev/zram0", "/dev/vdb", "/dev/vdc"


def swapon(device, priority):
    subprocess.run(["/usr/sbin/mkswap", device], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    subprocess.run(["/usr/sbin/swapon", "-p", str(priority), device], check=True)


def swapoff(device):
    subprocess.run(["/usr/sbin/swapoff", device], check=True)


def read_slot(device, offset):
    """What a slot holds on the device itself, past the page cache."""
    fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
    with mmap.mmap(-1, PAGE) as buffer:
        os.preadv(fd, [buffer], offset * PAGE)
        os.close(fd)
        return buffer[:]


def check_slots(what, dump, address, device_of, wanted):
    """Each page in swap has a slot, and the area of its type holds that page there; most of them lie
    in the wanted one (processors keep up to 64 slots of an area in hand after another came on)."""
    wrong, found = [], 0
    for index, page in enumerate(dump.pages(address)):
        if page.state not in ("swap", "shared_swap"):
            continue
        if not page.slot or page.slot[0] not in device_of:
            wrong.append(f"page {index}: {page!r}, the areas are {device_of}")
            continue
        device = device_of[page.slot[0]]
        found += page.slot[0] == wanted
        content = (address + index * PAGE).to_bytes(8, "little") * 512
        # A page has its slot before the disk has written it.
        if len(wrong) < 5 and not wait_for(lambda: read_slot(device, page.slot[1]) == content):
            wrong.append(f"page {index}: {page!r}, but {device} holds something else there")
    check(f"{what}: every slot holds its page", not wrong, *wrong[:20])
    check(f"{what}: most are in the area of type {wanted}", found > PAGES // 2, found)


def check_words(what, pid, dump, address):
    """Private slots are those of the pagemap words."""
    wrong = []
    for index, (page, word) in enumerate(zip(dump.pages(address), words(pid, address, 0, PAGES))):
        own = (word & 31, word >> 5 & (1 << 50) - 1) if word >> 62 & 1 else None
        if page.slot != own:
            wrong.append(f"page {index}: {page!r}, pagemap says {own}")
    check(what, not wrong, *wrong[:20])


def main():
    with Target() as target:
        a, b, c, d = target.anon(PAGES), target.anon(PAGES), target.shared(PAGES), target.shared(PAGES)
        for address in (a, b, c, d):
            target.write(address, range(PAGES))
        swapoff(ZRAM)  # type 0 is free, the disks are types 1 and 2
        target.push_out(a, 0, PAGES)
        swapoff(SECOND)  # empty: the first disk has a higher priority
        swapon(SECOND, 200)  # takes type 0
        target.push_out(b, 0, PAGES)
        target.push_out(c, 0, PAGES)
        swapon(ZRAM, 300)  # takes type 2
        target.push_out(d, 0, PAGES)
        dump = Dump(target.pid)
        for address, state in ((a, "swap"), (b, "swap"), (c, "shared_swap"), (d, "shared_swap")):
            check_states(f"three areas: {state}", dump.pages(address), [state] * PAGES)
        check("private slots are known", dump.known["private_slots"], dump.known)
        check_words("three areas: words", target.pid, dump, a)
        check_words("three areas: words", target.pid, dump, b)
        areas = {0: SECOND, 1: FIRST, 2: ZRAM}
        check_slots("private, second disk first", dump, a, areas, 1)
        check_slots("private, type taken over", dump, b, areas, 0)
        check("shared slots are known: BPF loads here", dump.known["shared_slots"], dump.known)
        check_slots("shared, type taken over", dump, c, areas, 0)
        check_slots("shared, on zram", dump, d, areas, 2)
        swapoff(FIRST)  # brings a back; the types of the others stay
        dump = Dump(target.pid)
        areas = {0: SECOND, 2: ZRAM}
        check_states("area switched off: its pages are back", dump.pages(a), ["anon"] * PAGES)
        check_states("area switched off: the others stay", dump.pages(b), ["swap"] * PAGES)
        check_states("area switched off: shared stay", dump.pages(d), ["shared_swap"] * PAGES)
        check_slots("private, after swapoff", dump, b, areas, 0)
        check_slots("shared, after swapoff", dump, d, areas, 2)
        for address in (a, b, c, d):
            check("the target's memory is whole", target.whole(address, list(range(PAGES))) == [])
    return report()


if __name__ == "__main__":
    sys.exit(main())
