#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Put the table "What is exact where" into README.md, from runs on the kernels themselves.

    sudo tests/vm/table.py --build build/release

Runs guest_table.py under each kernel of the guests and on this machine, and replaces what is
between the two marks in README.md. Status 1 when a run found a page shown as what it is not.
"""
import argparse
import json
import os
import subprocess
import sys

import cache
import guest_table
import image

BEGIN, END = "<!-- table begin: tests/vm/table.py -->", "<!-- table end -->"
README = image.SOURCE / "README.md"


def run(words, build):
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PMTOP": str(build / "pmtop")})
    for line in done.stdout.splitlines():
        if line.startswith("TABLE "):
            return json.loads(line[6:])
        # The README is what is being made: that it does not say this yet is no failure.
        if line.startswith("FAILED") and "README" not in line:
            sys.exit(f"{words}: {line}")
    sys.exit(f"{words}: status {done.returncode}, no table\n{done.stdout[-2000:]}")


def collect(build):
    script = image.HERE / "guest_table.py"
    tables = [run([image.HERE / "vm.py", "--kernel", kernel, "--build", build, "--script", script],
                  build) for kernel in cache.KERNELS]
    return tables + [run(["/usr/bin/python3", "-B", script], build)]


def render(tables):
    heads = [(table["release"], right) for table in tables for right in guest_table.RIGHTS]
    columns = {(table["release"], right): words for table in tables
               for right, words in table["columns"].items()}
    lines = ["| | " + " | ".join(f"{release} {right}" for release, right in heads) + " |",
             "|---|" + "---|" * len(heads)]
    for row, text in guest_table.ROWS.items():
        lines.append(f"| {text} | " + " | ".join(columns[head][row] for head in heads) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=image.Path, default=image.SOURCE / "build/release")
    build = parser.parse_args().build.resolve()
    table = render(collect(build))
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
