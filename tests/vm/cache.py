# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the guests' parts lie: qemu, busybox and Debian's kernels, unpacked and never installed.

Owns the layout of the cache directory. Each part is a directory that appears by a rename when it
is whole, so that an interrupted fetch leaves nothing that looks usable.
"""
import os
import shutil
import subprocess
from pathlib import Path

# The kernels, by the name that people say, and the packages that can hold each (apt's regular
# expression). The newest that apt offers is taken, of Debian 12 unless suites are named.
KERNELS = {
    "6.1": (r"^linux-image-6\.1\.0-[0-9]+-cloud-amd64$", ()),
    "6.12": (r"^linux-image-6\.12\.[0-9]+\+deb1[23]-cloud-amd64$", ()),
    "newest": (r"^linux-image-[0-9]+\.[0-9]+\.[0-9]+\+deb1[0-9]-cloud-amd64$",
               ("trixie-backports", "sid", "experimental")),
}


class Missing(Exception):
    """A part is not there; the text says which and how to get it."""


def directory():
    """PMTOP_VM_CACHE, or pmtop-vm under XDG_CACHE_HOME, or under /var/cache."""
    own = os.environ.get("PMTOP_VM_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "pmtop-vm"


def _part(name):
    path = directory() / name
    if not path.is_dir():
        raise Missing(f"{path} is missing: run tests/vm/fetch (it needs the network once)")
    return path


def kernel(name):
    """The directory of a kernel: vmlinuz, release, modules/*.ko and their order."""
    if name not in KERNELS:
        raise Missing(f"no kernel {name}: there are {', '.join(KERNELS)}")
    return _part("linux-" + name)


def busybox():
    """A static busybox."""
    path = _part("busybox") / "bin/busybox"
    return path if path.exists() else _part("busybox") / "usr/bin/busybox"


def qemu():
    """Command line and environment that start qemu: an installed one, or the one in the cache."""
    installed = shutil.which("qemu-system-x86_64")
    if installed:
        return [installed], dict(os.environ)
    root = _part("qemu")
    libraries = [str(path) for path in (root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu")
                 if path.is_dir()]
    # Libraries that are found beside the others, and the plug-ins' own directory.
    libraries += [str(path) for path in (root / "usr/lib/x86_64-linux-gnu").glob("*/")
                  if path.is_dir() and list(path.glob("*.so.*"))]
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(libraries))
    program = root / "usr/bin/qemu-system-x86_64"
    listing = subprocess.run(["ldd", program], env=env, capture_output=True, text=True)
    lost = [line.split()[0] for line in listing.stdout.splitlines() if "not found" in line]
    if lost or listing.returncode:
        raise Missing(f"{program} lacks {' '.join(lost) or listing.stderr.strip()}: "
                      f"remove {root} and run tests/vm/fetch")
    return [str(program), "-L", str(root / "usr/share/qemu"), "-L", str(root / "usr/share/seabios")], env
