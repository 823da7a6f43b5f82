# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Reads the guest's memory from sysfs. Tests compare memoryd with these values."""

import dataclasses
import pathlib

from guest import WAIT_TIMEOUT

KERNEL_ZONES = {"DMA", "DMA32", "Normal", "HighMem"}
LETTERS = {"kernel": "K", "movable": "M", "mixed": "X", "": "-"}

# This script uses only builtins of the shell: a process for each file would take seconds. It reads the
# zones only when the link to the node exists: reading them earlier can crash the kernel.
SCRIPT = r"""
cd /sys/devices/system/memory
read -r size <block_size_bytes
echo "$size"
for block in memory[0-9]*; do
        state= zones= node=
        read -r state <"$block/state" || continue
        for link in "$block"/node[0-9]*; do
                [ -e "$link" ] || continue
                node=${link##*/node}
                read -r zones <"$block/valid_zones"
        done
        echo "${block#memory},$state,$node,$zones"
done 2>/dev/null
:
"""


# Prints the ACPI device that each block is bound to, or nothing after the comma, and then /proc/iomem.
DEVICES_SCRIPT = r"""
cd /sys/devices/system/memory
for block in memory[0-9]*; do
        echo "${block#memory},$(readlink "$block/firmware_node")"
done
echo
cat /proc/iomem
"""

# Origins of the memory that drivers add, by the name of the memory in /proc/iomem.
DRIVER_MEMORY = {"System RAM (virtio_mem)": "virtio-mem", "System RAM (kmem)": "kmem"}


@dataclasses.dataclass(frozen=True)
class Block:
    """One memory block."""
    index: int
    state: str
    node: int
    zones: tuple

    @property
    def zone_class(self):
        """`kernel`, `movable` or `mixed`, or empty if the block is not online."""
        if self.state != "online":
            return ""
        if self.zones == ("Movable",):
            return "movable"
        if len(self.zones) == 1 and self.zones[0] in KERNEL_ZONES:
            return "kernel"
        return "mixed"


class Memory:
    """All blocks at one moment, the lowest first."""

    def __init__(self, blocks, block_bytes):
        self.blocks = blocks
        self.block_bytes = block_bytes

    def __iter__(self):
        return iter(self.blocks)

    def of(self, node=None, zone_class=None):
        return [block for block in self.blocks
                if node in (None, block.node) and zone_class in (None, block.zone_class)]

    def bytes(self, node=None, zone_class=None):
        return self.block_bytes * len(self.of(node, zone_class))

    def offline(self):
        return [block for block in self.blocks if block.state != "online"]

    def classes(self, node=None):
        """Returns a picture of the blocks: a letter for the class of each, in the order of addresses."""
        return "".join(LETTERS[block.zone_class] for block in self.of(node))

    def added_to(self, before):
        """Returns this memory without the blocks of `before`."""
        known = {block.index for block in before}
        return Memory([block for block in self.blocks if block.index not in known],
                      self.block_bytes)


def read_memory(guest):
    return parse_memory(guest.run(SCRIPT))


def parse_memory(text):
    """Returns the Memory that the output of SCRIPT describes."""
    size, *lines = text.splitlines()
    blocks = []
    for line in lines:
        index, state, node, zones = line.split(",")
        blocks.append(Block(int(index), state, int(node) if node else -1, tuple(zones.split())))
    return Memory(sorted(blocks, key=lambda block: block.index), int(size, 16))


def wait_for_blocks(guest, count, timeout=WAIT_TIMEOUT):
    """Waits until the kernel has this many blocks, each with its node."""
    def seen():
        memory = read_memory(guest)
        complete = all(block.node >= 0 for block in memory)
        return memory if complete and len(memory.blocks) == count else None
    return guest.wait_until(seen, f"{count} blocks", timeout)


def wait_online(guest, count, timeout=WAIT_TIMEOUT):
    """Waits until the kernel has this many blocks, all of them online."""
    def done():
        memory = read_memory(guest)
        return memory if len(memory.blocks) == count and not memory.offline() else None
    return guest.wait_until(done, f"{count} blocks, all online", timeout)


def read_devices(guest, block_bytes):
    """Returns the name and the origin of each block's device, as (name, origin) by block. Memory that
    was present at boot has ("", "boot")."""
    links, _, resources = guest.run(DEVICES_SCRIPT).partition("\n\n")
    ranges = list(_driver_ranges(resources))
    devices = {}
    for line in links.splitlines():
        index, link = line.split(",")
        address = int(index) * block_bytes
        found = [device for first, last, device in ranges if first <= address <= last]
        devices[int(index)] = ((pathlib.PurePosixPath(link).name, "dimm") if link
                               else found[0] if found else ("", "boot"))
    return devices


def _driver_ranges(resources):
    """Yields the addresses and the device of memory in /proc/iomem that a driver added. The resource
    that contains the memory has the name of the device."""
    parents = {}
    for line in resources.splitlines():
        depth = len(line) - len(line.lstrip())
        addresses, _, name = line.strip().partition(" : ")
        parents[depth] = name
        if name in DRIVER_MEMORY:
            first, last = (int(word, 16) for word in addresses.split("-"))
            yield first, last, (parents[depth - 2], DRIVER_MEMORY[name])
