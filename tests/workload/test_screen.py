# SPDX-License-Identifier: GPL-2.0-or-later
"""pmtop run on a terminal, and as JSON: it shows the workload's pages, and takes all away."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from common import (CHILD, PATIENCE, PMTOP, PYTHON, Case, children, count_samples, has_ended,
                    leftovers, spoilt, stop, wait_for, wait_for_samples)


class Terminal:
    """pmtop run in a tmux of its own."""

    def __init__(self, *words, columns=110, rows=34):
        self.socket = f"pmtop-test-{os.getpid()}-{time.monotonic_ns()}"
        self.folder = tempfile.mkdtemp(prefix="pmtop-test-")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  PYTHON, CHILD, "wrap", self.folder, PMTOP, "run", *words)
        self.tmux("set-option", "-g", "remain-on-exit", "on")
        self.pid = wait_for(lambda: self.written("pid"))
        if not self.pid:
            raise AssertionError(f"pmtop did not start on a terminal:\n{self.screen()}")

    def written(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return int(f.read())

    def tmux(self, *words):
        return subprocess.run(["tmux", "-L", self.socket, *words], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=PATIENCE).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def left(self):
        """What stands on the terminal when pmtop has ended, also what tmux has scrolled out of it to
        say that the program is gone."""
        wait_for(lambda: self.status() is not None)
        return self.tmux("capture-pane", "-p", "-S", "-")

    def shows(self, *texts):
        """Whether all of it comes to be there. Twice, since half of a frame may be an older one."""
        def all_there():
            screen = self.screen()
            return all(text in screen for text in texts)
        return wait_for(lambda: all_there() and not time.sleep(0.05) and all_there())

    def message(self):
        return self.screen().splitlines()[-1]

    def status(self):
        """The exit status, or -N for signal N; None while it runs."""
        return self.written("status")

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Screen(Case):
    def open(self, *words):
        terminal = Terminal(*words)
        self.addCleanup(lambda: wait_for(lambda: not leftovers(terminal.pid)))
        self.addCleanup(terminal.close)
        return terminal

    def ended(self, terminal):
        wait_for(lambda: terminal.status() is not None)
        return terminal.status()

    def test_pages_go_to_swap(self):
        terminal = self.open("--make-swap", "16M")
        self.assertTrue(terminal.shows("pagemap-test", "shared-swap", "/dev/zero (deleted)"),
                        terminal.screen())
        terminal.keys("w")
        self.assertTrue(terminal.shows("limit       512K", "OOM kills   0"), terminal.screen())
        terminal.keys("q")
        self.assertEqual(self.ended(terminal), 0, terminal.screen())
        self.assertEqual(leftovers(terminal.pid), [])

    def test_every_way_out(self):
        for way in ("q", "C-c", signal.SIGTERM, signal.SIGHUP, signal.SIGINT, "hangup"):
            with self.subTest(way):
                ready = os.path.join(self.folder, "ready")
                terminal = self.open("--limit", "64M", "--make-swap", "2M", "--", PYTHON, CHILD,
                                     "family", ready, self.word)
                self.assertTrue(wait_for(lambda: os.path.exists(ready)), terminal.screen())
                os.unlink(ready)
                self.assertTrue(terminal.shows("python3"), terminal.screen())
                if way == "hangup":
                    terminal.close()
                    self.assertTrue(wait_for(lambda: has_ended(terminal.pid)), "pmtop does not end")
                elif isinstance(way, str):
                    terminal.keys(way)
                    self.assertEqual(self.ended(terminal), 0, terminal.screen())
                else:
                    os.kill(terminal.pid, way)
                    self.assertEqual(self.ended(terminal), -way, terminal.screen())
                self.assertEqual(leftovers(terminal.pid, self.word), [])

    def test_shared_objects(self):
        """M counts those of all processes, and shows the workload's with who maps it."""
        terminal = self.open("--make-swap", "16M")
        self.assertTrue(terminal.shows("pagemap-test", "shared-swap"), terminal.screen())
        terminal.keys("M")
        self.assertTrue(terminal.shows("shared objects by", "MAPPED BY"), terminal.screen())
        # Its own, not that of a pmtop which another test has left for a moment.
        self.assertTrue(wait_for(lambda: re.search(r"/dev/zero \(deleted\) +\d+ pagemap-test",
                                                   terminal.screen())), terminal.screen())
        terminal.keys("/", "pagemap-test", "Enter")
        terminal.keys("Enter")
        self.assertTrue(terminal.shows("opens it"), terminal.screen())
        terminal.keys("q")
        self.assertEqual(self.ended(terminal), 0, terminal.screen())
        self.assertEqual(leftovers(terminal.pid), [])

    def events_back(self, terminal, wanted):
        """What < says of the samples from the newest one back, until all that is wanted was said. A
        machine that stands still shows the second of two keys alone: then it is done again."""
        seen = ""
        for _ in range(5):
            said = ""
            while "no event before" not in said and "first sample" not in said:
                before = terminal.message()
                terminal.keys("<")
                wait_for(lambda: terminal.message() != before, 5)
                said = terminal.message()
                seen += said + "\n"
                if all(text in seen for text in wanted):
                    return seen
            spoilt(f"not all of {wanted} in\n{seen}")
            terminal.keys("e")
            self.assertTrue(terminal.shows(" live "), terminal.screen())
        return seen

    def test_events_are_recorded(self):
        """What happens to a workload is in the log: by itself, by its panel, and by C, O and m."""
        log = os.path.join(self.folder, "events.pmtop")
        terminal = self.open("--make-swap", "16M", "--record", log)
        self.assertTrue(terminal.shows("pagemap-test", "shared-swap", "rec", "▲limit"),
                        terminal.screen())
        for keys, shown in ((["w", "-"], "the limit is 256K now"), (["O"], "in RAM before"),
                            (["Escape", "C", "y"], "written marks cleared"),
                            (["O", "y"], "asked the kernel to push out"),
                            (["m", "spot", "Enter"], 'bookmark "spot" set')):
            terminal.keys(*keys)
            self.assertTrue(terminal.shows(shown), terminal.screen())
            # Each event in a sample of its own.
            self.assertTrue(wait_for_samples(log, count_samples(log) + 3), terminal.screen())
        wanted = ("bookmark: spot", "pushed-out: asked", "cleared: written", "limit: the")
        seen = self.events_back(terminal, wanted)
        for shown in wanted:
            self.assertIn(shown, seen)
        terminal.keys("q")
        self.assertEqual(self.ended(terminal), 0, terminal.screen())
        with sqlite3.connect(log) as database:
            events = database.execute("SELECT kind, text FROM event WHERE mapping IS NULL AND "
                                      "kind <> 'limit' ORDER BY sample, event").fetchall()
            limits = database.execute("SELECT count(*) FROM event WHERE kind = 'limit'").fetchone()
        self.assertEqual([kind for kind, _ in events],
                         ["limit-set", "pushed-out", "cleared", "pushed-out", "bookmark"])
        self.assertEqual(events[-1][1], "spot")
        self.assertIn("256K", events[0][1])
        self.assertGreater(limits[0], 0)

    def test_killed(self):
        ready = os.path.join(self.folder, "ready")
        terminal = self.open("--limit", "64M", "--", PYTHON, CHILD, "family", ready, self.word)
        self.assertTrue(wait_for(lambda: os.path.exists(ready)), terminal.screen())
        os.kill(terminal.pid, signal.SIGKILL)
        self.assertEqual(self.ended(terminal), -signal.SIGKILL)
        wait_for(lambda: not leftovers(terminal.pid, self.word))
        self.assertEqual(leftovers(terminal.pid, self.word), [])

    def test_oom_then_raised(self):
        terminal = self.open("--limit", "32M", "--swap-limit", "0", "--", "sh", "-c",
                             f"sleep 1; {PYTHON} {CHILD} hog {48 << 20} || kill -9 $$; sleep 100")
        self.assertTrue(terminal.shows("limit 32M, last usage", "w to raise it"),
                        terminal.screen())
        terminal.keys("w")
        self.assertTrue(terminal.shows("OOM-killed after", "+ raises the limit to 64M"),
                        terminal.screen())
        terminal.keys("+")
        self.assertTrue(terminal.shows("the limit is 64M now"), terminal.screen())
        terminal.keys("s")
        self.assertTrue(terminal.shows("took it", "running for"), terminal.screen())
        terminal.keys("q")
        self.assertEqual(self.ended(terminal), 0, terminal.screen())

    def test_status_of_the_command(self):
        terminal = self.open("--", "sh", "-c", "sleep 1; exit 42")
        self.assertTrue(terminal.shows("exited with status 42"), terminal.screen())
        terminal.keys("q")
        self.assertEqual(self.ended(terminal), 42)

    def test_command_that_is_gone_at_once(self):
        terminal = self.open("--", "true")
        self.assertTrue(terminal.shows("exited with status 0"), terminal.screen())
        terminal.keys("q")
        self.assertEqual(self.ended(terminal), 0, terminal.screen())


