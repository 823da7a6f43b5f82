# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""memoryctl set-zone moves the boundary between movable and kernel memory of a node."""

import re

from case import GuestCase, kernel_matters
from memory import read_memory
from memoryd import request

# Samples the kernel memory of node 1, in pages, until the file /run/sampling is gone. The script does
# not use the shell's `read`, which seeks after each line: the kernel makes the text of /proc/zoneinfo
# anew for each seek, so the next read could start in the middle of a line.
SAMPLE = r"""
touch /run/sampling
while [ -e /run/sampling ]; do
        sed -n '/^Node 1, zone *Normal$/,/^Node/s/^ *present *//p' /proc/zoneinfo
done >/run/samples
"""


@kernel_matters("it decides which blocks can change their zone")
class SetZone(GuestCase):
    """A node that has a processor and one DIMM."""

    def test_the_boundary_goes_down_and_up(self):
        self.memoryd.use('rules = ( { name = "start"; node = 1; zone = "kernel"; } );\n')
        _, _, added = self.add_dimm(2048, 1)
        self.assertClasses(added.classes(), "K" * 16)
        self.memoryd.use('offline_timeout = "1h";\n')
        sampling = self.guest.start(SAMPLE)
        self.guest.wait_until("[ -s /run/samples ]", "samples")
        for percent, kernel in ((75, 4), (25, 12), (75, 4)):
            with self.subTest(percent=percent):
                self._set_movable(percent, kernel)
        self.guest.run("rm /run/sampling")
        sampling.wait()
        samples = [int(line) for line in self.guest.run("cat /run/samples").split()]
        block_pages = added.block_bytes >> 12
        self.note(f"{len(samples)} samples, of {min(samples) // block_pages} to "
                  f"{max(samples) // block_pages} blocks of kernel memory")
        self.assertGreaterEqual(min(samples), 4 * block_pages)
        self.assertNoErrors()

    def _set_movable(self, percent, kernel):
        before = read_memory(self.guest).classes(1)
        report, code = self.memoryd.report(f"set-zone --node 1 --movable={percent}%")
        self.assertEqual((code, report["result"], report["failures"]), (0, "done", []))
        self.assertEqual(report["done_blocks"], abs(before.count("K") - kernel))
        self.assertClasses(read_memory(self.guest).classes(1), "K" * kernel + "M" * (16 - kernel))
        self._check_zones()
        self.assertModel()

    def _check_zones(self):
        """Checks that no zone of the node has a hole, and that each block is in the zone of its place."""
        block_pages = read_memory(self.guest).block_bytes >> 12
        for name, start, spanned, present in self._zones():
            self.assertEqual(spanned, present, name)
            first, last = start // block_pages, (start + spanned - 1) // block_pages
            self.assertEqual([block.zones for block in read_memory(self.guest).of(1)
                              if first <= block.index <= last],
                             [(name,)] * (spanned // block_pages))

    def _zones(self):
        """Yields name, first page, spanned and present pages of each zone of the node that has pages."""
        text = self.guest.run("cat /proc/zoneinfo")
        for part in re.split(r"^(?=Node )", text, flags=re.MULTILINE):
            name = re.match(r"Node 1, zone +(\w+)", part)
            numbers = {word: int(value)
                       for word, value in re.findall(r"^ +(\w+):? +(\d+)$", part, re.MULTILINE)}
            if name and numbers["present"]:
                yield name[1], numbers["start_pfn"], numbers["spanned"], numbers["present"]

    def test_the_last_kernel_memory_stays(self):
        memory = read_memory(self.guest)
        if not memory.of(1):
            self.add_dimm(512, 1)
            memory = read_memory(self.guest)
        result = self.guest.call("memoryctl set-zone --node 1 --movable=100%")
        with self.never_again():
            self.assertNotEqual(result.code, 0)
        self.assertEqual(result.code, 1)
        self.assertRegex(result.stderr, "(?i)last kernel memory")
        name, text = self.memoryd.call_error("SetZone", request(Node=1, MovablePercent=100))
        self.assertRefusal(name, "LastKernelMemory")
        self.assertIn("node 1", text)
        self.assertClasses(read_memory(self.guest).classes(), memory.classes())
