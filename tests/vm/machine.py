# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Makes QEMU's arguments for a machine: its nodes, their memory, and the kernel to boot."""

import dataclasses
import itertools
import os
import pathlib
import re

# The distance between two nodes in the firmware's tables.
DEFAULT_DISTANCE = 20

KERNEL_ARGUMENTS = [
    "root=/dev/vda", "rw", "rootfstype=ext4", "console=ttyS0", "loglevel=5",
    "systemd.show_status=0", "oops=panic", "panic=-1",
    # Emulated time runs unevenly: a processor that looks stuck only has a busy host.
    "nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1", "no_timer_check", "clocksource=tsc",
    "sysctl.kernel.hung_task_timeout_secs=300",
    "tsc=reliable", "mitigations=off", "random.trust_cpu=on", "audit=0", "fsck.mode=skip",
]


@dataclasses.dataclass(frozen=True)
class Node:
    """A NUMA node of the machine. It has no memory unless a size is given. The kernel knows a node with
    neither memory nor processor only if it is the last node of the machine."""
    memory: str = ""
    cpus: str = ""


@dataclasses.dataclass(frozen=True)
class Speed:
    """How fast the memory of a node is for the processors of node 0, as the firmware tells (HMAT)."""
    nanoseconds: int
    bandwidth: str


@dataclasses.dataclass(frozen=True)
class Dimm:
    """A DIMM that is present at boot."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class VirtioMem:
    """A virtio-mem device that is empty at boot. resize_virtio_mem() fills it."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class Nvdimm:
    """Persistent memory that is present at boot: pmem0, until the guest makes it a dax device. It needs
    a node of its own, before the last node: the kernel numbers only nodes that the firmware reports, and
    hot-added memory belongs to the last one."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine with room for DIMMs. `distances` has the distance of two nodes by their numbers, the
    lower number first. Other distances are 20. `speeds` has one entry for each node; only node 0 may then
    have processors."""
    nodes: tuple = (Node("1G", "0-1"),)
    dimms: tuple = ()  # present at boot, with the ids dimm1, dimm2, ...
    virtio_mem: VirtioMem = None
    nvdimms: tuple = ()
    distances: dict = dataclasses.field(default_factory=dict)
    speeds: tuple = ()
    max_memory: str = "64G"
    # vdb, a copy of the first disk that nothing uses. No snapshot has it: only for a class that boots.
    second_disk: bool = False
    # A network of the guest's own, which leads nowhere: Guest.forward() lets this machine in.
    has_network: bool = False
    # The clock of the processors counts the instructions that they execute, at 1 GHz.
    counts_instructions: bool = False

    def arguments(self):
        return [*self._node_arguments(), *self._nvdimm_arguments(), *self._dimm_arguments(),
                *self._virtio_mem_arguments(), *self._network_arguments()]

    def _node_arguments(self):
        total = sum(size_bytes(node.memory) for node in self.nodes if node.memory)
        words = [
            *(["-accel", "tcg,thread=single", "-icount", "shift=0"] if self.counts_instructions else
              ["-accel", os.environ.get("MEMORYD_VM_ACCEL", "tcg,thread=multi")]),
            "-M", "q35" + (",nvdimm=on" if self.nvdimms else "") + (",hmat=on" if self.speeds else ""),
            "-cpu", "max",
            "-nodefaults", "-vga", "none",
            # Each processor has a socket: the kernel warns about a socket on two nodes.
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
            elif self.speeds:
                option += ",initiator=0"
            words += ["-numa", option]
        if self.distances:
            # With any distance given, QEMU needs all of them.
            for pair in itertools.combinations(range(len(self.nodes)), 2):
                distance = self.distances.get(pair, DEFAULT_DISTANCE)
                words += ["-numa", f"dist,src={pair[0]},dst={pair[1]},val={distance}"]
        return words + self._speed_arguments()

    def _speed_arguments(self):
        words = []
        for number, speed in enumerate(self.speeds):
            for kind in (f"access-latency,latency={speed.nanoseconds}",
                         f"access-bandwidth,bandwidth={speed.bandwidth}"):
                words += ["-numa", f"hmat-lb,initiator=0,target={number},hierarchy=memory,"
                                   f"data-type={kind}"]
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

    def _network_arguments(self):
        if not self.has_network:
            return []
        return ["-netdev", "user,id=network,restrict=on", "-device", "virtio-net-pci,netdev=network"]


def boot_arguments(kernel, arguments=()):
    """Returns QEMU's arguments for the kernel and for the kernel's command line."""
    return [
        "-kernel", str(kernel.image), *(["-initrd", str(kernel.initrd)] if kernel.initrd else []),
        "-append", " ".join([*KERNEL_ARGUMENTS, *clock_arguments(), *arguments]),
    ]


def clock_arguments():
    """Returns the kernel's argument for the speed of the processor's clock, which is that of this
    machine. When the guest measures the speed itself and the host gives it no time meanwhile, the
    guest's time runs ten times too fast from then on: everything that waits in the guest gives up too
    early, and the guest's timer can keep it busy for good."""
    found = re.search(r"^bogomips\s*: (\d+)\.(\d\d)$", pathlib.Path("/proc/cpuinfo").read_text(),
                      re.MULTILINE)
    # On x86, bogomips is twice the frequency of the clock in MHz.
    return [f"tsc_early_khz={int(found[1] + found[2]) * 10 // 2}"] if found else []


def size_bytes(text):
    """Returns the bytes of a size that is written as in QEMU and libconfig: 128M, 1G."""
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    if isinstance(text, int):
        return text
    return int(text[:-1]) << units[text[-1]] if text[-1] in units else int(text)
