#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Compares the time of memoryctl map on a large machine with that of lsmem on the same recorded tree.

tests/bench/map.py [BUILD_DIR] [--blocks N] [--rounds N]

The two programs run in turn, because only then are their times comparable. Prints processor time as
well as clock time: other load lengthens the clock time, but hardly the processor time. Measures a tree
with the folder of its nodes and a tree without it, because lsmem does not need the folder. The map also
finds the device of each block, which takes a third of its time; without that (map --json) it takes half of
lsmem's time. Exits with 1 if the map takes nine tenths of lsmem's time or more."""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# Python must not write bytecode into the source tree.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import made_trees  # pylint: disable=wrong-import-position
from made_trees import MIB, Run  # pylint: disable=wrong-import-position

RATIO = 0.9

# A disk takes minutes to make and to remove the 400,000 files or so of a tree.
SCRATCH = "/dev/shm"
SCRATCH_BYTES = 2 << 30
NODES = 8


def scratch():
    """Returns a folder in memory for the tree if it has enough room, or None for the usual folder of
    temporary files."""
    if os.access(SCRATCH, os.W_OK) and shutil.disk_usage(SCRATCH).free >= SCRATCH_BYTES:
        return SCRATCH
    return None


def runs(blocks):
    """Yields the blocks of eight nodes: kernel memory, then movable memory, and an offline block now and
    then."""
    size = blocks // NODES
    for node in range(NODES):
        for first in range(node * size, (node + 1) * size, 64):
            last = min(first + 64, (node + 1) * size) - 1
            kernel = first < node * size + size // 4
            yield Run(first, last - 1, "online", "Normal" if kernel else "Movable", (node,))
            yield Run(last, last, "offline", "Normal Movable", (node,))


def measure(words):
    """Runs a command. Returns its seconds of clock time and of processor time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(name, ours, theirs, rounds):
    """Measures and prints both times. Returns the ratio of the processor times."""
    for words in ours, theirs:  # the first reading fills the kernel's caches
        measure(words)
    pairs = [(measure(ours), measure(theirs)) for _ in range(rounds)]
    for kind, index in ("clock", 0), ("processor", 1):
        our, their = (statistics.median(pair[who][index] for pair in pairs) for who in (0, 1))
        ratio = statistics.median(pair[0][index] / pair[1][index] for pair in pairs)
        print(f"{name:26} {kind:9} memoryctl map {our:6.2f} s  lsmem -a {their:6.2f} s"
              f"  ratio {ratio:.2f}", flush=True)
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?", default=".", help="where memoryctl was built (.)")
    parser.add_argument("--blocks", type=int, default=65536, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    arguments = parser.parse_args()
    if not shutil.which("lsmem"):
        sys.exit("map: there is no lsmem to compare with")

    memoryctl = os.path.join(arguments.build, "memoryctl")
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        root = pathlib.Path(folder) / "tree"
        made_trees.make(root, 128 * MIB, runs(arguments.blocks), node_folder=True)
        ours, theirs = [memoryctl, "-s", root, "map"], ["lsmem", "-a", "-s", root]
        ratios = [compare("with the nodes' folder", ours, theirs, arguments.rounds)]
        (root / "sys/devices/system/node").rename(root / "nodes")
        ratios.append(compare("without", ours, theirs, arguments.rounds))
    return 1 if max(ratios) >= RATIO else 0


if __name__ == "__main__":
    sys.exit(main())
