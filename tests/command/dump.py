#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pmtop dump from outside: options, output files, formats that agree, exit statuses."""

import csv
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

PMTOP = sys.argv[1]
WAIT = 60  # only what never comes takes as long


def dump(*words, **keywords):
    return subprocess.run([PMTOP, "dump", *words], stdin=subprocess.DEVNULL,
                          stdout=keywords.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
                          timeout=WAIT, **keywords)


class Target:
    """A stopped process of a program with a name nobody wishes for. All its files are copies of its
    own: whoever else starts a program changes the marks of library pages that they share."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        program = shutil.which("sleep")
        self.name = os.path.join(os.fsencode(self.folder.name), b'a,"b\x1b[31m\xff\xc2\x9b\n')
        shutil.copy(program, self.name)
        libraries = subprocess.run(["ldd", program], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout
        copies = [shutil.copy(path, self.folder.name)
                  for path in re.findall(r"(?:^\s*|=> )(/\S+)", libraries, re.MULTILINE)]
        loader, = [copy for copy in copies if os.path.basename(copy).startswith("ld")]
        self.pid = os.posix_spawn(loader, [loader, "--library-path", self.folder.name, self.name,
                                           "1000"], {"LC_ALL": "C"})
        try:
            self.wait_and_stop()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_and_stop(self):
        end = time.monotonic() + WAIT
        while self.name.replace(b"\n", b"\\012") not in self.maps():
            assert time.monotonic() < end, self.maps()
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def maps(self):
        with open(f"/proc/{self.pid}/maps", "rb") as maps:
            return maps.read()

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.folder.cleanup()


class Usage(unittest.TestCase):
    def check(self, status, needle, *words):
        result = dump(*words)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(needle, result.stderr)
        self.assertEqual(result.stdout, b"")
        self.assertEqual(result.stderr.count(b"\n"), 1)
        self.assertNotIn(b"\x1b", result.stderr)

    def test_usage(self):
        me = str(os.getpid())
        self.check(2, b"-p PID")
        for pid in "", "0", "-1", "x", "1x", "99999999999", " 1", "\x1b[2J":
            self.check(2, b"is not a process id", "-p", pid)
        self.check(2, b"unknown option", "-p", me, "--nothing")
        self.check(2, b"unknown option", "-p", me, "-x")
        self.check(2, b"needs a value", "-p")
        self.check(2, b"does not belong", "-p", me, "more")
        self.check(2, b"one format", "-p", me, "--json", "--csv")
        self.check(2, b"'nothing'", "-p", me, "--without", "cachestat,nothing,bpf")

    def test_no_process(self):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        self.check(3, b"zombie", "-p", str(child))
        os.waitpid(child, 0)
        self.check(3, b"no process", "-p", str(child))
        self.check(3, b"no process", "-p", str(child), "--verify")

    @unittest.skipUnless(os.path.exists("/proc/2/comm"), "no kernel thread in sight")
    def test_kernel_thread(self):
        with open("/proc/2/comm", encoding="ascii") as file:
            self.assertEqual(file.read(), "kthreadd\n")
        self.check(3, b"kernel thread", "-p", "2")

    @unittest.skipIf(os.geteuid(), "needs root to become somebody else")
    def test_not_permitted(self):
        result = dump("-p", str(os.getpid()), user=65534, group=65534, extra_groups=[])
        self.assertEqual(result.returncode, 4)
        self.assertIn(b"run as root", result.stderr)


class Output(unittest.TestCase):
    def test_help(self):
        result = dump("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"--verify", result.stdout)

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            result = dump("-p", str(os.getpid()), stdout=full)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"No space left", result.stderr)

    def test_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out")
            for _ in range(2):  # the second time it replaces the first
                result = dump("-p", str(os.getpid()), "--json", "-o", path)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))
                with open(path, encoding="ascii") as file:
                    self.assertEqual(json.load(file)["pid"], os.getpid())
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(os.listdir(folder), ["out"])
            result = dump("-p", str(os.getpid()), "-o", os.path.join(folder, "no", "out"))
            self.assertEqual(result.returncode, 1)
            self.assertIn(b"No such file", result.stderr)
            self.assertEqual(dump("-p", str(os.getpid()), "-o", "/dev/null").returncode, 0)
            self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_modes_and_links(self):
        with tempfile.TemporaryDirectory() as folder:
            path, link = os.path.join(folder, "out"), os.path.join(folder, "link")
            for mode in 0o644, 0o640, 0o600:
                with open(path, "w", encoding="ascii"):
                    os.chmod(path, mode)
                self.assertEqual(dump("-p", str(os.getpid()), "-o", path).returncode, 0)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)
            for target in path, os.path.join(folder, "nowhere"):
                os.symlink(target, link)
                result = dump("-p", str(os.getpid()), "-o", link)
                self.assertEqual(result.returncode, 1)
                self.assertIn(b"symbolic link", result.stderr)
                self.assertEqual(os.readlink(link), target)
                os.unlink(link)
            self.assertEqual(os.listdir(folder), ["out"])
            # A device by a link is written to.
            os.symlink("/dev/null", link)
            self.assertEqual(dump("-p", str(os.getpid()), "-o", link).returncode, 0)
            # Counts alone are for whoever collects them.
            mask = os.umask(0o022)
            metrics = os.path.join(folder, "metrics")
            dump("-p", str(os.getpid()), "--prometheus", "--totals", "-o", metrics)
            os.umask(mask)
            self.assertEqual(stat.S_IMODE(os.stat(metrics).st_mode), 0o644)
            if not os.geteuid():
                # Who made a file there before does not come to read the report.
                os.chmod(path, 0o666)
                os.chown(path, 65534, 65534)
                dump("-p", str(os.getpid()), "-o", path)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_old_file_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out")
            with open(path, "w", encoding="ascii") as file:
                file.write("old")
            # Nothing larger than 1 KiB can be written: the disk is full half-way.
            result = subprocess.run(
                ["bash", "-c", 'ulimit -f 1; trap "" XFSZ; exec "$@"', "-", PMTOP, "dump", "-p",
                 str(os.getpid()), "--json", "-o", path], stderr=subprocess.PIPE, timeout=WAIT)
            self.assertEqual(result.returncode, 1, result.stderr)
            with open(path, encoding="ascii") as file:
                self.assertEqual(file.read(), "old")
            self.assertEqual(os.listdir(folder), ["out"])


class Formats(unittest.TestCase):
    def four_formats(self, pid):
        """All of one moment: the kernel may move a page meanwhile, so the first dump must still hold
        after the last."""
        def whole():
            dumped = json.loads(dump("-p", pid, "--json", "--pages").stdout)
            return {key: value for key, value in dumped.items() if key != "taken"}

        def rows(*words):
            return list(csv.DictReader(
                io.StringIO(dump("-p", pid, "--csv", *words).stdout.decode())))

        end, rounds = time.monotonic() + WAIT, 0
        while time.monotonic() < end:
            first = whole()
            others = rows(), rows("--pages"), dump("-p", pid).stdout.decode()
            if whole() == first:
                return first, *others
            rounds += 1
        return self.fail(f"the stopped target's pages changed in each of {rounds} rounds")

    def test_agree(self):
        with Target() as target:
            whole, table, runs, text = self.four_formats(str(target.pid))
        with self.subTest("mappings"):
            self.assertEqual([m["start"] for m in whole["mappings"]], [r["start"] for r in table])
            for mapping, row in zip(whole["mappings"], table):
                for key, count in mapping["states"].items():
                    self.assertEqual(str(count), row[key])
        with self.subTest("runs"):
            self.assertEqual([(r["start"], str(r["pages"]), r["state"])
                              for m in whole["mappings"] for r in m["runs"]],
                             [(r["start"], r["pages"], r["state"]) for r in runs])
        with self.subTest("names"):
            evil = [m for m in whole["mappings"] if "name_bytes" in m]
            self.assertTrue(evil)
            # The kernel itself shows a newline as \012.
            shown = target.name.replace(b"\n", b"\\012")
            self.assertEqual({bytes.fromhex(m["name_bytes"]) for m in evil}, {shown})
            self.assertIn('/a,"b\\x1b[31m\\xff\\u009b\\012', text)
            starts = {m["start"] for m in evil}
            for row in table:
                self.assertEqual(row["name"].endswith('/a,"b\\x1b[31m\\xff\\u009b\\012'),
                                 row["start"] in starts)

    def test_verify(self):
        with Target() as target:
            result = dump("-p", str(target.pid), "--json", "--verify")
        whole = json.loads(result.stdout)
        self.assertEqual([m["name"] for m in whole["mappings"] if m["agrees"] is not True], [])
        self.assertTrue(any(m["smaps"]["anonymous"] for m in whole["mappings"]))


class Ends(unittest.TestCase):
    def dump_of(self, ends_after=None):
        """The status of a dump whose target ends after that time, and how long the dump took."""
        child = subprocess.Popen(["sleep", "1000"])
        reader = None
        try:
            began = time.monotonic()
            reader = subprocess.Popen([PMTOP, "dump", "-p", str(child.pid), "--json", "--verify"],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if ends_after is not None:
                time.sleep(ends_after)
                child.kill()
                child.wait()
            out, error = reader.communicate(timeout=WAIT)
            took = time.monotonic() - began
        finally:
            for process in child, reader:
                if process:
                    process.kill()
                    process.wait()
        self.assertIn(reader.returncode, (0, 3), error)
        if reader.returncode:
            self.assertEqual(out, b"")
        else:
            self.assertEqual(json.loads(out)["pid"], child.pid)
        return reader.returncode, took

    def test_ends_at_any_moment(self):
        """Whatever moment the target ends at: a whole dump, or status 3 and nothing."""
        status, whole = self.dump_of()
        self.assertEqual(status, 0)
        statuses = set()
        end = time.monotonic() + WAIT
        # Up to the end of a dump and beyond, however long that takes here.
        while statuses != {0, 3} and time.monotonic() < end:
            statuses |= {self.dump_of(whole * n / 24)[0] for n in range(30)}
            whole *= 1.5
        self.assertEqual(statuses, {0, 3})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
