#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The committed shell completions equal what the option tables give, and the shells take them."""

import os
import shutil
import subprocess
import sys
import tempfile

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_pmtop
printf '%s\\n' "${COMPREPLY[@]}"
"""

# What is typed, and what must and must not be offered.
CASES = [
    (["pmtop", "re"], ["record", "replay"], ["dump"]),
    (["pmtop", "--th"], ["--theme"], ["--pid"]),
    (["pmtop", "--theme", "l"], ["light"], ["dark"]),
    (["pmtop", "dump", "--"], ["--json", "--pid", "--verify"], ["--theme"]),
    (["pmtop", "run", "--li"], ["--limit"], ["--json"]),
    (["pmtop", "dump", "-p", ""], [str(os.getpid()), "1"], ["--json"]),
    (["pmtop", "--list"], [], ["--list-keys", "--list-events", "--list-options"]),
]


def check_equal(pmtop, directory):
    failures = 0
    with tempfile.TemporaryDirectory() as fresh:
        subprocess.run([os.path.join(directory, "generate"), pmtop, fresh], check=True)
        for name in sorted(os.listdir(fresh)):
            with open(os.path.join(fresh, name), encoding="utf-8") as new, \
                    open(os.path.join(directory, name), encoding="utf-8") as old:
                if new.read() != old.read():
                    print("%s is not what the option tables give; make it again:\n"
                          "  data/completions/generate %s data/completions" % (name, pmtop))
                    failures += 1
    return failures


def check_bash(directory):
    failures = 0
    for words, wanted, unwanted in CASES:
        result = subprocess.run(
            ["bash", "-c", ASK, "bash", os.path.join(directory, "pmtop.bash"), *words],
            check=True, stdout=subprocess.PIPE, text=True)
        offered = result.stdout.split()
        wrong = [w for w in wanted if w not in offered] + [w for w in unwanted if w in offered]
        if wrong:
            print("bash: %s offers %s; wrong: %s" % (" ".join(words), offered, wrong))
            failures += 1
    return failures


def check_syntax(directory):
    failures = 0
    for shell, name in (("zsh", "_pmtop"), ("fish", "pmtop.fish")):
        if not shutil.which(shell):
            print("%s is not installed: its file is compared, but not parsed" % shell)
            continue
        failures += subprocess.run([shell, "-n", os.path.join(directory, name)],
                                   check=False).returncode != 0
    return failures


def main():
    pmtop, directory = sys.argv[1:]
    failures = check_equal(pmtop, directory) + check_bash(directory) + check_syntax(directory)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
