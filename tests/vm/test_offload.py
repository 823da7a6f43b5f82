# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The kernel itself onlines memory while adding it, if the policy has only one outcome for it."""

from case import PATCHED, WORDS_FILE, GuestCase, kernel_matters, node_words_file
from memory import read_memory, wait_for_blocks

RULES = """offload = "uniform";
rules = ( { name = "near"; node = 1; zone = "kernel"; },
          { name = "far"; node = 2; zone = "movable"; } );
"""

ALL_MOVABLE = """offload = "uniform";
rules = ( { name = "all"; zone = "movable"; } );
"""

RULE_FILE = "/sys/module/memory_hotplug/parameters/require_kernel_zone"


class OffloadCase(GuestCase):
    """Each test starts with the shipped configuration."""

    def setUp(self):
        super().setUp()
        self.memoryd.use("")

    def word(self, file):
        return self.guest.run(f"cat {file}").strip()

    def wait_word(self, file, word):
        self.guest.wait_until(lambda: self.guest.call(f"cat {file}").stdout.strip() == word,
                              f"{file} being '{word}'")

    def add_by_kernel(self, size, node, classes):
        """Adds a DIMM that the kernel has to online, and compares each block with the policy. Returns the
        id of the DIMM."""
        dimm, before, added = self.add_dimm(size, node)
        self.assertClasses(added.classes(node), classes)
        rows = {row.id: row for row in self.memoryd.blocks()}
        for block in added:
            row = rows[block.index]
            self.assertEqual((row.decision, row.status), (block.zone_class, "external"))
            explained = self.memoryd.ctl(f"explain {block.index}")
            self.assertEqual(explained["onlined_by"], "kernel")
        self.assertEqual(before.offline(), [])
        return dimm

    def stop_and_check(self, words):
        """Stops memoryd, checks the words in these files, and starts memoryd again."""
        self.guest.run("systemctl stop memoryd")
        self.assertEqual({file: self.word(file) for file in words}, words)
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()


class OffloadOfNodes(OffloadCase):
    """The kernel has a word for each node."""

    kernels = PATCHED

    def test_each_node_has_its_own_answer(self):
        self.memoryd.use(RULES)
        self.wait_word(node_words_file(1), "online_kernel")
        self.wait_word(WORDS_FILE, "offline")
        self.assertEqual(self.word(node_words_file(0)), "inherit")
        self.add_by_kernel(512, 1, "KKKK")
        # The node appears with its first DIMM, so memoryd could not set its word before.
        self.add_dimm(512, 2)
        self.wait_word(node_words_file(2), "online_movable")
        dimm = self.add_by_kernel(1024, 2, "M" * 8)
        self.assertRegex(self.guest.run("memoryctl status"),
                         "offline, node 1 online_kernel, node 2 online_movable\n")
        self.assertIn("The kernel onlined 8 blocks (1G) on node 2: 0 kernel, 8 movable, as the "
                      "policy has it", self.memoryd.messages())
        self.assertModel()
        # memoryd onlines memory that no rule matches, as the guards decide.
        _, _, added = self.add_dimm(512, 0)
        statuses = self.memoryd.statuses()
        self.assertEqual([statuses[block.index] for block in added], ["done"] * 4)
        # The kernel also onlines memory that comes back.
        self.guest.del_dimm(dimm)
        self.guest.wait_until(lambda: len(read_memory(self.guest).of(2)) == 4, "the DIMM gone")
        self.add_by_kernel(1024, 2, "M" * 8)
        self.stop_and_check({node_words_file(1): "inherit", node_words_file(2): "inherit"})
        self.wait_word(node_words_file(2), "online_movable")
        self.memoryd.use("")
        self.wait_word(node_words_file(2), "inherit")
        self.assertNoErrors()

    def test_what_a_killed_memoryd_left_is_put_back(self):
        self.memoryd.use(RULES)
        self.wait_word(node_words_file(1), "online_kernel")
        self.memoryd.kill(self.memoryd.main_pid())
        self.memoryd.wait_ready()
        self.stop_and_check({node_words_file(1): "inherit", WORDS_FILE: "offline"})


class OffloadSwept(OffloadCase):
    """The kernel leaves blocks offline."""

    kernels = PATCHED

    def test_memoryd_goes_on(self):
        """With the rule of patch 5 on, the kernel does not online movable memory on a node without kernel
        memory. memoryd retries until it succeeds."""
        self.memoryd.use("""offload = "uniform"; settle = "2s";
                            retry = { delay = "2s"; factor = 1.0; };
                            rules = ( { name = "place"; node = 1; zone = "movable"; } );""")
        self.wait_word(node_words_file(1), "online_movable")
        self.guest.run(f"echo Y >{RULE_FILE}")
        self.addCleanup(self.guest.run, f"echo N >{RULE_FILE}")
        before = read_memory(self.guest)
        self.guest.add_dimm("512M", 1)
        added = wait_for_blocks(self.guest, len(before.blocks) + 4).added_to(before)
        numbers = [block.index for block in added]

        def statuses():
            return {self.memoryd.statuses().get(number) for number in numbers}
        self.guest.wait_until(lambda: statuses() == {"retrying"}, "memoryd having tried")
        self.assertIn(f"The kernel left 4 blocks offline (memory{numbers[0]} first), "
                      "onlining them", self.memoryd.messages())
        self.guest.run(f"echo N >{RULE_FILE}")
        self.guest.wait_until(lambda: statuses() == {"done"}, "memoryd having done it")
        self.assertClasses(read_memory(self.guest).added_to(before).classes(1), "MMMM")


@kernel_matters("it does the onlining")
class OffloadOfAll(OffloadCase):
    """The kernel has one word for the machine, as every kernel does."""

    def test_all_nodes_agree(self):
        self.wait_word(WORDS_FILE, "offline")
        self.memoryd.use(ALL_MOVABLE)
        self.wait_word(WORDS_FILE, "online_movable")
        self.add_by_kernel(512, 0, "MMMM")
        # Node 2 did not exist before.
        self.add_by_kernel(1024, 2, "M" * 8)
        self.assertEqual(self.memoryd.get("KernelAutoOnline"), "online_movable")
        self.guest.run("systemctl stop memoryd")
        before = self.word(WORDS_FILE)
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.memoryd.use("")
        self.wait_word(WORDS_FILE, "offline")
        self.guest.run("systemctl stop memoryd")
        # Both stops restore the word that this kernel had before.
        self.assertEqual(self.word(WORDS_FILE), before)
        self.assertNotEqual(before, "online_movable")
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.assertNoErrors()
