# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 64
"""Terabytes of which little is used: tests/live/case_reservation.py; 6.1 has the walk alone."""
import subprocess
import sys

from guest import TESTS, check, doctor, report


def main():
    bpf = [feature for feature in doctor()["features"] if feature["key"] == "bpf"]
    # Or the case that this is about would be passed over.
    check("BPF loads here", bpf[0]["has"], bpf)
    done = subprocess.run([sys.executable, "-B", TESTS / "live/run.py", "--bin", "build", "--swap",
                           "existing", "--swap-size", "64", "--only", "reservation"])
    check("exact, and no word of unused pages is read", done.returncode == 0)
    return report()


if __name__ == "__main__":
    sys.exit(main())
