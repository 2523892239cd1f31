#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pmtop.1 names the options of each command, and no others. Usage: manual.py PMTOP PMTOP.1"""

import re
import subprocess
import sys

EVERYWHERE = {"help"}  # said once, of all commands


def ask(pmtop, *words):
    result = subprocess.run([pmtop, *words], check=True, stdout=subprocess.PIPE, text=True)
    return result.stdout.splitlines()


def sections(path):
    """Command ("" for the screens) to the long options that its section has items for."""
    found, word = {}, None
    with open(path, encoding="utf-8") as manual:
        for line in manual:
            if line.startswith((".Sh", ".Ss")):
                title = line.split(maxsplit=1)[1].strip()
                word = title if line.startswith(".Ss") else None
            elif word and line.startswith(".It Fl"):
                names = re.findall(r"(?:^| )-([a-z][a-z-]+)", line)
                found.setdefault(word, set()).update(names)
    found[""] = found.pop("The viewer")
    return found


def main():
    pmtop, path = sys.argv[1:]
    manual = sections(path)
    wrong = 0
    for word in [""] + [line.split("\t")[0] for line in ask(pmtop, "--list-commands")]:
        lines = ask(pmtop, *([word] if word else []), "--list-options")
        options = {line.split()[0][2:] for line in lines} - EVERYWHERE
        named = manual.pop(word, set()) - EVERYWHERE
        for name in sorted(options ^ named):
            side = "lacks" if name in options else "has, but pmtop has not,"
            print(f"pmtop.1, {word or 'the viewer'}: {side} --{name}")
            wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