class Record(Case):
    def samples(self, path):
        result = subprocess.run([PMTOP, "export", path, "--format", "json"], capture_output=True,
                                text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_beside_the_pictures(self):
        for seconds in (2, 10, 60):
            path = os.path.join(self.folder, f"{seconds}.pmtop")
            result = self.pmtop("--make-swap", "16M", "--duration", f"{seconds}s", "--interval",
                                "200ms", "--record", path)
            self.assertEqual(result.returncode, 0, result.stderr)
            swapped = [s["totals"]["shared_swap"] for s in self.samples(path)]
            if len(swapped) >= 5 and max(swapped) > 128:
                return
            spoilt(f"in {seconds} s samples with these pages of shared memory in swap: {swapped}")
        self.fail(f"too few samples, or too little in swap: {swapped}")

    def test_a_log_that_is_there_is_kept(self):
        path = os.path.join(self.folder, "precious")
        with open(path, "w") as f:
            f.write("precious")
        result = self.pmtop("--record", path, "--", "sleep", "1000")
        self.assertEqual(result.returncode, 125)
        self.assertIn("precious", result.stderr)
        with open(path) as f:
            self.assertEqual(f.read(), "precious")

    def test_command_that_is_soon_gone(self):
        """Either there is a log with a sample in it, or pmtop says that there is none."""
        for number in range(10):
            path = os.path.join(self.folder, f"{number}.pmtop")
            result = self.pmtop("--record", path, "--", "sh", "-c",
                                f"{PYTHON} -c 'import time; time.sleep({number * 0.005})'; exit 4")
            self.assertEqual(result.returncode, 4)
            if os.path.exists(path):
                self.assertGreaterEqual(len(self.samples(path)), 1)
                self.assertNotIn("record", result.stderr)
            else:
                self.assertRegex(result.stderr, "nothing (to record|was recorded): ")

    def test_on_the_screen(self):
        path = os.path.join(self.folder, "log.pmtop")
        terminal = Terminal("--make-swap", "16M", "--record", path)
        self.addCleanup(terminal.close)
        self.assertTrue(terminal.shows("rec", "/dev/zero (deleted)"), terminal.screen())
        self.assertTrue(wait_for_samples(path, 3), terminal.screen())
        terminal.keys("q")
        wait_for(lambda: terminal.status() is not None)
        self.assertEqual(terminal.status(), 0, terminal.screen())
        self.assertGreaterEqual(len(self.samples(path)), 3)
        self.assertEqual(leftovers(terminal.pid), [])

    def test_ends_with_the_command(self):
        """How the command ended and what was recorded stand beside each other."""
        path = os.path.join(self.folder, "log.pmtop")
        go = os.path.join(self.folder, "go")
        terminal = Terminal("--record", path, "--", "sh", "-c",
                            f"until [ -e {go} ]; do sleep 0.1; done; exit 3", columns=200)
        self.addCleanup(terminal.close)
        self.assertTrue(terminal.shows("● rec "), terminal.screen())
        self.assertTrue(wait_for_samples(path, 1), terminal.screen())
        with open(go, "x"):
            pass
        self.assertTrue(terminal.shows("exited with status 3", "; recorded ", "log.pmtop ("),
                        terminal.screen())
        self.assertNotIn("● rec", terminal.screen())
        self.assertEqual(sorted(os.listdir(self.folder)), ["go", "log.pmtop"])
        with sqlite3.connect(path) as database:
            ends = database.execute("SELECT text FROM event WHERE kind = 'ended'").fetchall()
        self.assertEqual(len(ends), 1)
        os.unlink(go)  # or it ends again at once
        terminal.keys("w", "s")
        self.assertTrue(terminal.shows("it runs again, pid "), terminal.screen())
        self.assertNotIn("● rec", terminal.screen())
        terminal.keys("q")
        wait_for(lambda: terminal.status() is not None)

    def test_another_start_ends_it(self):
        """A log holds one process, also when the command starts again at once, before a sample
        could find out that it had ended; what became of the log is said at the latest at the end.
        """
        path = os.path.join(self.folder, "log.pmtop")
        terminal = Terminal("--record", path, "--", "sleep", "1000", columns=200)
        self.addCleanup(terminal.close)
        self.assertTrue(wait_for(lambda: re.search(r"● rec (?!0:00)\d", terminal.screen())),
                        terminal.screen())
        self.assertTrue(wait_for_samples(path, 3), terminal.screen())
        terminal.keys("w", "s", "y", "s")
        self.assertTrue(terminal.shows("it runs again, pid "), terminal.screen())
        self.assertNotIn("● rec", terminal.screen())
        self.assertEqual(os.listdir(self.folder), ["log.pmtop"])
        count = len(self.samples(path))
        self.assertGreaterEqual(count, 3)
        terminal.keys("q")
        self.assertTrue(wait_for(lambda: f"pmtop run: recorded {count} samples into {path} (" in
                                 terminal.left()), terminal.left())

    def test_largest_size_on_the_screen(self):
        """A full log ends the recording, not the command nor the view."""
        path = os.path.join(self.folder, "log.pmtop")
        terminal = Terminal("--record", path, "--max-size", "128K", "--", PYTHON, CHILD,
                            "restless")
        self.addCleanup(terminal.close)
        self.assertTrue(terminal.shows("log full: "), terminal.screen())
        self.assertNotIn("● rec", terminal.screen())
        terminal.keys("j")
        self.assertTrue(terminal.shows(" live "), terminal.screen())
        self.assertLessEqual(os.stat(path).st_size, 128 << 10)
        terminal.keys("q")
        self.assertTrue(wait_for(lambda: terminal.status() is not None))
        self.assertGreaterEqual(len(self.samples(path)), 3)
        self.assertEqual(leftovers(terminal.pid), [])

    def test_largest_size_of_nothing(self):
        """On a screen R may record; without one nothing could."""
        result = self.pmtop("--max-size", "1M", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("--max-size needs --record", result.stderr)

    def test_rotation_beside_the_pictures(self):
        path = os.path.join(self.folder, "log.pmtop")
        process = self.start("--record", path, "--max-size", "128K", "--rotate", "1", "--interval",
                             "100ms", "--duration", "10m", "--", PYTHON, CHILD, "restless")
        # Well before the next rotation, or the newest log has hardly a sample.
        self.assertTrue(wait_for(lambda: os.path.exists(path + ".1") and
                                 2 <= count_samples(path) <= 20, pause=0.2), self.said(process))
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), -signal.SIGTERM, self.said(process))
        self.assertNotIn("pmtop run: the recording", self.said(process))
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if "log" in name),
                         ["log.pmtop", "log.pmtop.1"])
        for log in (path, path + ".1"):
            self.assertLessEqual(os.stat(log).st_size, 128 << 10)
            self.assertGreaterEqual(len(self.samples(log)), 2)


