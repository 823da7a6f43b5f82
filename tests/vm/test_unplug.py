# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The kernel refuses to release a DIMM, and brings back the blocks that it had taken offline."""

import program
import recipe
from case import FULL, PATCHED, PLAIN, UNPATCHED, GuestCase, kernel_matters
from memory import read_memory

MESSAGE_REFUSED = "252caeb63de04737a665b1dbcf2af15d"

# Kernels that do not bring blocks back in their zone by themselves.
STOCK = (*recipe.kernels(), *UNPATCHED)


class UnplugCase(GuestCase):
    """Adds a DIMM to a node without memory. Its lowest block, which is kernel memory, cannot go: a node without
    memory keeps data of the kernel in the first memory that it gets."""

    hardware = FULL

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.memoryd.use('offline_timeout = "1h";\n')

    def add(self):
        self.dimm, _, self.added = self.add_dimm(2048, 1)
        self.assertClasses(self.added.classes(), "KKKKMMMMMMMMMMMM")
        self.first = self.added.blocks[0].index
        self.device = self.memoryd.listed()[self.first]["device"]

    def classes(self):
        return read_memory(self.guest).classes(1)

    def write(self, block, *words):
        self.guest.run("; ".join(f"echo {word} >/sys/devices/system/memory/memory{block}/state"
                                 for word in words))

    def be_refused(self):
        self.guest.ask_for_dimm(self.dimm)
        self.guest.wait_for_refusal(self.dimm)

    def refusals(self):
        return self.memoryd.journal(f"MESSAGE_ID={MESSAGE_REFUSED}")

    def wait_told(self, count):
        """Waits until memoryd has told of so many refused unplugs and has restored what it can."""
        self.guest.wait_until(lambda: len(self.refusals()) >= count, "the message")
        self.guest.wait_until(lambda: not self.memoryd.jobs(), "the end of the job")
        self.wait_settled()
        self.assertEqual(len(self.refusals()), count)

    def ask(self, count):
        self.be_refused()
        self.wait_told(count)


@kernel_matters("it takes the blocks offline and brings them back")
class RefusedUnplug(UnplugCase):
    """The kernel brings all blocks back as kernel memory."""

    kernels = STOCK
    minutes = 2

    def test_blocks_get_their_classes_back_and_an_administrator_keeps_his(self):
        self.add()
        before = self.classes()
        with self.subTest("what the kernel did is undone, and told"):
            self.ask(1)
            self.assertClasses(self.classes(), before)
            self._check_told()
        with self.subTest("once more"):
            self.ask(2)
            self.assertClasses(self.classes(), before)
        with self.subTest("a block that is changed right afterwards"):
            self._check_changed_afterwards(before)
        with self.subTest("blocks that are changed by hand in the same way"):
            self._check_by_hand(before)
        self.assertNoErrors()

    def _check_told(self):
        entry = self.refusals()[-1]
        self.assertIn(self.device, entry["MESSAGE"])
        self.assertIn(f"memory{self.first} ", entry["MESSAGE"])
        self.assertIn("12 blocks (1.5G)", entry["MESSAGE"])
        self.assertEqual(entry["MEMORYD_BLOCK"], str(self.first))
        for block, text in ((self.first, "this block did not go offline"),
                            (self.first + 1, "again as it was"),
                            (self.first + 8, "made it movable again")):
            said = self.guest.run(f"memoryctl explain {block}")
            self.assertIn(f"{self.device} could not be unplugged", said)
            self.assertIn(text, said)
        self.assertIn(f"{self.device} could not be unplugged", self.guest.run("memoryctl history"))
        self.assertEqual(set(self.memoryd.statuses()[block.index] for block in self.added),
                         {"done"})
        self.assertEqual(self.memoryd.get("ForeignBlocks"), 0)
        self.assertModel()

    def _check_changed_afterwards(self, before):
        block = self.first + 5
        self.be_refused()
        self.write(block, "offline", "online_kernel")
        self.wait_told(3)
        self.assertClasses(self.classes(), before[:5] + "K" + before[6:])
        self.assertEqual(self.memoryd.statuses()[block], "foreign")
        self.write(block, "offline", "online_movable")
        self.assertModel()
        self.assertClasses(self.classes(), before)

    def _check_by_hand(self, before):
        blocks = range(self.first + 1, self.first + 16)
        for words in ("online", "online_kernel"):
            self.guest.run("".join(
                f"for block in $(seq {blocks[0]} {blocks[-1]}); do "
                f"echo {word} >/sys/devices/system/memory/memory$block/state; done; "
                for word in ("offline", words)))
            self.assertModel()
            self.guest.run("sleep 3")
            self.assertClasses(self.classes(), "K" * 16)
        self.assertEqual(self.memoryd.jobs(), [])
        self.assertEqual(self.memoryd.get("ForeignBlocks"), 12)
        self.assertEqual(len(self.refusals()), 3)
        self.guest.run(f"memoryctl set-zone --force {self.first + 4}-{self.first + 15} movable")
        self.assertClasses(self.classes(), before)


