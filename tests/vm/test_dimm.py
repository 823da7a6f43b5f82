# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Hot-added DIMMs come online by the policy, and memoryd, memoryctl and lsmem agree about them."""

import json

from case import FULL, WORDS_FILE, GuestCase, kernel_matters, newer_matters
from memory import read_devices, read_memory, wait_online


# Delays the kernel after it has sent the event that a block goes, and before the folder of the block is
# gone: this script takes the processor as soon as the event arrives, and keeps it for a while.
HOLD_UP = r"""
socket(EVENTS, 16, 3, 15) && bind(EVENTS, pack("S S L L", 16, 0, 0, 1)) or die "netlink: $!";
while (sysread(EVENTS, $event, 65536)) {
        next unless $event =~ m{^remove@/devices/system/memory/};
        $end = Time::HiRes::time() + 0.1;
        1 while Time::HiRes::time() < $end;
}
"""


@newer_matters("blocks, links and events have come in another order before")
@kernel_matters("it decides in which order blocks, links and events come")
class DimmByPolicy(GuestCase):
    """A node that has a processor and no memory gets two DIMMs at once."""

    def test_dimms_on_a_node_without_memory(self):
        before = read_memory(self.guest)
        self.guest.add_dimm("1G", 1)
        self.guest.add_dimm("2G", 1)
        memory = wait_online(self.guest, len(before.blocks) + 24)

        self.assertClasses(memory.classes(1)[0], "K")
        self.assertPolicy()
        # The movable memory must reach the limit of the guards, not only stay within it.
        self.assertClasses(memory.classes(1).count("M"), 18)
        self.assertModel()
        self._check_that_all_agree(memory.bytes(1, "movable"))
        self.assertNoErrors()

    def _check_that_all_agree(self, movable):
        self.assertEqual(self.memoryd.node(1, "MovableBytes"), movable)
        self.assertEqual(self.memoryd.node(1, "KernelBytes"), (3 << 30) - movable)
        self.assertEqual(self.memoryd.node(1, "OnlineBytes"), 3 << 30)

        node = next(row for row in self.memoryd.ctl("nodes")["nodes"] if row["node"] == 1)
        self.assertEqual(node["movable"], movable)

        ranges = json.loads(self.guest.run("lsmem -J -b -o RANGE,SIZE,STATE,NODE,ZONES"))["memory"]
        self.assertEqual(sum(int(row["size"]) for row in ranges
                             if row["node"] == 1 and row["zones"] == "Movable"), movable)

    def test_the_journal_tells_of_the_burst(self):
        self.add_dimm(256, 1)
        entry = self.memoryd.journal("MESSAGE_ID=86e54a6ee7e14810889e2a1fea2c9948")[-1]
        self.assertIn("node 1", entry["MESSAGE"])


class TenDimms(GuestCase):
    """Adds ten devices one after the other, of one to 64 blocks, to nodes with and without memory."""

    minutes = 2

    def test_ten_hot_adds_in_a_row(self):
        dimms = [(128, 1), (128, 2), (256, 0), (512, 1), (1024, 2),
                 (2048, 1), (128, 0), (4096, 2), (8192, 1), (1024, 0)]
        for size, node in dimms:
            with self.subTest(size=size, node=node):
                self.add_dimm_by_policy(size, node)
                self.assertEqual(self.guest.run(f"cat {WORDS_FILE}").strip(), "offline")
                self.guest.check_console()
        self.assertEqual(self.guest.run("cat /proc/sys/kernel/panic_on_oops").strip(), "1")
        self.assertModel()
        self.assertEqual(self.memoryd.get("FailedBlocks"), 0)
        self.assertEqual(self.memoryd.get("ForeignBlocks"), 0)
        # A line for the blocks of a DIMM that became the same: not one for each of its up to 64 blocks.
        rows = json.loads(self.guest.run("memoryctl history -J -o SIZE,DECISIONS,DEVICE"))["history"]
        rows = [row for row in rows if row["device"]]
        self.assertEqual(sum(row["size"] for row in rows), sum(size for size, _ in dimms) << 20)
        self.assertEqual(sum(row["decisions"] for row in rows), sum(size for size, _ in dimms) // 128)
        self.assertLessEqual(len(rows), 2 * len(dimms))
        self._check_devices(len(dimms))
        self.assertNoErrors()

    def _check_devices(self, n_dimms):
        """Compares the devices that memoryd lists with what sysfs says of their blocks, before and after one goes
        offline."""
        devices = self._devices_as_in_sysfs()
        dimms = {name for name, device in devices.items() if device["origin"] == "dimm"}
        self.assertEqual(len(dimms), n_dimms)
        self.assertEqual(devices[""]["obstacle"], "boot-memory")
        for name in dimms:
            has_kernel = devices[name]["kernel"] > 0
            self.assertEqual(devices[name]["obstacle"], "kernel-memory" if has_kernel else "movable-memory")
        movable = next(name for name in dimms if devices[name]["removable"] == "after-offline")
        _, code = self.memoryd.report(f"offline --device {movable}")
        self.assertEqual(code, 0)
        device = self._devices_as_in_sysfs()[movable]
        self.assertEqual((device["removable"], device["offline"]), ("yes", device["size"]))
        self.assertIn(f"{movable} can be removed: all of it is offline.",
                      self.guest.run(f"memoryctl devices {movable}"))

    def _devices_as_in_sysfs(self):
        """Returns the devices that memoryd lists, by name, when it has found that they are those of the kernel."""
        memory = read_memory(self.guest)
        owners = read_devices(self.guest, memory.block_bytes)
        devices = {device["device"] or "": device for device in self.memoryd.ctl("devices")["devices"]}
        for name, device in devices.items():
            with self.subTest(device=name):
                blocks = [block for block in memory if owners.get(block.index, ("", ""))[0] == name]
                listed = [index for each in device["blocks"] for index in range(each["first"], each["last"] + 1)]
                self.assertEqual(listed, [block.index for block in blocks])
                for key, classes in ("kernel", ("kernel", "mixed")), ("movable", ("movable",)):
                    self.assertEqual(device[key], memory.block_bytes * sum(
                        block.zone_class in classes for block in blocks))
                self.assertEqual(device["nodes"], sorted({block.node for block in blocks}))
                self.assertEqual(device["first_address"], blocks[0].index * memory.block_bytes)
        return devices


@kernel_matters("its driver adds and removes the blocks")
class VirtioMemByPolicy(GuestCase):
    """A device grows block by block. Blocks may come in one burst or in several."""

    hardware = FULL

    def test_growth_is_onlined_within_the_guards(self):
        before = read_memory(self.guest)
        self.guest.resize_virtio_mem("2G")
        wait_online(self.guest, len(before.blocks) + 16)
        self.assertPolicy()
        self.assertModel()

        self.guest.resize_virtio_mem("3G")
        wait_online(self.guest, len(before.blocks) + 24)
        self.assertPolicy()
        self.assertModel()
        self.assertNoErrors()

    def test_shrinking_takes_blocks_out_of_the_model(self):
        self.guest.resize_virtio_mem("3G")
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == 3 << 30, "3 GiB plugged")
        self.wait_settled()
        before = self.memoryd.node(1, "OnlineBytes")
        self.guest.resize_virtio_mem("2G")
        self.guest.wait_until(lambda: self.memoryd.node(1, "OnlineBytes") < before,
                              "memory leaving the node")
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == 2 << 30, "2 GiB plugged")
        self.assertModel()
        self.assertNoErrors()


