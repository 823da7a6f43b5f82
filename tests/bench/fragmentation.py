#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Measures the large free areas that remain after a load that mixes short-lived pages of a user with
kernel memory that stays: with all hot-added memory in the kernel class, and by memoryd's policy.

Both measurements use the same guest, DIMM and load. After the user's pages are gone and the kernel has
compacted its memory, this counts the free pieces of 2 MiB, the huge pages that the kernel can make, and
the blocks of the DIMM that can be taken offline."""

import argparse
import pathlib
import sys

# Python must not write bytecode into the source tree.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vm"))

# pylint: disable=wrong-import-position
import image
import program
import recipe
from guest import Guest, GuestError
from machine import Node, size_bytes
from memory import read_memory, wait_online
from memoryd import Memoryd
from qmp import QmpError

BOOT = "1G"
NODES = (Node(BOOT, "0-1"),)
# Memory for the other processes in the guest, for the description of the memory, and a reserve.
SPARE_MIB = 64

HUGE_ORDER = 9
KERNEL_CLASS = 'rules = ( { name = "bench"; zone = "kernel"; } );\n'
# The names and the configurations of the two guests, in order.
GUESTS = (("all kernel", KERNEL_CLASS), ("memoryd's policy", ""))

# Allocates as many huge pages as possible, prints how many, and releases them.
HUGE_PAGES = """
cd /proc/sys/vm
echo 1000000 >nr_hugepages
cat nr_hugepages
echo 0 >nr_hugepages
"""
# Takes these blocks offline and prints how many went. A block that can go offline needs less than the
# timeout.
TAKE_OFFLINE = """
for block in {blocks}; do
        timeout 20 bash -c "echo offline >/sys/devices/system/memory/memory$block/state"
done 2>/dev/null
cd /sys/devices/system/memory
cat {states} | grep -c offline
"""


def measure(guest_image, arguments, name, configuration):
    """Returns the figures of one guest, by their names."""
    with Guest(guest_image, arguments.kernel, nodes=NODES, name="fragmentation") as guest:
        memoryd = Memoryd(guest)
        memoryd.wait_ready()
        guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")
        program.bring_in(guest, "load")
        memoryd.use(configuration)
        before = read_memory(guest)
        guest.add_dimm(arguments.size, 0)
        count = size_bytes(arguments.size) // before.block_bytes
        added = wait_online(guest, len(before.blocks) + count).added_to(before)
        figures = {"hot-added blocks, kernel": len(added.of(None, "kernel")),
                   "hot-added blocks, movable": len(added.of(None, "movable"))}
        guest.run("systemctl stop memoryd; sync; echo 3 >/proc/sys/vm/drop_caches")
        compact(guest)
        figures["free pieces of 2 MiB, before"] = free_pieces(guest)
        figures |= put_under_load(guest, arguments, name)
        figures["blocks that can go offline"] = blocks_offline(guest, added)
        guest.check_console()
    return figures


def put_under_load(guest, arguments, name):
    mebibytes = arguments.load
    if available_mib(guest) < mebibytes + SPARE_MIB:
        raise GuestError(f"--load: {available_mib(guest)} MiB are available, "
                         f"{mebibytes + SPARE_MIB} MiB are needed")
    print(f"    {name}: {arguments.users} times {mebibytes} MiB of pages", flush=True)
    load = program.Load(guest, f"fragment {mebibytes} {arguments.users}")
    compact(guest)
    return {"kernel memory that stays, MiB": int(load.said.split()[1]),
            "free memory, MiB": free_kib(guest) >> 10,
            "free pieces of 2 MiB, after": free_pieces(guest),
            "huge pages to be had, after": int(guest.run(HUGE_PAGES, timeout=900))}


def available_mib(guest):
    return int(guest.run("awk '/^MemAvailable:/ { print $2 }' /proc/meminfo")) >> 10


def free_kib(guest):
    return int(guest.run("awk '/^MemFree:/ { print $2 }' /proc/meminfo"))


def compact(guest):
    guest.run("echo 1 >/proc/sys/vm/compact_memory", timeout=900)


def free_pieces(guest):
    """Returns the number of free pieces of the size of a huge page."""
    pieces = 0
    for line in guest.run("cat /proc/buddyinfo").splitlines():
        counts = [int(word) for word in line.split()[4:]]
        pieces += sum(count << (order - HUGE_ORDER)
                      for order, count in enumerate(counts) if order >= HUGE_ORDER)
    return pieces


def blocks_offline(guest, added):
    indices = [block.index for block in reversed(added.blocks)]
    return int(guest.run(TAKE_OFFLINE.format(
        blocks=" ".join(map(str, indices)),
        states=" ".join(f"memory{index}/state" for index in indices)), timeout=1800, check=False))


def print_table(results):
    names = [name for name, _ in GUESTS]
    print(f"{'':>34}" + "".join(f"{name:>20}" for name in names))
    for what in results[names[0]]:
        print(f"{what:>34}" + "".join(f"{results[name][what]:>20}" for name in names))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--destdir", required=True,
                        help="where 'make install DESTDIR=…' put memoryd")
    parser.add_argument("--kernel", choices=list(recipe.kernels()), default="6.1")
    parser.add_argument("--size", default="2G", help="of the DIMM (%(default)s)")
    parser.add_argument("--load", type=int, default=2500, help="in MiB (%(default)s)")
    parser.add_argument("--users", type=int, default=8,
                        help="one after the other, each leaves a hundredth of the load as kernel "
                             "memory (%(default)s)")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        guest_image = image.ensure(recipe.kernels()[arguments.kernel], arguments.destdir, print)
        print(f"Linux {arguments.kernel}, {BOOT} at boot and a DIMM of {arguments.size}:",
              flush=True)
        print_table({name: measure(guest_image, arguments, name, configuration)
                     for name, configuration in GUESTS})
    except (image.ImageError, GuestError, QmpError) as error:
        sys.exit(f"fragmentation: {error}")


if __name__ == "__main__":
    main()
