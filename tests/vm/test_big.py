# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A machine with more than 64 GiB, for which the kernel makes memory blocks of 2 GiB."""

import re

from case import CPU_NODES, GuestCase
from machine import Node
from memory import read_memory
from policy import expected_classes

GIB = 1 << 30
BLOCK_BYTES = 2 * GIB
# A DIMM that is half as large as a block.
TOO_SMALL = "PNP0C80:02"
PSS_LIMIT_KIB = 12 << 10


class BigMachine(GuestCase):
    """The guest has 66 GiB on eight nodes, two of them with a processor. The host gives it what it touches:
    its page structures take one sixty-fourth of its memory."""

    hardware = {"nodes": (Node("10G", "0"), Node("8G", "1"), *[Node("8G")] * 6), "max_memory": "512G"}
    minutes = 10
    everyday = False

    def test_large_dimms_and_a_dimm_smaller_than_a_block(self):
        before = read_memory(self.guest)
        self.assertEqual(before.block_bytes, BLOCK_BYTES)
        self.assertEqual(before.bytes(), 66 * GIB)
        for size, node in ((64, 1), (128, 2)):
            self._add(size, node)

        self.guest.add_dimm("1G", 3)
        self.guest.wait_until(lambda: self.memoryd.get("FailedDevices"), "a DIMM that does not fit a block")
        self.assertEqual([name for name, _, _ in self.memoryd.get("FailedDevices")], [TOO_SMALL])
        self.assertIn("most likely it is not aligned to memory blocks of 2G",
                      self.guest.run("memoryctl status"))

        self.assertPolicy()
        self.assertModel()
        self._check_map()
        self._check_footprint()
        self.assertNoErrors()

    def _add(self, size, node):
        _, before, added = self.add_dimm(size << 10, node)
        self.assertEqual(added.bytes(node), size * GIB)
        self.assertClasses(added.classes(node), expected_classes(before, node, node in CPU_NODES,
                                                                 len(added.blocks)))

    def _check_map(self):
        """The picture has the classes of all blocks, with a cell for each."""
        drawn = self.guest.run("memoryctl map")
        self.assertIn("A cell is a block, 2G.", drawn)
        for part in drawn.split("\n\n"):
            heading = re.match(r"node (\d+):", part)
            if heading:
                rows = "".join(re.findall(r"^ *\d+ (.+)$", part, re.MULTILINE))
                # A line separates blocks with a hole between them.
                cells = "".join(letter for letter in rows if letter not in " |")
                classes = read_memory(self.guest).classes(int(heading[1]))
                self.assertEqual(cells, classes.replace("X", "K"))

    def _check_footprint(self):
        """A restart finds the same memory. How long it takes is only told."""
        statuses = self.memoryd.statuses()
        start = self.guest.uptime()
        self.guest.run("systemctl restart memoryd")
        self.note(f"ready after {self.guest.uptime() - start:.1f} s")
        self.assertEqual(self.memoryd.statuses().keys(), statuses.keys())
        self.assertPolicy()
        pids = " ".join(map(str, self.memoryd.processes()))
        pss = sum(map(int, self.guest.run(
            f"for pid in {pids}; do awk '/^Pss:/ {{ print $2 }}' /proc/$pid/smaps_rollup; done").split()))
        self.note(f"own share of memory {pss} KiB")
        self.assertLess(pss, PSS_LIMIT_KIB)
