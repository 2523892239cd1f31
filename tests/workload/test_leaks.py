# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever way pmtop ends, nothing of its workload is left: process, cgroup, swap, claim."""

import os
import random
import signal
import subprocess
import time
import unittest

from common import (CHILD, PATIENCE, PYTHON, Case, cgroups, children, claims, leftovers,
                    pids_with, spoilt, stop, swaps, wait_for)

MEMORY = ("--limit", "64M")
SWAP = ("--limit", "64M", "--make-swap", "2M")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Endings(Case):
    def test_it_is_all_there_while_it_runs(self):
        process = self.start_family(*SWAP)
        prefix = f"pmtop-{process.pid}-"
        self.assertGreaterEqual(len(cgroups(prefix)), 1)
        self.assertEqual(len(swaps(prefix)), 1)
        self.assertEqual(len(claims(prefix)), 1)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number):
                process = self.start_family(*SWAP)
                process.send_signal(number)
                self.assertEqual(process.wait(PATIENCE), -number, self.said(process))
                # All is gone when pmtop is, not some time later.
                self.assert_clean(process, self.word)

    def test_duration_is_over(self):
        ready = os.path.join(self.folder, "ready")
        for seconds in (4, 15, 60):
            process = self.start(*SWAP, "--duration", f"{seconds}s", "--", PYTHON, CHILD, "family",
                                 ready, self.word)
            was_there = self.family_is_there(process, ready)
            self.assertEqual(process.wait(PATIENCE), 0, self.said(process))
            self.assert_clean(process, self.word)
            if was_there:
                return
            spoilt(f"the workload was not all there within {seconds} s")
            if os.path.exists(ready):
                os.unlink(ready)
        self.fail(f"the workload did not start; {self.said(process)}")

    def test_crash(self):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
            with self.subTest(number):
                process = self.start_family(*SWAP)
                process.send_signal(number)
                process.wait(PATIENCE)
                self.assert_nothing_left(process)

    def test_without_a_cgroup(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                process = self.start_family("--no-cgroup")
                self.assertEqual(cgroups(f"pmtop-{process.pid}-"), [])
                process.send_signal(number)
                process.wait(PATIENCE)
                self.assert_nothing_left(process)

    def test_command_leaves_children(self):
        ready = os.path.join(self.folder, "ready")
        process = self.start(*MEMORY, "--", "sh", "-c",
                             f"setsid {PYTHON} {CHILD} family {ready} {self.word} & "
                             f"until [ -e {ready} ]; do sleep 0.1; done")
        self.assertEqual(process.wait(PATIENCE), 0, self.said(process))
        self.assert_clean(process, self.word)

    def test_groups_inside_the_group(self):
        ready = os.path.join(self.folder, "ready")
        process = self.start(*MEMORY, "--", PYTHON, CHILD, "nest", ready, self.word)
        self.assertTrue(wait_for(lambda: os.path.exists(ready)), self.said(process))
        with open(ready) as f:
            inner = f.read()
        self.assertTrue(os.path.isdir(inner))
        self.assertIn(f"/pmtop-{process.pid}-", inner)
        process.kill()
        process.wait()
        self.assert_nothing_left(process)
        self.assertFalse(os.path.exists(inner))


class Supervisor(Case):
    def test_killed_alone(self):
        process = self.start_family(*SWAP, stderr=subprocess.PIPE)
        kill(self.supervisor_of(process))
        _, text = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 125, text)
        self.assertIn(b"supervisor", text)
        self.assert_clean(process, self.word)

    def test_ended_politely(self):
        process = self.start_family(*SWAP)
        os.kill(self.supervisor_of(process), signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 125, self.said(process))
        self.assert_clean(process, self.word)

    def kill_both(self, process):
        supervisor = self.supervisor_of(process)
        # Stopped first, so that neither has a moment to tidy up.
        stop(supervisor)
        process.kill()
        kill(supervisor)
        process.wait()
        # Until it is gone it has the lock that says that somebody lives.
        self.wait_for_pmtops(supervisor)

    def test_both_killed_then_the_next_pmtop(self):
        process = self.start_family(*SWAP)
        self.kill_both(process)
        self.assertTrue(claims(f"pmtop-{process.pid}-"))
        self.assertTrue(swaps(f"pmtop-{process.pid}-"))
        # The command itself dies with its supervisor; what it forked cannot know.
        result = self.pmtop("--no-cgroup", "--", "true")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("took away", result.stderr)
        self.assert_clean(process, self.word)

    def test_a_living_one_is_left_alone(self):
        living = self.start_family(*SWAP)
        before = leftovers(living.pid, self.word)
        dead_word, self.word = self.word, self.word + "-dead"
        dead = self.start_family(*MEMORY)
        self.kill_both(dead)
        result = self.pmtop("--no-cgroup", "--", "true")
        self.assertEqual(leftovers(dead.pid, self.word), [], result.stderr)
        self.word = dead_word
        self.assertEqual(leftovers(living.pid, self.word), before)
        self.assertIsNone(living.poll(), self.said(living))

    def test_one_half_alive_is_alive(self):
        """A supervisor that lives tidies up by itself; until then nobody else may."""
        process = self.start_family(*MEMORY)
        supervisor = self.supervisor_of(process)
        stop(supervisor)
        process.kill()
        process.wait()
        self.pmtop("--no-cgroup", "--", "true")
        self.assertTrue(claims(f"pmtop-{process.pid}-"))
        self.assertEqual(self.family(), 3)
        os.kill(supervisor, signal.SIGCONT)
        self.assert_nothing_left(process)


