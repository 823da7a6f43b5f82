#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Records the trees of tests/dumps from guests: tests/vm/dumps.py --destdir DIR [NAME]..."""

import argparse
import base64
import lzma
import gzip
import os
import pathlib
import sys

# Python must not write bytecode into the source tree.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import image
import recipe
from guest import Guest, GuestError
from machine import Node, VirtioMem
from memory import read_memory, wait_for_blocks, wait_online
from memoryd import Memoryd
from qmp import QmpError

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "dumps"

# As in the tests: a node with memory and a processor, a node with only a processor, a node with neither.
NODES = (Node("1G", "0"), Node(cpus="1"), Node())

MEMORY = "/sys/devices/system/memory"


def by_policy(guest):
    """Adds DIMMs to three nodes, which memoryd onlines."""
    count = len(read_memory(guest).blocks)
    for size, node in ((512, 0), (2048, 1), (1024, 2)):
        guest.add_dimm(f"{size}M", node)
        count += size // 128
        wait_online(guest, count)


def by_hand(guest):
    """Adds two DIMMs without memoryd. Onlines six of the eight blocks on node 1 by hand, as kernel and
    movable memory in turn, and takes one of them offline again. All other blocks stay offline."""
    guest.run("systemctl stop memoryd")
    guest.run(f"echo offline >{MEMORY}/auto_online_blocks")
    count = len(read_memory(guest).blocks)
    guest.add_dimm("1G", 1)
    guest.add_dimm("512M", 0)
    memory = wait_for_blocks(guest, count + 12)
    ids = [block.index for block in memory.of(1)]
    words = ("online_kernel", "online_movable", "online_kernel", "online_movable", "online_movable",
             "online")
    for index, word in zip(ids, words):
        guest.run(f"echo {word} >{MEMORY}/memory{index}/state")
    guest.run(f"echo offline >{MEMORY}/memory{ids[4]}/state")


def by_device(guest):
    """Fills a virtio-mem device of 4 GiB with 2 GiB."""
    count = len(read_memory(guest).blocks)
    guest.resize_virtio_mem("2G")
    wait_online(guest, count + 16)


# By name of the tree: the kernel, more hardware, and the function that changes the memory.
TREES = {
    "linux-6.1-dimms": ("6.1", {}, by_policy),
    "linux-6.1-offline": ("6.1", {}, by_hand),
    "linux-6.1-virtio-mem": ("6.1", {"virtio_mem": VirtioMem("4G", 1)}, by_device),
    "linux-6.12-dimms": ("6.12", {}, by_policy),
    "linux-6.12-offline": ("6.12", {}, by_hand),
    "linux-6.12-virtio-mem": ("6.12", {"virtio_mem": VirtioMem("4G", 1)}, by_device),
}


def fetch(guest, name):
    """Runs the script in the guest, and copies the archive that it made to tests/dumps."""
    guest.write_file("/run/record", (FOLDER / "record").read_text())
    made = guest.run(f"cd /run && sh record {name}").strip()
    packed = base64.b64decode(guest.run(f"base64 /run/{made}"))
    if made.endswith(".gz"):
        packed = lzma.compress(gzip.decompress(packed), preset=9 | lzma.PRESET_EXTREME)
    (FOLDER / f"{name}.tar.xz").write_bytes(packed)
    print(f"{name}: {len(packed)} bytes", flush=True)


def record(destdir, name):
    kernel, hardware, happen = TREES[name]
    guest_image = image.ensure(recipe.kernels()[kernel], destdir, print)
    with Guest(guest_image, kernel, nodes=NODES, name=name, **hardware) as guest:
        Memoryd(guest).wait_ready()
        happen(guest)
        fetch(guest, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--destdir", default=os.environ.get("MEMORYD_VM_DESTDIR"),
                        help="where 'make install DESTDIR=…' put memoryd")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TREES))
    arguments = parser.parse_args()
    if not arguments.destdir:
        parser.error("--destdir is needed")
    unknown = set(arguments.names) - set(TREES)
    if unknown:
        parser.error(f"no such tree: {', '.join(sorted(unknown))}")
    try:
        for name in arguments.names or TREES:
            record(arguments.destdir, name)
    except (image.ImageError, GuestError, QmpError) as error:
        sys.exit(f"dumps: {error}")


if __name__ == "__main__":
    main()
