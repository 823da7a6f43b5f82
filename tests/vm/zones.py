# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A guest in which only the test onlines memory, and the tests of the zone rules in it."""

from case import PLAIN, WORDS_FILE, GuestCase
from machine import size_bytes
from memory import read_memory, wait_for_blocks

# NODE is the empty node on which the rules are tested. The kernel must not allocate kernel memory on it,
# so that every block can go offline again: NODE has no processors, the processors of other nodes look
# for memory elsewhere first, and there are no control groups, which have memory on each node. OTHER_NODE
# is a node that is used once.
NODE = 2
OTHER_NODE = 1
COUNT = 4
HARDWARE = PLAIN | {"arguments": "cgroup_disable=memory"}

PERMISSION = "Operation not permitted"
INVALID = "Invalid argument"


class ManualCase(GuestCase):
    """Neither memoryd nor the kernel switches blocks here."""

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.guest.run(f"systemctl stop memoryd && echo offline >{WORDS_FILE}")

    def block_path(self, block):
        return f"/sys/devices/system/memory/memory{block}"

    def try_write(self, text, path):
        """Returns the error of a write, in the words of the C library, or an empty string."""
        result = self.guest.call(f"echo {text} >{path}")
        return result.stderr.strip().rpartition(": ")[2] if result.code else ""

    def write(self, text, path):
        self.assertEqual(self.try_write(text, path), "", f"{text} >{path}")

    def switch(self, block, word):
        """Returns the error of a write to the block's state, as try_write() does."""
        return self.try_write(word, f"{self.block_path(block)}/state")

    def zones(self, block):
        return self.guest.run(f"cat {self.block_path(block)}/valid_zones").split()

    def add_offline(self, size, node):
        """Adds a DIMM and waits until all of its blocks have their node. Returns the id of the DIMM and
        the numbers of the blocks."""
        before = read_memory(self.guest)
        dimm = self.guest.add_dimm(size, node)
        count = size_bytes(size) // before.block_bytes
        added = wait_for_blocks(self.guest, len(before.blocks) + count).added_to(before)
        return dimm, [block.index for block in added]


class ZoneRules:
    """Tests what the rules refuse and allow, for a ManualCase with set_rule(). The kernel or the module
    can enforce the rules. The DIMM has four blocks: a, b, c and d, from the lowest address up."""

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.blocks = cls.add_offline(cls(), f"{COUNT * 128}M", NODE)[1]

    def setUp(self):
        super().setUp()
        self.take_offline()
        self.set_rules(True)

    def set_rules(self, on):
        self.set_rule("strict_zone_order", on)
        self.set_rule("require_kernel_zone", on)

    def take_offline(self):
        self.set_rules(False)
        self.guest.run("".join(f"echo offline >{self.block_path(block)}/state 2>/dev/null;"
                               for block in self.blocks) + ":")
        self.assertStates("----")

    def prepare(self, picture):
        """Brings blocks online as in the picture, with the rules off. A movable block goes first, or else
        a block that is taken offline again at the end: the node's kernel threads live in its first
        block, and would keep a kernel block from going offline."""
        self.take_offline()
        first = picture.index("M") if "M" in picture else picture.rindex("-")
        self.assertAllowed(self.blocks[first], "online_movable")
        words = {"M": "online_movable", "K": "online_kernel"}
        for block, letter in zip(self.blocks, picture):
            if letter in words and block != self.blocks[first]:
                self.assertAllowed(block, words[letter])
        if picture[first] == "-":
            self.assertAllowed(self.blocks[first], "offline")
        self.assertStates(picture)
        self.set_rules(True)

    def assertStates(self, picture):  # pylint: disable=invalid-name
        self.assertClasses(read_memory(self.guest).classes(NODE), picture)

    def assertAllowed(self, block, word):  # pylint: disable=invalid-name
        self.assertEqual(self.switch(block, word), "", f"{word} of memory{block}")

    def assertRefused(self, block, word):  # pylint: disable=invalid-name
        with self.never_again():
            self.assertEqual(self.switch(block, word), PERMISSION, f"{word} of memory{block}")

    # What each rule is for

    def test_movable_first_on_an_empty_node(self):
        first = self.blocks[1]
        self.assertRefused(first, "online_movable")
        self.assertStates("----")
        self.set_rule("require_kernel_zone", False)
        self.assertAllowed(first, "online_movable")
        self.assertStates("-M--")

    def test_kernel_first_on_an_empty_node(self):
        # This test can run only once, because the block cannot go offline again.
        a, b = self.add_offline("256M", OTHER_NODE)[1]
        self.assertRefused(b, "online_movable")
        self.assertAllowed(a, "online_kernel")
        self.assertAllowed(b, "online_movable")
        self.assertClasses(read_memory(self.guest).classes(OTHER_NODE), "KM")

    def test_kernel_above_movable(self):
        self.prepare("-KM-")
        d = self.blocks[3]
        self.assertRefused(d, "online_kernel")
        self.assertStates("-KM-")
        self.set_rule("strict_zone_order", False)
        self.assertAllowed(d, "online_kernel")
        self.assertStates("-KMK")

    def test_movable_below_kernel(self):
        self.prepare("-K--")
        a, _, c, _ = self.blocks
        self.assertRefused(a, "online_movable")
        self.assertAllowed(c, "online_movable")
        self.assertStates("-KM-")
        self.set_rule("strict_zone_order", False)
        self.assertAllowed(a, "online_movable")
        self.assertStates("MKM-")

    def test_last_kernel_block_goes_offline_after_the_movable(self):
        self.prepare("KKM-")
        a, b, c, _ = self.blocks
        # b is not the last kernel block.
        self.assertAllowed(b, "offline")
        self.assertRefused(a, "offline")
        self.assertStates("K-M-")
        self.assertAllowed(c, "offline")
        self.assertAllowed(a, "offline")
        self.assertStates("----")

    def test_last_kernel_block_with_the_rule_off(self):
        self.prepare("KM--")
        a = self.blocks[0]
        self.assertRefused(a, "offline")
        self.set_rule("require_kernel_zone", False)
        self.assertAllowed(a, "offline")
        self.assertStates("-M--")

    def test_an_empty_zone_is_in_nobodys_way(self):
        self.prepare("KM--")
        _, b, _, d = self.blocks
        self.assertRefused(d, "online_kernel")
        self.assertAllowed(b, "offline")
        self.assertAllowed(d, "online_kernel")
        self.assertRefused(b, "online_movable")
        self.assertAllowed(d, "offline")
        self.assertAllowed(b, "online_movable")
        self.assertStates("KM--")
