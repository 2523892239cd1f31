# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 64 --memory 1536
"""The BPF walk loads here, and every slot that it names holds exactly that page."""
import subprocess
import sys
from pathlib import Path

from guest import PAGE, TESTS, Target, check, report, smaps, swapped, words

sys.path.append(str(TESTS / "bpf"))
from machine import huge_tmpfs

PROGRAMS = TESTS.parent / "build/tests/bpf"
HUGE = 512
KPF_COMPOUND_TAIL = 1 << 16


def vmstat(key):
    return int(dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())[key])


def goes_whole(target):
    """Whether a large folio of shared memory goes to swap as one, as the kernel counts it."""
    with huge_tmpfs() as where:
        a = target.file(f"{where}/one", HUGE, "shared", HUGE * PAGE)
        target.write(a, range(HUGE))
        check("a large folio to push out", smaps(target.pid)[a]["ShmemPmdMapped"] == HUGE)
        before = vmstat("thp_swpout"), vmstat("thp_split_page")
        target.push_out(a, 0, HUGE)
        whole, split = vmstat("thp_swpout") > before[0], vmstat("thp_split_page") > before[1]
        check("it is in swap", swapped(target.pid, a) == HUGE)
        check("it went as one or was split", whole != split, whole, split)
        target.unmap(a, HUGE)
    return whole


def writes_make_folios(target):
    """Whether what is written to tmpfs at once becomes a folio of that size."""
    with huge_tmpfs("within_size") as where:
        Path(f"{where}/written").write_bytes(b"x" * 16 * PAGE)
        a = target.file(f"{where}/written", 16, "shared")
        target.read(a, range(16))
        frames = [word & (1 << 55) - 1 for word in words(target.pid, a, 0, 16)]
        with open("/proc/kpageflags", "rb", buffering=0) as file:
            file.seek(frames[1] * 8)
            flags = int.from_bytes(file.read(8), "little")
        target.unmap(a, 16)
    check("the pages written are there", all(frames), frames)
    return bool(flags & KPF_COMPOUND_TAIL)


def main():
    with Target() as target:
        kernel = ([] if writes_make_folios(target) else ["one-size"]) + \
            ([] if goes_whole(target) else ["split"])
    print("what this kernel does with large folios:", kernel, flush=True)
    for arguments in (["exact", "8192", *kernel], ["churn", "300", "2048"]):
        done = subprocess.run([sys.executable, "-B", TESTS / "bpf/slots.py", PROGRAMS, *arguments])
        check(f"slots.py {' '.join(arguments)}", done.returncode == 0, done.returncode)
    return report()


if __name__ == "__main__":
    sys.exit(main())
