# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Compiles programs for tests on this machine, and copies them to the guest."""

import collections
import itertools
import os
import pathlib
import shlex
import tempfile

from guest import GuestError
from host import call

# The libraries of each program, by its name.
LIBRARIES = {"hostile": ["libsystemd"], "latency": ["libsystemd"]}


class Load:
    """A run of the program `load`, which uses memory of the guest. The arguments say how."""

    _numbers = itertools.count(1)

    def __init__(self, guest, arguments):
        self._guest = guest
        self._file = f"/run/load.{next(self._numbers)}"
        guest.run(f": >{self._file}")  # the file may be read before the program has started
        self._process = guest.start(f"exec load {arguments} >{self._file} 2>&1")
        guest.wait_until(self._has_spoken, f"'load {arguments}' being ready")
        self.said = self.output().splitlines()[0]

    def _has_spoken(self):
        if self._process.result():
            raise GuestError(f"load ended: {self.output()}")
        return "\n" in self.output()

    def output(self):
        return self._guest.run(f"cat {self._file}")

    def pages(self):
        """Returns how many pages the program has on each node, by the node's number."""
        text = self._guest.run(f"grep -o '\\bN[0-9]*=[0-9]*' /proc/{self._process.pid}/numa_maps")
        pages = collections.Counter()
        for line in text.splitlines():
            node, _, count = line[1:].partition("=")
            pages[int(node)] += int(count)
        return pages

    def end(self):
        """Ends the program, waits for its last actions, and returns its exit code."""
        return self._process.stop().code


def bring_in(guest, name):
    """Compiles NAME.c of this folder, which may include headers of src/, installs it in the guest, and returns its
    path there."""
    path = f"/usr/local/bin/{name}"
    guest.write_file(path, _compile(name))
    guest.run(f"chmod 755 {path}")
    return path


def _compile(name):
    source = pathlib.Path(__file__).resolve().with_name(f"{name}.c")
    headers = source.parents[2] / "src"
    with tempfile.TemporaryDirectory(prefix="memoryd-vm-") as folder:
        program = pathlib.Path(folder) / name
        call(os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra",
             "-I", headers, "-o", program, source, *_flags(name))
        return program.read_bytes()


def _flags(name):
    libraries = LIBRARIES.get(name)
    return shlex.split(call("pkg-config", "--cflags", "--libs", *libraries)) if libraries else []
