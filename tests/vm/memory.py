# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guest's kernel says of its memory, read from sysfs: the truth to compare with."""

import dataclasses
import pathlib

from guest import WAIT_TIMEOUT

KERNEL_ZONES = {"DMA", "DMA32", "Normal", "HighMem"}
LETTERS = {"kernel": "K", "movable": "M", "mixed": "X", "": "-"}

# One shell that only uses its own words: a process per file would take seconds. The zones are read
# after the link to the node is there: before that, reading them can kill the kernel.
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


# What a block is part of: the ACPI device it is bound to, else the last word is left empty.
DEVICES_SCRIPT = r"""
cd /sys/devices/system/memory
for block in memory[0-9]*; do
        echo "${block#memory},$(readlink "$block/firmware_node")"
done
echo
cat /proc/iomem
"""

# Resources of drivers that add memory, by the name of the memory in them.
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
        """`kernel`, `movable`, `mixed`, or empty when it is not online."""
        if self.state != "online":
            return ""
        if self.zones == ("Movable",):
            return "movable"
        if len(self.zones) == 1 and self.zones[0] in KERNEL_ZONES:
            return "kernel"
        return "mixed"


class Memory:
    """All blocks at one moment, lowest first."""

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
        """The blocks' classes in the order of their addresses, one letter each: a picture."""
        return "".join(LETTERS[block.zone_class] for block in self.of(node))

    def added_to(self, before):
        """This memory without the blocks that were there before."""
        known = {block.index for block in before}
        return Memory([block for block in self.blocks if block.index not in known],
                      self.block_bytes)


def read_memory(guest):
    return parse_memory(guest.run(SCRIPT))


def parse_memory(text):
    """The memory of what SCRIPT printed."""
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
    """Waits until the kernel has this many blocks and all of them are online."""
    def done():
        memory = read_memory(guest)
        return memory if len(memory.blocks) == count and not memory.offline() else None
    return guest.wait_until(done, f"{count} blocks, all online", timeout)


def read_devices(guest, block_bytes):
    """The name and the origin of the device of every block, as (name, origin) by block: "" and
    `boot` for what was there from the start."""
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
    """Addresses and device of the memory in /proc/iomem that a driver added: the resource that it
    lies in bears the device's name."""
    parents = {}
    for line in resources.splitlines():
        depth = len(line) - len(line.lstrip())
        addresses, _, name = line.strip().partition(" : ")
        parents[depth] = name
        if name in DRIVER_MEMORY:
            first, last = (int(word, 16) for word in addresses.split("-"))
            yield first, last, (parents[depth - 2], DRIVER_MEMORY[name])
