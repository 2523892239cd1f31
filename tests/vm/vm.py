#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot one of Debian's kernels in qemu, run a command with the built pmtop in it, power off.

    tests/vm/vm.py --kernel 6.1 --build build/dev -- build/pmtop doctor
    tests/vm/vm.py --kernel 6.12 --build build/dev --script tests/vm/guest_numa.py

The command runs as root in /pmtop, where build/ holds the programs and tests/ the tests. Its output
comes here, its exit status is ours; 124: it took too long, 125: the guest did not come up or died
(the end of its console follows), 77: qemu or a kernel is not there.
"""
import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import cache
import image


def script_options(script):
    """What a script's own line "# guest:" asks for."""
    with open(script, encoding="utf-8") as file:
        return [word for line in file if line.startswith("# guest:") for word in line.split()[2:]]


def parse(words):
    parser = argparse.ArgumentParser(description="Run a command under another kernel.")
    parser.add_argument("--kernel", required=True, help="6.1, 6.12 or newest")
    parser.add_argument("--build", type=Path, default=image.SOURCE / "build/dev")
    parser.add_argument("--memory", type=int, default=1024, metavar="MiB",
                        help="under 1024 the kernel switches huge pages off (default %(default)s)")
    parser.add_argument("--numa", action="store_true", help="two nodes")
    parser.add_argument("--cgroup", choices=["v1", "v2"], default="v2")
    parser.add_argument("--zram", type=int, default=0, metavar="MiB", help="swap in compressed RAM")
    parser.add_argument("--disk", type=int, action="append", default=[], metavar="MiB",
                        help="a virtio disk with swap on it; again for another")
    parser.add_argument("--append", default="", metavar="WORDS", help="for the kernel command line")
    parser.add_argument("--timeout", type=float, default=1100, metavar="SECONDS")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep image and console there")
    parser.add_argument("--script", type=Path, metavar="FILE",
                        help="run a guest_*.py of tests/vm, in the guest that it asks for")
    parser.add_argument("command", nargs="*", help="one word goes to sh -c as it is")
    options = parser.parse_args(words)
    if bool(options.script) == bool(options.command):
        parser.error("either a command or --script")
    if options.script:
        options = parser.parse_args(script_options(options.script) + words)
        options.command = [f"python3 -B tests/vm/{options.script.name}"]
    return options


def start_script(options):
    """/pmtop/start: the order in variables, then the common part."""
    command = options.command[0] if len(options.command) == 1 else shlex.join(options.command)
    values = {"COMMAND": command, "CGROUP": options.cgroup, "ZRAM": str(options.zram)}
    lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return "#!/usr/bin/busybox sh\n" + lines + (image.HERE / "start.sh").read_text()


