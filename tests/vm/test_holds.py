# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""memoryd says what keeps memory from going offline, and what can be done about it."""

import json
import pathlib
import re

import program
from case import GuestCase, PLAIN, kernel_matters, newer_matters
from memory import read_memory
from memoryd import NAME, PATH

# DIMMs of node 1 have memory of the kernel, those of node 2 are movable.
CONFIGURATION = ('offline_timeout = "1h";\n'
                 'rules = ( { name = "kernel"; node = 1; zone = "kernel"; },\n'
                 '          { name = "movable"; node = 2; zone = "movable"; movable_node = true; } );\n')

MAN_PAGE = pathlib.Path(__file__).resolve().parents[2] / "man/memoryctl.1"


class HoldsCase(GuestCase):
    """The base class of tests about what holds the memory of a DIMM."""

    hardware = PLAIN

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
        """Returns the bytes of each use of pages, by block and by use; the text; and the advice."""
        text = self.guest.run(f"busctl --json=short call {NAME} {PATH} {NAME}.Manager CountPages uu "
                              f"{first} {last}", user="user")
        blocks, words, advice = json.loads(text)["data"]
        counts = {block: {(use, size): count for use, size, count in uses}
                  for block, uses in blocks}
        return counts, words, advice

    def _bytes(self, uses, name):
        return sum(count for (use, _), count in uses.items() if use == name)

    def _most(self, counts, use):
        """Returns the block with the most pages of a use."""
        return max(counts, key=lambda block: self._bytes(counts[block], use))


@kernel_matters("it has the flags of pages")
@newer_matters("it has the flags of pages")
class Holds(HoldsCase):
    """Each test has the blocks of a DIMM held by something else."""

    minutes = 4

    # Kernel memory

    def test_slab_pages(self):
        self._check_kernel("slab 1", "slab", r"[\d,]+ slab pages", "Slab pages have",
                           ("nr_slab_reclaimable", "nr_slab_unreclaimable"))

    def test_page_tables(self):
        self._check_kernel("tables 1", "page-table", r"[\d,]+ page tables", "Page tables are freed",
                           ("nr_page_table_pages",))

    def _vmstat(self, names):
        """Returns the sum of these counters of node 1, in pages."""
        text = self.guest.run("cat /sys/devices/system/node/node1/vmstat")
        rows = dict(line.split() for line in text.splitlines())
        return sum(int(rows[name]) for name in names)

    def _check_kernel(self, arguments, use, words, advice, counters):
        self._add(1024, 1)
        blocks = [block.index for block in read_memory(self.guest).of(1)]
        load = self.start_load(arguments)
        counts, text, _ = self._count(blocks[0], blocks[-1])
        counted = sum(self._bytes(counts[block], use) for block in blocks) // 4096
        # The counters of the kernel are those of each CPU, and lag behind.
        expected = self._vmstat(counters)
        self.assertGreater(counted, 1000)
        self.assertLess(abs(counted - expected), 0.1 * expected, f"{counted}, {expected}")
        self.note(f"{counted} pages, {expected} by the kernel's counter: {text}")
        self._check_words(self._most(counts, use), words, advice)
        load.end()
        self.assertNoErrors()

    def _check_words(self, block, words, advice):
        """Checks that explain and the report of a job name what holds the block, and say what to do."""
        said = self.guest.run(f"memoryctl explain {block}", user="user")
        self.assertRegex(said, "Pages: held by .*" + words)
        self.assertIn(advice, said)
        self._check_report(block, words, advice, "--timeout 10s --force")

    def _check_report(self, block, words, advice, options):
        result = self.guest.call(f"memoryctl offline {block} {options}")
        self.assertEqual(result.code, 1, result.stdout)
        self.assertRegex(result.stderr, f"memory{block}: EBUSY: .*held by .*" + words)
        self.assertIn(advice, result.stderr)
        said = self.guest.run(f"memoryctl explain {block}", user="user")
        self.assertRegex(said, "did not go offline at .*: held by .*" + words)
        self.assertIn(advice, said)
        self.note(result.stderr)

    def test_a_huge_page_of_1_gib(self):
        blocks, _ = self._add(3072, 1)
        pages = "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages"
        self.guest.run(f"echo 1 >{pages}; grep -x 1 {pages}")
        load = self.start_load("huge 1")
        counts, text, _ = self._count(blocks[0], blocks[-1])
        self.assertEqual(sum(uses.get(("huge", 1 << 30), 0) for uses in counts.values()), 1 << 30)
        self.assertRegex(text, "held by .*a huge page of 1G")
        self._check_words(self._most(counts, "huge"), "a part of a huge page of 1G",
                          "A huge page of 1G or more moves only if")
        load.end()
        self.guest.run(f"echo 0 >{pages}")
        self.assertNoErrors()

    # Movable memory

    def test_a_page_that_a_process_pins(self):
        blocks, _ = self._add(1024, 2)
        load = self.start_load(f"pin 2 {blocks[5]}")
        self._check_report(blocks[5], "1 page that a process or device keeps pinned",
                           "Pinned pages are in the hands of", "--timeout 5s")
        load.end()
        # What held it is forgotten when it goes offline.
        self.guest.run(f"memoryctl offline {blocks[5]} && memoryctl online {blocks[5]}")
        self.assertNotIn("did not go offline", self.guest.run(f"memoryctl explain {blocks[5]}"))
        self.assertNoErrors()


