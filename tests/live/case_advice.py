# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said to whom: persons and places, and no way out that is none for this person there."""

import os

from harness import Skip, check, libc, parse_json

USER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
PR_SET_DUMPABLE = 4


def place(*commands):
    """A mount namespace in which these commands were run first."""
    script = " && ".join((*commands, 'exec "$@"'))
    return ("unshare", "-m", "sh", "-c", script, "sh")


WHOLE = ()
SUBSET = place("mount -t proc -o subset=pid none /proc")
HIDDEN = place("mount -t proc -o hidepid=2 none /proc")
NO_SYS = place("mount -t tmpfs none /sys")
CONTAINER = ("unshare", "-U", "-r", "-p", "-m", "-f", "--mount-proc")


class Sleeper:
    """A process of a plain user, dumpable or not."""

    def __init__(self, dumpable):
        def close():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            libc.prctl(PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)
            os.write(1, b"x")
            os.read(0, 1)
            os._exit(0)

        self.inward, self.tell = os.pipe()
        told, self.outward = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.dup2(self.inward, 0)
            os.dup2(self.outward, 1)
            os.close(self.tell)
            close()
        os.close(self.inward)
        os.close(self.outward)
        os.read(told, 1)
        os.close(told)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.tell)
        os.waitpid(self.pid, 0)


def refused(programs, prefix, pid, *parts):
    done = programs.run("dump", "-p", pid, prefix=prefix)
    text = done.stderr.decode()
    check(done.returncode == 4, f"{prefix}: status {done.returncode}: {text}")
    for part in parts:
        check(part in text, f"{prefix}: {part!r} is not in {text!r}")


def processes(programs):
    with Sleeper(True) as open_one, Sleeper(False) as shut:
        refused(programs, USER, shut.pid, "only root can")
        refused(programs, USER, 1, "run as root, or as its user")
        refused(programs, (*HIDDEN, *USER), os.getpid(), "hidepid")
        refused(programs, (*BARE,), shut.pid, "give this root CAP_SYS_PTRACE")
        check(programs.run("dump", "-p", open_one.pid, prefix=USER).returncode == 0,
              "its own process is refused")
        check(programs.run("dump", "-p", shut.pid).returncode == 0, "root is refused")
    gone = programs.run("dump", "-p", 4194304, prefix=(*HIDDEN, *USER))
    check(gone.returncode == 3, f"no such process: status {gone.returncode}")


def features(programs):
    """Root is not told to become root; who has not looked is not told that there is nothing."""
    for name, prefix, root in (("root", WHOLE, True), ("root without rights", BARE, True),
                               ("user", USER, False), ("subset", SUBSET, True),
                               ("no /sys", NO_SYS, True), ("container", CONTAINER, True)):
        done = programs.run("doctor", "--json", prefix=prefix)
        check(done.returncode == 0, f"{name}: {done.stderr.decode()}")
        for feature in parse_json(done.stdout, "doctor")["features"]:
            if feature["has"]:
                continue
            said = f"{name}: {feature['key']}: {feature['way_out']} ({feature['reason']})"
            check(feature["way_out"] and feature["reason"], f"{said}: empty")
            if root:
                check(not feature["way_out"].startswith("run as root"), said)
            if name == "no /sys":
                check("no BTF" not in feature["reason"], said)
            if name == "root without rights" and "not permitted" in feature["reason"]:
                check("CAP_" in feature["way_out"], said)


def swap_areas(programs):
    """/proc/swaps that is not there is no sign of no swap."""
    done = programs.run("swaps", prefix=SUBSET)
    text = done.stdout.decode()
    check(done.returncode == 0 and "areas are not known" in text, text + done.stderr.decode())
    check("no swap area" not in text, text)
    census = parse_json(programs.run("swaps", "--json", prefix=SUBSET).stdout, "swaps")
    check(census["areas"] is None, census["areas"])
    unexplained = census["totals"]["unexplained"]
    check(unexplained is None or unexplained >= 0, f"{unexplained} bytes are unexplained")
    doctor = parse_json(programs.run("doctor", "--json", prefix=SUBSET).stdout, "doctor")
    check(next(f for f in doctor["features"] if f["key"] == "swap")["has"], "no swap is seen")


def run(report, programs, options):
    del options
    if os.geteuid():
        report.case("advice", lambda: (_ for _ in ()).throw(Skip("needs root for the others")))
        return
    report.case("advice: processes", processes, programs)
    report.case("advice: features", features, programs)
    report.case("advice: swap areas", swap_areas, programs)