def make_initramfs(work, kernel):
    """busybox, the modules in their order, init: packed by busybox itself."""
    root = work / "initramfs"
    for folder in ("bin", "dev", "proc", "root"):
        (root / folder).mkdir(parents=True)
    shutil.copy2(cache.busybox(), root / "bin/busybox")
    shutil.copytree(kernel / "modules", root / "modules")
    shutil.copy2(kernel / "order", root / "order")
    shutil.copy2(image.HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    archive = work / "initramfs.cpio"
    with open(archive, "wb") as out:
        subprocess.run([root / "bin/busybox", "cpio", "-o", "-H", "newc"], input=names.encode(),
                       stdout=out, stderr=subprocess.DEVNULL, cwd=root, check=True)
    return archive


def disk(path, size):
    with open(path, "wb") as file:
        file.truncate(size << 20)
    return drive(path)


def drive(path):
    return ["-drive", f"file={path},format=raw,if=virtio,cache=unsafe"]


def numa(memory):
    half = memory // 2
    words = []
    for node in (0, 1):
        words += ["-object", f"memory-backend-ram,id=m{node},size={half}M",
                  "-numa", f"node,nodeid={node},memdev=m{node},cpus={node}"]
    return words


def qemu_words(options, kernel, work):
    """No KVM: stock kernels die in it on some machines, and emulation is the same everywhere.

    Both processors in one thread: with a thread each, qemu can go on with code that the other one
    has just changed, and the kernel dies of "Oops: int3" at a static key (when the first cgroup is
    made, for one). A guest that only flips keys died in 5 of 5 runs; so never; no test is slower.

    no_timer_check: a kernel that sees no timer tick within 40 ms takes its interrupts for broken and
    panics, which qemu on a busy machine can bring about.
    """
    append = f"console=ttyS0 quiet panic=-1 oops=panic no_timer_check {options.append}"
    words = ["-M", "q35", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2",
             "-m", str(options.memory), "-nodefaults", "-no-user-config", "-display", "none",
             "-no-reboot", "-kernel", str(kernel / "vmlinuz"),
             "-initrd", str(make_initramfs(work, kernel)), "-append", append,
             "-serial", f"file:{work}/console", "-device", "virtio-serial-pci",
             "-chardev", "file,id=output,path=/dev/stdout",
             "-device", "virtserialport,chardev=output,name=output",
             "-chardev", f"file,id=status,path={work}/status",
             "-device", "virtserialport,chardev=status,name=status"]
    words += drive(work / "image")
    for number, size in enumerate(options.disk):
        words += disk(work / f"disk{number}", size)
    return words + (numa(options.memory) if options.numa else [])


def complain(work, sentence):
    """The sentence, and what the kernel said last: enough for a panic that follows an oops, whose
    first lines say what happened."""
    console = work / "console"
    lines = console.read_text(errors="replace").splitlines() if console.exists() else []
    sys.stdout.flush()
    print(f"vm: {sentence}", file=sys.stderr)
    for line in lines[-200:]:
        print(f"vm: console: {line.rstrip()}", file=sys.stderr)


def watch(words, env, timeout):
    """Run qemu and hand its output on as it comes. Returns whether time ran out, and its status."""
    late = threading.Event()
    with subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as qemu:
        timer = threading.Timer(timeout, lambda: (late.set(), qemu.kill()))
        timer.start()
        try:
            while data := qemu.stdout.read1(65536):
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
        finally:
            timer.cancel()
            if sys.exc_info()[0]:
                qemu.kill()
    return late.is_set(), qemu.returncode


def said(work):
    """What the guest has said of itself: nothing, that it is up, and the command's status."""
    return (work / "status").read_text().split() if (work / "status").exists() else []


def run_guest(options, work, command, env):
    """Its words, or None when it took too long. A kernel that dies before anything of ours has run
    says nothing about what is tested, but of the machine: then once more, and once more."""
    for again in (True, True, False):
        late, code = watch(command, env, options.timeout)
        if late:
            complain(work, f"not done after {options.timeout:g} s: switched off")
            return None
        words = said(work)
        if not words:
            complain(work, f"the guest did not come up (qemu: {code})"
                           f"{': spoilt, again' if again else ''}")
        elif not words[-1].isdigit():
            complain(work, f"the guest ended without a status (qemu: {code})")
        if words:
            break
    return words


def boot(options, work):
    """Run one guest; its command's exit status, or 124 or 125."""
    kernel = cache.kernel(options.kernel)
    program, env = cache.qemu()
    root = work / "root"
    image.stage(root, options.build.resolve(), start_script(options))
    image.make(work / "image", root, free=1536)
    shutil.rmtree(root)
    words = run_guest(options, work, program + qemu_words(options, kernel, work), env)
    if words is None:
        return 124
    status = int(words[-1]) if words and words[-1].isdigit() else 125
    if options.script and status == 77:
        complain(work, "the script wanted to skip, which nothing in a guest may")
        return 1
    return status


def run(options):
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        return boot(options, options.keep)
    with tempfile.TemporaryDirectory(prefix="pmtop-vm-") as work:
        return boot(options, Path(work))


def main():
    try:
        return run(parse(sys.argv[1:]))
    except cache.Missing as error:
        print(f"vm: skipped: {error}", file=sys.stderr)
        return 77


if __name__ == "__main__":
    sys.exit(main())
