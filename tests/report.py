#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Collects test results in a table and prints a run's summary.

  report.py collect --platform TEXT --results FILE FOLDER
      appends to FILE the results that `make check` left in FOLDER
  report.py summary RESULTS STEPS
      prints what ran and how long it took; exits with 1 unless every test passed

RESULTS has a row for each attempt at a test, with tabs between platform, test, outcome (passed, failed
or skipped), seconds, attempt (1 or 2) and a note. STEPS has a row for each step, with tabs between step,
seconds and outcome ("ok", "failed" or the reason why the step did not run).
"""

import argparse
import collections
import pathlib
import sys
import xml.etree.ElementTree

CHECK = "{http://check.sourceforge.net/ns}"
OUTCOMES = {"success": "passed", "failure": "failed", "error": "failed",
            "PASS": "passed", "FAIL": "failed", "ERROR": "failed", "SKIP": "skipped"}
SLOWEST = 10
FAULTS = "test_faults"
SECOND_ATTEMPTS_MAX = 3

Row = collections.namedtuple("Row", "platform test outcome seconds attempt note")


def one_line(text):
    return " ".join((text or "").split())


def read_tests(path):
    """Yields name, outcome, seconds and message of each test in an XML log of Check."""
    tests = [[test.findtext(CHECK + key) for key in ("id", "iteration", "duration", "message")]
             + [OUTCOMES[test.get("result")]]
             for test in xml.etree.ElementTree.parse(path).iter(CHECK + "test")]
    counts = collections.Counter(test[0] for test in tests)
    for name, iteration, duration, message, outcome in tests:
        loop = f"[{iteration}]" if counts[name] > 1 else ""
        # Check writes -1 for a test that did not finish.
        yield name + loop, outcome, max(0.0, float(duration)), message


def collect_program(trs, platform):
    """Returns the rows of a program. `trs` is the file to which automake wrote the result."""
    program = trs.stem
    outcome = OUTCOMES[trs.read_text().partition(":test-result: ")[2].split()[0]]
    seconds = trs.stat().st_mtime - trs.with_suffix(".begin").stat().st_mtime
    rows = []
    try:
        rows = [Row(platform, f"{program}.{name}", result, took, 1,
                    one_line(message) if result == "failed" else "")
                for name, result, took, message in read_tests(trs.with_suffix(".xml"))]
    except (FileNotFoundError, xml.etree.ElementTree.ParseError):
        pass
    # The test does not use Check, or the program failed outside of its tests.
    if not rows or outcome not in (row.outcome for row in rows):
        note = "" if outcome == "passed" else f"see {trs.with_suffix('.log')}"
        rows.append(Row(platform, program, outcome, seconds, 1, note))
    return rows


def collect(arguments):
    rows = [row for trs in sorted(pathlib.Path(arguments.folder).rglob("*.trs"))
            for row in collect_program(trs, arguments.platform)]
    with open(arguments.results, "a", encoding="utf-8") as file:
        for row in rows:
            print(*row._replace(seconds=f"{row.seconds:.3f}"), sep="\t", file=file)
    return 0


def read_table(path):
    if not pathlib.Path(path).exists():
        return []
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def read_rows(path):
    return [Row(platform, test, outcome, float(seconds), int(attempt), note)
            for platform, test, outcome, seconds, attempt, note in read_table(path)]


def count(rows):
    outcomes = collections.Counter(row.outcome for row in rows)
    return ", ".join(f"{outcomes[word]} {word}" for word in ("passed", "failed", "skipped"))


def print_platforms(last, rows):
    """Prints a line for each platform. The seconds are the sum over all attempts at all tests."""
    print("Tests by platform:")
    for platform in dict.fromkeys(row.platform for row in rows):
        seconds = sum(row.seconds for row in rows if row.platform == platform)
        print(f"   {platform:36} {count([row for row in last if row.platform == platform])}"
              f" ({seconds:.0f} s of tests)")


def print_steps(steps):
    print("Seconds by step:")
    for name, seconds, outcome in steps:
        print(f"   {int(seconds):5}  {name}" + ("" if outcome == "ok" else f" ({outcome})"))


def print_slowest(rows):
    print(f"The {SLOWEST} slowest tests:")
    for row in sorted(rows, key=lambda row: -row.seconds)[:SLOWEST]:
        print(f"   {row.seconds:7.1f}  {row.test} ({row.platform})")


def print_faults(last):
    """Prints the table of faults: the notes of the tests that are about them."""
    rows = [row for row in last if row.test.startswith(FAULTS) and row.outcome == "passed" and row.note]
    if rows:
        print("Faults, with the blocks that were lost, or in the wrong class, afterwards:")
    for row in rows:
        for note in row.note.split("; "):
            print(f"   {note} ({row.platform})")


def print_bad(last, outcome):
    for row in last:
        if row.outcome == outcome:
            print(f"   {outcome}: {row.test} ({row.platform}): {row.note}")


def last_attempts(rows):
    """Returns a row for each test: the worst row of its last attempt."""
    last = {}
    for row in sorted(rows, key=lambda row: (row.attempt, row.outcome != "passed")):
        last[row.platform, row.test] = row
    return list(last.values())


def print_verdict(rows):
    """Prints the last lines of a run, and returns whether the run passed."""
    last = last_attempts(rows)
    again = [row.test for row in rows if row.attempt > 1]
    print(f"second attempt: {len(again)}" + (f" ({', '.join(again)})" if again else ""))
    if len(again) > SECOND_ATTEMPTS_MAX:
        print(f"more than {SECOND_ATTEMPTS_MAX} tests needed a second attempt: the run fails")
    print(count(last), flush=True)
    return (bool(last) and all(row.outcome == "passed" for row in last)
            and len(again) <= SECOND_ATTEMPTS_MAX)


def summary(arguments):
    rows, steps = read_rows(arguments.results), read_table(arguments.steps)
    last = last_attempts(rows)

    print_platforms(last, rows)
    print_bad(last, "failed")
    print_bad(last, "skipped")
    for row in rows:
        if row.attempt == 1 and row.outcome == "failed" and row not in last:
            print(f"   failed at first: {row.test} ({row.platform}): {row.note}")
    print_steps(steps)
    print_slowest(rows)
    print_faults(last)
    return 0 if print_verdict(rows) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("collect")
    verb.add_argument("--platform", required=True)
    verb.add_argument("--results", required=True)
    verb.add_argument("folder")
    verb.set_defaults(run=collect)
    verb = verbs.add_parser("summary")
    verb.add_argument("results")
    verb.add_argument("steps")
    verb.set_defaults(run=summary)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
