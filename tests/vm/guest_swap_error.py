# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --disk 96
"""A shared page that cannot be read back from swap: the kernel leaves a marker in the object, which
is poison, neither swap nor unknown."""
import fcntl
import os
import struct
import subprocess
import re
import sys
from pathlib import Path

from guest import PAGE, Dump, Target, check, report, smaps, wait_for

PAGES = 64
BROKEN = [0, 5, 6, 40, 63]
DISK = "/dev/vdb"
GROUP = Path("/sys/fs/cgroup/broken")
LOOP_SET_FD, LOOP_SET_STATUS64, LOOP_CTL_GET_FREE = 0x4C00, 0x4C04, 0x4C82


def loop_over(disk):
    """A loop device, whose size can be changed while it is in use."""
    with open("/dev/loop-control", "rb") as control:
        path = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
    loop = os.open(path, os.O_RDWR)
    backing = os.open(disk, os.O_RDWR)
    fcntl.ioctl(loop, LOOP_SET_FD, backing)
    return path, loop


def cut(loop, size):
    """Every read and write behind `size` fails from now on: struct loop_info64, lo_sizelimit."""
    fcntl.ioctl(loop, LOOP_SET_STATUS64, struct.pack("<5Q192x", 0, 0, 0, 0, size))


def join():
    (GROUP / "cgroup.procs").write_text("0")


def drop_copies():
    """Reclaim takes what was written out from the swap cache as well, once it is written."""
    left = []
    def all_gone():
        try:
            (GROUP / "memory.reclaim").write_text("16M")
        except OSError:
            pass
        cached = re.search(r"SwapCached: +(\d+)", Path("/proc/meminfo").read_text())
        left.append(int(cached[1]))
        # The kernel counts in batches, so that it is asked more than once.
        return len(left) >= 20 and not left[-1]
    check("nothing stays in the swap cache", wait_for(all_gone, 0.05), f"{left[-1]} KiB")


def main():
    GROUP.mkdir()
    subprocess.run(["/usr/sbin/swapoff", DISK], check=True)
    path, loop = loop_over(DISK)
    subprocess.run(["/usr/sbin/mkswap", path], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    subprocess.run(["/usr/sbin/swapon", path], check=True)
    with Target(join) as target:
        target.lock()  # what it lives on stays in RAM; what comes later may go
        a = target.shared(PAGES)
        target.write(a, range(PAGES))
        target.push_out(a, 0, PAGES)
        drop_copies()
        before = Dump(target.pid)
        check("all is in swap", [p.state for p in before.pages(a)] == ["shared_swap"] * PAGES,
              before.pages(a))
        cut(loop, PAGE)  # the head of the area alone is left
        broken = []
        for page in BROKEN:
            try:
                target.advise(a, page, 1, "populate_read")
            except OSError:
                broken.append(page)
        check("reading back fails", broken == BROKEN, broken)
        dump = Dump(target.pid)
        pages = dump.pages(a)
        # Read-ahead leaves a marker in other pages as well, or none: what it left is seen by itself.
        check("what failed is poison", all(pages[p].state == "poison" for p in BROKEN),
              [pages[p] for p in BROKEN])
        check("nothing else is", [i for i, p in enumerate(pages) if p.state == "poison"] == BROKEN,
              pages)
        check("the others are in swap", all(p.state == "shared_swap" for i, p in enumerate(pages)
                                            if i not in BROKEN), pages)
        check("their slots are the same", all(pages[i].slot == before.pages(a)[i].slot
                                              for i in range(PAGES) if i not in BROKEN))
        check("and poison has none", all(pages[p].slot is None for p in BROKEN))
        verified = Dump(target.pid, "--verify").mapping(a)
        check("smaps is understood", verified["agrees"] or "poison markers" in verified["cause"],
              verified["cause"], smaps(target.pid)[a]["Swap"])
        inspected = Dump(target.pid, "--without", "bpf").pages(a)
        print("without BPF:", sorted({inspected[p].state for p in BROKEN}))
        cut(loop, 0)
    os.close(loop)
    return report()


if __name__ == "__main__":
    sys.exit(main())
