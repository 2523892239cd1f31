# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# guest: --zram 64
"""Broken memory is poison; its entries must not pass for pages on the move or in swap."""
import sys

from guest import Dump, Target, check, check_states, report, smaps

PAGES = 64
BROKEN = [3, 17, 18, 40]


def main():
    with Target() as target:
        for make, state in (("anon", "anon"), ("shared", "shmem")):
            a = getattr(target, make)(PAGES)
            target.write(a, range(PAGES))
            for page in BROKEN:
                target.advise(a, page, 1, "hwpoison")
            wanted = ["poison" if page in BROKEN else state for page in range(PAGES)]
            check_states(f"{make}: broken pages are poison", Dump(target.pid).pages(a), wanted)
            check(f"{make}: nothing is in swap", smaps(target.pid)[a]["Swap"] == 0)
    return report()


if __name__ == "__main__":
    sys.exit(main())