class Json(Case):
    def test_one_object_a_line_while_it_lasts(self):
        for seconds in (2, 10, 60):
            result = self.pmtop("--make-swap", "16M", "--json", "--interval", "300ms", "--duration",
                                f"{seconds}s")
            self.assertEqual(result.returncode, 0, result.stderr)
            objects = [json.loads(line) for line in result.stdout.splitlines()]
            self.assertLessEqual({o["comm"] for o in objects}, {"pagemap-test"})
            last = objects[-1] if objects else {"mappings": []}
            # The reproduction: most of the 256 pages, and all of them in one mapping.
            mapping = [m for m in last["mappings"] if m["pages"] == 256 and m["perms"] == "rw-s"]
            if len(objects) >= 4 and mapping and not mapping[0]["states"]["none"]:
                break
            spoilt(f"{len(objects)} pictures in {seconds} s, at last {mapping}")
        self.assertGreaterEqual(len(objects), 4)
        self.assertEqual(len(mapping), 1)
        self.assertGreater(mapping[0]["states"]["shared_swap"], 128)
        self.assertEqual(mapping[0]["states"]["none"], 0)
        self.assertEqual(last["totals"]["shared_swap"], mapping[0]["states"]["shared_swap"])

    def test_ends_with_the_command(self):
        go = os.path.join(self.folder, "go")
        process = self.start("--json", "--interval", "100ms", "--", "sh", "-c",
                             f"until [ -e {go} ]; do sleep 0.1; done; exit 6",
                             stdout=subprocess.PIPE, text=True)
        for _ in range(3):
            json.loads(process.stdout.readline())
        with open(go, "x"):
            pass
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 6, self.said(process))

    def test_reader_that_leaves(self):
        process = self.start("--json", "--interval", "50ms", "--", "sleep", "1000",
                             stdout=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        process.wait(PATIENCE)
        wait_for(lambda: not leftovers(process.pid))
        self.assert_clean(process)

    def test_verify_agrees(self):
        """pmtop's pages of shared memory in swap are exactly those that smaps counts."""
        process = self.start("--make-swap", "16M", "--duration", "10m")
        found = wait_for(lambda: [c for p in children(process.pid) for c in children(p)])
        self.assertTrue(found, self.said(process))
        pid = found[0]
        def swap_kb():
            """Of its 1 MiB of shared memory."""
            with open(f"/proc/{pid}/smaps") as f:
                block = re.search(r"^\S+ rw-s .*/dev/zero[^$]*?\nSwap: +(\d+) kB", f.read(), re.M)
            return int(block[1]) if block else 0
        self.assertTrue(wait_for(lambda: swap_kb() > 512), self.said(process))
        stop(pid)
        result = subprocess.run([PMTOP, "dump", "-p", str(pid), "--json", "--verify"],
                                capture_output=True, text=True, timeout=PATIENCE)
        dump = json.loads(result.stdout)
        mapping = [m for m in dump["mappings"] if m["pages"] == 256 and m["perms"] == "rw-s"][0]
        swap_kb = swap_kb()
        self.assertGreater(swap_kb, 512)
        self.assertEqual(mapping["states"]["shared_swap"] * 4, swap_kb)


if __name__ == "__main__":
    unittest.main()
