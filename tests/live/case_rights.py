# SPDX-License-Identifier: GPL-2.0-or-later
"""As somebody who is not root: right or unknown about one's own, a refusal about others'."""
import os
import shutil
import tempfile
from pathlib import Path

from case_exact import calm_looks
from compare import allow
from harness import PAGE, Programs, Skip, Target, check, has_program

NOBODY = 65534
OWN = ("shared-anon,private-anon,memfd,shm-file,sysv,memfd-private,file-shared,file-private,zero,"
       "guard,kernel")


class Elsewhere:
    """The programs in a place that everybody may enter."""

    def __init__(self, programs):
        self.programs = programs

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pmtop-live-", dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        for program in (self.programs.pmtop, self.programs.target):
            shutil.copy(program, self.folder)
        return Programs(self.folder)

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


class Plain(Programs):
    """pmtop as nobody."""
    prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
              "--inh-caps=-all", "--bounding-set=-all")

    def run(self, *words, timeout=120, prefix=(), **more):
        return super().run(*words, timeout=timeout, prefix=[*self.prefix, *prefix], **more)


def own_process(plain):
    """
    Own memory: what pagemap tells is right; what shared memory without a page-table entry holds
    may be unknown.
    """
    allowed = allow(unknown=["cached", "shared_swap", "none"])
    files = plain.folder / "files"
    files.mkdir()
    os.chown(files, NOBODY, NOBODY)
    compared = 0
    for seen in calm_looks(plain, "--kind", OWN, "--pages", 256, "--seed", 7, "--dir", files,
                           user=NOBODY):
        dump, = seen.dumps.values()
        pid = dump["pid"]
        compared += seen.compare(allowed, only_calm=True)
        unknown = dump["totals"].get("unknown", 0)
        for mapping in dump["mappings"]:
            key = int(mapping["start"], 16), int(mapping["end"], 16)
            if mapping["perms"][3] == "p" and mapping["kind"] in ("anon", "heap", "stack"):
                own = mapping["states"].get("swap", 0)
                both = [sums[key].get("Swap", 0) * 1024 // PAGE
                        for sums in (seen.smaps[pid], seen.smaps_after[pid])]
                check(min(both) <= own <= max(both),
                      f"{mapping['start']}: {own} in swap, smaps {both}")
        check(dump["known"]["private_slots"] is False, "slots cannot be known without rights")
    return f"{compared} pages, {unknown} unknown, shared swap {dump['known']['shared_swap']}"


def reason_is_said(plain):
    """Where something is unknown, text output says why in words."""
    with Target(plain, "--kind", "shared-anon", "--pages", 256, "--seed", 3,
                user=NOBODY) as target:
        done = plain.run("dump", "-p", target.pid)
    text = done.stdout.decode() + done.stderr.decode()
    check(done.returncode == 0, f"status {done.returncode}: {text}")
    check("doctor" in text or "root" in text or "right" in text, f"no reason in:\n{text}")


def others_process(plain, programs):
    with Target(programs, "--kind", "shared-anon", "--seed", 3) as target:
        for words in (["dump", "-p", target.pid], ["dump", "-p", target.pid, "--json"],
                      ["dump", "-p", 1]):
            done = plain.run(*words)
            check(done.returncode == 4, f"{words}: status {done.returncode}, not 4: "
                  f"{done.stderr.decode()}")
            check(not done.stdout, f"{words}: prints {done.stdout[:80]!r} all the same")
            check(len(done.stderr.decode().strip().splitlines()) in (1, 2, 3),
                  f"{words}: not a clear line: {done.stderr.decode()!r}")


def run(report, programs, options):
    del options
    if os.geteuid():
        raise Skip("only root can become somebody else")
    if not has_program("setpriv"):
        raise Skip("setpriv is missing")
    if not Path("/proc/self/status").exists():
        raise Skip("no /proc")
    with Elsewhere(programs) as there:
        plain = Plain(there.folder)
        report.case("rights own process", own_process, plain)
        report.case("rights reason is said", reason_is_said, plain)
        report.case("rights somebody else's process", others_process, plain, there)
