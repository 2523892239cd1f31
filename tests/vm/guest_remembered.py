# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
# guest: --zram 64
"""A shared page that is swapped out loses its written mark: the screens remember it, live and replayed.

What lens 2 shows of each page is read off a real terminal (tmux), glyph by glyph.
"""
import random
import re
import subprocess
import sys
from pathlib import Path

from guest import PATIENCE, PMTOP, Dump, Target, check, clear_written, report, wait_for, words

PAGES = 256
OUT = 160  # pages that are pushed out, from the first on
NAME = "remembered"
LOG = "/tmp/remembered.pmtop"
SOFT_DIRTY = 1 << 55


class Screen:
    """pmtop in a terminal, opened at the mapping of that name, looked at through lens 2."""

    def __init__(self, *pmtop_words):
        self.socket = "/tmp/tmux-" + pmtop_words[0].strip("-")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", PMTOP,
                  *map(str, pmtop_words), "--ascii", ";",
                  "set-option", "-g", "remain-on-exit", "on")  # what it said is to be seen
        self.until("the list of mappings", lambda text: "ADDRESS" in text and NAME in text)
        self.keys("/", *NAME, "Enter")
        self.until("the mapping found", lambda text: re.search(f"^>.*{NAME}", text, re.MULTILINE))
        self.keys("Enter", "2")
        self.until("its pages", lambda text: "lens 2" in text and len(self.glyphs(text)) == PAGES)

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True,
                              text=True)
        if done.returncode:
            raise AssertionError(f"tmux {arguments}: {done.stderr}")
        return done.stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    @staticmethod
    def glyphs(text):
        """The pages of the grid, row by row."""
        rows = re.findall(r"^[0-9a-f]{8,}  (\S+) *$", text, re.MULTILINE)
        return "".join(rows)

    def until(self, what, holds):
        seen = []
        def look():
            seen[:] = [self.tmux("capture-pane", "-p")]
            return holds(seen[0])
        if not wait_for(look):
            raise AssertionError(f"never saw {what}:\n{seen[0]}")

    def shows(self, what, wanted):
        """Whether it comes to show exactly these glyphs."""
        try:
            self.until(what, lambda text: self.glyphs(text) == wanted)
        except AssertionError as error:
            return check(what, False, "wanted", wanted, error)
        return check(what, True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")


def glyphs(dirty, out):
    """~ remembered, ? in swap without a mark that was seen, + written, - clean."""
    return "".join("~?"[i not in dirty] if i < out else "+-"[i not in dirty] for i in range(PAGES))


def lose_marks(target, address, dirty):
    target.push_out(address, 0, OUT)
    lost = [i for i, word in enumerate(words(target.pid, address, 0, OUT)) if word & SOFT_DIRTY]
    check("the kernel itself has lost the marks", not lost, lost[:10])
    seen = Dump(target.pid).pages(address)[:OUT]
    check("a single look has no marks either", not any("written" in page.marks for page in seen))
    check("the pages are in swap", {page.state for page in seen} == {"shared_swap"})
    check("some of them were written", len([i for i in dirty if i < OUT]) > 20)


def samples():
    """How many the recorder has written; it takes its time where a sample is slow, as here."""
    done = subprocess.run([PMTOP, "replay", LOG, "--info"], capture_output=True, text=True)
    found = re.search(r"^samples +(\d+)$", done.stdout, re.MULTILINE)
    return int(found.group(1)) if found else 0


def wait_for_samples(count):
    if not wait_for(lambda: samples() >= count):
        raise AssertionError(f"the recorder has not written {count} samples, but {samples()}")


def main():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dirty = set(random.Random(seed).sample(range(PAGES), 90))
    with Target() as target:
        address = target.file(f"/dev/shm/{NAME}", PAGES, "shared")
        target.write(address, range(PAGES))
        clear_written(target.pid)
        target.write(address, sorted(dirty), 1)
        recorder = subprocess.Popen([PMTOP, "record", "-p", str(target.pid), "-o", LOG, "--force",
                                     "--quiet"])
        wait_for_samples(1)
        with Screen("-p", target.pid) as live:
            live.shows("live: exactly the pages written", glyphs(dirty, 0))
            lose_marks(target, address, dirty)
            live.shows("live: remembered where the mark was lost", glyphs(dirty, OUT))
        wait_for_samples(samples() + 2)  # one may have begun before the marks were lost
        recorder.terminate()
        check("the recorder ended well", recorder.wait(PATIENCE) == 0, recorder.returncode)
        target.unmap(address, PAGES)
    with Screen("replay", LOG) as replay:
        replay.keys("End")
        replay.keys("e")
        replay.shows("replay: remembered as in the live view", glyphs(dirty, OUT))
    Path(LOG).unlink()
    return report()


if __name__ == "__main__":
    sys.exit(main())
