# SPDX-License-Identifier: GPL-2.0-or-later
"""What is mapped of the kernel, and of a disk, held against smaps and mincore."""
import ctypes
import mmap
import os
import socket
import struct
import subprocess
import sys

from harness import PAGE, Skip, check, libc, smaps

SYS_MEMFD_SECRET = 447
SOL_PACKET, PACKET_RX_RING, ETH_P_ALL = 263, 5, 0x0300
BLOCKS, BLOCK = 4, 65536


def packet_ring():
    """A ring that the kernel fills: all of its pages are mapped at once."""
    ring = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, ETH_P_ALL)
    ring.setsockopt(SOL_PACKET, PACKET_RX_RING,
                    struct.pack("IIII", BLOCK, BLOCKS, 2048, BLOCK * BLOCKS // 2048))
    return [ring, mmap.mmap(ring.fileno(), BLOCK * BLOCKS)]


def secret():
    """Memory that the kernel itself has no mapping of: ten pages of 64."""
    fd = libc.syscall(SYS_MEMFD_SECRET, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "memfd_secret")
    os.ftruncate(fd, 64 * PAGE)
    memory = mmap.mmap(fd, 64 * PAGE)
    for page in range(10):
        memory[page * PAGE] = 1
    return [memory]


def disk(path):
    """Some pages touched here, some read by another way, some not at all."""
    fd = os.open(path, os.O_RDWR)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    memory = mmap.mmap(fd, 256 * PAGE)
    memory.madvise(mmap.MADV_RANDOM)
    for page in range(20):
        memory[page * PAGE] = 1
    os.pread(fd, 40 * PAGE, 200 * PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    core = (ctypes.c_ubyte * 256)()
    libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(256 * PAGE), core)
    print(sum(byte & 1 for byte in core), flush=True)
    return [memory, fd]


def child(kind, *words):
    """The target, as a process of its own: says what mincore says, or nothing, and waits."""
    try:
        kept = {"ring": packet_ring, "secret": secret, "disk": disk}[kind](*words)
    except OSError as error:
        print(f"skip {error}", flush=True)
        return
    print("ready", flush=True)
    sys.stdin.read()
    del kept


def look(programs, kind, name, *words):
    """The mapping of that name in pmtop's dump and in smaps, and what mincore said."""
    with subprocess.Popen([sys.executable, "-B", __file__, kind, *words], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as target:
        said = []
        try:
            while not said or said[-1] != "ready":
                said.append(target.stdout.readline().strip())
                if said[-1].startswith("skip") or not said[-1]:
                    raise Skip(said[-1] or f"{kind}: the target ended")
            sums = next(s for s in smaps(target.pid).values() if s["name"].startswith(name))
            dump = programs.dump(target.pid, "--verify")
        finally:
            target.stdin.close()
    return next(m for m in dump["mappings"] if m["name"].startswith(name)), sums, said


def kernel_memory(programs, kind, name, pages):
    mapping, sums, _ = look(programs, kind, name)
    states = {key: n for key, n in mapping["states"].items() if n}
    check(sums["Rss"] * 1024 // PAGE == pages, f"smaps: {sums}")
    check(mapping["kind"] == "special", f"kind {mapping['kind']}")
    check(states.pop("shmem", 0) == pages and set(states) <= {"unknown"}, f"{mapping['states']}")
    check(mapping["agrees"] is True, f"--verify: {mapping['smaps']}, {mapping['cause']}")
    check(bool(mapping["doubt"]) == bool(states), f"doubt {mapping['doubt']}, {states}")


def block_device(programs):
    path = f"/var/tmp/pmtop-live-disk-{os.getpid()}"
    with open(path, "wb") as file:
        file.truncate(2 << 20)
    loop = subprocess.run(["losetup", "-f", "--show", path], capture_output=True, text=True,
                          check=False)
    try:
        if loop.returncode:
            raise Skip(f"no loop device: {loop.stderr.strip()}")
        device = loop.stdout.strip()
        mapping, sums, said = look(programs, "disk", device, device)
        states, core = mapping["states"], int(said[0])
        check(states["file"] == sums["Rss"] * 1024 // PAGE, f"Rss {sums['Rss']} kB, {states}")
        check(states["file"] + states["cached"] == core, f"mincore: {core} in core, {states}")
        check(states["file"] + states["cached"] + states["none"] == 256, f"{states}")
        check(not mapping["doubt"] and mapping["agrees"] is True, f"{mapping}")
        return f"{core} of 256 pages in the page cache"
    finally:
        if not loop.returncode:
            subprocess.run(["losetup", "-d", loop.stdout.strip()], check=False)
        os.unlink(path)


def run(report, programs, _):
    report.case("ring of a socket", kernel_memory, programs, "ring", "socket:",
                BLOCKS * BLOCK // PAGE)
    report.case("memfd_secret", kernel_memory, programs, "secret", "/secretmem", 10)
    report.case("block device", block_device, programs)


if __name__ == "__main__":
    child(*sys.argv[1:])
