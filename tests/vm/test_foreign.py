# SPDX-License-Identifier: LGPL-2.1-or-later
"""Others act on the same blocks: administrators, tools, the machine."""

from case import GuestCase
from memory import read_memory, wait_for_blocks
from memoryd import PATH

DROP_IN = "/etc/memoryd/memoryd.conf.d/50-foreign.conf"


class Foreign(GuestCase):
    """Blocks that somebody else switches."""

    def _write(self, block, word):
        self.guest.run(f"echo {word} >/sys/devices/system/memory/memory{block.index}/state")

    def _use_rule(self, node, zone):
        self.guest.write_file(
            DROP_IN, f'rules = ( {{ name = "place"; node = {node}; zone = "{zone}"; }} );\n')
        self.addCleanup(self.guest.run, f"rm -f {DROP_IN}; memoryctl reload")
        self.guest.run("memoryctl reload")

    def _row(self, block):
        return next(row for row in self.memoryd.blocks() if row.id == block.index)

    def test_blocks_onlined_while_memoryd_was_away(self):
        self.guest.run("systemctl stop memoryd")
        self.guest.run("echo offline >/sys/devices/system/memory/auto_online_blocks")
        before = read_memory(self.guest)
        self.guest.add_dimm("512M", 1)
        added = wait_for_blocks(self.guest, len(before.blocks) + 4).added_to(before)
        self._write(added.blocks[0], "online_kernel")
        self._write(added.blocks[1], "online_movable")
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.assertModel()
        self.assertPolicy()

    def test_a_block_onlined_against_the_policy_is_foreign(self):
        _, _, added = self.add_dimm(1024, 1)
        block = added.of(None, "movable")[-1]
        foreign = self.memoryd.get("ForeignBlocks")

        self._write(block, "offline")
        self.guest.wait_until(lambda: self._row(block).status == "offlined", "the block offlined")
        self._write(block, "online_kernel")
        self.guest.wait_until(lambda: self.memoryd.get("ForeignBlocks") == foreign + 1,
                              "a foreign block")
        self.assertEqual(self._row(block).status, "foreign")
        self.assertModel()

        self._write(block, "offline")
        self._write(block, "online_movable")
        self.guest.wait_until(lambda: self.memoryd.get("ForeignBlocks") == foreign,
                              "the foreign block gone")
        self.assertModel()

    def test_what_is_left_alone_belongs_to_the_administrator(self):
        self._use_rule(2, "leave")
        before = read_memory(self.guest)
        foreign = self.memoryd.get("ForeignBlocks")
        self.guest.add_dimm("256M", 2)
        added = wait_for_blocks(self.guest, len(before.blocks) + 2).added_to(before)
        self.guest.wait_until(lambda: self._row(added.blocks[1]).status == "left", "blocks left")
        self._write(added.blocks[1], "online_movable")
        self.guest.wait_until(lambda: self._row(added.blocks[1]).state == "online",
                              "memoryd seeing the block online")
        self.assertEqual(read_memory(self.guest).added_to(before).classes(), "-M")
        self.assertEqual(self.memoryd.get("ForeignBlocks"), foreign)
        self.assertModel()

    def test_a_dimm_that_is_pulled_leaves_the_model(self):
        self._use_rule(2, "movable")
        nodes = self.memoryd.node_paths()
        dimm, before, added = self.add_dimm(512, 2)
        self.assertEqual(added.classes(), "MMMM")
        self.assertIn(f"{PATH}/node/2", self.memoryd.node_paths())

        self._pull(dimm, before, nodes)

        # The same place, and a new block: pulled once more, to leave the guest as it was.
        dimm, _, added = self.add_dimm(512, 2)
        self.assertEqual(added.classes(), "MMMM")
        self.assertModel()
        self._pull(dimm, before, nodes)
        self.assertNoErrors()

    def _pull(self, dimm, before, nodes):
        self.guest.del_dimm(dimm)
        wait_for_blocks(self.guest, len(before.blocks))
        self.assertModel()
        self.guest.wait_until(lambda: self.memoryd.node_paths() == nodes, "the node's object gone")
