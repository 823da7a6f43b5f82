# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Makes trees like recorded ones, after the layout of machines of other architectures."""

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class Run:
    """Identical blocks, from first to last. None stands for a missing file."""
    first: int
    last: int
    state: str | None
    zones: str | None
    nodes: tuple = ()


def make(root, block_size, runs, *, node_folder=False, links="dangling", bare=False, cpus=None, bare_nodes=(),
         distance=None, dimms=None, texts=None):
    """Writes a tree. In place of the links from blocks to nodes there are dangling links, or folders;
    with node_folder the nodes exist, and bare_nodes without memory as well. A bare tree has only the files that
    a Run lists. The other arguments: the list of nodes with a CPU, a function of two nodes, the range of blocks
    of each DIMM by its name, and the text of other files by their path."""
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
    for name, blocks in (dimms or {}).items():
        for number in blocks:
            os.symlink(f"../../../LNXSYSTM:00/LNXSYBUS:00/{name}", memory / f"memory{number}/firmware_node")
    for node in bare_nodes:
        (nodes / f"node{node}").mkdir()
    if node_folder:
        make_nodes(nodes, cpus, distance or (lambda one, other: 10 if one == other else 20))
    for path, text in (texts or {}).items():
        (pathlib.Path(root) / path).parent.mkdir(parents=True, exist_ok=True)
        write(pathlib.Path(root) / path, text)


def make_nodes(nodes, cpus, distance):
    """Writes the files of the nodes. Unless told otherwise, the first node has the CPUs."""
    ids = sorted(int(path.name[4:]) for path in nodes.glob("node*"))
    write(nodes / "has_cpu", cpus or str(ids[0]))
    for node in ids:
        write(nodes / f"node{node}/distance", " ".join(str(distance(node, other)) for other in ids))


def write(path, text):
    if text is not None:
        path.write_text(f"{text}\n")


MIB = 1 << 20
GIB = 1 << 30

