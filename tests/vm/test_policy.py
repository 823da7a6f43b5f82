# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Settings and rules decide what a DIMM becomes."""

from case import FULL, GuestCase
from memory import wait_for_blocks
from policy import expected_classes, expected_whole

UDEV_RULES = "/etc/udev/rules.d/99-test.rules"


class LargeDimm(GuestCase):
    """A DIMM eight times as large as the memory before."""

    def test_a_quarter_of_all_is_for_the_kernel(self):
        _, before, added = self.add_dimm(8192, 0)
        self.assertClasses(added.classes(), "K" * 10 + "M" * 54)
        self.assertClasses(added.classes(), expected_classes(before, 0, True, 64))
        self.assertModel()
        self.assertDevices()


class LargeWholeDimm(GuestCase):
    """A DIMM eight times as large as the memory before, which must be removable or not as a whole."""

    def test_all_of_it_is_for_the_kernel(self):
        self.memoryd.use("whole_device = true;\n")
        _, before, added = self.add_dimm(8192, 0)
        self.assertClasses(added.classes(), "K" * 64)
        self.assertClasses(added.classes(), expected_whole(before, 0, True, 64))
        self.assertModel()
        for block in (added.blocks[0], added.blocks[-1]):
            self._check_reason(block)

        # There is enough kernel memory now.
        _, before, added = self.add_dimm(1024, 0)
        self.assertClasses(added.classes(), "M" * 8)
        self.assertClasses(added.classes(), expected_whole(before, 0, True, 8))

    def _check_reason(self, block):
        text = self.guest.run(f"memoryctl explain {block.index}")
        # 8.00 is the ratio without the guard, 3.00 is the limit.
        parts = ("max_movable_ratio", "whole_device", "8.00", "3.00")
        self.assertTrue([line for line in text.splitlines()
                         if all(part in line for part in parts)], text)


class FarNode(GuestCase):
    """A node without a CPU, twice as far away as the others, which exists only while it has its DIMM."""

    CASES = (
        # the rule, and the node's minimum of kernel blocks, or None if the rule says movable
        ('node_class = "cpuless"; zone = "movable";', None),
        ('node_class = "memoryless"; zone = "movable";', None),
        ('distance = { from = 0; min = 40; }; zone = "movable";', None),
        ('node_class = "cpuless"; zone = "auto"; movable_node = true;', 0),
        ('node_class = "cpuless"; zone = "auto";', 1),
    )

    def test_a_node_that_comes_with_its_memory(self):
        nodes = self.memoryd.node_paths()
        for criteria, min_kernel in self.CASES:
            with self.subTest(criteria):
                self.assertEqual(self.memoryd.node_paths(), nodes)
                self.memoryd.use(f'rules = ( {{ name = "far"; {criteria} }} );\n')
                dimm, before, added = self.add_dimm(512, 2)
                expected = ("MMMM" if min_kernel is None else
                            expected_classes(before, 2, False, 4, min_kernel))
                self.assertClasses(added.classes(2), expected)
                self.assertRule(added, "far")
                self.assertModel()
                if "K" not in expected:
                    self.guest.del_dimm(dimm)
                    wait_for_blocks(self.guest, len(before.blocks))
                    self.guest.wait_until(lambda: self.memoryd.node_paths() == nodes,
                                          "the node's object gone")
        self.assertNoErrors()

    def test_another_node_is_not_meant(self):
        self.memoryd.use('rules = ( { name = "class"; node_class = "cpuless"; zone = "leave"; },\n'
                         '          { name = "distance"; distance = { from = 0; min = 40; };\n'
                         '            zone = "leave"; } );\n')
        _, before, added = self.add_dimm(512, 1)
        self.assertClasses(added.classes(1), expected_classes(before, 1, True, 4))
        self.assertRule(added, "")


class UdevHint(GuestCase):
    """A rule of udev marks some blocks with a property."""

    hardware = FULL

    def test_a_property_of_some_blocks(self):
        # A DIMM follows the one before.
        first = self.add_dimm(128, 0)[2].blocks[0].index + 1
        self.guest.write_file(UDEV_RULES,
                              f'SUBSYSTEM=="memory", KERNEL=="memory{first}|memory{first + 1}", '
                              'ENV{MEMORYD_HINT}="kernel"\n'
                              f'SUBSYSTEM=="memory", KERNEL=="memory{first + 2}", '
                              'ENV{MEMORYD_HINT}="something else"\n')
        self.memoryd.use('event_source = "udev";\n'
                         'rules = ( { name = "hinted"; zone = "kernel";\n'
                         '            udev_property = { name = "MEMORYD_HINT";\n'
                         '                              value = "kernel"; }; } );\n')
        self.guest.run("udevadm control --reload; systemctl restart memoryd")
        self.memoryd.wait_ready()
        self._check_dimm(first, "KKMMMMMM", ["hinted", "hinted", *[""] * 6])
        # Without the property, none of the blocks becomes kernel memory.
        self._check_dimm(first + 8, "MMMM", [""] * 4)
        self.assertNoErrors()

    def _check_dimm(self, first, classes, rules):
        _, _, added = self.add_dimm(128 * len(classes), 0)
        self.assertEqual(added.blocks[0].index, first)
        self.assertClasses(added.classes(), classes)
        rows = self.memoryd.listed()
        self.assertEqual([rows[block.index]["rule"] or "" for block in added], rules)
        self.assertModel()
