# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 64
"""Merged pages are anonymous pages; nobody is called merged who is not (6.12's flags say all are)."""
import sys
from pathlib import Path

from guest import Dump, Target, check, check_states, differences, report, smaps, wait_for, words

KSM = Path("/sys/kernel/mm/ksm")
PAGES = 256


def merge(wanted):
    (KSM / "pages_to_scan").write_text("10000")
    (KSM / "sleep_millisecs").write_text("1")
    (KSM / "run").write_text("1")
    return wait_for(lambda: int((KSM / "pages_sharing").read_text()) >= wanted)


def main():
    with Target() as target:
        same, other = target.anon(PAGES), target.anon(PAGES)
        target.write_same(same, range(PAGES), 0x5A)
        target.write(other, range(PAGES))
        target.advise(same, 0, PAGES, "mergeable")
        check("the kernel merged the equal pages", merge(PAGES - 1),
              (KSM / "pages_sharing").read_text())
        pfns = {word & (1 << 55) - 1 for word in words(target.pid, same, 0, PAGES)}
        check("they are one page", len(pfns) == 1, pfns)
        dump = Dump(target.pid)
        check_states("merged pages are anon", dump.pages(same), ["anon"] * PAGES)
        check_states("others are anon", dump.pages(other), ["anon"] * PAGES)
        check("swap is 0", smaps(target.pid)[same]["Swap"] == 0)
        wrong = [f"page {i}: {page!r}" for i, page in enumerate(dump.pages(other))
                 if "ksm" in page.marks]
        check("no page that is not merged is called merged", not wrong, *wrong[:10])
        wrong = [f"page {i}: {page!r}" for i, page in enumerate(dump.pages(same))
                 if "exclusive" in page.marks]
        check("no merged page is called exclusive", not wrong, *wrong[:10])
        target.write(same, range(0, PAGES, 2))
        check_states("unmerged by writing: anon", Dump(target.pid).pages(same), ["anon"] * PAGES)
        (KSM / "run").write_text("2")
        if (KSM / "use_zero_pages").exists():
            zero_pages(target)
    return report()


def zero_pages(target):
    """Empty pages merged with the zero page are what they are: the zero page."""
    (KSM / "use_zero_pages").write_text("1")
    empty = target.anon(PAGES)
    target.write_same(empty, range(PAGES), 0)
    target.advise(empty, 0, PAGES, "mergeable")
    (KSM / "run").write_text("1")
    wanted = ["zero"] * PAGES
    wait_for(lambda: not differences(Dump(target.pid).pages(empty), wanted))
    check_states("empty pages merged with the zero page", Dump(target.pid).pages(empty), wanted)


if __name__ == "__main__":
    sys.exit(main())
