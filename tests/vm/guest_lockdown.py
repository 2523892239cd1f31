# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 64 --disk 64 --append lockdown=confidentiality
"""A locked-down kernel refuses BPF: pmtop says so, says what it lost, and what it shows stays true."""
import sys
from pathlib import Path

from guest import Dump, Target, check, doctor, pmtop, report, swapped

PAGES = 400


def main():
    state = Path("/sys/kernel/security/lockdown")
    if state.exists():
        check("the guest is locked down", "[confidentiality]" in state.read_text())
    text = pmtop("doctor")
    features = doctor()
    print(text)
    check("doctor names the lockdown", "lockdown" in text.lower(), features)
    with Target() as target:
        # Half in swap, a part in RAM and not mapped here: the hard case without cachestat.
        a = target.shared(PAGES)
        target.write(a, range(PAGES))
        target.push_out(a, 0, 200)
        target.advise(a, 200, 100, "dontneed")
        dump = Dump(target.pid)
        pages = dump.pages(a)
        truth = ["shared_swap"] * 200 + ["cached"] * 100 + ["shmem"] * 100
        wrong = [f"page {i}: {page!r}, in truth {true}" for i, (page, true)
                 in enumerate(zip(pages, truth)) if page.state not in (true, "unknown")]
        check("no page is shown as what it is not", not wrong, *wrong[:20])
        unknown = sum(page.state == "unknown" for page in pages)
        print(f"shared swap {dump.known['shared_swap']}, {unknown} of {PAGES} pages unknown")
        check("known as exact only without unknown pages",
              (dump.known["shared_swap"] == "exact") == (unknown == 0), dump.known)
        check("no slot is claimed", not [page for page in pages if page.slot] and
              not dump.known["shared_slots"], dump.known)
        check("the truth was what the kernel counts", swapped(target.pid, a) == 200)
    return report()


if __name__ == "__main__":
    sys.exit(main())
