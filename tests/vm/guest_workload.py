# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 512 --cgroup v2
"""pmtop run under cgroup v2: limits, what is left behind, and what the built-in reproduction shows."""
import os
import subprocess
import sys

from guest import PMTOP, TESTS

# Not the random kills: in a guest this slow they hit the moment before the supervisor lives, where
# it is the next pmtop that cleans up.
SUITES = [["test_limits.py"], ["test_leaks.py", "Endings"]]


def run(suites):
    status = 0
    for suite in suites:
        done = subprocess.run([sys.executable, "-B", *suite, "-v"], cwd=TESTS / "workload",
                              env={**os.environ, "PMTOP": PMTOP})
        status = status or done.returncode
    return status


if __name__ == "__main__":
    sys.exit(run(SUITES))
