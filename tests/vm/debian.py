#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Makes trees from Debian's packages, for the disks of guests and for chroots, and has the cache for them. As
a program it prints the package sources of a suite.

A tree is built under a temporary name and renamed when it is complete, so that an interrupted run leaves
nothing that looks like a result."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import typing

import recipe
from host import HostError

# The mirrors of a machine that has no package sources of Debian.
MIRROR, SECURITY_MIRROR = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"
# What may follow the name of a suite in the name of an archive.
UPDATES = ("", "-updates", "-security")
BACKPORTS = "-backports"


class Source(typing.NamedTuple):
    """A package source of apt. `options` has its brackets, and a blank behind them, or is empty."""
    options: str
    uri: str
    archive: str
    components: str

    def line(self):
        return f"deb {self.options}{self.uri} {self.archive} {self.components}"


def cache_folder(variable="MEMORYD_VM_CACHE", name="memoryd-vm"):
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return pathlib.Path(os.environ.get(variable) or default / name)


@contextlib.contextmanager
def temporary(cache):
    """A context manager for a folder in the cache. The caller holds the lock of the cache."""
    # Only one builder holds the lock, so any folder that is left here belongs to a killed builder.
    for path in cache.glob("new-*"):
        shutil.rmtree(path)
    path = pathlib.Path(tempfile.mkdtemp(prefix="new-", dir=cache))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def require_root(reason):
    if os.geteuid() != 0:
        raise HostError(reason)


def require_tools(*names):
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        raise HostError(f"not installed: {', '.join(missing)}")


def make_tree(suite, packages, tree, report, options=()):
    """Installs packages of a suite into the folder `root` of the tree, which is made. The folder of the
    tree also gets the log. `options` are more options of mmdebstrap."""
    require_tools("mmdebstrap")
    report(f"making a tree of {recipe.SUITES[suite].release} from {len(packages)} packages and what "
           "they need (minutes)")
    command = [
        "mmdebstrap", "--verbose", "--variant=minbase", f"--include={','.join(packages)}",
        "--aptopt=Acquire::Languages none",
        *(f"--dpkgopt={option}" for option in recipe.DPKG_OPTIONS), *options,
        "--skip=cleanup/reproducible/machine-id",
        suite, str(tree / "root"), *(source.line() for source in sources(suite)),
    ]
    log, progress = tree / "log", Progress(report)
    with open(log, "w", encoding="utf-8") as output, subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            encoding="utf-8", errors="replace") as process:
        for line in process.stdout:
            output.write(line)
            progress.read(line)
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-30:]
        raise HostError("mmdebstrap failed:\n" + "\n".join(tail))
    tree.joinpath("root").chmod(0o755)


class Progress:
    """Condenses the output of mmdebstrap and its tools to an occasional line that says what they do and
    how far they are."""

    SECONDS = 5
    # The step that a line reports for one package, by the beginning of the line.
    STEPS = {"Get:": "downloading", "Unpacking ": "unpacking", "Setting up ": "setting up"}

    def __init__(self, report):
        self._report = report
        self._totals = 0  # apt installs in several rounds, and prints a number of packages before each
        self._counts = dict.fromkeys(self.STEPS.values(), 0)
        self._next = time.monotonic() + self.SECONDS

    def read(self, line):
        found = re.search(r"\b(\d+) newly installed", line)
        self._totals += int(found[1]) if found else 0
        for begin, step in self.STEPS.items():
            # Until the first number, apt downloads its lists.
            if self._totals and line.startswith(begin):
                self._counts[step] += 1
                if time.monotonic() >= self._next:
                    self._next = time.monotonic() + self.SECONDS
                    self._report(f"   {step} packages: {self._counts[step]} of {self._totals}")


def sources(suite, folder=pathlib.Path("/etc/apt")):
    """Returns package sources for a suite. They are those of this machine, which are known to work here.
    A machine with sources of another suite has its mirrors, which have all suites. Else they are
    Debian's."""
    own = _sources_of_machine(folder)
    for name in (suite, *recipe.SUITES):
        found = [source._replace(archive=suite + source.archive.removeprefix(name)) for source in own
                 if source.archive in (name + end for end in UPDATES)]
        if found:
            break
    else:
        found = [Source("", MIRROR, suite, "main"), Source("", MIRROR, f"{suite}-updates", "main"),
                 Source("", SECURITY_MIRROR, f"{suite}-security", "main")]
    if recipe.SUITES[suite].backports:
        found += [source._replace(archive=suite + BACKPORTS) for source in found
                  if source.archive == suite]
    return list(dict.fromkeys(found))


def _sources_of_machine(folder):
    found = []
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        if path.exists():
            found += _one_line_sources(path.read_text())
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        found += _deb822_sources(path.read_text())
    return found


def _one_line_sources(text):
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].replace("]", "] ", 1).split()
        if words[:1] != ["deb"]:
            continue
        # Options stand in brackets and may contain blanks.
        options, rest = "", words[1:]
        if rest and rest[0].startswith("["):
            while rest and not options.endswith("] "):
                options += f"{rest.pop(0)} "
        if len(rest) >= 3 and "main" in rest[2:]:
            found.append(Source(options, rest[0], rest[1], " ".join(rest[2:])))
    return found


def _deb822_sources(text):
    found = []
    for stanza in text.split("\n\n"):
        fields = {}
        for line in stanza.splitlines():
            name, colon, value = line.partition(":")
            if colon and not line.startswith(("#", " ")):
                fields[name.lower()] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        signed = fields.get("signed-by", [])
        options = f"[signed-by={signed[0]}] " if signed else ""
        found += [Source(options, uri, archive, " ".join(fields["components"]))
                  for uri in fields.get("uris", [])
                  for archive in fields.get("suites", [])
                  if "main" in fields.get("components", [])]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in recipe.SUITES:
        sys.exit(f"usage: debian.py {'|'.join(recipe.SUITES)}")
    for known in sources(sys.argv[1]):
        print(known.line())
