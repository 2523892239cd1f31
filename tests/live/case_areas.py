# SPDX-License-Identifier: GPL-2.0-or-later
"""As many swap areas as the kernel takes: each type that it gives to one is an area, on any kernel."""
import contextlib
import ctypes
import errno
import os
import subprocess
from pathlib import Path

from case_exact import Look
from harness import PAGE, Failure, Skip, Swap, Target, check, libc, pagemap_words, run_quietly

SIZE = 4 << 20
SWAP_FLAG_PREFER = 0x8000
# Types below this are areas whatever the configuration: those above are what is tried.
CERTAIN = 22
KINDS = "private-anon,shared-anon,memfd"
MOST = 32


def number_of_areas():
    return len(Path("/proc/swaps").read_text().splitlines()) - 1


def swap_on(path, priority):
    """0, or the error of swapon(2)."""
    with open(path, "wb") as file:
        file.write(bytes(SIZE))
    os.chmod(path, 0o600)
    subprocess.run(["mkswap", "-q", path], check=True, stdout=subprocess.DEVNULL)
    return ctypes.get_errno() if libc.swapon(path.encode(), SWAP_FLAG_PREFER | priority) else 0


@contextlib.contextmanager
def all_areas():
    """Areas until the kernel takes no more; the later one is preferred."""
    paths = []
    try:
        for number in range(MOST):
            path = f"{Swap.folder}/pmtop-live-{number}-{os.getpid()}.swap"
            paths.append(path)
            error = swap_on(path, 100 + number)
            if error == errno.EPERM:
                break
            if error:
                raise Skip(f"swapon: {os.strerror(error)}")
        else:
            raise Failure(f"the kernel takes {MOST} areas more: none of its types is special")
        yield number_of_areas()
    finally:
        for path in paths:
            run_quietly("swapoff", path)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def types_of(account):
    """Swap types that the page tables of private memory hold."""
    types = set()
    for region in account["regions"]:
        if not region["shared"]:
            words = pagemap_words(region["pid"], int(region["start"], 16), region["pages"])
            types |= {word & 31 for word in words if word >> 62 == 1}
    return types


def look(programs, seed, *words):
    with Target(programs, "--kind", KINDS, "--pages", 2 * SIZE // PAGE, "--seed", seed) as target:
        seen = Look(programs, target, "--verify", *words)
        compared = seen.compare(only_calm=True)
        swapped = seen.compare_smaps()
        seen.check_verified()
        return compared, swapped, types_of(seen.after)


def many_areas(programs, seed):
    with all_areas() as areas:
        check(areas >= CERTAIN, f"the kernel takes only {areas} areas")
        compared, swapped, types = look(programs, seed)
        check(max(types, default=0) >= min(CERTAIN + 1, areas - 1),
              f"of {areas} areas only types {sorted(types)} are used")
        check(max(types) < areas, f"type {max(types)} of {areas} areas")
        look(programs, seed, "--without", "bpf")
        return f"{areas} areas, types {sorted(types)}: {compared} pages, {swapped} in swap"


def run(report, programs, options):
    report.case(f"many areas --seed {options.seed}", many_areas, programs, options.seed)
