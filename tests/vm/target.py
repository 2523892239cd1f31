# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that does to its memory what it is told, page by page, and knows what it did.

Started by guest.Target, which sends one JSON list [function, arguments...] a line and gets one JSON
value back. Between two orders it waits and touches nothing of its mappings.
"""
import ctypes
import json
import mmap
import os
import signal
import sys

PAGE = mmap.PAGESIZE
NORESERVE = 0x4000
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
ADVICE = {"normal": 0, "dontneed": 4, "free": 8, "remove": 9, "mergeable": 12, "hugepage": 14, "nohugepage": 15,
          "cold": 20, "hwpoison": 100, "soft_offline": 101, "pageout": 21, "populate_read": 22, "populate_write": 23}


def check(result):
    if result is None or result == -1 or result == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def map_pages(pages, flags, fd=-1, align=PAGE, prot=mmap.PROT_READ | mmap.PROT_WRITE):
    """A mapping between two gaps, so that it never merges with another."""
    gap = 2 * PAGE
    whole = check(libc.mmap(None, pages * PAGE + align + 2 * gap, 0,
                            mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE, -1, 0))
    address = (whole + gap + align - 1) // align * align
    return check(libc.mmap(address, pages * PAGE, prot, flags | 0x10, fd, 0))


def anon(pages, align=PAGE):
    """Small pages, unless it is aligned for huge ones."""
    address = map_pages(pages, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, align=align)
    if align == PAGE:
        advise(address, 0, pages, "nohugepage")
    return address


def shared(pages, align=PAGE):
    return map_pages(pages, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, align=align)


def reserve(pages, kind):
    """A range that may be larger than all memory: of "private", "shared" or "huge" pages."""
    sharing = mmap.MAP_SHARED if kind == "shared" else mmap.MAP_PRIVATE
    address = map_pages(pages, sharing | mmap.MAP_ANONYMOUS | NORESERVE, align=2 << 20)
    advise(address, 0, pages, "hugepage" if kind == "huge" else "nohugepage")
    return address


def hugetlb(pages):
    return map_pages(pages, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000, align=2 << 20)


def file(path, pages, kind, align=PAGE):
    """A file of that many pages, made when it is missing, mapped "shared" or "private"."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if os.fstat(fd).st_size < pages * PAGE:
        os.ftruncate(fd, pages * PAGE)
    address = map_pages(pages, mmap.MAP_SHARED if kind == "shared" else mmap.MAP_PRIVATE, fd, align)
    os.close(fd)
    return address


def write(address, which, salt=0):
    """Fill pages with words that no other page holds."""
    for page in which:
        word = (address + page * PAGE + salt).to_bytes(8, "little")
        ctypes.memmove(address + page * PAGE, word * (PAGE // 8), PAGE)


def write_same(address, which, byte):
    for page in which:
        ctypes.memset(address + page * PAGE, byte, PAGE)


def read(address, which):
    return sum(ctypes.string_at(address + page * PAGE, 1)[0] for page in which)


def whole(address, which, salt=0):
    """The pages that do not hold what write() put there."""
    return [page for page in which
            if ctypes.string_at(address + page * PAGE, PAGE)
            != (address + page * PAGE + salt).to_bytes(8, "little") * (PAGE // 8)]


def advise(address, first, count, advice):
    check(libc.madvise(address + first * PAGE, count * PAGE, ADVICE[advice]))


def unmap(address, pages):
    check(libc.munmap(address, pages * PAGE))


def lock():
    """Everything that is mapped now stays in RAM: MCL_CURRENT."""
    check(libc.mlockall(1))


FUNCTIONS = {function.__name__: function for function in
             (anon, shared, reserve, hugetlb, file, write, write_same, read, whole, advise, unmap,
              lock)}


def main():
    # On one processor, so that MADV_PAGEOUT finds no page in the LRU batch of another one.
    os.sched_setaffinity(0, [0])
    # Poisoning one's own memory raises it; the order is done all the same.
    signal.signal(signal.SIGBUS, lambda number, frame: None)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = FUNCTIONS[name](*arguments)
        except OSError as error:
            answer = {"error": str(error), "errno": error.errno}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
