# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""memoryd says what keeps memory from going offline, and what can be done about it."""

import json

import program
from case import GuestCase, PLAIN, kernel_matters, newer_matters
from memoryd import NAME, PATH

# The first DIMM of a node has memory of the kernel, the first of the other is movable.
CONFIGURATION = ('offline_timeout = "1h";\n'
                 'rules = ( { name = "kernel"; node = 1; zone = "kernel"; },\n'
                 '          { name = "movable"; node = 2; zone = "movable"; movable_node = true; } );\n')


@kernel_matters("it has the flags of pages")
@newer_matters("it has the flags of pages")
class Holds(GuestCase):
    """Each test has the blocks of a DIMM held by something else."""

    hardware = PLAIN
    minutes = 3

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        program.bring_in(cls.guest, "load")
        cls.memoryd.use(CONFIGURATION)
        cls.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")

    def _add(self, size, node):
        """Adds a DIMM. Returns its blocks, and the name of the device in memoryd."""
        _, _, added = self.add_dimm(size, node)
        return [block.index for block in added], self.memoryd.listed()[added.blocks[0].index]["device"]

    def _count(self, first, last):
        """Returns the bytes of each use of pages, by block; the text; and the advice."""
        text = self.guest.run(f"busctl --json=short call {NAME} {PATH} {NAME}.Manager CountPages uu "
                              f"{first} {last}", user="user")
        blocks, words, advice = json.loads(text)["data"]
        counts = {}
        for block, uses in blocks:
            counts[block] = {}
            for use, size, count in uses:
                counts[block][use, size] = count
        return counts, words, advice

    def _sum(self, counts, use):
        return sum(count for uses in counts.values() for (name, _), count in uses.items()
                   if name == use)

    def _vmstat(self, node, *names):
        """Returns the sum of these counters of a node, in pages."""
        text = self.guest.run(f"cat /sys/devices/system/node/node{node}/vmstat")
        rows = dict(line.split() for line in text.splitlines())
        return sum(int(rows[name]) for name in names)

    def _most(self, counts, use):
        """Returns the block with the most pages of a use."""
        return max(counts, key=lambda block: sum(
            count for (name, _), count in counts[block].items() if name == use))

    def test_kernel_memory_names_what_holds_it(self):
        blocks, _ = self._add(1024, 1)
        with self.subTest("slab pages"):
            self._check_load(blocks, "slab 1", "slab", r"[\d,]+ slab pages?", "Slab pages have",
                             ("nr_slab_reclaimable", "nr_slab_unreclaimable"))
        with self.subTest("page tables"):
            self._check_load(blocks, "tables 1", "page-table", r"[\d,]+ page tables?",
                             "Page tables are freed", ("nr_page_table_pages",))
        self.assertNoErrors()

    def _check_load(self, blocks, arguments, use, words, advice, counters):
        load = self.start_load(arguments)
        counts, text, _ = self._count(blocks[0], blocks[-1])
        expected = self._vmstat(1, *counters)
        counted = self._sum(counts, use) // 4096
        self.assertGreater(counted, 1000)
        self.assertLess(abs(counted - expected), 0.1 * expected, f"{counted}, {expected}")
        self.assertRegex(text, "held by .*" + words)
        block = self._most(counts, use)
        self._check_words(block, words, advice)
        self.note(f"{counted} {use} pages ({expected} by vmstat): {text}")
        load.end()

    def _check_words(self, block, words, advice, options="--timeout 20s --force"):
        """Checks that explain and the report of a job name what holds the block."""
        said = self.guest.run(f"memoryctl explain {block}", user="user")
        self.assertRegex(said, "Pages: held by .*" + words)
        self.assertIn(advice, said)
        self._check_report(block, words, advice, options)

    def _check_report(self, block, words, advice, options):
        result = self.guest.call(f"memoryctl offline {block} {options}")
        self.assertEqual(result.code, 1, result.stdout)
        self.assertRegex(result.stderr, f"memory{block}: EBUSY: .*held by .*" + words)
        self.assertIn(advice, result.stderr)
        said = self.guest.run(f"memoryctl explain {block}", user="user")
        self.assertRegex(said, "did not go offline at .*: held by .*" + words)
        self.note(result.stderr)

    def test_a_huge_page_of_1_gib(self):
        blocks, _ = self._add(3072, 1)
        pages = "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages"
        self.guest.run(f"echo 1 >{pages}; grep -x 1 {pages}")
        load = self.start_load("huge 1")
        counts, text, _ = self._count(blocks[0], blocks[-1])
        self.assertEqual(sum(count for uses in counts.values()
                             for (use, size), count in uses.items()
                             if (use, size) == ("huge", 1 << 30)), 1 << 30)
        self.assertRegex(text, "held by .*a huge page of 1G")
        self._check_words(self._most(counts, "huge"), "a part of a huge page of 1G",
                          "A huge page of 1G or more moves only if")
        load.end()
        self.guest.run(f"echo 0 >{pages}")
        self.assertNoErrors()

    def test_a_page_that_a_process_pins(self):
        blocks, device = self._add(1024, 2)
        load = self.start_load("pin 2")
        pinned = int(load.said)
        self.assertIn(pinned, blocks)
        self._check_report(pinned, "1 page that a process or device keeps pinned",
                           "Pinned pages are in the hands of", "--timeout 5s")
        self.guest.call(f"memoryctl offline --device {device} --timeout 60s")
        load.end()
        # What it was held by is forgotten with the next that succeeds.
        self.guest.run(f"memoryctl offline {pinned}")
        self.assertNotIn("did not go offline", self.guest.run(f"memoryctl explain {pinned}"))
        self.assertNoErrors()
