# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# guest: --zram 512 --cgroup v1
"""pmtop run under cgroup v1, which 6.12 cloud kernels no longer have."""
import sys

from guest_workload import run

SUITES = [["test_limits.py"],
          ["test_leaks.py", "Endings"]]

if __name__ == "__main__":
    sys.exit(run(SUITES))
