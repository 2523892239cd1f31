# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever it is given: a clear line, the right exit status, nothing hung, no escape let through."""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from harness import Failure, Skip, Target, check, parse_json, signal_quietly, state_of

PF_KTHREAD = 0x00200000
CHURN = """
import mmap, random
held = []
while True:
    if len(held) < 40 or random.random() < .5:
        m = mmap.mmap(-1, random.randrange(1, 64) * 4096)
        m[0:1] = b"x"
        held.append(m)
    m = held.pop(random.randrange(len(held)))
    if random.random() < .5:
        m.resize(random.randrange(1, 64) * 4096)
        held.append(m)
    else:
        m.close()
"""
MAP_FILE = """
import mmap, os, sys
os.chdir(sys.argv[1])
while os.path.isdir(names := os.listdir(b".")[0]):
    os.chdir(names)
with open(names, "r+b") as f:
    m = mmap.mmap(f.fileno(), 8192)
m[0:1] = b"x"
print("ready", flush=True)
sys.stdin.read()
"""


def is_clear(done, statuses, what):
    text = done.stderr.decode(errors="replace")
    check(done.returncode in statuses,
          f"{what}: status {done.returncode}, expected {statuses}: {text[-1500:]}")
    if done.returncode:
        lines = [line for line in text.splitlines() if line.strip()]
        check(1 <= len(lines) <= 4, f"{what}: not a clear line: {text[-1500:]!r}")
    check("Sanitizer" not in text and "runtime error" not in text, f"{what}: {text[-3000:]}")
    no_controls(done.stderr, what)


def no_controls(data, what):
    bad = re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data)
    check(not bad, f"{what}: control byte {bad and bad.group()!r} let through")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Failure(f"{what}: broken UTF-8 let through: {error}") from error
    check(not re.search("[\u0080-\u009f]", text), f"{what}: a C1 control was let through")


def free_pid():
    """A pid that nobody has: of a child that is gone."""
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def usage(programs):
    for words in (["--frob"], ["dump", "--frob"], ["dump"], ["dump", "-p"], ["dump", "-p", "x"],
                  ["dump", "-p", "-1"], ["dump", "-p", "0"], ["dump", "-p", "1 2"],
                  ["dump", "-p", "99999999999999999999"], ["-p", "abc"],
                  ["dump", "-p", os.getpid(), "--without", "nonsense"],
                  ["dump", "-p", os.getpid(), "more", "words"], ["doctor", "--frob"],
                  ["dump", "-p", os.getpid(), "--json", "--csv"], ["nosuchcommand"],
                  ["dump", "-p", "\x1b[31m"], ["\x1b]0;x\x07"]):
        is_clear(programs.run(*words), {2}, f"pmtop {words}")


def no_such_process(programs):
    for words in (["dump", "-p"], ["dump", "--json", "--pages", "-p"], ["dump", "--csv", "-p"],
                  ["dump", "--verify", "-p"]):
        is_clear(programs.run(*words, free_pid()), {3}, f"pmtop {words} of nobody")
    is_clear(programs.run("dump", "-p", 2**31 - 1), {3}, "the largest pid")


def zombie(programs):
    child = subprocess.Popen(["true"])
    while state_of(child.pid) != "Z":
        time.sleep(0.01)
    try:
        done = programs.run("dump", "-p", child.pid)
        is_clear(done, {3}, "a zombie")
    finally:
        child.wait()


def a_kernel_thread():
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                flags = int(file.read().rsplit(")", 1)[1].split()[6])
        except OSError:
            continue  # it has ended meanwhile
        if flags & PF_KTHREAD:
            return pid
    raise Skip("no kernel thread can be seen here")


def kernel_thread(programs):
    """It exists, but there is no memory to sample: ended before the first sample, as it were."""
    done = programs.run("dump", "-p", a_kernel_thread(), "--json")
    is_clear(done, {3}, "a kernel thread")
    check(b"kernel thread" in done.stderr, f"it does not say what it is: {done.stderr!r}")


def no_terminal(programs):
    with Target(programs, "--kind", "private-anon", "--seed", 5) as target:
        for words in ([], ["-p", target.pid]):
            for stdin in (subprocess.DEVNULL, subprocess.PIPE):
                done = programs.run(*words, stdin=stdin)
                is_clear(done, {1, 2}, f"pmtop {words} without a terminal")
                check(b"\x1b" not in done.stdout, "escape sequences without a terminal")
                check(b"dump" in done.stderr, f"the batch form is not named: {done.stderr!r}")


def ends_any_time(programs, seed):
    """The target is killed at random moments of a dump."""
    rng = random.Random(seed)
    started = time.monotonic()
    with Target(programs, "--kind", "private-anon", "--pages", 4096, "--seed", 5) as target:
        programs.dump(target.pid)
    whole = time.monotonic() - started
    seen = {}
    for _ in range(60):
        with Target(programs, "--kind", "private-anon", "--pages", 4096, "--seed", 5,
                    "--plain") as target:
            words = rng.choice([["--json", "--pages"], ["--csv"], [], ["--json", "--verify"]])
            pmtop = subprocess.Popen([programs.pmtop, "dump", "-p", str(target.pid), *words],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)
            time.sleep(rng.random() * min(whole, 1.0) * 0.7)
            target.process.kill()
            if rng.random() < 0.7:
                target.process.wait()  # gone, and not just a zombie
            try:
                out, err = pmtop.communicate(timeout=100)
            except subprocess.TimeoutExpired as error:
                pmtop.kill()
                pmtop.communicate()
                raise Failure("hung on a process that ended") from error
        done = subprocess.CompletedProcess([], pmtop.returncode, out, err)
        is_clear(done, {0, 3}, f"killed in the middle, dump {words}")
        if done.returncode == 0 and "--json" in words:
            parse_json(out, "dump of a dying process")
        seen[done.returncode] = seen.get(done.returncode, 0) + 1
    return ", ".join(f"{n} times status {status}" for status, n in sorted(seen.items()))