class FewestPages(HoldsCase):
    """Blocks with the fewest pages in use leave first."""

    # The mebibytes that are held in blocks of a DIMM of eight, by the number of the block in it.
    FILLED = {7: 96, 2: 40, 5: 12}

    def test_the_emptiest_blocks_go_offline_first(self):
        blocks, _ = self._add(1024, 2)
        filled = {blocks[i]: mebibytes for i, mebibytes in self.FILLED.items()}
        load = self.start_load("fill 2 " + " ".join(f"{block} {mebibytes}"
                                                    for block, mebibytes in filled.items()))
        counts, _, _ = self._count(blocks[0], blocks[-1])
        for block in blocks:
            used = self._bytes(counts[block], "anonymous") >> 20
            self.assertEqual(used, filled.get(block, 0), f"memory{block}")

        size = len(blocks) - len(filled)
        report, code = self.memoryd.report(f"offline --node 2 --size {size * 128}M --yes")
        self.assertEqual((code, report["result"]), (0, "done"))
        self.assertEqual(self._online(blocks), sorted(filled))
        order = []
        for _ in filled:
            before = self._online(blocks)
            said = self.guest.run("memoryctl offline --node 2 --size 128M --yes")
            gone = sorted(set(before) - set(self._online(blocks)))
            # It has said so before.
            self.assertIn(f"Takes block {gone[0]} of node 2 offline: 1 movable block, 128M, ", said)
            order += gone
        self.assertEqual(order, sorted(filled, key=filled.get))
        self.note(f"held MiB by block: {filled}; went offline in the order {order}")
        load.end()
        self.assertNoErrors()

    def _online(self, blocks):
        return [block.index for block in read_memory(self.guest)
                if block.index in blocks and block.state == "online"]


class Transcript(HoldsCase):
    """The example of memoryctl(1) that finds out why a DIMM cannot be pulled."""

    maxDiff = None

    def test_the_manual_shows_what_memoryctl_prints(self):
        blocks, device = self._add(1024, 2)
        self.assertEqual((blocks[0], device), (32, "PNP0C80:00"), "the names in the manual")
        load = self.start_load("pin 2 37")
        transcript = _transcript()
        self.assertEqual(len(transcript), 3)
        for command, expected in transcript:
            result = self.guest.call(command)
            printed = result.stdout + result.stderr
            self.note(f"# {command}\n{printed}")
            with self.subTest(command):
                self.assertEqual(_general(printed), _general(expected), printed)
        # What it says to do helps.
        load.end()
        self.guest.run("memoryctl offline --device PNP0C80:00")
        self.assertNoErrors()


def _transcript():
    """Returns the commands and what they print, from the manual."""
    text = MAN_PAGE.read_text(encoding="utf-8")
    found = re.search(r"why a DIMM cannot be pulled.*?\n\.EX\n(.*?)\n\.EE\n", text, re.DOTALL)[1]
    plain = found.replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", '"').replace("\\&", "")
    return [tuple(part.split("\n", 1)) for part in plain.removeprefix("# ").split("\n# ")]


def _general(text):
    """Returns a text on one line, without the lines of progress, numbers, sizes, times, addresses, and without the uses of
    pages that would move, which are others each time."""
    text = re.sub(r"^job \d+: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"[^\s,]+\.conf:\d+", "FILE", text)
    text = re.sub(r"Pages: .*?\bwould\s+move", "Pages: SOME would move", text, flags=re.DOTALL)
    text = re.sub(r"\b\w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", "TIME", text)
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
    text = re.sub(r"\d[\d,.]*(?:[KMGTB]\b)?", "N", text)
    return " ".join(text.split())
