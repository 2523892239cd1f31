#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The terminal is given back as it was, whatever ends pmtop, and no size or signal confuses it.

Usage: terminal.py PMTOP TMUX. Every case runs pmtop from an interactive shell in tmux.
"""
import contextlib
import fcntl
import os
import pty
import random
import re
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import time

CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../workload/child.py")
PMTOP, TMUX = os.path.abspath(sys.argv[1]), sys.argv[2]
# Only what never comes takes as long.
WAIT = 60
LIVE = r"live [\d.]+ m?s"


class Shell:
    """An interactive shell in a tmux pane of its own server."""

    def __init__(self, env=()):
        self.directory = tempfile.TemporaryDirectory(prefix="pmtop-e2e-")
        self.socket = os.path.join(self.directory.name, "tmux")
        self.errors = os.path.join(self.directory.name, "stderr")
        setting = ["env", "-u", "NO_COLOR", "-u", "COLORFGBG", "LC_ALL=C.UTF-8", "PS1=READY> ",
                   # A sanitizer's own handlers would hide how pmtop dies.
                   "ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:"
                   "handle_abort=0", *env]
        try:
            self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
                      *setting, "bash", "--norc", "--noprofile", "-i")
            self.type("ulimit -c 0; bind 'set enable-bracketed-paste off'")
            self.mode = self.stty()
        except BaseException:
            self.close()
            raise

    def tmux(self, *words):
        return subprocess.run([TMUX, "-S", self.socket, *words], check=True, text=True,
                              capture_output=True).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.keys("Enter")

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def until(self, what, text=None):
        """Waits until the text (or function of the screen) holds."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            screen = self.screen()
            if what(screen) if callable(what) else what in screen:
                return screen
            time.sleep(0.03)
        raise AssertionError(f"never saw {text or what!r}; the screen:\n{self.screen()}\n"
                             f"standard error:\n{self.stderr()}")

    def stty(self):
        path = os.path.join(self.directory.name, "stty")
        if os.path.exists(path):
            os.unlink(path)
        self.type(f"stty -g > {path}.new && mv {path}.new {path}")
        end = time.monotonic() + WAIT
        while not os.path.exists(path):
            assert time.monotonic() < end, "the shell does not answer:\n" + self.screen()
            time.sleep(0.03)
        with open(path, encoding="ascii") as file:
            return file.read()

    def stderr(self):
        try:
            with open(self.errors, encoding="utf-8", errors="replace") as file:
                # Another test on this machine may have killed one.
                return re.sub(r"(?m)^pmtop: took away what a killed pmtop had left .*\n", "",
                              file.read())
        except FileNotFoundError:
            return ""

    def start(self, pid, options="", prefix=""):
        self.type(f"clear; {prefix} {PMTOP} -p {pid} {options} 2>{self.errors}")
        self.until(lambda s: re.search(LIVE, s) and "ADDRESS" in s and "q quit" in s,
                   "the live view")
        return self.pmtop()

    def record(self):
        """Starts to record, and waits until it has done so for a second."""
        self.keys("R")
        self.until(lambda s: re.search(r"● rec (?!0:00 )\d+:\d\d", s), "a second of recording")

    def stopped(self):
        """Waits until pmtop is stopped and the shell has the terminal again."""
        self.until(lambda s: "Stopped" in s and s.rstrip().endswith("READY>"), "that it stopped")

    def pmtop(self):
        pane = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        with open(f"/proc/{pane}/task/{pane}/children", encoding="ascii") as file:
            children = file.read().split()
        assert len(children) == 1, children
        return int(children[0])

    def ended(self, status):
        """pmtop has ended with this status and the terminal is as before."""
        self.until(lambda s: s.rstrip().endswith("READY>"), "the prompt")
        # The word is cut in two so that the echo of the line is not taken for the answer.
        self.type("echo sta''tus=$?.")
        screen = self.until(lambda s: re.search(r"status=\d+\.", s), "the exit status")
        assert f"status={status}." in screen, screen
        assert "ADDRESS" not in screen, "the screen was not given back:\n" + screen
        alternate = self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}"
                              " #{mouse_any_flag} #{keypad_cursor_flag}").split()
        assert alternate == ["0", "1", "0", "0"], f"alternate, cursor, mouse, keypad: {alternate}"
        assert self.stty() == self.mode, "stty -g differs"

    def close(self):
        subprocess.run([TMUX, "-S", self.socket, "kill-server"], check=False,
                       capture_output=True)
        self.directory.cleanup()


