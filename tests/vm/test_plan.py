# SPDX-License-Identifier: LGPL-2.1-or-later
"""What memoryctl says would become of memory is what becomes of it."""

from case import GuestCase
from machine import Node, VirtioMem
from memory import LETTERS, read_memory, wait_online

DIMM_GIB = 64
VIRTIO_MEM_GIB = 16
BLOCKS_PER_GIB = 8


class Planned(GuestCase):
    """Memory in quantity: what describes it takes 64 bytes a page, out of what is there before."""

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
        self.assertClasses(planned[2], memory.classes(2))
        # Neither node is of one class, or the order would not be tested.
        self.assertEqual(set(planned[1]), {"K", "M"})
        self.assertEqual(set(planned[2]), {"K", "M"})
        self.assertPolicy()
        self.assertModel()
        self.assertNoErrors()

    def _plan(self, additions):
        """The classes of each node's blocks to come, in the order of their addresses."""
        rows = next(iter(self.memoryd.ctl(f"plan {additions}").values()))
        classes = {}
        for row in rows:
            first, _, last = row["block"].partition("-")
            count = int(last or first) - int(first) + 1
            classes[row["node"]] = (classes.get(row["node"], "") +
                                    LETTERS[row["decision"]] * count)
        return classes