def maps_all_the_time(programs):
    child = subprocess.Popen([sys.executable, "-c", CHURN], stdin=subprocess.DEVNULL)
    try:
        for words in (["--json", "--pages"], ["--csv"], [], ["--json", "--pages", "--verify"]) * 5:
            done = programs.run("dump", "-p", child.pid, *words)
            is_clear(done, {0}, f"dump {words} of a process that maps all the time")
            if "--json" in words:
                dump = parse_json(done.stdout, "dump")
                last = 0
                for mapping in dump["mappings"]:
                    start, end = int(mapping["start"], 16), int(mapping["end"], 16)
                    check(last <= start < end, f"mappings overlap at {start:x}")
                    last = end
        check(child.poll() is None, "the target died")
    finally:
        child.kill()
        child.wait()


def make_long_path(folder):
    """A file whose path is as long and as bad as the kernel allows."""
    parts = [b"\x1b[31m\x07\x01", b"new\nline\ttab", b"quote\"back\\slash'", b"\xff\xfe\xc3(",
             "\u202e\u009b31m".encode(), b"x" * 250]
    fd = os.open(folder, os.O_DIRECTORY)
    length, i = len(folder), 0
    while length < 3800:
        name = (parts[i % len(parts)] + b"-" + b"y" * 200)[:255]
        os.mkdir(name, dir_fd=fd)
        deeper = os.open(name, os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd, length, i = deeper, length + len(name) + 1, i + 1
    name = b"\x1b]0;owned\x07\n\xff\"" + b"z" * 230
    file = os.open(name, os.O_RDWR | os.O_CREAT, dir_fd=fd)
    os.ftruncate(file, 8192)
    os.close(file)
    os.close(fd)
    return length + len(name) + 1


def bad_name(programs):
    folder = tempfile.mkdtemp(prefix="pmtop-live-", dir="/var/tmp")
    child = None
    try:
        length = make_long_path(folder)
        child = subprocess.Popen([sys.executable, "-c", MAP_FILE, folder],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        check(child.stdout.readline() == b"ready\n", "the target does not come up")
        for words in ([], ["--json"], ["--json", "--pages"], ["--csv"], ["--verify"]):
            done = programs.run("dump", "-p", child.pid, *words)
            is_clear(done, {0}, f"dump {words} of a mapping with a bad name")
            no_controls(done.stdout, f"dump {words}")
            check(b"zzzz" in done.stdout or "--csv" not in words, "the mapping is missing")
            if "--json" in words:
                names = [m["name"] for m in parse_json(done.stdout, "dump")["mappings"]]
                check(any("zzzz" in name and "owned" in name for name in names),
                      "the mapping is missing")
        return f"a path of {length} bytes"
    finally:
        if child:
            child.stdin.close()
            child.stdout.close()
            child.kill()
            child.wait()
        shutil.rmtree(folder)


def closed_output(programs):
    """A reader that goes away, and a disk that is full."""
    done = subprocess.run(f"exec {programs.pmtop} dump -p {os.getpid()} --json --pages | head -c 10",
                          shell=True, capture_output=True, timeout=100, check=False)
    check(b"Sanitizer" not in done.stderr, done.stderr.decode(errors="replace"))
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([programs.pmtop, "dump", "-p", str(os.getpid()), "--json"],
                                  stdout=full, stderr=subprocess.PIPE, timeout=100, check=False)
        check(done.returncode == 1 and done.stderr,
              f"a full disk: status {done.returncode}, {done.stderr!r}")


def signals(programs):
    """Every signal that can be caught ends a dump; none leaves it hanging."""
    with Target(programs, "--kind", "private-anon", "--pages", 4096, "--seed", 5,
                "--plain") as target:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            pmtop = subprocess.Popen([programs.pmtop, "dump", "-p", str(target.pid), "--json"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.02)
            signal_quietly(pmtop.pid, number)
            try:
                pmtop.wait(100)
            except subprocess.TimeoutExpired as error:
                pmtop.kill()
                pmtop.wait()
                raise Failure(f"signal {number} is not heard") from error


def run(report, programs, options):
    report.case("bad input: usage", usage, programs)
    report.case("bad input: no such process", no_such_process, programs)
    report.case("bad input: a zombie", zombie, programs)
    report.case("bad input: a kernel thread", kernel_thread, programs)
    report.case("bad input: no terminal", no_terminal, programs)
    report.case(f"bad input: ends at any moment --seed {options.seed}", ends_any_time, programs,
                options.seed)
    report.case("bad input: maps all the time", maps_all_the_time, programs)
    report.case("bad input: a name of 4 KiB", bad_name, programs)
    report.case("bad input: output that cannot be written", closed_output, programs)
    report.case("bad input: signals", signals, programs)