def with_shell(case):
    def run():
        target = subprocess.Popen(["sleep", "1000"])
        try:
            shell = Shell()
            try:
                case(shell, target)
            finally:
                shell.close()
        finally:
            target.kill()
            target.wait()
    run.__name__ = case.__name__
    return run


@with_shell
def quits(shell, target):
    for key in "q", "F10", "C-c":
        shell.start(target.pid)
        shell.keys(key)
        shell.ended(0)
        assert shell.stderr() == "", shell.stderr()


@with_shell
def signals(shell, target):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
        pid = shell.start(target.pid)
        os.kill(pid, number)
        shell.ended(128 + number)
        assert f"ended by {number.name}" in shell.stderr(), shell.stderr()


@with_shell
def recordings_are_closed(shell, target):
    """Whatever ends the view, the log is one file and the last line says what is in it."""
    shell.type(f"cd {shell.directory.name}")
    ways = ["q", "F10", "C-c", signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
    for way in ways:
        pid = shell.start(target.pid)
        shell.record()
        if isinstance(way, str):
            shell.keys(way)
            shell.ended(0)
        else:
            os.kill(pid, way)
            shell.ended(128 + way)
        said = re.search(r"pmtop: recorded (\d+) samples into (\S+) \(", shell.stderr())
        assert said, (way, shell.stderr())
        logs = [name for name in os.listdir(shell.directory.name) if ".pmtop" in name]
        assert logs == [said.group(2)], (way, logs, said)
        path = os.path.join(shell.directory.name, logs[0])
        info = subprocess.run([PMTOP, "replay", "--info", path], check=True, text=True,
                              capture_output=True).stdout
        assert f"samples {said.group(1)}" in re.sub(" +", " ", info), (said, info)
        with open(path, "rb") as file:
            assert file.read(20)[18] == 1, "still a log with a WAL"
        os.unlink(path)


@with_shell
def recordings_end_with_the_process(shell, target):
    """Its log is closed while the view goes on; its end is in it, and the screen says what is."""
    for columns, rows in ((80, 24), (200, 50)):
        shell.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        shell.type(f"cd {shell.directory.name}")
        mortal = subprocess.Popen(["sleep", "1000"])
        try:
            shell.start(mortal.pid)
            shell.record()
        finally:
            mortal.kill()
            mortal.wait()
        screen = shell.until(lambda s: re.search(r"recorded \d+ samples into pmtop-", s), "its end")
        assert "● rec" not in screen and "ENDED" in screen, screen
        log, = [name for name in os.listdir(shell.directory.name) if ".pmtop" in name]
        path = os.path.join(shell.directory.name, log)
        with open(path, "rb") as file:
            assert file.read(20)[18] == 1, "still a log with a WAL"
        with contextlib.closing(sqlite3.connect(path)) as database:
            ends = database.execute("SELECT kind, text FROM event WHERE mapping IS NULL").fetchall()
            assert ends == [("ended", "killed by signal 9")] or \
                ends == [("ended", "the process ended")], ends
        shell.keys("R")
        shell.until("there is nothing more to record")
        shell.keys("q")
        shell.ended(0)
        said = re.findall(r"pmtop: recorded (\d+) samples into (\S+) \(", shell.stderr())
        assert said == [(str(samples_of(path)), log)], (said, samples_of(path))
        assert os.listdir(shell.directory.name).count(log) == 1
        os.unlink(path)


def samples_of(log):
    """Counted by another program than pmtop."""
    with contextlib.closing(sqlite3.connect(log)) as database:
        return database.execute("SELECT count(*) FROM sample").fetchone()[0]


@with_shell
def recordings_have_a_limit(shell, target):
    """A full log ends the recording, the view says so and goes on; with --rotate it goes on too."""
    most = 128 << 10
    shell.type(f"cd {shell.directory.name}")

    def logs():
        sizes = {}
        for name in os.listdir(shell.directory.name):
            if name.startswith("pmtop-") and not name.endswith(("-wal", "-shm")):
                with contextlib.suppress(FileNotFoundError):  # it was rotated just now
                    sizes[name] = os.stat(os.path.join(shell.directory.name, name)).st_size
        return sizes

    restless = subprocess.Popen([sys.executable, CHILD, "restless"])
    try:
        shell.start(restless.pid, "--max-size 128K")
        shell.keys("R")
        screen = shell.until("log full: ")
        assert "● rec" not in screen and re.search(LIVE, screen), screen
        shell.keys("q")
        shell.ended(0)
        said = re.search(r"log full: (\d+) samples in (\S+) \(.*--max-size", shell.stderr())
        assert said and int(said.group(1)) > 2, shell.stderr()
        assert list(logs()) == [said.group(2)] and max(logs().values()) <= most, logs()
        os.unlink(os.path.join(shell.directory.name, said.group(2)))

        shell.start(restless.pid, "--max-size 128K --rotate 2")
        shell.keys("R")
        screen = shell.until(lambda s: len(logs()) >= 3, "three logs")
        assert "● rec" in screen, screen
        shell.keys("q")
        shell.ended(0)
        names = sorted(logs())
        assert names == [names[0], names[0] + ".1", names[0] + ".2"], names
        assert max(logs().values()) <= most, logs()
        said = re.search(r"recorded (\d+) samples into (\S+) and (\S+) to (\S+) \(",
                         shell.stderr())
        assert said and said.groups()[1:] == tuple(names), shell.stderr()
        assert int(said.group(1)) == sum(samples_of(os.path.join(shell.directory.name, name))
                                         for name in names), shell.stderr()
    finally:
        restless.kill()
        restless.wait()


@with_shell
def a_log_is_removed(shell, target):
    """80 columns have room for why a recording ended; the view goes on, and says it at its end."""
    shell.type(f"cd {shell.directory.name}")
    shell.start(target.pid)
    shell.record()
    for name in os.listdir(shell.directory.name):
        if name.endswith(".pmtop"):
            os.unlink(os.path.join(shell.directory.name, name))
    screen = shell.until("the recording ended after")
    assert "somebody removed or replaced it" in screen.splitlines()[-1], screen
    assert "● rec" not in screen and re.search(LIVE, screen), screen
    left = [name for name in os.listdir(shell.directory.name) if ".pmtop" in name]
    assert not left, left
    shell.keys("q")
    shell.ended(0)
    assert re.search(r"somebody removed or replaced it \(pmtop-.*\.pmtop\)", shell.stderr())


@with_shell
def nowhere_to_record(shell, target):
    """Where no file can be made, R names the directory and the way out; the view goes on."""
    shell.type("cd /sys")
    shell.start(target.pid)
    shell.keys("R")
    screen = shell.until("cannot record in /sys: Permission denied; start pmtop where you")
    assert "● rec" not in screen and re.search(LIVE, screen), screen
    shell.keys("q")
    shell.ended(0)


@with_shell
def replays_the_demo(shell, target):
    """The recorded session that README.md begins with: it plays, pauses, goes to its end and back."""
    demo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data/demo.pmtop")
    with open(demo, "rb") as file:
        before = file.read()
    # Counted by another program than pmtop.
    with contextlib.closing(sqlite3.connect(f"file:{demo}?immutable=1", uri=True)) as log:
        last, = log.execute("SELECT max(sample) FROM sample").fetchone()
        swapped, = log.execute(
            "SELECT shared_swap FROM total ORDER BY sample DESC LIMIT 1").fetchone()
    shell.type(f"clear; {PMTOP} replay {demo} 2>{shell.errors}")
    first = shell.until(lambda s: re.search(rf"REPLAY #\d+/{last} ", s), "the replay")
    shell.until(lambda s: "REPLAY #" in s and s.splitlines()[0] != first.splitlines()[0],
                "that it plays")
    shell.keys("Space")
    shell.until("REPLAY PAUSED #")
    shell.keys("e")
    shell.until(f"REPLAY #{last}/{last}")
    shell.until(f"shared-swap {swapped * 4}K")
    shell.until("ended: exited (0)")
    shell.keys(":", "+", "0", "s", "Enter")
    shell.until(f"REPLAY PAUSED #0/{last}")
    shell.until("shared-swap -")
    shell.keys("q")
    shell.ended(0)
    assert shell.stderr() == "", shell.stderr()
    with open(demo, "rb") as file:
        assert file.read() == before, "the log was written to"


@with_shell
def crashes(shell, target):
    for number in signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT:
        pid = shell.start(target.pid)
        os.kill(pid, number)
        shell.ended(128 + number)
        assert "crashed" in shell.stderr(), shell.stderr()


@with_shell
def suspends(shell, target):
    shell.start(target.pid)
    shell.keys("C-z")
    shell.stopped()
    assert shell.stty() == shell.mode, "stty -g differs while stopped"
    shell.type("clear; fg")
    shell.until(lambda s: "ADDRESS" in s and "q quit" in s, "the screen after fg")
    pid = shell.pmtop()
    os.kill(pid, signal.SIGTSTP)  # from elsewhere
    shell.stopped()
    shell.type("clear; fg")
    shell.until(lambda s: "ADDRESS" in s and "q quit" in s, "the screen after the second fg")
    shell.keys("q")
    shell.until(lambda s: s.rstrip().endswith("READY>"), "the prompt")
    assert shell.stty() == shell.mode, "stty -g differs"


@with_shell
def tiny(shell, target):
    shell.start(target.pid)
    for width, height in (20, 5), (10, 3), (5, 2), (1, 1), (20, 5):
        shell.tmux("resize-window", "-x", str(width), "-y", str(height))
        shell.keys("?")
        shell.keys("Escape")
        shell.keys("j")
    shell.until(lambda s: ">" in s and "quit" in s, "the list at 20x5")
    shell.keys("?")
    shell.until("Keys of this screen"[:20])
    shell.keys("Escape")
    shell.tmux("resize-window", "-x", "80", "-y", "24")
    shell.until(lambda s: "ADDRESS" in s and "? help" in s, "the list at 80x24")
    shell.keys("q")
    shell.ended(0)


@with_shell
def unknown_keys(shell, target):
    """A key that terminfo does not know is one key, and not Esc and some letters: those go back."""
    # The entry of another terminal: its Home is ESC O H, while tmux sends ESC [ 1 ~.
    shell.start(target.pid, prefix="TERM=xterm-256color")

    def selected(screen):
        return [y for y, line in enumerate(screen.splitlines()) if line.startswith(">")]

    first = selected(shell.screen())
    shell.keys("j", "j")
    shell.until(lambda s: selected(s) not in ([], first), "another row")
    shell.keys("Home")
    shell.until(lambda s: selected(s) == first, "the first row")
    shell.keys("Enter")
    shell.until("per tile")
    for sequence in "\033[25;6~", "\033[1;9Q", "\033Ox", "\033[4~", "\033[7~":
        shell.keys("-l", sequence)
        shell.keys("6")  # answered in the last row, once what came before it has been read
        shell.until("lens 6 difference:")
        shell.keys("1")
        screen = shell.until("lens 1 where:")
        assert "per tile" in screen, (sequence, screen)
    shell.keys("q")
    shell.ended(0)


@with_shell
def torn_answers(shell, target):
    """What the terminal answers is no key, also in pieces; a key that cuts or ends it is one."""
    shell.start(target.pid)
    shell.keys("Enter")
    shell.until("per tile")
    for pieces in (["\033]11;rgb:2222/3333/4444\033\\"], ["\033]11;rgb:2222/", "3333/4444\033\\"],
                   ["\033]11;rgba:2222/3333/4444/5555\007"], ["\033]11;rgb:22/33/4", "4\007"],
                   ["\033]11;rgb:2222/3333/4444\033", "\\"]):
        for piece in pieces:
            shell.keys("-l", piece)
            time.sleep(0.1)
        shell.keys("?")
        shell.until("Keys of this screen")
        shell.keys("Escape")
        screen = shell.until("per tile")
        assert "lens 1 where" in screen, (pieces, screen)
    for torn in "\033]11;rgb:2222", "\033]11;rgb:2222/3333/4444", "\033]11;":
        shell.keys("-l", torn)
        shell.keys("6")
        shell.until("lens 6 difference")
        shell.keys("-l", torn)
        time.sleep(1)
        shell.keys("1")
        shell.until("lens 1 where")
    shell.keys("-l", "\033]11;rgb:2222")
    shell.keys("6")
    shell.keys("-l", "/3333/4444\007")
    shell.until("lens 6 difference")
    shell.keys("q")
    shell.ended(0)


@with_shell
def resize_storm(shell, target):
    random.seed(4)
    pid = shell.start(target.pid)
    shell.keys("Enter")
    for _ in range(120):
        shell.tmux("resize-window", "-x", str(random.randint(1, 250)), "-y",
                   str(random.randint(1, 80)))
        shell.keys(random.choice(["j", "k", "Enter", "Escape", "?", "Escape", "Tab", "v", "-", "+"]))
    shell.tmux("resize-window", "-x", "100", "-y", "30")
    assert shell.pmtop() == pid
    for _ in range(4):
        shell.keys("Escape")
        time.sleep(0.1)
    shell.keys("j")
    shell.until(lambda s: len(s.split("\n")) >= 30 and "q quit" in s, "the screen at 100x30")
    shell.keys("q")
    shell.ended(0)


@with_shell
def target_ends(shell, target):
    shell.start(target.pid)
    target.kill()
    target.wait()
    screen = shell.until("ENDED")
    assert "ADDRESS" in screen, "what was seen last does not stay:\n" + screen
    shell.keys("j")
    shell.keys("Enter")
    shell.until(lambda s: "pages" in s and "ENDED" in s, "the pages of the dead")
    shell.keys("q")
    shell.ended(0)
    assert f"process {target.pid} had ended" in shell.stderr(), shell.stderr()


@with_shell
def colours(shell, target):
    def sequences():
        return re.findall(r"\033\[[0-9;]*m", shell.screen("-e"))

    shell.start(target.pid)
    assert any("38;5" in s for s in sequences()), sequences()
    shell.keys("q")
    shell.ended(0)
    for prefix, options in ("NO_COLOR=1", ""), ("", "--color=never"), ("TERM=vt100", ""):
        shell.start(target.pid, options, prefix)
        used = sequences()
        assert not any(re.search(r"\b(3[0-7]|4[0-7]|9[0-7]|38|48)\b", s) for s in used), used
        shell.keys("q")
        shell.ended(0)


@with_shell
def plain_characters(shell, target):
    for prefix, options in ("LC_ALL=C", ""), ("", "--ascii"):
        shell.start(target.pid, options, prefix)
        shell.keys("Enter")
        screen = shell.until("per tile")
        assert screen.isascii(), screen
        shell.keys("q")
        shell.ended(0)


def not_a_terminal():
    """A clear line, the batch form, and the right status."""
    own = str(os.getpid())
    for options, status, text in (["-p", own], 1, "pmtop dump"), (["--no-such"], 2, "--no-such"), \
            (["-p", "x"], 2, "not a process id"), (["-p", own, "extra"], 2, "extra"), \
            (["-p", own, "--rotate", "2"], 2, "--rotate needs --max-size"), \
            (["-p", own, "--max-size", "1K"], 2, "less than 128K"):
        run = subprocess.run([PMTOP, *options], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=WAIT, check=False)
        assert run.returncode == status and text in run.stderr and not run.stdout, run


def input_ends():
    """The terminal goes away: pmtop ends at once and does not spin."""
    target = subprocess.Popen(["sleep", "1000"])
    pid, master = pty.fork()
    if not pid:
        os.environ["TERM"] = "xterm-256color"
        os.execv(PMTOP, [PMTOP, "-p", str(target.pid)])
    seen = b""
    end = time.monotonic() + WAIT
    while b"live" not in seen and time.monotonic() < end:
        if select.select([master], [], [], 0.5)[0]:
            seen += os.read(master, 65536)
    assert b"live" in seen, seen
    os.close(master)
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        done, _ = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise AssertionError("pmtop goes on without a terminal")
    target.kill()
    target.wait()


def ends_within(process, seconds):
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    return process.poll()


def progress(pid):
    """What its main thread waits in, and the time that it has used."""
    with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
        waits = file.read()
    with open(f"/proc/{pid}/task/{pid}/sched", encoding="ascii") as file:
        return waits, re.search(r"nr_voluntary_switches *: *(\d+)", file.read()).group(1)


def until_nothing_is_taken(pid, master, size):
    """The terminal is full: it has pmtop wait in a write, or tells it not to write at all."""
    before, end = None, time.monotonic() + WAIT
    while time.monotonic() < end:
        fcntl.ioctl(master, termios.TIOCSWINSZ, size)
        os.kill(pid, signal.SIGWINCH)  # draws all of it once more
        time.sleep(0.3)
        now = progress(pid)
        full = not select.select([], [TERMINAL[master]], [], 0)[1]
        if full and (now == before or "poll" in now[0]):
            return now[0]
        before = now
    raise AssertionError("the terminal is never full")


TERMINAL = {}


def nobody_reads(columns, rows, number):
    """A terminal that takes nothing more: the signal ends pmtop, and the terminal is given back."""
    master, terminal = pty.openpty()
    TERMINAL[master] = terminal
    size = struct.pack("HHHH", rows, columns, 0, 0)
    fcntl.ioctl(master, termios.TIOCSWINSZ, size)
    before = termios.tcgetattr(terminal)
    target = subprocess.Popen(["sleep", "1000"])
    process = subprocess.Popen([PMTOP, "-p", str(target.pid)], stdin=terminal, stdout=terminal,
                               stderr=subprocess.PIPE, start_new_session=True,
                               env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"})
    try:
        waits = until_nothing_is_taken(process.pid, master, size)
        process.send_signal(number)
        status = ends_within(process, WAIT)
        assert status == -number, (columns, number, waits, status)
        assert termios.tcgetattr(terminal) == before, (columns, number, "stty differs")
        assert os.get_blocking(terminal), "the terminal does not block any more"
        left = b""
        while select.select([master], [], [], 0.2)[0]:
            left += os.read(master, 65536)
        assert b"\x1b[?1049l" in left, (columns, number, waits, left[-200:])
        said = process.stderr.read().decode()
        assert f"ended by {signal.Signals(number).name}" in said, said
        return waits
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        target.kill()
        target.wait()
        os.close(master)
        os.close(terminal)


def ends_where_nobody_reads():
    """A frame larger than the room waits in a write; after small ones nothing is written."""
    seen = set()
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
        seen.add(nobody_reads(800, 300, number))
    seen.add(nobody_reads(80, 24, signal.SIGTERM))
    assert any("poll" not in waits for waits in seen), f"no write waited: {seen}"


def main():
    failed = 0
    for case in (quits, signals, recordings_are_closed, recordings_end_with_the_process,
                 recordings_have_a_limit,
                 a_log_is_removed, nowhere_to_record, replays_the_demo, crashes, suspends, tiny,
                 unknown_keys, torn_answers, resize_storm, target_ends, colours, plain_characters,
                 not_a_terminal, input_ends, ends_where_nobody_reads):
        try:
            case()
            print("ok  ", case.__name__, flush=True)
        except AssertionError as error:
            failed += 1
            print("FAIL", case.__name__, error, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
