# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recorded trees that nobody recorded: made up after the layout of machines of other architectures."""

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class Run:
    """Blocks first to last, all alike. None stands for a file that is not there."""
    first: int
    last: int
    state: str | None
    zones: str | None
    nodes: tuple = ()


def make(root, block_size, runs, *, node_folder=False, links="dangling", bare=False):
    """Writes a tree. The links of blocks to nodes are links to nothing ("dangling") or folders;
    with node_folder there are nodes to lead to. A bare one has but what is listed."""
    memory = pathlib.Path(root) / "sys/devices/system/memory"
    nodes = pathlib.Path(root) / "sys/devices/system/node"
    memory.mkdir(parents=True)
    (memory / "block_size_bytes").write_text(f"{block_size:x}\n")
    for run in runs:
        for number in range(run.first, run.last + 1):
            block = memory / f"memory{number}"
            block.mkdir()
            write(block / "state", run.state)
            write(block / "valid_zones", run.zones)
            if not bare:
                write(block / "removable", "1")
                write(block / "phys_index", f"{number:08x}")
            for node in run.nodes:
                if links == "folders":
                    (block / f"node{node}").mkdir()
                else:
                    os.symlink(f"../../node/node{node}", block / f"node{node}")
                if node_folder:
                    (nodes / f"node{node}").mkdir(parents=True, exist_ok=True)
                    os.symlink(f"../../memory/memory{number}", nodes / f"node{node}/memory{number}")
    if node_folder:
        make_nodes(nodes)


def make_nodes(nodes):
    """What is in the folder of the nodes: the first has the CPUs, and they are 10 or 20 apart."""
    ids = sorted(int(path.name[4:]) for path in nodes.glob("node*"))
    write(nodes / "has_cpu", str(ids[0]))
    for node in ids:
        write(nodes / f"node{node}/distance",
              " ".join("10" if other == node else "20" for other in ids))


def write(path, text):
    if text is not None:
        path.write_text(f"{text}\n")


MIB = 1 << 20
GIB = 1 << 30

# By name: the arguments of make() behind the folder.
TREES = {
    # 256 MiB blocks, one node, and standby memory at the end that nobody has onlined.
    "s390x-standby": (256 * MIB, [
        Run(0, 7, "online", "DMA", (0,)),
        Run(8, 15, "online", "Normal", (0,)),
        Run(16, 47, "offline", "Normal Movable", (0,)),
    ]),
    # 16 MiB LMBs with some of them missing, and a kernel without NUMA.
    "ppc64-lmb": (16 * MIB, [
        Run(0, 255, "online", "Normal"),
        Run(300, 331, "online", "Movable"),
        Run(332, 335, "offline", "Normal Movable"),
        Run(1024, 1039, "online", "none"),
    ]),
    # 256 MiB LMBs with numbers that leave room; the links of their nodes were copied as folders.
    "ppc64-big-lmb": (256 * MIB, [
        Run(0, 63, "online", "Normal", (0,)),
        Run(128, 191, "online", "Normal", (1,)),
        Run(192, 199, "offline", "Normal Movable", (8,)),
    ], {"links": "folders"}),
    # Memory starts at 4 TiB; 512 MiB blocks.
    "arm64-high": (512 * MIB, [
        Run(8192, 8199, "online", "DMA", (0,)),
        Run(8200, 8315, "online", "Normal", (0,)),
        Run(8320, 8323, "online", "Movable", (0,)),
        Run(8324, 8327, "offline", "Normal Movable", (0,)),
    ]),
    # 2 GiB blocks on four nodes, the last of which has no CPU and is all movable.
    "x86-big-blocks": (2 * GIB, [
        Run(0, 0, "online", "none", (0,)),
        Run(2, 32, "online", "Normal", (0,)),
        Run(33, 63, "online", "Normal", (1,)),
        Run(64, 95, "online", "Normal", (2,)),
        Run(1024, 1151, "online", "Movable", (3,)),
    ], {"node_folder": True}),
    # Boot memory whose nodes do not end where a block does.
    "x86-two-nodes": (128 * MIB, [
        Run(0, 6, "online", "DMA32", (0,)),
        Run(7, 7, "online", "none", (0, 1)),
        Run(8, 14, "online", "Normal", (1,)),
        Run(15, 15, "online", "none", (2, 1)),
        Run(16, 23, "online", "Normal", (2,)),
        Run(24, 24, "going-offline", "Movable", (2,)),
    ], {"node_folder": True}),
    # The same where the folder of the nodes was not copied.
    "x86-two-nodes-bare": (128 * MIB, [
        Run(0, 6, "online", "DMA32", (1,)),
        Run(7, 7, "online", "none", (1, 0)),
        Run(8, 14, "online", "Normal", (0,)),
    ], {"bare": True}),
    # Before Linux 3.18, or without CONFIG_MEMORY_HOTREMOVE.
    "no-zones": (128 * MIB, [
        Run(0, 15, "online", None, (0,)),
        Run(32, 39, "offline", None, (1,)),
    ], {"node_folder": True}),
    # Before Linux 4.13 the zones of an online block were those it could change to as well.
    "old-zones": (256 * MIB, [
        Run(0, 6, "online", "DMA", (0,)),
        Run(7, 7, "online", "DMA Normal", (0,)),
        Run(8, 8, "online", "Normal Movable", (0,)),
        Run(9, 9, "online", "Movable Normal", (0,)),
        Run(10, 10, "offline", "none", (0,)),
    ]),
    # More blocks than a picture has cells.
    "many-blocks": (128 * MIB, [
        Run(0, 1499, "online", "Normal", (0,)),
        Run(1500, 1500, "online", "Movable", (0,)),
        Run(1501, 2499, "online", "Normal", (0,)),
        Run(2500, 4499, "online", "Movable", (1,)),
        Run(4500, 4500, "online", "none", (2, 1)),
        Run(4501, 4999, "offline", "Normal Movable", (2,)),
    ], {"bare": True}),
}


def make_named(root, name):
    block_size, runs, *options = TREES[name]
    make(root, block_size, runs, **(options[0] if options else {}))
