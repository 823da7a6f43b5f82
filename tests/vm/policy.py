# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the shipped policy says about a device that comes in, worked out from sysfs alone: the
expectation that memoryd is held against. Counted in blocks."""

RATIO = 3


def expected_classes(before, node, has_cpu, count):
    """The classes of a new device's blocks, in the order of their addresses, when `before` is the
    memory that was there: K for kernel, M for movable."""
    kernel = _shortage(before.of(), count)
    if has_cpu:
        kernel = max(kernel, _shortage(before.of(node), count))
    if not _kernel(before.of(node)):
        kernel = max(kernel, 1)
    kernel = min(kernel, count)
    return "K" * kernel + "M" * (count - kernel)


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
