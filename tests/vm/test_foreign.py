# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Administrators, tools and the machine act on the same blocks as memoryd."""

import json

import program
from case import FULL, WORDS_FILE, GuestCase, kernel_matters
from memory import read_memory, wait_for_blocks
from memoryd import PATH

DROP_IN = "/etc/memoryd/memoryd.conf.d/50-foreign.conf"


class Foreign(GuestCase):
    """Something other than memoryd switches blocks."""

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
        self.guest.run(f"echo offline >{WORDS_FILE}")
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
        self._use_rule(2, "offline")
        before = read_memory(self.guest)
        foreign = self.memoryd.get("ForeignBlocks")
        self.guest.add_dimm("256M", 2)
        added = wait_for_blocks(self.guest, len(before.blocks) + 2).added_to(before)
        self.guest.wait_until(lambda: self._row(added.blocks[1]).status == "left", "blocks left")
        self._write(added.blocks[1], "online_movable")
        self.guest.wait_until(lambda: self._row(added.blocks[1]).state == "online",
                              "memoryd seeing the block online")
        self.assertClasses(read_memory(self.guest).added_to(before).classes(), "-M")
        self.assertEqual(self.memoryd.get("ForeignBlocks"), foreign)
        self.assertModel()

    def test_a_dimm_that_is_pulled_leaves_the_model(self):
        self._use_rule(2, "movable")
        nodes = self.memoryd.node_paths()
        dimm, before, added = self.add_dimm(512, 2)
        self.assertClasses(added.classes(), "MMMM")
        self.assertIn(f"{PATH}/node/2", self.memoryd.node_paths())

        self._pull(dimm, before, nodes)

        # Another DIMM comes to the same place. It is pulled as well, to leave the guest as it was.
        dimm, _, added = self.add_dimm(512, 2)
        self.assertClasses(added.classes(), "MMMM")
        self.assertModel()
        self._pull(dimm, before, nodes)
        self.assertNoErrors()

    def _pull(self, dimm, before, nodes):
        self.guest.del_dimm(dimm)
        wait_for_blocks(self.guest, len(before.blocks))
        self.assertModel()
        self.guest.wait_until(lambda: self.memoryd.node_paths() == nodes, "the node's object gone")


@kernel_matters("it tells of writes to its file")
class ForeignWord(GuestCase):
    """Another process sets the kernel's auto_online_blocks."""

    def test_a_word_that_another_process_set_stays_and_is_told_once(self):
        self.guest.run(f"echo online_movable >{WORDS_FILE}")
        self.guest.wait_until(lambda: self.memoryd.get("ForeignAutoOnline") == [WORDS_FILE],
                              "memoryd hearing of the word")
        self.assertEqual(self.memoryd.get("KernelAutoOnline"), "online_movable")
        for _ in range(10):
            self.add_dimm(128, 2)
        self.assertEqual(self.guest.run(f"cat {WORDS_FILE}").strip(), "online_movable")
        told = [text for text in self.memoryd.messages() if text.startswith("Another process set")]
        self.assertEqual(told, ["Another process set auto_online_blocks to 'online_movable', "
                                'leaving it so until "memoryctl reload"'])
        self.assertIn(f"{WORDS_FILE}: Another process has set this",
                      self.guest.call("memoryctl verify").stdout)
        self.assertModel()

        self.guest.run("systemctl stop memoryd")
        self.assertEqual(self.guest.run(f"cat {WORDS_FILE}").strip(), "online_movable")
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.assertEqual(self.guest.run(f"cat {WORDS_FILE}").strip(), "online_movable")
        self.guest.run("memoryctl reload")
        self.guest.wait_until(lambda: self.guest.run(f"cat {WORDS_FILE}").strip() == "offline",
                              "memoryd taking the file over")
        self.assertEqual(self.memoryd.get("ForeignAutoOnline"), [])


