# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Works out from sysfs alone what the policy makes of a new device. Tests compare memoryd with this
result. The policy is the shipped one, unless an argument says otherwise. All counts are in blocks."""

RATIO = 3


def expected_classes(before, node, has_cpu, count, min_kernel=1):
    """Returns the classes of a new device's blocks, in the order of addresses: K for kernel, M for
    movable. `before` is the memory before the device came. A device of which only a part would have to
    be kernel memory becomes so as a whole, if enough movable memory remains."""
    split = expected_split(before, node, has_cpu, count, min_kernel)
    if "K" in split and (_has_half(before.of(), count) and
                         (not has_cpu or _has_half(before.of(node), count))):
        return "K" * count
    return split


def expected_split(before, node, has_cpu, count, min_kernel=1):
    """Returns the same for a device that is split where the guards ask for less than all of it: the
    units of a device that grows."""
    kernel = _shortage(before.of(), count)
    if has_cpu:
        kernel = max(kernel, _shortage(before.of(node), count))
    kernel = max(kernel, min_kernel - _kernel(before.of(node)))
    kernel = min(kernel, count)
    return "K" * kernel + "M" * (count - kernel)


def expected_whole(before, node, has_cpu, count):
    """Returns the classes with `whole_device`: all blocks have the same class."""
    return ("K" if "K" in expected_split(before, node, has_cpu, count) else "M") * count


def _has_half(blocks, count):
    """Whether half of the movable memory that the ratio allows is there beside `count` more kernel
    blocks."""
    return 2 * _movable(blocks) >= RATIO * (_kernel(blocks) + count)


def _shortage(blocks, count):
    """Returns how many of `count` new blocks must be kernel memory, so that the ratio holds for them and
    these blocks together."""
    kernel = _kernel(blocks)
    return max(0, -((RATIO * kernel - _movable(blocks) - count) // (RATIO + 1)))


def _kernel(blocks):
    # A block of boot memory can span several kernel zones.
    return sum(block.zone_class in ("kernel", "mixed") for block in blocks)


def _movable(blocks):
    return sum(block.zone_class == "movable" for block in blocks)


def faults(memory, cpu_nodes):
    """Returns how this memory breaks the shipped policy, a sentence for each fault."""
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
