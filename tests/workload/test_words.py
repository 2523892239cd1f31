# SPDX-License-Identifier: GPL-2.0-or-later
"""Options, sentences and exit statuses; what the command gets and what it does not get."""

import ast
import os
import pty
import signal
import subprocess
import unittest

from common import CHILD, PATIENCE, PYTHON, Case, has_v2_memory


class Statuses(Case):
    def check(self, words, status, *parts):
        result = self.pmtop(*words)
        self.assertEqual(result.returncode, status, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        return result

    def test_of_the_command(self):
        self.check(["--", "true"], 0)
        self.check(["--", "false"], 1)
        self.check(["--", "sh", "-c", "exit 42"], 42)
        self.check(["true"], 0)

    def test_killed_by_a_signal(self):
        self.check(["--", "sh", "-c", "kill -TERM $$"], 128 + 15, "signal 15")
        self.check(["--", "sh", "-c", "kill -KILL $$"], 128 + 9, "signal 9")

    def test_not_found_and_not_executable(self):
        self.check(["--", "no-such-program-here"], 127, "no-such-program-here", "not found")
        self.check(["--", "/no/such/program"], 127, "not found")
        self.check(["--", "/etc/passwd"], 126, "cannot execute", "Permission denied")

    def test_bad_sizes(self):
        for text, problem in (("12Q", "is not a size"), ("", "is not a size"),
                              ("-5M", "is negative"), ("1.5G", "is not a size"),
                              ("0", "nothing can run"), ("0K", "nothing can run"),
                              ("1", "less than a page"), ("1000T", "larger than this machine"),
                              ("99999999999999999999", "larger than any size")):
            with self.subTest(text):
                self.check(["--limit", text, "--", "true"], 125, problem)
        self.check(["--high", "0", "--", "true"], 125, "high mark is 0")
        self.check(["--make-swap", "1K", "--", "true"], 125, "at least 40K")
        self.check(["--make-swap", "0", "--", "true"], 125, "no swap at all")
        self.check(["--make-swap", "8000T", "--", "true"], 125, "no room")
        self.check(["--make-swap", "1M", "--swap-dir", "/nowhere", "--", "true"], 125, "/nowhere")

    def test_bad_options(self):
        self.check(["--limit"], 125, "--limit needs a value")
        self.check(["--no-such-option"], 125, "unknown option '--no-such-option'", "--help")
        self.check(["--swappiness", "201", "--", "true"], 125, "0 to 200")
        self.check(["--duration", "5x", "--", "true"], 125, "is not a duration")
        self.check(["--interval", "0s", "--", "true"], 125, "from 1ms")
        self.check(["--no-cgroup", "--limit", "1M", "--", "true"], 125, "needs a cgroup")
        self.check(["--pages", "3", "--", "true"], 125, "built-in reproduction")

    def test_nothing_is_made_for_a_mistake(self):
        process = self.start("--limit", "0", "--", "true")
        process.wait()
        self.assert_clean(process)

    def test_help(self):
        result = self.pmtop("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("--make-swap", result.stdout)

    def test_supervise_is_not_for_people(self):
        result = subprocess.run([os.environ["PMTOP"], "supervise", "/tmp/x", "true"],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(result.returncode, 2)
        self.assertIn("starts for itself", result.stderr)

    def test_swappiness_of_v2(self):
        result = self.pmtop("--swappiness", "60", "--", "true")
        if has_v2_memory():
            self.assertEqual(result.returncode, 125)
            self.assertIn("no swappiness of its own", result.stderr)
        else:
            self.assertEqual(result.returncode, 0)


class Inheritance(Case):
    def report(self, **options):
        path = os.path.join(self.folder, "report")
        result = subprocess.run([os.environ["PMTOP"], "run", "--", PYTHON, CHILD, "report", path],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                timeout=PATIENCE, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(path) as f:
            return ast.literal_eval(f.read())

    def check(self, got):
        self.assertEqual(sorted(got["fds"]), ["0", "1", "2"], got["fds"])
        self.assertEqual(got["fds"]["0"], "/dev/null")
        self.assertTrue(got["fds"]["1"].startswith("pipe:"))
        self.assertEqual(got["fds"]["1"], got["fds"]["2"])
        self.assertEqual(int(got["blocked"], 16), 0)
        # The interpreter itself ignores SIGPIPE and SIGXFSZ.
        own = (1 << (signal.SIGPIPE - 1)) | (1 << (signal.SIGXFSZ - 1))
        self.assertEqual(int(got["ignored"], 16) & ~own, 0)
        self.assertEqual(got["session"], got["pid"])
        self.assertEqual(got["tty_nr"], "0")
        self.assertEqual(got["tty"], "No such device or address")

    def test_nothing_of_a_hostile_parent(self):
        leaked = os.open("/etc/passwd", os.O_RDONLY)
        high = os.dup2(leaked, 200)
        os.set_inheritable(leaked, True)
        os.set_inheritable(high, True)

        def hostile():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGCHLD,
                                                      signal.SIGALRM})
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        try:
            self.check(self.report(pass_fds=(leaked, high), preexec_fn=hostile, cwd=self.folder,
                                   stdin=subprocess.DEVNULL))
        finally:
            os.close(leaked)
            os.close(high)

    def test_no_terminal(self):
        main, side = pty.openpty()
        try:
            got = self.report(stdin=side, start_new_session=True)
            self.check(got)
        finally:
            os.close(main)
            os.close(side)

    def test_same_folder(self):
        got = self.report(stdin=subprocess.DEVNULL, cwd=self.folder)
        self.assertEqual(got["cwd"], os.path.realpath(self.folder))


class Output(Case):
    def test_last_lines_bounded_and_escaped(self):
        result = self.pmtop("--", PYTHON, CHILD, "chatter", "200000",
                            env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        self.assertEqual(result.returncode, 5)
        lines = [line for line in result.stderr.splitlines() if line.startswith("  | ")]
        self.assertEqual(len(lines), 12)
        self.assertEqual(lines[-2], "  | line 199999")
        self.assertEqual(lines[-1], "  | evil \\x1b[2J\\x1b]0;title\\x07 \\u202e end")
        self.assertNotIn("\x1b", result.stderr)


if __name__ == "__main__":
    unittest.main()
