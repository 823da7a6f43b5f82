#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Measures how long a hot-added DIMM takes to come online when memoryd has the kernel online it, and when
memoryd writes itself: the same policy with the setting offload and without it.

All measurements of a kernel run in one guest and in turn, as in online.py. After each DIMM this compares
for each block the decision of the policy, the class that the kernel gave the block, and who onlined it.

The kernel onlines memory in a worker of normal priority, memoryd has a higher priority. At that time udev
runs a process for each of many events, which slows down the kernel's worker if there are few processors.
So both methods are measured a second time while udev holds its queue, as if udev had its own
processors."""

import sys

# Python must not write bytecode into the source tree.
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import online  # also makes the modules below importable
import image
from guest import Guest, GuestError
from machine import Node
from memory import read_memory
from qmp import QmpError

# The kernel keeps the file with a node's setting only while the node exists. A little boot memory keeps
# the node when the DIMM is out.
NODES = (Node("5G", "0-1"), Node("512M"))
ZONE_CLASS = "movable"
PAIR = ("offload", "memoryd")
HELD_PAIR = ("offload, udev held", "memoryd, udev held")

# The status of a block that memoryd onlined, and of a block that the kernel onlined, by the policy.
STATUSES = {"memoryd": "done", "offload": "external"}

FAULTS_SHOWN = 5
SETTLE_TIMEOUT = 60


class OffloadBench(online.Bench):
    """A benchmark that also checks the blocks before it removes the DIMM."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._holds_udev = False
        self.commands = {}  # like the seconds of measure_rounds(), but counted from the command

    def measure(self, method, gib):
        name = method
        method, _, self._holds_udev = method.partition(", ")
        before = read_memory(self._guest)
        dimm, first, last = self.plug(method, gib)
        self.commands.setdefault((gib, name), []).append(self.since_command)
        self._compare(before, method, self.blocks(gib))
        self.unplug(dimm, gib)
        return last, first

    def _add(self, size, count, extra=""):
        if self._holds_udev:
            self._guest.run("udevadm control --stop-exec-queue")
        return super()._add(size, count, extra)

    def _compare(self, before, method, count):
        """Waits until memoryd and the kernel agree about each block of the DIMM."""
        def differences():
            added = read_memory(self._guest).added_to(before)
            rows = {row.id: row for row in self._memoryd.blocks()}
            found = [fault(block, rows.get(block.index), method) for block in added]
            if len(found) != count:
                found.append(f"{len(found)} blocks, expected {count}")
            return list(filter(None, found))[:FAULTS_SHOWN]
        self._guest.wait_until_empty(differences, f"memoryd and the kernel agreeing ({method})",
                                     SETTLE_TIMEOUT)


def fault(block, row, method):
    """Returns what is wrong with a block and with memoryd's row of it, or None."""
    expected = (ZONE_CLASS, ZONE_CLASS, STATUSES[method])
    found = (block.zone_class, row.decision, row.status) if row else "not known"
    return None if found == expected else (
        f"memory{block.index}: the kernel's class, the policy's and who did it are {found}, "
        f"expected {expected}")


def run(guest_image, arguments, kernel):
    """Returns the seconds of each round, the blocks of each size, and the seconds since the command."""
    with Guest(guest_image, kernel, nodes=NODES, max_memory=online.MAX_MEMORY,
               name="offload") as guest:
        bench = OffloadBench(guest, arguments.programs, ZONE_CLASS)
        bench.prepare(0)
        # The first DIMM takes longer, because its description goes to memory that is used for the first
        # time.
        bench.measure("memoryd", max(arguments.sizes))
        bench.commands.clear()
        return *online.measure_rounds(bench, arguments), bench.commands


def print_verdicts(arguments, seconds):
    for pair in PAIR, HELD_PAIR:
        for size in arguments.sizes:
            ratio = online.ratio_of(seconds, size, pair)
            online.say(ratio <= 1, f"{size} GiB, {pair[0]}, no longer than {pair[1]}: {ratio:.2f}")


def parse_arguments():
    parser = online.make_parser(__doc__, "4,64")
    parser.add_argument("--kernels", nargs="+", choices=image.BUILT_KERNELS,
                        default=["patched", "without-8"],
                        help="that kernel/build made (%(default)s)")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    arguments.methods = [*PAIR, *HELD_PAIR]
    try:
        for kernel in arguments.kernels:
            guest_image = image.ensure(image.suites()[kernel], arguments.destdir, print)
            if kernel not in guest_image.kernels:
                sys.exit(f"offload: no kernel '{kernel}': make it with 'kernel/build {kernel}'")
            print(f"Linux {kernel}, DIMMs for a CPU-less node, as {ZONE_CLASS} memory, "
                  f"{arguments.rounds} rounds:", flush=True)
            seconds, blocks, commands = run(guest_image, arguments, kernel)
            print("from the first `add` to the last `online`:")
            online.print_table(arguments, seconds, blocks, PAIR)
            print_verdicts(arguments, seconds)
            print("from the command that adds the DIMM, since a kernel with patch 9 tells of blocks "
                  "only when they are online:")
            online.print_table(arguments, commands, blocks, PAIR)
            print_verdicts(arguments, commands)
            print("    in each round each block became what the policy says, "
                  "and memoryd or the kernel did it as intended", flush=True)
    except (image.ImageError, GuestError, QmpError) as error:
        sys.exit(f"offload: {error}")


if __name__ == "__main__":
    main()
