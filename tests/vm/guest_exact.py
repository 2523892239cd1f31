# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --disk 768 --memory 1536
"""The page-exact suite of tests/live, every kind of memory and every fallback, on this kernel.

Swap is a disk, so that pages stay in the swap cache, which is the hard case."""
import subprocess
import sys

from guest import TESTS


def main():
    # Nothing is to be collapsed into huge pages between an account and its dump.
    with open("/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", "w",
              encoding="ascii") as file:
        file.write("0")
    return subprocess.run([sys.executable, "-B", TESTS / "live/run.py", "--bin", "build", "--swap",
                           "existing", "--rounds", "1", "--only",
                           "exact,fallbacks"]).returncode


if __name__ == "__main__":
    sys.exit(main())