@kernel_matters("its driver removes the blocks")
class VirtioMemBelowDimms(GuestCase):
    """A device whose region lies below the kernel memory of a DIMM. QEMU places it there."""

    hardware = FULL
    blocks = 16

    def test_it_grows_movable_and_shrinks_to_nothing_after_a_load(self):
        _, before, dimm = self.add_dimm(2048, 1)
        self.assertClasses(dimm.classes(), "KKKKMMMMMMMMMMMM")
        before = read_memory(self.guest)

        self.guest.resize_virtio_mem("2G")
        wait_online(self.guest, len(before.blocks) + self.blocks)
        self.wait_settled()
        added = read_memory(self.guest).added_to(before)
        self.assertLess(added.blocks[-1].index, dimm.blocks[0].index)
        self.assertClasses("".join(sorted(added.classes())), "KKKKMMMMMMMMMMMM")
        self.note(f"as it grew: {added.classes()}")
        self.assertPolicy()

        self._use_memory()
        self.guest.resize_virtio_mem("0")
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == 0, "nothing plugged")
        self.wait_settled()
        self.assertClasses(read_memory(self.guest).classes(), before.classes())
        self.assertModel()
        self.assertNoErrors()

    def _use_memory(self):
        """Files, names of files and processes that use memory of the node, and are gone afterwards."""
        self.guest.run("mkdir /run/load && mount -t tmpfs -o mpol=bind:1 load /run/load && "
                       "head -c 1G /dev/zero >/run/load/file && umount /run/load && "
                       "taskset -c 1 find / -xdev >/run/list && "
                       "taskset -c 1 tar -C / -cf - usr/bin usr/lib/systemd | cat >/dev/null && "
                       "for i in $(seq 200); do taskset -c 1 true; done; rmdir /run/load")


@kernel_matters("its driver removes the blocks")
class VirtioMemHeldUp(GuestCase):
    """The test delays the kernel for a while in each removal."""

    hardware = FULL

    def test_a_block_that_is_slow_to_go_leaves_the_model_all_the_same(self):
        self.guest.resize_virtio_mem("3G")
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == 3 << 30, "3 GiB plugged")
        self.wait_settled()
        self._hold_up_removals()
        for mebibytes in range(3072 - 128, 2048 - 1, -128):
            self.guest.resize_virtio_mem(f"{mebibytes}M")
            self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() <= mebibytes << 20,
                                  f"{mebibytes} MiB plugged")
            self.wait_settled()
        self.assertModel()

    def _hold_up_removals(self):
        self.guest.write_file("/run/hold-up", HOLD_UP)
        pids = self.guest.run(
            "for cpu in 0 1; do"
            "  taskset -c $cpu chrt --fifo 1 perl -MTime::HiRes /run/hold-up"
            "          >/run/hold-up.$cpu 2>&1 </dev/null & echo $!; done").split()
        self.addCleanup(self.guest.run, f"kill {' '.join(pids)}")
        # memoryd gets the processor in the meantime.
        self.guest.run("for pid in $(cat /sys/fs/cgroup/system.slice/memoryd.service/cgroup.procs);"
                       " do chrt --fifo --pid 2 $pid; done")
