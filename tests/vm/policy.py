# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the policy says about a device that comes in, worked out from sysfs alone: the expectation
that memoryd is held against. As shipped, unless an argument says otherwise. Counted in blocks."""

from memory import Block, Memory

RATIO = 3


def expected_classes(before, node, has_cpu, count, min_kernel=1):
    """The classes of a new device's blocks, in the order of their addresses, when `before` is the
    memory that was there: K for kernel, M for movable."""
    kernel = _shortage(before.of(), count)
    if has_cpu:
        kernel = max(kernel, _shortage(before.of(node), count))
    kernel = max(kernel, min_kernel - _kernel(before.of(node)))
    kernel = min(kernel, count)
    return "K" * kernel + "M" * (count - kernel)


def expected_whole(before, node, has_cpu, count):
    """The same with `whole_device`: one class for all of it."""
    return ("K" if "K" in expected_classes(before, node, has_cpu, count) else "M") * count


def expected_growth(before, node, has_cpu, count):
    """The same for a device that grows, block by block from the lowest: nobody knows where it will
    end, so each block has to be right by itself."""
    classes = ""
    for _ in range(count):
        classes += expected_classes(with_added(before, node, classes), node, has_cpu, 1)
    return classes


def with_added(before, node, classes):
    """The memory when blocks of these classes have come to a node."""
    first = max(block.index for block in before) + 1
    zones = {"K": ("Normal",), "M": ("Movable",)}
    return Memory([*before, *(Block(index, "online", node, zones[letter])
                              for index, letter in enumerate(classes, first))],
                  before.block_bytes)


def _shortage(blocks, count):
    """How many of `count` new blocks the kernel needs beside these for the ratio to hold."""
    kernel = _kernel(blocks)
    return max(0, -((RATIO * kernel - _movable(blocks) - count) // (RATIO + 1)))


def _kernel(blocks):
    # Boot memory can span several kernel zones in a block.
    return sum(block.zone_class in ("kernel", "mixed") for block in blocks)


def _movable(blocks):
    return sum(block.zone_class == "movable" for block in blocks)


def faults(memory, cpu_nodes):
    """What of this memory breaks the shipped policy, a sentence each."""
    found = [f"block {block.index} is {block.state}" for block in memory.offline()]
    groups = {"the machine": memory.of()}
    groups |= {f"node {node}": memory.of(node) for node in cpu_nodes}
    for name, blocks in groups.items():
        kernel, movable = _kernel(blocks), _movable(blocks)
        if movable > RATIO * kernel:
            found.append(f"{name}: {movable} movable to {kernel} kernel blocks")
    for node in {block.node for block in memory}:
        if memory.classes(node).startswith("M"):
            found.append(f"node {node}: its lowest block is not kernel memory")
    return found