@kernel_matters("it takes the blocks offline and brings them back")
class RefusedUnplugMovableNode(UnplugCase):
    """The kernel brings all blocks back as movable memory."""

    kernels = STOCK
    hardware = PLAIN | {"arguments": "movable_node"}

    def test_kernel_memory_comes_back_as_kernel_memory(self):
        self.add()
        self.guest.run(f"memoryctl set-zone {self.first + 10} kernel")
        before = self.classes()
        self.assertClasses(before, "KKKKMMMMMMKMMMMM")
        self.ask(1)
        self.assertClasses(self.classes(), before)
        statuses = self.memoryd.statuses()
        self.assertEqual(statuses[self.first + 10], "requested")
        self.assertEqual(statuses[self.first + 2], "done")
        self.assertIn("made it kernel memory again",
                      self.guest.run(f"memoryctl explain {self.first + 10}"))
        self.assertEqual(self.memoryd.get("ForeignBlocks"), 0)
        self.assertModel()
        self.assertNoErrors()


class RefusedUnplugPatched(UnplugCase):
    """A kernel with patch 10 of kernel/patches brings all blocks back as they were."""

    kernels = PATCHED

    def test_memoryd_tells_and_changes_nothing(self):
        self.add()
        before = self.classes()
        self.ask(1)
        self.assertClasses(self.classes(), before)
        self.assertIn("all blocks are in their class of before", self.refusals()[-1]["MESSAGE"])
        self.assertEqual(set(self.memoryd.statuses()[block.index] for block in self.added), {"done"})
        self.assertModel()
        self.assertNoErrors()


@kernel_matters("it takes the blocks offline and brings them back")
class RefusedUnplugBesideJobs(UnplugCase):
    """Jobs take blocks of the same device offline."""

    minutes = 2

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        program.bring_in(cls.guest, "load")

    def test_a_job_that_fails_half_way(self):
        self.add()
        before = self.classes()
        with self.subTest("undone"):
            report, _ = self.memoryd.report(
                f"offline --device {self.device} --force --undo-on-failure")
            self.assertEqual(report["failures"][0]["block"], self.first)
            self.assertClasses(self.classes(), before)
        with self.subTest("not undone: offline blocks stay offline when the device is asked for"):
            self.memoryd.report(f"offline {self.first + 8}-{self.first + 15} --force")
            self.ask(1)
            self.assertClasses(self.classes(), "KKKKMMMM--------")
            self.guest.run(f"memoryctl online {self.first + 8}-{self.first + 15} --zone movable")
            self.assertClasses(self.classes(), before)
        with self.subTest("while a job runs"):
            job = self.guest.start(f"exec memoryctl offline --device {self.device} --force")
            self.guest.wait_until(self.memoryd.jobs, "the job", pause=0)
            self.be_refused()
            job.wait()
            self.wait_told(2)
            self.assertClasses([was for is_now, was in zip(self.classes(), before) if is_now != "-"],
                               [is_now for is_now in self.classes() if is_now != "-"])
            self.guest.run(f"memoryctl online --device {self.device}")
            self.assertClasses(self.classes(), before)
        with self.subTest("while a page is held for a while"):
            load = self.start_load("pin 1")
            self.assertIn(int(load.said), [block.index for block in self.added])
            self.guest.ask_for_dimm(self.dimm)
            self.guest.run("sleep 10")
            load.end()
            self.wait_told(3)
            self.assertClasses(self.classes(), before)
        self.assertNoErrors()


@kernel_matters("it takes the blocks offline, and tries for as long as a page is pinned")
class UnplugOfPinnedMemory(UnplugCase):
    """The node has memory of its own for the kernel, and all of the DIMM is movable. A program pins a page."""

    hardware = PLAIN

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.memoryd.use('rules = ( { zone = "movable"; } );\n')
        program.bring_in(cls.guest, "load")

    def test_the_kernel_waits_for_the_page_and_all_blocks_stay_as_they_are(self):
        dimm, before, added = self.add_dimm(1024, 0)
        lowest = added.blocks[0].index
        load = self.start_load(f"pin 0 {lowest}")
        self.assertEqual(int(load.said), lowest)
        self.guest.ask_for_dimm(dimm)
        self.guest.run("sleep 15")
        blocks = read_memory(self.guest).added_to(before).blocks
        self.assertEqual([block.state for block in blocks], ["going-offline"] + ["online"] * 7)
        self.assertEqual({block.zone_class for block in blocks[1:]}, {"movable"})
        self.assertEqual(self.memoryd.jobs(), [])
        load.end()
        self.guest.wait_for_release(dimm)
        self.assertModel()
        self.assertEqual(self.refusals(), [])
        self.assertNoErrors()


@kernel_matters("its driver takes blocks offline and brings them back")
class RefusedUnplugVirtioMem(GuestCase):
    """A virtio-mem device is asked for memory that it cannot give."""

    hardware = FULL

    def test_blocks_that_stay_keep_their_classes(self):
        self.guest.resize_virtio_mem("2G")
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == 2 << 30, "2 GiB plugged")
        self.wait_settled()
        before = {block.index: block.zone_class for block in read_memory(self.guest).of(1)}
        self.guest.resize_virtio_mem("0")
        self.guest.wait_until(lambda: len(read_memory(self.guest).of(1)) < len(before) // 2,
                              "the memory that can leave gone")
        self.guest.run("sleep 10")
        self.wait_settled()
        stayed = {block.index: block.zone_class for block in read_memory(self.guest).of(1)}
        self.note(f"{len(stayed)} of {len(before)} blocks stayed")
        self.assertTrue(stayed)
        self.assertEqual(stayed, {index: before[index] for index in stayed})
        self.assertEqual(self.memoryd.get("ForeignBlocks"), 0)
        self.assertEqual(self.memoryd.jobs(), [])
        self.assertModel()
        self.assertNoErrors()
