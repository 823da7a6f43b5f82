# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU's arguments for a machine: its nodes, the memory in them, and the kernel that it boots."""

import dataclasses
import itertools
import os
import pathlib
import re

# Between two nodes, in the firmware's tables.
DEFAULT_DISTANCE = 20

KERNEL_ARGUMENTS = [
    "root=/dev/vda", "rw", "rootfstype=ext4", "console=ttyS0", "loglevel=5",
    "systemd.show_status=0", "oops=panic", "panic=-1",
    # Emulated time runs unevenly: what looks like a stuck processor is a busy host.
    "nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1", "no_timer_check", "clocksource=tsc",
    "sysctl.kernel.hung_task_timeout_secs=300",
    "tsc=reliable", "mitigations=off", "random.trust_cpu=on", "audit=0", "fsck.mode=skip",
]


@dataclasses.dataclass(frozen=True)
class Node:
    """A NUMA node of the machine; without memory unless a size is given. The kernel knows a node
    that has neither memory nor processor only when it is the machine's last."""
    memory: str = ""
    cpus: str = ""


@dataclasses.dataclass(frozen=True)
class Dimm:
    """A DIMM that is there at boot."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class VirtioMem:
    """A virtio-mem device, plugged at boot with nothing in it; resize_virtio_mem() fills it."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class Nvdimm:
    """Persistent memory that is there at boot: pmem0, until the guest makes a dax device of it.
    Its node must be of its own, before the last: the kernel numbers only nodes that the firmware
    tells of, and hot-added memory is the last one's."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine with room for DIMMs. `distances` between two nodes are by their numbers, lower first;
    20 where there is none."""
    nodes: tuple = (Node("1G", "0-1"),)
    dimms: tuple = ()  # that are there at boot: dimm1, dimm2, ...
    virtio_mem: VirtioMem = None
    nvdimms: tuple = ()
    distances: dict = dataclasses.field(default_factory=dict)
    max_memory: str = "64G"

    def arguments(self):
        return [*self._node_arguments(), *self._nvdimm_arguments(), *self._dimm_arguments(),
                *self._virtio_mem_arguments()]

    def _node_arguments(self):
        total = sum(size_bytes(node.memory) for node in self.nodes if node.memory)
        words = [
            "-accel", os.environ.get("MEMORYD_VM_ACCEL", "tcg,thread=multi"),
            "-M", "q35,nvdimm=on" if self.nvdimms else "q35", "-cpu", "max",
            "-nodefaults", "-vga", "none",
            # A socket per processor: one socket on two nodes makes the kernel warn.
            "-smp", "2,sockets=2,cores=1,threads=1",
            "-m", f"{total >> 20}M,slots=32,maxmem={self.max_memory}",
        ]
        for number, node in enumerate(self.nodes):
            option = f"node,nodeid={number}"
            if node.memory:
                words += ["-object", f"memory-backend-ram,id=node{number},size={node.memory},"
                                     "reserve=off"]
                option += f",memdev=node{number}"
            if node.cpus:
                option += f",cpus={node.cpus}"
            words += ["-numa", option]
        if self.distances:
            # All or none: QEMU wants to know the others too then.
            for pair in itertools.combinations(range(len(self.nodes)), 2):
                distance = self.distances.get(pair, DEFAULT_DISTANCE)
                words += ["-numa", f"dist,src={pair[0]},dst={pair[1]},val={distance}"]
        return words

    def _dimm_arguments(self):
        words = []
        for number, dimm in enumerate(self.dimms, 1):
            identity = f"dimm{number}"
            words += ["-object", f"memory-backend-ram,id=mem-{identity},size={dimm.size},"
                                 "reserve=off",
                      "-device", f"pc-dimm,id={identity},memdev=mem-{identity},node={dimm.node}"]
        return words

    def _nvdimm_arguments(self):
        words = []
        for number, nvdimm in enumerate(self.nvdimms):
            words += ["-object", f"memory-backend-ram,id=nvmem{number},size={nvdimm.size},"
                                 "reserve=off",
                      "-device", f"nvdimm,id=nvdimm{number},memdev=nvmem{number},"
                                 f"node={nvdimm.node}"]
        return words

    def _virtio_mem_arguments(self):
        if not self.virtio_mem:
            return []
        return ["-object", f"memory-backend-ram,id=vmem,size={self.virtio_mem.size},reserve=off",
                "-device", "virtio-mem-pci,id=virtio-mem,memdev=vmem,"
                           f"node={self.virtio_mem.node},requested-size=0"]


def boot_arguments(kernel, arguments=()):
    """QEMU's kernel, and what that is told."""
    return [
        "-kernel", str(kernel.image), *(["-initrd", str(kernel.initrd)] if kernel.initrd else []),
        "-append", " ".join([*KERNEL_ARGUMENTS, *clock_arguments(), *arguments]),
    ]


def clock_arguments():
    """The kernel's argument for how fast the processor's clock is, which is that of this machine. When
    the guest measures that itself and is given no time meanwhile, its time goes ten times too fast from
    then on: whatever waits there gives up too early, and its timer can keep it busy for good."""
    found = re.search(r"^bogomips\s*: (\d+)\.(\d\d)$", pathlib.Path("/proc/cpuinfo").read_text(),
                      re.MULTILINE)
    # Two for each cycle of the clock, on x86.
    return [f"tsc_early_khz={int(found[1] + found[2]) * 10 // 2}"] if found else []


def size_bytes(text):
    """The bytes of a size as QEMU and libconfig write it: 128M, 1G."""
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    if isinstance(text, int):
        return text
    return int(text[:-1]) << units[text[-1]] if text[-1] in units else int(text)
