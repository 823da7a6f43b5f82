# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the policy has one answer to comes online inside the adding, by the kernel itself."""

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
    """Each test starts from the configuration as shipped."""

    def setUp(self):
        super().setUp()
        self.memoryd.use("")

    def word(self, file):
        return self.guest.run(f"cat {file}").strip()

    def wait_word(self, file, word):
        self.guest.wait_until(lambda: self.guest.call(f"cat {file}").stdout.strip() == word,
                              f"{file} being '{word}'")

    def add_by_kernel(self, size, node, classes):
        """Adds a DIMM that the kernel has to online, and compares it with the policy, block by
        block."""
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
        """What the files say after a stop. memoryd runs again afterwards."""
        self.guest.run("systemctl stop memoryd")
        self.assertEqual({file: self.word(file) for file in words}, words)
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()


class OffloadOfNodes(OffloadCase):
    """With a word for each node."""

    kernels = PATCHED

    def test_each_node_has_its_own_answer(self):
        self.memoryd.use(RULES)
        self.wait_word(node_words_file(1), "online_kernel")
        self.wait_word(WORDS_FILE, "offline")
        self.assertEqual(self.word(node_words_file(0)), "inherit")
        self.add_by_kernel(512, 1, "KKKK")
        # The node comes with its first DIMM, of which nobody has asked yet.
        self.add_dimm(512, 2)
        self.wait_word(node_words_file(2), "online_movable")
        dimm = self.add_by_kernel(1024, 2, "M" * 8)
        self.assertRegex(self.guest.run("memoryctl status"),
                         "offline, node 1 online_kernel, node 2 online_movable\n")
        self.assertIn("The kernel onlined 8 blocks (1G) on node 2: 0 kernel, 8 movable, as the "
                      "policy has it", self.memoryd.messages())
        self.assertModel()
        # What no rule names goes by the guards, and by memoryd.
        _, _, added = self.add_dimm(512, 0)
        statuses = self.memoryd.statuses()
        self.assertEqual([statuses[block.index] for block in added], ["done"] * 4)
        # What comes back is the kernel's again.
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
    """What the kernel leaves offline."""

    kernels = PATCHED

    def test_memoryd_goes_on(self):
        """With the rule of patch 5 on, the kernel onlines nothing that is movable on a node without
        kernel memory: memoryd tries, and goes on trying until it may."""
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
    """With one word for the machine, which every kernel has."""

    def test_all_nodes_agree(self):
        self.wait_word(WORDS_FILE, "offline")
        self.memoryd.use(ALL_MOVABLE)
        self.wait_word(WORDS_FILE, "online_movable")
        self.add_by_kernel(512, 0, "MMMM")
        # A node that was not there.
        self.add_by_kernel(1024, 2, "M" * 8)
        self.assertEqual(self.memoryd.get("KernelAutoOnline"), "online_movable")
        self.guest.run("systemctl stop memoryd")
        before = self.word(WORDS_FILE)
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.memoryd.use("")
        self.wait_word(WORDS_FILE, "offline")
        self.guest.run("systemctl stop memoryd")
        # Whatever this kernel had been set to, both stops put it back.
        self.assertEqual(self.word(WORDS_FILE), before)
        self.assertNotEqual(before, "online_movable")
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.assertNoErrors()
