#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Looks for phrases that make a reader stop, in documents, messages, comments and names of tests.

Environment: srcdir (.)
Prints a line for each phrase found, and exits with 1 if there is any. Then looks into texts that have
such a phrase, which must be noticed.
"""

import os
import pathlib
import re
import sys

SRCDIR = pathlib.Path(os.environ.get("srcdir", "."))
PLACES = ("README", "README.md", "NEWS", "HACKING.md", "ARCHITECTURE.md", "setup", "kernel/README.md",
          "kernel/*.sh", "conf/*.conf", "conf/examples/*.conf", "man/*.[0-9]", "systemd/*", "src/*.c",
          "src/*/*", "cockpit/*", "contrib/*/*", "tests/contrib/*",
          "tests/*.[ch]", "tests/*.py", "tests/*/*.[ch]", "tests/*/*.py", "debian/*",
          "debian/tests/*", "packaging/*")

# Each phrase, what to write in its place, and a text in which it must be noticed. A space stands for any
# space, also one with the end of a line or of a string in it.
PHRASES = (
    (r"somebody|someone", "name who it is: a user, another program, the kernel",
     "START_TEST(what_somebody_took_offline_stays)"),
    (r"ones? (?:that|which)|that which", "name the thing", "# the last block, the one\n# that grows"),
    (r"what of (?:it|that|this|these|them)", "name the thing", "/*\n * What of\n * these is free\n */"),
    (r"what there is of", "name the thing", 'printf("what there "\n       "is of it");'),
    (r"the same, but", "say what differs", ".\\\" The same,\n.\\\" but on node 1"),
    (r"(?:because|as) (?:it|memoryd) (?:was|is) asked to", "on request", "offline because it\nwas asked to"),
    (r"by the default", "the default rule", "kernel by the default"),
    (r"come when they come", "in any order", "Units come when they come."),
    (r"to who (?:wants|wanted|asks|asked)", "name the reader", "// told to who\n// asked"),
    (r"of which something is awaited", "name what is awaited", "blocks of which something is awaited"),
    (r"an end to it", "cancel it", "what is under way, and an end to it"),
    (r"is through with", "has finished",
     "#define TEXT \\\n        \"when the kernel is \" \\\n        \"through with it\""),
)
# What ends a line inside of a sentence: a comment's or a roff line's start, or two strings in a row.
BREAK = r'(?:[ \t]*"?[ \t]*\\?\n[ \t]*(?:\*|//|#|\.\\")?[ \t]*"?| |_)'


def pattern(phrase):
    return re.compile(r"(?<![A-Za-z])(?:" + phrase.replace(" ", BREAK) + r")(?![A-Za-z])", re.I)


PATTERNS = [(pattern(phrase), better) for phrase, better, _ in PHRASES]


def faults_of(name, text):
    for found, better in PATTERNS:
        for match in found.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            words = " ".join(re.sub(r'["*#_\s]+', " ", match[0]).split())
            yield f"{name}:{line}: \"{words}\": {better}"


def files():
    """Returns each text of the tree once; this file has the phrases. A build in the source tree leaves objects there."""
    found = {path for place in PLACES for path in SRCDIR.glob(place) if path.is_file() and path.suffix != ".o"}
    return sorted(found - {SRCDIR / "tests/check_prose.py"})


def main():
    texts = files()
    if len(texts) < 100:
        raise SystemExit(f"check_prose: only {len(texts)} files in {SRCDIR.resolve()}")
    faults = [fault for path in texts
              for fault in faults_of(path.relative_to(SRCDIR), path.read_text(encoding="utf-8"))]
    faults += [f"not noticed: {text!r}" for _, better, text in PHRASES
               if not any(fault.endswith(better) for fault in faults_of("", text))]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
