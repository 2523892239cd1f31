# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 64 --memory 1536
"""pmtop run on cgroup v2: the tests of tests/workload as they stand, in a shorter life of chance."""
import os
import subprocess
import sys

from guest import PMTOP, TESTS


def main():
    # 300 processes that fork leave nothing of two emulated processors to whoever is to end them.
    environment = {**os.environ, "PMTOP": PMTOP, "PMTOP_TEST_ROUNDS": "4", "PMTOP_TEST_STORM": "20"}
    failed = 0
    os.chmod("/tmp", 0o1777)
    for name in ("test_words.py", "test_limits.py", "test_leaks.py", "test_v2.py"):
        print(name, flush=True)
        done = subprocess.run([sys.executable, "-B", name, "-v"], cwd=TESTS / "workload",
                              env=environment)
        failed += done.returncode != 0
    face = TESTS.parent / "build/tests/workload/workload_face"
    failed += subprocess.run([face]).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
