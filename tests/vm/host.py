# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of this machine that the harness needs."""

import subprocess


class HostError(Exception):
    """A program is missing or failed; the text has what it said."""


def call(*words):
    """Runs a program to its end, and returns what it printed."""
    words = [str(word) for word in words]
    try:
        return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "output", None) or error
        raise HostError(f"'{' '.join(words)}' failed: {said}") from error
