# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults that are made over and over. Each note is a row of the table of test_faults.py."""

import random

from case import FULL
from fault import MOVABLE, FaultCase
from guest import GuestError
from memory import read_memory


class RefusingKernel(FaultCase):
    """The kernel refuses for 30 % of the time."""

    adds = 49  # and one more at the end
    jobs = 20
    minutes = 8
    everyday = False

    def test_all_is_online_in_the_end(self):
        self.inject(self.adds, self.jobs)


class UpAndDown(FaultCase):
    """A virtio-mem device grows and shrinks, at times before it has all of what it was asked for."""

    hardware = FULL
    times = 100
    minutes = 10
    everyday = False

    def test_virtio_mem(self):
        self.memoryd.use(MOVABLE)
        before, plugged = self.blocks(), 0
        for number in range(self.times):
            count = random.randint(1, 8)
            self.guest.resize_virtio_mem(f"{128 * count}M")
            if number % 4 != 1:
                self._wait(before, count)
                plugged += count
            self.guest.resize_virtio_mem("0")
            if number % 4 != 3:
                self._wait(before, 0)
        self.guest.resize_virtio_mem("1G")
        self._wait(before, 8)
        self.assertNoErrors()
        self.row(f"virtio-mem up and down {self.times} times, at times half way", before + 8,
                 f"{plugged} blocks online before they left, no errors")

    def _wait(self, before, count):
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == count << 27, f"{count} blocks plugged")
        self.wait_for_online(before + count)


# Each of these switches blocks of $first to $last, or all of the dax device, for $seconds seconds, and counts
# how often that succeeded: the others may have been faster.
CHMEM = r"""
while ((SECONDS < $seconds)); do
        block=$((first + RANDOM % (last - first + 1)))
        chmem -b --disable $block 2>/dev/null && count=$((count + 1))
        chmem -b --enable $block 2>/dev/null && count=$((count + 1))
done >/dev/null
"""
SHELL = r"""
cd /sys/devices/system/memory || exit
while ((SECONDS < $seconds)); do
        block=$((first + RANDOM % (last - first + 1)))
        for word in offline online_movable; do
                echo $word 2>/dev/null >memory$block/state && count=$((count + 1))
        done
done 2>/dev/null
"""
DAXCTL = r"""
while ((SECONDS < $seconds)); do
        for verb in offline-memory online-memory; do
                daxctl $verb dax0.0 >/run/daxctl 2>&1 && count=$((count + 1)) || cat /run/daxctl >&2
        done
done
"""


class Everyone(FaultCase):
    """All that can switch blocks does so at once: chmem, a loop of a shell and the guest agent the same blocks
    of a DIMM, daxctl those of its device. The first and the last block of the DIMM keep the movable zone of the
    node around the others."""

    hardware = FULL
    seconds = 60
    minutes = 4
    everyday = False

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.make_dax_device()
        # The dax device belongs to daxctl.
        cls.memoryd.use('leave_delay = "1h";\n'
                        'rules = ( { name = "all"; node = [1, 3]; zone = "movable"; } );\n')
        cls.guest.run("daxctl reconfigure-device --mode=system-ram dax0.0")

    def test_all_at_once(self):
        _, _, added = self.add_dimm(1024, 1)
        first, last = added.blocks[1].index, added.blocks[-2].index
        processes = {name: self.guest.start(f"first={first} last={last} seconds={self.seconds} count=0\n"
                                            f"{script}\necho $count")
                     for name, script in (("chmem", CHMEM), ("a shell", SHELL), ("daxctl", DAXCTL))}
        before, agent = self.blocks(), 0
        dimm = None
        while not all([process.result() for process in processes.values()]):
            for online in (False, True):
                agent += self._ask_agent(random.randint(first, last), online)
            if agent > 20 and not dimm:
                dimm = self.guest.add_dimm("512M", 3)
        counts = {name: int(process.wait().stdout) for name, process in processes.items()}
        self.assertEqual(processes["daxctl"].wait().stderr, "")
        counts["the guest agent"] = agent
        self.assertGreater(min(counts.values()), 20, counts)
        offline = read_memory(self.guest).offline()
        if offline:
            self.guest.set_memory_blocks({block.index: True for block in offline})
        self.row("all at once for a minute, on the same blocks and beside a hot-add", before + 4,
                 "switched by " + ", ".join(f"{name} {count}" for name, count in counts.items()))
        memory = read_memory(self.guest)
        self.assertClasses(memory.classes(1), "M" * 8)
        self.assertClasses(memory.classes(2), "M" * 7)
        self.assertClasses(memory.classes(3), "M" * 4)
        self.assertNoErrors()

    def _ask_agent(self, block, online):
        """Returns whether the agent did it: another program may have been faster."""
        try:
            self.guest.set_memory_blocks({block: online})
        except GuestError:
            return False
        return True
