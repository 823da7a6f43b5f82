# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Records how each test ended, and which failures get no second attempt."""

import dataclasses
import sys
import time
import traceback
import unittest

from guest import KernelTrouble


class FatalFailure(AssertionError):
    """memoryd did something that it must never do, however busy the host is. A second attempt would only
    hide it."""


@dataclasses.dataclass
class Row:
    """The result of one attempt at a test, which is a line in the file of results."""
    platform: str
    test: str
    outcome: str  # passed, failed or skipped
    seconds: float
    attempt: int = 1
    note: str = ""
    is_fatal: bool = False

    def line(self):
        note = " ".join(self.note.split())
        return "\t".join([self.platform, self.test, self.outcome, f"{self.seconds:.1f}",
                          str(self.attempt), note]) + "\n"


class Recorder(unittest.TestResult):
    """Prints a line for each test when it ends, with its time and the reason of a failure, and keeps a
    Row of each. `on_failure` is called with a failed test before anything is cleaned up."""

    def __init__(self, platform, attempt=1, on_failure=None):
        super().__init__()
        self._on_failure = on_failure
        self.rows = []
        self._platform = platform
        self._attempt = attempt
        self._start = time.monotonic()
        self._failure = None  # of the running test: the reason, and whether it is fatal

    def startTest(self, test):
        super().startTest(test)
        self._start = time.monotonic()
        self._failure = None

    def stopTest(self, test):
        # A test with several parts can fail several times, but counts once.
        if self._failure:
            self._record("failed", test.id(), *self._failure)
            self._failure = None
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._record("passed", test.id(), "; ".join(getattr(test, "notes", [])))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._record("skipped", test.id(), reason)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._fail(subtest, err)

    def condemn(self, test, reasons):
        """Marks a failed test as fatal, so that it gets no second attempt."""
        for row in self.rows:
            if row.test == test.id():
                row.is_fatal = True
                row.note = "; ".join([row.note, *reasons])
        say(f"[{self._platform}] {test.id()}: fatal:", *reasons)

    def finish(self, tests):
        """Records a failure outside of any test, such as a failed boot or a failed last check of the
        console. It counts for the tests that did not run, or else for the last test."""
        seen = {row.test for row in self.rows}
        missing = [test.id() for test in tests if test.id() not in seen]
        if self._failure and not missing:
            reason, is_fatal = self._failure
            row = self.rows[-1]
            row.outcome, row.note = "failed", f"at the end of its class: {reason}"
            row.is_fatal |= is_fatal
            say(f"[{self._platform}] failed  {row.test} {row.note}")
        for name in missing:
            self._record("failed", name, *(self._failure or ("it did not run", False)))

    def _fail(self, test, err):
        is_fatal = issubclass(err[0], (FatalFailure, KernelTrouble))
        reason = (str(err[1]).splitlines() or [err[0].__name__])[0]
        is_first = not self._failure
        if is_first or is_fatal:
            self._failure = (reason, is_fatal)
        say(f"[{self._platform}] {test.id()}:",
            *"".join(traceback.format_exception(*err)).rstrip().splitlines())
        case = getattr(test, "test_case", test)
        if is_first and self._on_failure and isinstance(case, unittest.TestCase):
            self._on_failure(case)

    def _record(self, outcome, name, note="", is_fatal=False):
        seconds = time.monotonic() - self._start
        self.rows.append(Row(self._platform, name, outcome, seconds, self._attempt, note, is_fatal))
        attempt = ", second attempt" if self._attempt > 1 else ""
        say(f"[{self._platform}] {outcome:7} {name} ({seconds:.1f} s{attempt})"
            + (f": {note}" if note else ""))


def say(*lines):
    """Prints a text with a single write, because tests of other guests print to the same place."""
    sys.stdout.write("\n    ".join(lines) + "\n")
    sys.stdout.flush()