# By name: the arguments of make() after the folder.
TREES = {
    # 256 MiB blocks, one node, and standby memory at the end, which is still offline.
    "s390x-standby": (256 * MIB, [
        Run(0, 7, "online", "DMA", (0,)),
        Run(8, 15, "online", "Normal", (0,)),
        Run(16, 47, "offline", "Normal Movable", (0,)),
    ]),
    # 16 MiB LMBs, some of them missing, and a kernel without NUMA.
    "ppc64-lmb": (16 * MIB, [
        Run(0, 255, "online", "Normal"),
        Run(300, 331, "online", "Movable"),
        Run(332, 335, "offline", "Normal Movable"),
        Run(1024, 1039, "online", "none"),
    ]),
    # 256 MiB LMBs with gaps between their numbers. The links to nodes were copied as folders.
    "ppc64-big-lmb": (256 * MIB, [
        Run(0, 63, "online", "Normal", (0,)),
        Run(128, 191, "online", "Normal", (1,)),
        Run(192, 199, "offline", "Normal Movable", (8,)),
    ], {"links": "folders"}),
    # 512 MiB blocks, from 4 TiB up.
    "arm64-high": (512 * MIB, [
        Run(8192, 8199, "online", "DMA", (0,)),
        Run(8200, 8315, "online", "Normal", (0,)),
        Run(8320, 8323, "online", "Movable", (0,)),
        Run(8324, 8327, "offline", "Normal Movable", (0,)),
    ]),
    # 2 GiB blocks on four nodes. The last node has no CPU and only movable memory.
    "x86-big-blocks": (2 * GIB, [
        Run(0, 0, "online", "none", (0,)),
        Run(2, 32, "online", "Normal", (0,)),
        Run(33, 63, "online", "Normal", (1,)),
        Run(64, 95, "online", "Normal", (2,)),
        Run(1024, 1151, "online", "Movable", (3,)),
    ], {"node_folder": True}),
    # Boot memory with nodes that end within a block.
    "x86-two-nodes": (128 * MIB, [
        Run(0, 6, "online", "DMA32", (0,)),
        Run(7, 7, "online", "none", (0, 1)),
        Run(8, 14, "online", "Normal", (1,)),
        Run(15, 15, "online", "none", (2, 1)),
        Run(16, 23, "online", "Normal", (2,)),
        Run(24, 24, "going-offline", "Movable", (2,)),
    ], {"node_folder": True}),
    # Boot memory with nodes that end within a block, copied without the folder of the nodes.
    "x86-two-nodes-bare": (128 * MIB, [
        Run(0, 6, "online", "DMA32", (1,)),
        Run(7, 7, "online", "none", (1, 0)),
        Run(8, 14, "online", "Normal", (0,)),
    ], {"bare": True}),
    # A kernel before Linux 3.18, or without CONFIG_MEMORY_HOTREMOVE.
    "no-zones": (128 * MIB, [
        Run(0, 15, "online", None, (0,)),
        Run(32, 39, "offline", None, (1,)),
    ], {"node_folder": True}),
    # Before Linux 4.13 the zones of an online block included the zones that it could change to.
    "old-zones": (256 * MIB, [
        Run(0, 6, "online", "DMA", (0,)),
        Run(7, 7, "online", "DMA Normal", (0,)),
        Run(8, 8, "online", "Normal Movable", (0,)),
        Run(9, 9, "online", "Movable Normal", (0,)),
        Run(10, 10, "offline", "none", (0,)),
    ]),
    # A small guest: boot memory and a DIMM of 1 GiB each, and its configuration.
    "x86-guest": (128 * MIB, [
        Run(0, 7, "online", "DMA32", (0,)),
        Run(32, 33, "online", "Normal", (0,)),
        Run(34, 38, "online", "Movable", (0,)),
        Run(39, 39, "offline", "Normal Movable", (0,)),
    ], {"node_folder": True, "dimms": {"PNP0C80:00": range(32, 40)}, "texts": {
        "proc/iomem": "00001000-3fffffff : System RAM\n100000000-13fffffff : System RAM",
        "uname": "Linux guest 6.12.0 #1 SMP x86_64 GNU/Linux",
        "virtualization": "kvm",
        "etc/memoryd/memoryd.conf": "max_movable_ratio = 4.0;",
    }}),
    # 512 GiB on two sockets: 64 GiB each since boot, and DIMMs of 64 GiB.
    "x86-two-sockets": (2 * GIB, [
        Run(0, 0, "online", "none", (0,)),
        Run(2, 32, "online", "Normal", (0,)),
        Run(33, 64, "online", "Normal", (1,)),
        Run(65, 96, "online", "Movable", (0,)),
        Run(97, 160, "online", "Movable", (1,)),
        Run(161, 192, "online", "Movable", (0,)),
        Run(193, 200, "online", "Normal", (0,)),
        Run(201, 224, "online", "Movable", (0,)),
        Run(225, 250, "online", "Movable", (1,)),
        Run(251, 251, "going-offline", "Movable", (1,)),
        Run(252, 256, "offline", "Normal Movable", (1,)),
    ], {"node_folder": True, "cpus": "0-1", "distance": lambda one, other: 10 if one == other else 21,
        "dimms": {f"PNP0C80:{n:02x}": range(65 + 32 * n, 97 + 32 * n) for n in range(6)}, "texts": {
            "proc/iomem": "00001000-7fffffff : System RAM\n100000000-81fffffff : System RAM\n" + "\n".join(
                f"{first * 2 * GIB:x}-{(first + 32) * 2 * GIB - 1:x} : System RAM"
                for first in (33, 65, 97, 129, 161, 193, 225)),
            "uname": "Linux db7.example.org 6.12.0 #1 SMP x86_64 GNU/Linux",
            "etc/memoryd/memoryd.conf": 'rules = ({ name = "dimms"; origin = "dimm"; zone = "movable"; });',
        }}),
    # The memory of an accelerator, which has 33 nodes and uses one.
    "arm64-accelerator": (512 * MIB, [
        Run(4, 959, "online", "Normal", (0,)),
        Run(32768, 32959, "online", "Movable", (1,)),
    ], {"node_folder": True, "bare_nodes": range(2, 34),
        "distance": lambda one, other: 10 if one == other else 40 if 1 in (one, other) else 80, "texts": {
            "proc/iomem": f"{2 * GIB:x}-{480 * GIB - 1:x} : System RAM\n"
                          f"{16384 * GIB:x}-{16480 * GIB - 1:x} : System RAM (NVIDIA)",
            "uname": "6.12.0-64k aarch64",
            "virtualization": "none",
        }}),
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
