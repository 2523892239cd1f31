# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --disk 768 --zram 128 --memory 1536
"""The page-exact suite of tests/live, every kind of memory and every fallback, on this kernel.

Swap is a disk, so that pages stay in the swap cache, which is the hard case. Only the targets at a
limit have zram: cgroup v2 does not wait for a disk that is slow to write, but kills (6.12, measured).
"""
import subprocess
import sys

from guest import TESTS, doctor

ZRAM = "/dev/zram0"
LEAST = "5"


def suite(cases):
    return subprocess.run([sys.executable, "-B", TESTS / "live/run.py", "--bin", "build", "--swap",
                           "existing", "--rounds", "1", "--only", cases]).returncode


def has(key):
    return any(feature["has"] for feature in doctor()["features"] if feature["key"] == key)


def main():
    # Where page-table entries can be at all, by BPF.
    status = [subprocess.run(["build/tests/live/tables_check", "64"]).returncode]
    # What lives from two things at a time needs processors that change turns often.
    turns = subprocess.Popen(["build/tests/vm/turns"])
    # Words of other pages beside a huge page that goes away: where kernels give them, it is seen.
    least = "0" if has("pagemap_scan") else LEAST
    status.append(subprocess.run(["build/tests/live/left_out", "8", least]).returncode)
    status.append(suite("limits"))
    turns.kill()
    subprocess.run(["swapoff", ZRAM], check=True)
    status.append(suite("exact,fallbacks"))
    return 1 if any(status) else 0


if __name__ == "__main__":
    sys.exit(main())
