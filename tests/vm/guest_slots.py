# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 64 --memory 1536
"""The BPF walk loads here, and every slot that it names holds exactly that page."""
import os
import subprocess
import sys

from guest import TESTS

PROGRAMS = TESTS.parent / "build/tests/bpf"


def main():
    # Large swap entries came after 6.1, which splits a large folio first; folios of many sizes in
    # shared memory came after both.
    kernel = ["one-size", "split"] if os.uname().release.startswith("6.1.") else ["one-size"]
    for words in (["exact", "8192", *kernel], ["churn", "300", "2048"]):
        done = subprocess.run([sys.executable, "-B", TESTS / "bpf/slots.py", PROGRAMS, *words])
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
