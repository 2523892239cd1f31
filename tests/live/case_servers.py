# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs of Debian's, pushed into swap by a memory limit, against smaps per mapping."""
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import compare
from harness import Cgroup, Skip, check, has_program, resume, smaps, state_of, stop, until

ENOUGH = 10000  # pages in swap that a program must have to count


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def objects(dump):
    """Pages in shared swap by name: what several processes map must be counted once."""
    return {m["name"]: m["states"].get("shared_swap", 0) for m in dump["mappings"]
            if m["states"].get("shared_swap")}


def living(group):
    """Those of its processes that have memory: a client's may end at any moment."""
    found = []
    for pid in group.pids():
        with contextlib.suppress(OSError):
            found += [pid] if state_of(pid) not in "ZX" else []
    return found


def compare_all(programs, group, least=ENOUGH):
    """All processes of the group at a standstill, each against its smaps; the pages in swap."""
    pids = []
    try:
        # One that was made meanwhile has to stop as well.
        while set(living(group)) - set(pids):
            pids = living(group)
            stop(*pids)
        pids = living(group)
        check(pids, "no process is left")
        private, shared, mappings = 0, {}, 0
        for pid in pids:
            before = smaps(pid)
            dump = programs.dump(pid, "--verify")
            compare.check_form(dump)
            compare.compare_smaps(dump, before, smaps(pid))
            private += dump["totals"].get("swap", 0)
            mappings += len(dump["mappings"])
            for name, pages in objects(dump).items():
                shared[name] = max(shared.get(name, 0), pages)
            check(dump["known"]["shared_swap"] == "exact", f"{pid}: {dump['known']}")
    finally:
        resume(*pids)
    total = private + sum(shared.values())
    check(total >= least, f"only {total} pages went to swap")
    return (f"{len(pids)} processes, {mappings} mappings, {private} private and "
            f"{sum(shared.values())} shared pages in swap")


def start(group, command, user=None, **more):
    """In the group from its first instruction, and as somebody else where it wants that."""
    who = pwd.getpwnam(user) if user and not os.geteuid() else None

    def enter():
        os.setsid()
        group.enter()
        if who:
            os.initgroups(user, who.pw_gid)
            os.setgid(who.pw_gid)
            os.setuid(who.pw_uid)

    return subprocess.Popen(command, preexec_fn=enter, stdin=subprocess.DEVNULL,
                            stdout=more.pop("stdout", subprocess.DEVNULL),
                            stderr=subprocess.DEVNULL, **more)


