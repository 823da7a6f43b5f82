# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Memory that a driver adds and takes out again, which memoryd leaves to the driver unless a rule says otherwise."""

import pathlib

import module
from case import FULL, GuestCase, kernel_matters
from memory import read_memory, wait_for_blocks, wait_online

TESTDRV = pathlib.Path(__file__).resolve().parent / "testdrv"
ADDED = "/sys/module/testdrv/parameters/added"
REGION = "/sys/bus/nd/devices/region0"
BLOCKS = 8


@kernel_matters("its functions add the memory and take it out")
class Driver(GuestCase):
    """A driver adds the memory of an NVDIMM that nothing else uses, on a node of its own."""

    hardware = FULL

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.guest.wait_until("[ -b /dev/pmem0 ]", "the driver of the persistent memory")
        cls.guest.run("udevadm settle; ndctl disable-namespace all")
        start = cls.guest.run(f"cat {REGION}/resource").strip()
        size = BLOCKS * read_memory(cls.guest).block_bytes
        module.load(cls.guest, TESTDRV, "testdrv", f"start={start} size={size} node=2")

    def setUp(self):
        self.memoryd.use("")

    def _add(self):
        before = read_memory(self.guest)
        self.guest.run(f"echo 1 >{ADDED}")
        added = wait_for_blocks(self.guest, len(before.blocks) + BLOCKS).added_to(before)
        self.wait_settled()
        return before, added

    def _take_out(self, before):
        self.guest.run(f"echo 0 >{ADDED}")
        wait_for_blocks(self.guest, len(before.blocks))
        self.assertModel()
        self.assertNoErrors()

    def _rows(self, added):
        rows = self.memoryd.listed()
        return [rows[block.index] for block in added]

    def test_the_driver_gets_its_memory_back(self):
        before, added = self._add()
        rows = self._rows(added)
        self.assertEqual({row["origin"] for row in rows}, {"driver"})
        self.assertEqual(len({row["device"] for row in rows}), 1)
        self.assertEqual({row["decision"] for row in rows}, {"leave"})
        self.assertClasses(read_memory(self.guest).added_to(before).classes(), "-" * BLOCKS)
        self._take_out(before)

    def test_a_rule_for_the_driver_has_all_of_it_movable(self):
        self.memoryd.use('rules = ( { driver = "test*"; name = "test"; zone = "movable"; } );\n')
        before, added = self._add()
        self.assertRule(added, "test")
        after = wait_online(self.guest, len(before.blocks) + BLOCKS)
        self.assertClasses(after.added_to(before).classes(), "M" * BLOCKS)
        self._take_out(before)
