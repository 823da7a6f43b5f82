# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs and locks of this machine that the harness needs."""

import contextlib
import fcntl
import subprocess


class HostError(Exception):
    """A program is missing or failed; the text has what it said."""


def call(*words, stdin=subprocess.DEVNULL):
    """Runs a program to its end, and returns what it printed."""
    words = [str(word) for word in words]
    try:
        return subprocess.run(words, check=True, stdin=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace").stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "output", None) or str(error)).strip()
        raise HostError(f"'{' '.join(words)}' failed: {said}") from error


@contextlib.contextmanager
def locked(path, kind=fcntl.LOCK_EX):
    """Holds a lock on a file, which is made when it is not there."""
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, kind)
        yield
