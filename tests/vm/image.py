# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's disk: an ext4 image with the build under test and everything that it needs.

An image rather than an initramfs, so that program text is ordinary file memory. Libraries, python
and the terminal's descriptions are this machine's own; only the kernel is another.
"""
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import cache

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
TERMINALS = ["linux", "xterm", "xterm-256color", "tmux-256color", "screen-256color", "vt100", "dumb"]
# Where busybox lacks options that tests use; its shell prefers its own, so these need their path.
TOOLS = ["swapon", "swapoff", "mkswap", "losetup", "setpriv", "tmux"]
TOP = ["proc", "sys", "dev", "run", "tmp", "etc", "root", "var/tmp", "pmtop", "usr/bin", "usr/sbin",
       "usr/lib", "usr/lib64"]


def is_program(path):
    if not path.is_file() or path.is_symlink():
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def copy(path, root):
    """Copy a file to the same place under root, following links, since ldd names links."""
    target = root / str(path).lstrip("/")
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(os.path.realpath(path), target)


def add_libraries(programs, root):
    """Every library that ldd names, the loader included."""
    listing = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    lost = {line.split()[0] for line in listing.splitlines() if "not found" in line}
    if lost:
        raise cache.Missing(f"libraries not found: {' '.join(sorted(lost))}")
    words = {word for line in listing.splitlines() if ":" not in line for word in line.split()}
    for path in sorted(word for word in words if word.startswith("/")):
        copy(path, root)


def add_python(root):
    """The interpreter that runs this, and its standard library without tests and caches."""
    copy("/usr/bin/python3", root)
    stdlib = Path(sysconfig.get_path("stdlib"))
    skip = shutil.ignore_patterns("test", "tests", "idlelib", "lib2to3", "ensurepip", "pydoc_data",
                                  "distutils", "config-*")
    shutil.copytree(stdlib, root / str(stdlib).lstrip("/"), symlinks=False, ignore=skip,
                    ignore_dangling_symlinks=True, dirs_exist_ok=True)
    return [str(path) for path in (stdlib / "lib-dynload").glob("*.so")]


def add_tools(root):
    """This machine's own TOOLS, before busybox fills in the rest."""
    found = [shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") for name in TOOLS]
    if None in found:
        raise cache.Missing(f"one of {' '.join(TOOLS)} is not installed (util-linux, mount, tmux)")
    for path in found:
        copy(path, root)
    return found


def add_terminal(root):
    for name in TERMINALS:
        for folder in ("/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo"):
            path = Path(folder) / name[0] / name
            if path.exists():
                copy(path, root)
    locale = Path("/usr/lib/locale/C.utf8")
    if locale.is_dir():
        shutil.copytree(locale, root / "usr/lib/locale/C.utf8", dirs_exist_ok=True)


def add_etc(root):
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\ntester:x:1000:1000::/tmp:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\ntester:x:1000:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\n")


def programs_of(build):
    """What a build made and a guest may run: the two programs and the tests' helpers."""
    made = [build / "pmtop", build / "pagemap-test"]
    made += sorted(path for path in (build / "tests").glob("*/*") if path.parent.name != "fuzz")
    found = [path for path in made if is_program(path)]
    if len(found) < 2:
        raise cache.Missing(f"{build} has no pmtop and pagemap-test: build first")
    return found


def stage(root, build, start):
    """Fill root: the build as /pmtop/build, the tests as /pmtop/tests, start as /pmtop/start."""
    for folder in TOP:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("tmp", "var/tmp"):
        (root / folder).chmod(0o1777)
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / link).symlink_to("usr/" + link)
    shutil.copy2(cache.busybox(), root / "usr/bin/busybox")
    programs = programs_of(build)
    for path in programs:
        target = root / "pmtop/build" / path.relative_to(build)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    shutil.copytree(SOURCE / "tests", root / "pmtop/tests",
                    ignore=shutil.ignore_patterns("__pycache__", "fuzz"))
    shutil.copy2(SOURCE / "README.md", root / "pmtop")
    python = add_python(root)
    tools = add_tools(root)
    add_libraries([str(path) for path in programs] + ["/usr/bin/python3", *python, *tools], root)
    add_terminal(root)
    add_etc(root)
    (root / "pmtop/start").write_text(start)
    (root / "pmtop/start").chmod(0o755)


def make(path, root, free):
    """An ext4 image of root with free MiB to spare. No journal: the guest never lives twice."""
    used = int(subprocess.run(["du", "-sm", root], capture_output=True, text=True,
                              check=True).stdout.split()[0])
    with open(path, "wb") as file:
        file.truncate((used + used // 8 + free) << 20)
    env = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-E",
                    "root_owner=0:0", "-d", root, path], check=True, env=env)
