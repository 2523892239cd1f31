#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The live tests: pmtop on the running kernel, against targets that know the truth.

    tests/live/run.py --bin build/dev                    all of them
    tests/live/run.py --bin build/dev --only exact --kind uffd-wp --seed 4711
    tests/live/run.py --bin build --swap existing        in a guest that has swap

Needs root. Status 0: all passed; 1: something failed; 77: nothing could be tested, and why.
"""
import argparse
import os
import random
import signal
import sys

import case_advice
import case_areas
import case_bad_input
import case_exact
import case_fallbacks
import case_kinds
import case_limits
import case_process
import case_reservation
import case_rights
import case_servers
import case_special
import case_stuck
import case_swaps
import case_untouched
from harness import SKIPPED, Failure, Programs, Report, Skip, Swap

CASES = {
    "advice": case_advice,
    "exact": case_exact,
    "kinds": case_kinds,
    "limits": case_limits,
    "process": case_process,
    "fallbacks": case_fallbacks,
    "reservation": case_reservation,
    "rights": case_rights,
    "untouched": case_untouched,
    "bad_input": case_bad_input,
    "servers": case_servers,
    "swaps": case_swaps,
    "areas": case_areas,
    "stuck": case_stuck,
    "special": case_special,
}


def options_of(words):
    parser = argparse.ArgumentParser(description="Test pmtop on the running kernel.")
    parser.add_argument("--bin", metavar="DIR", help="where pmtop is (default: PMTOP_BUILD)")
    parser.add_argument("--only", default=",".join(CASES), metavar="LIST", help=", ".join(CASES))
    parser.add_argument("--kind", type=lambda text: text.split(","), metavar="LIST",
                        help="with exact: only these kinds of pagemap-test")
    parser.add_argument("--rounds", type=int, default=3, help="seeds for each kind")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32),
                        help="of the whole run; printed")
    parser.add_argument("--swap", choices=["own", "existing"], default="own")
    parser.add_argument("--swap-size", type=int, default=768, metavar="MiB")
    parser.add_argument("--quiet", action="store_true", help="only what failed or was skipped")
    parser.add_argument("--fail-fast", action="store_true", help="end with the first failure")
    options = parser.parse_args(words)
    options.only = options.only.split(",")
    for name in options.only:
        if name not in CASES:
            parser.error(f"no such test: {name}")
    return options


def main():
    # Whoever ends us by a signal still has swap and cgroups removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(1))
    options = options_of(sys.argv[1:])
    report = Report(not options.quiet, options.fail_fast)
    print(f"live tests: {' '.join(options.only)}, --seed {options.seed}, "
          f"Linux {os.uname().release}", flush=True)
    try:
        programs = Programs(options.bin)
        if os.geteuid():
            raise Skip("the live tests need root")
        with Swap(options.swap_size, existing=options.swap == "existing"):
            for name in options.only:
                try:
                    CASES[name].run(report, programs, options)
                except Skip as why:
                    report.skipped.append(name)
                    print(f"skip  {name}: {why}")
    except Skip as why:
        print(f"skip  everything: {why}")
        return SKIPPED
    except Failure as error:
        print(f"FAIL  {error}")
        return 1
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
