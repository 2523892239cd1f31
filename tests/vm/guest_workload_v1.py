# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# guest: --zram 512 --cgroup v1
"""pmtop run under cgroup v1, which 6.12 cloud kernels no longer have; guest_run.py is v2."""
import os
import subprocess
import sys

from guest import PMTOP, TESTS

# Not the random kills: in a guest this slow they hit the moment before the supervisor lives, where
# it is the next pmtop that cleans up.
SUITES = [["test_limits.py"], ["test_leaks.py", "Endings"]]


def main():
    failed = 0
    for suite in SUITES:
        done = subprocess.run([sys.executable, "-B", *suite, "-v"], cwd=TESTS / "workload",
                              env={**os.environ, "PMTOP": PMTOP})
        failed += done.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