@kernel_matters("all who switch blocks meet at its lock")
class ForeignBesideJobs(GuestCase):
    """Tools change blocks while a job of memoryd changes other blocks and some of the same ones."""

    hardware = FULL

    # The dax device belongs to daxctl. A block may have to wait for the kernel's lock.
    CONFIGURATION = ('offline_timeout = "1h";\n'
                     'leave_delay = "1h";\n'
                     'rules = ( { name = "all"; node = [1, 3]; zone = "movable"; } );\n')

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        program.bring_in(cls.guest, "load")
        cls.make_dax_device()
        cls.memoryd.use(cls.CONFIGURATION)

    def _write(self, index, word):
        self.guest.run(f"echo {word} >/sys/devices/system/memory/memory{index}/state")

    def test_everybody_at_once(self):
        _, _, emptied = self.add_dimm(2048, 1)
        _, _, shared = self.add_dimm(1024, 3)
        chmem, agent, echo = (shared.blocks[number].index for number in (1, 3, 5))
        load = self.start_load("hold 1 512")
        device = self.memoryd.listed()[emptied.blocks[0].index]["device"]

        client = self.guest.start(f"exec memoryctl --json offline --device {device}")
        job = self.guest.wait_until(self.memoryd.jobs, "the job", pause=0)[0]
        during = {}

        def do(who, command, *arguments):
            # Notes the progress of the job at the start of the command: the kernel has one lock for all,
            # and the job may be done before the command gets the lock.
            during[who] = [row.done for row in self.memoryd.jobs()]
            command(*arguments)

        # The first command takes the job's lowest block, which is its last. The others take blocks that
        # are not part of the job.
        do("echo", self._write, emptied.blocks[0].index, "offline")
        do("guest agent", self.guest.set_memory_blocks, {agent: False})
        do("chmem", self.guest.run, f"chmem -b --disable {chmem}")
        do("echo, another class", self._reclass, echo)
        do("daxctl", self.guest.run,
           "daxctl reconfigure-device --mode=system-ram dax0.0")
        report = json.loads(client.wait().stdout)
        self.note(", ".join(f"{who} at {done[0] if done else 'the end'}"
                            for who, done in during.items()))
        self.assertTrue(during["echo"], "the job was over too early")
        self.assertEqual((report["result"], report["failures"]), ("done", []))
        self.assertEqual(report["total_blocks"], job.total)
        self.assertEqual(load.end(), 0, load.output())

        # The last block of the job is brought online again by hand.
        self._write(emptied.blocks[0].index, "online_movable")
        self.assertModel()
        self._check(emptied, chmem, agent, echo)
        # Nothing changes when memoryd reads all blocks again.
        before = read_memory(self.guest).classes()
        self.guest.run("memoryctl rescan")
        self.assertModel()
        self.assertClasses(read_memory(self.guest).classes(), before)
        self._check(emptied, chmem, agent, echo)
        self.assertNoErrors()

    def _reclass(self, index):
        self._write(index, "offline")
        self._write(index, "online_kernel")

    def _check(self, emptied, chmem, agent, echo):
        memory = read_memory(self.guest)
        self.assertClasses(memory.classes(1), "M" + "-" * (len(emptied.blocks) - 1))
        self.assertClasses(memory.classes(3), "M-M-MKMM")
        statuses = self.memoryd.statuses()
        self.assertEqual({statuses[index] for index in (chmem, agent)}, {"offlined"})
        self.assertEqual({statuses[block.index] for block in emptied.blocks[1:]}, {"offlined"})
        self.assertEqual(statuses[emptied.blocks[0].index], "external")
        self.assertEqual(statuses[echo], "foreign")
        self.assertClasses(memory.classes(2), "M" * 7)
        self.assertEqual({statuses[block.index] for block in memory.of(2)}, {"external"})
        self.assertEqual(self.memoryd.get("ForeignBlocks"), 1)
        self.assertEqual(self.memoryd.get("Jobs"), 0)
        self.assertIn("foreign", self.guest.run("memoryctl status"))