class Random(Case):
    """kill -9 at any moment of a life: while it starts, runs, or tidies up."""

    ROUNDS = int(os.environ.get("PMTOP_TEST_ROUNDS", "40"))

    def test_random_moments(self):
        seed = int(os.environ.get("PMTOP_TEST_SEED", random.randrange(1 << 30)))
        print("seed", seed, flush=True)
        rng = random.Random(seed)
        for n in range(self.ROUNDS):
            options = rng.choice((SWAP, MEMORY, ("--no-cgroup",)))
            ending = rng.choice(("pmtop", "supervisor", "both", "term then both"))
            with self.subTest(round=n, seed=seed, options=options, ending=ending):
                self.one_life(rng, options, ending)

    def one_life(self, rng, options, ending):
        ready = os.path.join(self.folder, "ready")
        process = self.start(*options, "--", PYTHON, CHILD, "family", ready, self.word)
        time.sleep(rng.uniform(0, 0.4))
        # Where pmtop is slow to start there may be none yet.
        supervisors = children(process.pid)
        if ending == "term then both":
            process.terminate()
            time.sleep(rng.uniform(0, 0.1))
        if ending != "supervisor":
            process.kill()
        if ending != "pmtop":
            for pid in supervisors:
                kill(pid)
        if ending == "supervisor" and not supervisors:
            process.kill()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.fail(f"pmtop does not end; {self.said(process)}")
        if ending in ("pmtop", "supervisor") and supervisors and options != ("--no-cgroup",):
            # One of the two was alive, and that is enough.
            self.assert_nothing_left(process)
        self.wait_for_pmtops(*supervisors)
        self.pmtop("--no-cgroup", "--", "true")
        if options == ("--no-cgroup",):
            # Without a group nothing can find what a killed supervisor's workload has forked.
            wait_for(lambda: not [kill(pid) for pid in pids_with(self.word)])
        self.assert_nothing_left(process)
        if os.path.exists(ready):
            os.unlink(ready)


class Forking(Case):
    @unittest.skipIf(os.geteuid(), "makes a user of its own")
    def test_a_storm(self):
        """Killed early, while it grows, and late, at its limit; also by the next pmtop."""
        for moment in (0, 0.02, 0.3):
            for both in (False, True):
                with self.subTest(moment=moment, both=both):
                    ready = os.path.join(self.folder, "ready")
                    process = self.start(*MEMORY, "--", PYTHON, CHILD, "storm", ready, self.word)
                    self.assertTrue(wait_for(lambda: os.path.exists(ready)), self.said(process))
                    os.unlink(ready)
                    time.sleep(moment)
                    supervisors = children(process.pid) if both else []
                    for pid in supervisors:
                        kill(pid)
                    process.kill()
                    process.wait()
                    if both:
                        self.wait_for_pmtops(*supervisors)
                        self.pmtop("--no-cgroup", "--", "true")
                    self.assert_nothing_left(process)

    def test_a_chain_that_never_holds_still(self):
        for options in (MEMORY, ("--no-cgroup",)):
            with self.subTest(options):
                ready = os.path.join(self.folder, "ready")
                process = self.start(*options, "--", PYTHON, CHILD, "chain", ready, self.word)
                self.assertTrue(wait_for(lambda: os.path.exists(ready)), self.said(process))
                os.unlink(ready)
                time.sleep(0.2)
                process.kill()
                process.wait()
                self.assert_nothing_left(process)


if __name__ == "__main__":
    unittest.main()
