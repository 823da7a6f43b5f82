# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Runs programs on this machine and holds locks, for the harness."""

import contextlib
import fcntl
import subprocess


class HostError(Exception):
    """A program is missing or failed. The text has its output."""


def call(*words, stdin=subprocess.DEVNULL):
    """Runs a program to its end, and returns its output."""
    words = [str(word) for word in words]
    try:
        return subprocess.run(words, check=True, stdin=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace").stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "output", None) or str(error)).strip()
        raise HostError(f"'{' '.join(words)}' failed: {said}") from error


@contextlib.contextmanager
def locked(path, kind=fcntl.LOCK_EX):
    """A context manager that holds a lock on a file. A missing file is created."""
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, kind)
        yield
