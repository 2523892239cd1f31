#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The walls of the house: who may include what, no mutable globals, functions short and well named.

house.py layers | functions | globals LIBRARY-OR-OBJECT...     (from the top of the tree)
Prints each violation and exits 1; 0 when there is none.
"""

import glob
import re
import subprocess
import sys

# Which folders a file of a folder may include from. No arrow goes up, and there is no circle.
LAYERS = {
    "base": {"base"},
    "model": {"base", "model"},
    "kernel": {"base", "model", "kernel"},
    "workload": {"base", "model", "kernel", "workload"},
    "log": {"base", "model", "kernel", "log"},
    "sample": {"base", "model", "kernel", "workload", "log", "sample"},
    "system": {"base", "model", "kernel", "log", "sample", "system"},
    "report": {"base", "model", "kernel", "sample", "system", "report"},
    "ui": {"base", "model", "sample", "system", "report", "ui"},
    "command": {"base", "model", "kernel", "workload", "log", "sample", "system", "report", "ui",
                "command"},
    ".": {"command"},
}

# Single doors in a wall, with the reason.
DOORS = {
    ("sample/live.h", "kernel/probe.h"): "what is sampled depends on what the probe found",
}

# A library's header belongs to the layers that wrap it.
LIBRARIES = [
    (r"(n?cursesw?/)?n?curses\.h|term\.h|panel\.h", {"ui"}),
    (r"sqlite3\.h", {"log"}),
    (r"zstd.*\.h", {"log"}),
    (r"libproc2/.*", {"kernel"}),
    (r"libcgroup.*|cgroup.*", {"workload"}),
    (r"bpf/.*|linux/bpf\.h", {"kernel"}),
    (r"ini\.h", {"ui"}),
    (r"jansson\.h", {"report", "command", "log", "workload"}),
]

# Features are tried, never derived from a version: only who says which kernel this is may ask.
VERSIONS = {"sys/utsname.h", "linux/version.h"}
SAYS_VERSION = {"command/doctor.c", "sample/recording.c"}

# The model is pure: no header that stands for system calls or I/O.
PURE = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdarg.h",
    "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h",
    "strings.h", "sys/types.h", "time.h", "wchar.h",
}
IMPURE_WITH_REASON = {
    ("base/cleanup.h", "unistd.h"): "close() for the cleanup attribute; pure code does not use it",
}

# Mutable objects with static storage that are right where they are: symbol -> reason.
GLOBALS = {
    "crash": "ui/terminal*.c: a signal handler gets no argument, and must restore the terminal",
}

# Lines of a function, from its name to its closing brace. A file is one object and has no limit.
LONGEST_FUNCTION = 60

# Columns of a line, as of clang-format, which leaves comments as they are.
LONGEST_LINE = 100


def sources():
    paths = glob.glob("src/**/*.[ch]", recursive=True) + glob.glob("ui/**/*.[ch]", recursive=True)
    return sorted(paths)


def folder_of(path):
    """src/kernel/bpf/walk.c -> kernel; ui/app.c -> ui; src/main.c -> ."""
    parts = path.split("/")
    if parts[0] == "ui":
        return "ui"
    return parts[1] if len(parts) > 2 else "."


def check_include(path, line_number, kind, name):
    folder = folder_of(path)
    short = path.removeprefix("src/")
    where = f"{path}:{line_number}"
    for pattern, allowed in LIBRARIES:
        if re.fullmatch(pattern, name) and folder not in allowed:
            yield f"{where}: {name} belongs to {', '.join(sorted(allowed))}, not to {folder}"
    if name in VERSIONS and short not in SAYS_VERSION:
        yield f"{where}: no code may ask which kernel this is: try what is needed (kernel/probe)"
    if kind == '"' and "/" in name:
        target = name.split("/")[0]
        if target not in LAYERS:
            return
        if target not in LAYERS[folder] and (short, name) not in DOORS:
            yield f"{where}: {folder} must not include {name}"
    elif kind == "<" and folder == "model":
        if name not in PURE and (short, name) not in IMPURE_WITH_REASON:
            yield f"{where}: the model is pure, <{name}> is not"


def layers():
    for path in sources():
        with open(path, encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
                if match:
                    yield from check_include(path, number, *match.groups())
                if re.search(r"/proc/(version|sys/kernel/osrelease)|KERNEL_VERSION", line):
                    yield f"{path}:{number}: no code may ask which kernel this is"
                if path.startswith("ui/") and re.search(r'"/(proc|sys)\b', line):
                    yield f"{path}:{number}: a screen must not open /proc or /sys"
    yield from independence()


def independence():
    """The tests hold pmtop against pagemap-test's own account: the two share no code."""
    paths = glob.glob("tools/pagemap-test/*.[ch]")
    if not paths:
        yield "tools/pagemap-test is not where this looks for it"
    for path in paths:
        with open(path, encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
                if match and match[1] != "pagemap-test.h":
                    yield f"{path}:{number}: pagemap-test shares no code with pmtop: {match[1]}"


# A function that begins at the first column, as clang-format lays it out.
FUNCTION = re.compile(r"^(?P<head>[a-z_][^\n;={}]*(?:\n[ \t][^;{}]*?)?)\n\{\n(?P<body>.*?)^\}\n",
                      re.MULTILINE | re.DOTALL)


def functions_of(path):
    """(line number, name, static?, lines) of each function of a file."""
    with open(path, encoding="utf-8") as source:
        text = source.read()
    for match in FUNCTION.finditer(text):
        head = re.sub(r"__attribute__\(\(.*?\)\)\)?", "", match["head"])
        name = re.search(r"(\w+)\(", head)
        if name:
            yield (text.count("\n", 0, match.start()) + 1, name[1], head.startswith("static "),
                   match[0].count("\n"))


def functions():
    seen = {}
    for path in sources():
        with open(path, encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                # A sentence stays in one piece, so that it can be found.
                if len(line.rstrip("\n").expandtabs(8)) > LONGEST_LINE and '"' not in line:
                    yield f"{path}:{number}: more than {LONGEST_LINE} columns"
        prefix = path.split("/")[-1].split(".")[0].replace("-", "_")
        for number, name, static, lines in functions_of(path):
            where = f"{path}:{number}: {name}()"
            if lines > LONGEST_FUNCTION:
                yield f"{where}: {lines} lines, {LONGEST_FUNCTION} is the longest"
            if not static or not path.endswith(".c") or "/bpf/" in path:
                continue
            if not name.startswith((prefix, "cleanup_")):
                yield f"{where}: a static function begins with the name of its file, {prefix}_"
            if name in seen:
                yield f"{where}: also stands in {seen[name]}"
            seen[name] = path


def mutable_symbols(path):
    """(symbol, section) of each object in .data or .bss, (None, None) for each function.

    Constants that need relocation are in .data.rel.ro and are not mutable.
    """
    table = subprocess.run(["readelf", "--wide", "--sections", "--syms", path], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    section_names = {}
    for line in table.splitlines():
        if line.startswith("File: "):
            section_names = {}
        match = re.match(r"\s*\[\s*(\d+)\]\s+(\S+)", line)
        if match:
            section_names[match[1]] = match[2]
            continue
        fields = line.split()
        if len(fields) < 8 or fields[3] not in ("OBJECT", "TLS", "FUNC"):
            continue
        if fields[3] == "FUNC":
            yield None, None
            continue
        section = "COMMON" if fields[6] == "COM" else section_names.get(fields[6], "")
        if re.match(r"COMMON|\.(t?data|t?bss|ldata|lbss)\b", section):
            if not section.startswith(".data.rel.ro"):
                yield fields[7], section


def global_variables(paths):
    for path in paths:
        functions = 0
        for symbol, section in mutable_symbols(path):
            if symbol is None:
                functions += 1
                continue
            # What the sanitizers and the compiler add themselves.
            if re.match(r"__(odr_)?asan|__ubsan|__tsan|\.L|_?\.?Lubsan|CSWTCH", symbol):
                continue
            name = re.sub(r"\.\d+$", "", symbol)
            if name not in GLOBALS:
                yield f"{path}: {name} is mutable and lives in {section}"
        if not functions:
            # Link-time optimisation leaves no symbols to look at: a check of nothing is no check.
            yield f"{path}: has no functions; run this in a build without link-time optimisation"


def main():
    rule = sys.argv[1]
    if rule == "layers":
        found = list(layers())
    elif rule == "functions":
        found = list(functions())
    elif rule == "globals":
        found = list(global_variables(sys.argv[2:]))
    else:
        sys.exit(f"unknown rule {rule}")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