def end(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


# ---- PostgreSQL: a big shared segment, and a process for each client ------------------------


def postgres_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found:
        raise Skip("PostgreSQL is not installed")
    return Path(found[-1]).parent


def postgres_fill(ask):
    """By INSERT: CREATE TABLE AS and large scans go through a small ring of buffers only."""
    ask("create table t (i int, s text)")
    ask("insert into t select i, repeat(md5(i::text), 30) from generate_series(1, 130000) i")
    ask("checkpoint")


def postgres(programs):
    programs_of = postgres_bin()
    folder = tempfile.mkdtemp(prefix="pmtop-live-pg-", dir="/var/tmp")
    port = str(free_port())
    shutil.chown(folder, "postgres", "postgres")
    base = [str(programs_of / "postgres"), "-D", f"{folder}/data", "-p", port, "-h", "127.0.0.1",
            "-k", folder, "-c", "shared_buffers=192MB", "-c", "fsync=off", "-c", "autovacuum=off",
            "-c", "max_parallel_workers_per_gather=0"]

    def ask(statement, **more):
        return subprocess.run([programs_of / "psql", "-h", folder, "-p", port, "-U", "postgres",
                               "-qAtc", statement], check=True, capture_output=True, text=True,
                              **more).stdout.strip()

    with Cgroup("postgres") as group:
        group.limit(1 << 30)
        server = None
        try:
            made = start(group, [str(programs_of / "initdb"), "-D", f"{folder}/data", "-A", "trust",
                                 "-U", "postgres", "-N"], "postgres", cwd=folder)
            check(made.wait(120) == 0, "initdb failed")
            server = start(group, base, "postgres", cwd=folder)
            until("PostgreSQL listens", lambda: subprocess.run(
                [programs_of / "pg_isready", "-q", "-h", folder, "-p", port],
                check=False).returncode == 0)
            postgres_fill(ask)
            # A client that stays: its process maps the segment and has swapped pages of its own.
            client = subprocess.Popen([programs_of / "psql", "-h", folder, "-p", port, "-U",
                                       "postgres", "-qAtc", "select sum(length(s)) from t; "
                                       "select pg_sleep(600)"], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            until("the client has read all and sleeps",
                  lambda: ask("select count(*) from pg_stat_activity "
                              "where wait_event = 'PgSleep'") == "1", 100)
            # In steps: where all is asked for at once, the kernel may rather kill.
            for mebibytes in (240, 192, 144, 96, 64):
                group.limit(mebibytes << 20)
            note = compare_all(programs, group)
            # Reading the table swaps buffers in again: the picture moves, and stays right.
            ask("select count(*) from t where i % 7 = 0", timeout=200)
            note += "; read again: " + compare_all(programs, group, least=1000)
            end(client)
            return note
        finally:
            if server:
                # Killed, it would leave a System V segment that nobody removes.
                group.limit(1 << 30)
                server.send_signal(signal.SIGQUIT)
                try:
                    server.wait(60)
                except subprocess.TimeoutExpired:
                    end(server)
            group.__exit__()
            shutil.rmtree(folder)


# ---- Redis: forks to save, and both share what is in swap -----------------------------------


def redis(programs):
    if not has_program("redis-server"):
        raise Skip("Redis is not installed")
    folder = tempfile.mkdtemp(prefix="pmtop-live-redis-", dir="/var/tmp")
    port = str(free_port())

    def ask(*words):
        return subprocess.run(["redis-cli", "-p", port, *words], check=True, capture_output=True,
                              timeout=200, text=True).stdout.strip()

    with Cgroup("redis") as group:
        group.limit(1 << 30)
        server = start(group, ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                               "--dir", folder, "--rdb-key-save-delay", "20000",
                               "--enable-debug-command", "yes"])
        try:
            until("Redis listens", lambda: subprocess.run(
                ["redis-cli", "-p", port, "ping"], capture_output=True,
                check=False).stdout == b"PONG\n")
            check(ask("debug", "populate", "150000", "key", "700") == "OK", "populate failed")
            group.limit(40 << 20)
            alone = compare_all(programs, group)
            # The child shares every slot with its parent, reads some and goes on reading.
            ask("bgsave")
            until("Redis forks", lambda: len(group.pids()) == 2)
            return f"{alone}; forked: {compare_all(programs, group)}"
        finally:
            end(server)
            group.__exit__()
            shutil.rmtree(folder)


# ---- a JVM and a Python: managed heaps ------------------------------------------------------


def java(programs):
    if not has_program("java") or not has_program("rmiregistry"):
        tools = glob.glob("/usr/lib/jvm/*/bin/rmiregistry")
        if not tools:
            raise Skip("no Java runtime is installed")
    registry = has_program("rmiregistry") or tools[0]
    with Cgroup("java") as group:
        group.limit(1 << 30)
        server = start(group, [registry, "-J-Xms160m", "-J-Xmx160m", "-J-XX:+AlwaysPreTouch",
                               "-J-XX:+UseG1GC", "-J-Djava.rmi.server.hostname=127.0.0.1",
                               str(free_port())])
        try:
            until("the heap is touched", lambda: group.usage() > 160 << 20)
            group.limit(48 << 20)
            return compare_all(programs, group)
        finally:
            end(server)


HEAP = """
import sys
heap = {i: [str(i) * 20, float(i), (i,)] for i in range(250000)}
print("ready", flush=True)
sys.stdin.read() if sys.stdin.readable() else None
import time
time.sleep(600)
"""


def python(programs):
    with Cgroup("python") as group:
        group.limit(1 << 30)
        process = start(group, [sys.executable, "-c", HEAP], stdout=subprocess.PIPE)
        try:
            check(process.stdout.readline() == b"ready\n", "the heap is not filled")
            group.limit(16 << 20)
            return compare_all(programs, group)
        finally:
            process.stdout.close()
            end(process)


def run(report, programs, options):
    del options
    if os.geteuid():
        raise Skip("only root can limit the memory of a server")
    for name, function in (("PostgreSQL", postgres), ("Redis", redis), ("Java", java),
                           ("Python", python)):
        report.case(f"server {name}", function, programs)

