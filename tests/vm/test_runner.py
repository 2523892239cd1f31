#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner itself: status and output come through whole; late, dead and missing guests are named."""
import argparse
import os
import subprocess
import sys
from pathlib import Path

import cache

VM = Path(__file__).resolve().parent / "vm.py"


def run(build, words, **env):
    return subprocess.run([VM, "--build", build, *words], capture_output=True, env={**os.environ, **env})


def check(what, seen, wanted):
    print(f"{'ok' if seen == wanted else 'FAILED'}: {what}: {seen!r}")
    return seen == wanted


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    build = parser.parse_args().build
    try:
        cache.qemu()
        cache.kernel("6.1")
    except cache.Missing as error:
        print(f"skipped: {error}")
        return 77

    good = []
    size = 1 << 20
    done = run(build, ["--kernel", "6.1", "--", f"python3 -c 'import sys; sys.stdout.buffer.write("
                       f"bytes(i % 256 for i in range({size})))'; exit 42"])
    good += [check("status", done.returncode, 42),
             check("a MiB of all bytes is whole",
                   done.stdout == bytes(i % 256 for i in range(size)), True)]

    for seconds in (15, 60, 240):
        done = run(build, ["--kernel", "6.1", "--timeout", str(seconds), "--",
                           "echo before; sleep 1000"])
        good += [check("status when late", done.returncode, 124),
                 check("says so", f"not done after {seconds} s".encode() in done.stderr, True)]
        if done.stdout:
            break
        print(f"spoilt round, again: the guest was not up within {seconds} s")
    good += [check("output before it was late", done.stdout, b"before\n")]

    done = run(build, ["--kernel", "6.1", "--", "echo c >/proc/sysrq-trigger"])
    good += [check("status of a dead guest", done.returncode, 125),
             check("its console", b"Kernel panic" in done.stderr, True)]

    done = run(build, ["--kernel", "6.1", "--append", "rdinit=/nowhere", "--", "true"])
    good += [check("status of a guest that does not come up", done.returncode, 125),
             check("how often it was tried", done.stderr.count(b"did not come up"), 3)]

    done = run(build, ["--kernel", "6.1", "--", "true"], PMTOP_VM_CACHE="/nonexistent")
    good += [check("status without a cache", done.returncode, 77),
             check("names the way out", b"run tests/vm/fetch" in done.stderr, True)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
