# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""memoryctl plan predicts what memory becomes."""

from case import GuestCase
from machine import Node, VirtioMem
from memory import LETTERS, read_memory, wait_online

DIMM_GIB = 64
VIRTIO_MEM_GIB = 16
BLOCKS_PER_GIB = 8


class Planned(GuestCase):
    """A large amount of memory. The kernel needs 64 bytes of existing memory for each page of it."""

    hardware = {"nodes": (Node("4G", "0"), Node(cpus="1"), Node()), "max_memory": "128G",
                "virtio_mem": VirtioMem(f"{VIRTIO_MEM_GIB}G", 2)}

    def test_a_plan_and_what_comes_of_it(self):
        before = read_memory(self.guest)
        planned = self._plan(f"--add {DIMM_GIB}G@1 --add {VIRTIO_MEM_GIB}G@2:virtio-mem")
        self.assertClasses(read_memory(self.guest).classes(), before.classes())

        count = len(before.blocks) + DIMM_GIB * BLOCKS_PER_GIB
        self.guest.add_dimm(f"{DIMM_GIB}G", 1)
        wait_online(self.guest, count, timeout=900)
        self.guest.resize_virtio_mem(f"{VIRTIO_MEM_GIB}G")
        memory = wait_online(self.guest, count + VIRTIO_MEM_GIB * BLOCKS_PER_GIB, timeout=900)

        self.assertClasses(planned[1], memory.classes(1))
        # The blocks can come in several bursts, each of which has its kernel memory lowest.
        self.assertClasses(planned[2], "".join(sorted(memory.classes(2))))
        # Each node must have both classes, or the test would not check their order.
        self.assertEqual(set(planned[1]), {"K", "M"})
        self.assertEqual(set(planned[2]), {"K", "M"})
        self.assertPolicy()
        self.assertModel()
        self.assertNoErrors()

    def _plan(self, additions):
        """Returns the planned classes of each node's new blocks, in the order of addresses."""
        rows = next(iter(self.memoryd.ctl(f"plan {additions}").values()))
        classes = {}
        for row in rows:
            # The numbers of blocks that are not there yet are not known.
            self.assertIsNone(row["block"])
            classes[row["node"]] = (classes.get(row["node"], "") +
                                    LETTERS[row["decision"]] * (row["size"] * BLOCKS_PER_GIB >> 30))
        return classes
