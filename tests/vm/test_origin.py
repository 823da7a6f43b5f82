# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""memoryd knows the device and the origin of each block, and treats the block accordingly."""

from case import FULL, PATCHED, GuestCase, kernel_matters, newer_matters
from memory import read_memory, wait_for_blocks, wait_online
from memoryd import MESSAGE_BURST_DONE
from policy import expected_classes, expected_split

TAKE_DAX = 'rules = ( { name = "expander"; origin = "kmem"; zone = "movable"; } );\n'
LEAVE_DELAY = 3  # seconds
LEAVE_LONG = 'leave_delay = "1h";\n'
ALL_MOVABLE = 'rules = ( { zone = "movable"; } );\n'


class OriginCase(GuestCase):
    """The persistent memory is a dax device."""

    hardware = FULL

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.make_dax_device()

    def make_system_ram(self):
        """Turns the dax device into memory that only memoryd may online. Returns its blocks."""
        before = read_memory(self.guest)
        self.guest.run("daxctl reconfigure-device --mode=system-ram --no-online dax0.0")
        # The kernel uses only whole blocks, and one of the eight contains the device's own data.
        return wait_for_blocks(self.guest, len(before.blocks) + 7).added_to(before)


@kernel_matters("it says in its own files where memory came from")
class Origins(OriginCase):
    """memoryd knows each device and its origin, and treats it accordingly."""

    def setUp(self):
        self.memoryd.use("")

    def test_dimms(self):
        _, before, added = self.add_dimm(512, 3)
        self.assertClasses(added.classes(), expected_classes(before, 3, False, 4))
        self.assertDevices()
        rows = self.memoryd.listed()
        devices = {rows[block.index]["device"] for block in added}
        self.assertEqual(len(devices), 1)
        # memoryd knows the DIMM from before its start as well, and takes two DIMMs for two devices.
        origins = [row["device"] for row in rows.values()
                   if row["node"] == 0 and row["origin"] == "dimm"]
        self.assertEqual(len(origins), 2)
        self.assertFalse(devices & set(origins))
        self.assertModel()

    def test_virtio_mem_grows_in_steps_and_shrinks_again(self):
        start = read_memory(self.guest)
        for size, count in (("512M", 4), ("1G", 8), ("2G", 16)):
            with self.subTest(grown_to=size):
                self._grow(size, len(start.blocks) + count)

        self.guest.resize_virtio_mem("1G")
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == 1 << 30, "1 GiB plugged")
        wait_for_blocks(self.guest, len(start.blocks) + 8)
        self.assertModel()
        self.assertDevices()

        self._grow("2G", len(start.blocks) + 16)
        self.assertNoErrors()

    def _grow(self, size, total):
        before = read_memory(self.guest)
        self.guest.resize_virtio_mem(size)
        added = wait_online(self.guest, total).added_to(before)
        # The blocks can come in several bursts, each of which has its kernel memory lowest.
        self.assertClasses("".join(sorted(added.classes())),
                           expected_split(before, 1, True, len(added.blocks)))
        self.assertEqual({block.node for block in added}, {1})
        self.assertModel()
        self.assertDevices()
        rows = self.memoryd.listed()
        self.assertEqual({rows[block.index]["origin"] for block in added}, {"virtio-mem"})

    def test_a_dax_device_is_left_alone_until_a_rule_takes_it(self):
        self.memoryd.use(LEAVE_LONG)
        left = self.make_system_ram()
        self._wait_for_status(left, "left")
        self.assertClasses(left.classes(), "-" * len(left.blocks))
        rows = self.memoryd.listed()
        self.assertEqual({rows[block.index]["decision"] for block in left}, {"leave"})
        self._check_dax(left)

        self.memoryd.use(TAKE_DAX)
        self._wait_for_status(left, "done")
        self._check_taken(left)

        # Once more, with the rule in force from the start.
        self._release()
        taken = self.make_system_ram()
        self._wait_for_status(taken, "done")
        self._check_taken(taken)
        self._release()
        self.assertNoErrors()

    def _release(self):
        count = len(read_memory(self.guest).blocks)
        self.guest.run("daxctl reconfigure-device --mode=devdax --force dax0.0")
        wait_for_blocks(self.guest, count - 7)
        self.assertModel()
        self.assertDevices()

    def _wait_for_status(self, memory, status):
        def others():
            # A block is not there while the kernel brings its device online as a whole.
            statuses = self.memoryd.statuses()
            return [f"memory{block.index} is {statuses.get(block.index)}" for block in memory
                    if statuses.get(block.index) != status]
        self.guest.wait_until_empty(others, f"all blocks {status}")

    def _check_taken(self, memory):
        indices = {block.index for block in memory}
        self.assertClasses({block.zone_class for block in read_memory(self.guest)
                            if block.index in indices}, {"movable"})
        self.assertRule(memory, "expander")
        self._check_dax(memory)

    def _check_dax(self, memory):
        self.assertEqual({block.node for block in memory}, {2})
        rows = self.memoryd.listed()
        self.assertEqual({(rows[block.index]["device"], rows[block.index]["origin"])
                          for block in memory}, {("dax0.0", "kmem")})
        self.assertDevices()
        self.assertModel()


class Dax(OriginCase):
    """Memory of a dax device that the shipped rule leaves: to daxctl, and then to the kernel's own answer."""

    minutes = 4

    def setUp(self):
        self.memoryd.use(f'leave_delay = "{LEAVE_DELAY}s";\n')

    def _remove(self):
        count = len(read_memory(self.guest).blocks)
        self.guest.run("daxctl reconfigure-device --mode=devdax --force dax0.0")
        wait_for_blocks(self.guest, count - 7)

    def _kernel_onlines(self):
        """Whether this kernel onlines added memory by itself: memoryd has kept its word."""
        kept = self.guest.run("cat /run/memoryd/state/auto_online_blocks || true")
        return "\nmachine online " in kept

    @kernel_matters("its own answer to added memory and its driver of dax devices decide")
    def test_what_no_tool_onlines_becomes_what_the_kernel_makes_of_it(self):
        before = read_memory(self.guest)
        begin = self.guest.uptime()
        self.guest.run("cd /sys/bus/dax/drivers; echo dax0.0 >device_dax/unbind; "
                       "echo dax0.0 >kmem/new_id 2>/dev/null || echo dax0.0 >kmem/bind")
        bound = self.guest.uptime()
        added = wait_for_blocks(self.guest, len(before.blocks) + 7).added_to(before)
        indices = {block.index for block in added}
        if self._kernel_onlines():
            self.guest.wait_until(
                lambda: {self.memoryd.statuses().get(index) for index in indices} == {"done"},
                "memoryd doing what the kernel would do")
            told = self.memoryd.uptime_of(self.memoryd.journal(f"MESSAGE_ID={MESSAGE_BURST_DONE}")[-1])
            self.note(f"online {told - bound:.2f} s after the last block came")
            with self.never_again():
                self.assertGreater(told - begin, LEAVE_DELAY)
            # Since 7.3 the kernel removes the device's blocks for this and adds them again.
            has_state = self.guest.call("[ -e /sys/bus/dax/devices/dax0.0/state ]").code == 0
            self.assertLess(told - bound, LEAVE_DELAY + (5 if has_state else 1))
            if has_state:
                self.assertEqual(self.guest.run("cat /sys/bus/dax/devices/dax0.0/state").strip(), "online")
            rows = self.memoryd.listed()
            self.assertEqual({rows[index]["decision"] for index in indices}, {"kernel-default"})
            self.assertIn("without memoryd, the kernel would online it so",
                          self.guest.run(f"memoryctl explain {min(indices)}"))
        else:
            self.guest.run("sleep 5")
            self.assertEqual({self.memoryd.statuses()[index] for index in indices}, {"left"})
        self.assertModel()
        self.assertNoErrors()

    def test_daxctl_is_never_raced(self):
        for number in range(20):
            before = read_memory(self.guest)
            result = self.guest.call("daxctl reconfigure-device --mode=system-ram dax0.0")
            self.assertEqual(result.code, 0, f"try {number}: {result.stderr}")
            self.assertNotIn("race", result.stdout + result.stderr)
            added = read_memory(self.guest).added_to(before)
            self.assertClasses(added.classes(), "M" * 7)
            if number == 0:
                verified = self.guest.call("memoryctl verify")
                self.assertEqual(verified.code, 0, verified.stdout)
                self.assertIn("No problems found.", verified.stdout)
            self._remove()
        self.assertModel()
        self.assertNoErrors()


@newer_matters("it has a state for each dax device")
class DaxState(OriginCase):
    """The state of a dax device, with which its owner onlines all of it."""

    kernels = ("7.3", "patched-7.3")
    minutes = 4
    state = "/sys/bus/dax/devices/dax0.0/state"

    def setUp(self):
        self.memoryd.use(LEAVE_LONG)
        self.added = self.make_system_ram()

    def tearDown(self):
        count = len(read_memory(self.guest).blocks)
        present = len(self._blocks())
        self.guest.run("daxctl reconfigure-device --mode=devdax --force dax0.0")
        wait_for_blocks(self.guest, count - present)
        self.assertModel()
        self.assertNoErrors()
        super().tearDown()

    def _blocks(self):
        """Returns the blocks of the device that are there."""
        indices = {block.index for block in self.added}
        return [block for block in read_memory(self.guest) if block.index in indices]

    def _write(self, word):
        return self.guest.call(f"echo {word} >{self.state}")

    def _read(self):
        return self.guest.run(f"cat {self.state}").strip()

    def _wait_for(self, status):
        self.guest.wait_until(
            lambda: [self.memoryd.statuses().get(block.index) for block in self.added] == [status] * 7,
            f"all blocks {status}")

    def _explain(self):
        return self.guest.run(f"memoryctl explain {self.added.blocks[0].index}")

    def test_a_rule_onlines_all_of_it_with_one_write(self):
        self._wait_for("left")
        self.note(self.guest.run("readlink -f /sys/bus/dax/devices/dax0.0").strip())
        for _ in range(2):
            self.assertEqual(self._read(), "offline")
            self.memoryd.use(TAKE_DAX)
            self._wait_for("done")
            with self.never_again():
                self.assertEqual(self._read(), "online_movable")
                self.assertEqual({block.zone_class for block in self._blocks()}, {"movable"})
            self.assertIn("movable (rule 'expander'", self._explain())
            self.assertNotIn("as a whole", self._explain())
            self.assertModel()
            self._again()

    def _again(self):
        """Has daxctl take the device out and bring it back, to be left to others."""
        self.memoryd.use(LEAVE_LONG)
        self.guest.run("daxctl reconfigure-device --mode=devdax --force dax0.0")
        self.guest.wait_until(lambda: not self._blocks(), "no blocks")
        self.added = self.make_system_ram()
        self._wait_for("left")

    def _offline(self):
        """Takes the device offline. What comes next does not wait for anything."""
        self.assertEqual(self._read(), "online_movable")
        self.guest.run("memoryctl offline --device dax0.0")
        self.assertEqual(self._read(), "offline")
        self.assertEqual([block.zone_class for block in self._blocks()], [""] * 7)

    def test_offline_of_all_of_it_leaves_a_state_that_daxctl_can_go_on_from(self):
        self._wait_for("left")
        self.memoryd.use(TAKE_DAX)
        self._wait_for("done")
        self._offline()
        self.guest.run("daxctl online-memory dax0.0")
        self._wait_for("external")
        self.guest.run("daxctl offline-memory dax0.0")
        self._wait_for("offlined")
        self.guest.run("memoryctl online --device dax0.0")
        self._wait_for("done")

        # It stays offline, whatever the rule says, until daxctl takes it away and brings it back.
        self._offline()
        self.wait_settled()
        self._wait_for("offlined")
        self.guest.run("systemctl restart memoryd")
        self.memoryd.wait_ready()
        self._wait_for("offlined")
        self.guest.run("memoryctl online --device dax0.0")
        self._offline()
        self.guest.run("daxctl reconfigure-device --mode=devdax dax0.0")
        self.guest.wait_until(lambda: not self._blocks(), "no blocks")
        self.added = self.make_system_ram()
        self._wait_for("done")
        self.assertEqual(self._read(), "online_movable")

    def test_a_request_onlines_all_of_it_with_one_write(self):
        self._wait_for("left")
        for options, status in (("--zone movable --force", "requested"), ("", "done")):
            with self.subTest(options=options):
                if not options:
                    self.memoryd.use(TAKE_DAX)
                    self._wait_for("offlined")
                self._online(options, status)
                self._offline()

                # Without blocks as well.
                self.assertEqual(self._write("unplugged").code, 0)
                self.guest.wait_until(lambda: not self._blocks(), "no blocks")
                self.wait_settled()
                self._online(options, status)
                self._offline()

    def _online(self, options, status):
        self.guest.run(f"memoryctl online --device dax0.0 {options}")
        self.assertEqual(self._read(), "online_movable")
        self.assertEqual([block.zone_class for block in self._blocks()], ["movable"] * 7)
        self._wait_for(status)
        self.assertModel()

    def test_an_owner_who_is_stuck_is_told_the_way_and_what_he_onlines_is_left(self):
        self._wait_for("left")
        self.assertEqual(self._read(), "offline")
        result = self._write("online_movable")
        self.assertNotEqual(result.code, 0)
        self.assertIn("busy", result.stderr)
        self.assertIn('write "unplugged" and then a word such as "online_movable" to its state',
                      self._explain())
        verified = self.guest.call("memoryctl verify").stdout
        self.assertIn(f'write "unplugged" to {self.state} first', verified)

        self.assertEqual(self._write("unplugged").code, 0)
        self.guest.wait_until(lambda: not self._blocks(), "no blocks")
        self.assertEqual(self._write("online_movable").code, 0)
        self._wait_for("external")
        self.memoryd.use('rules = ( { name = "ours"; origin = "kmem"; zone = "kernel"; } );\n')
        self.wait_settled()
        self._wait_for("external")
        self.assertEqual({block.zone_class for block in self._blocks()}, {"movable"})
        self.assertIn('something other than memoryd onlined dax0.0 as a whole, and its state is '
                      '"online_movable"', self._explain())
        self.assertNotIn(self.state, self.guest.call("memoryctl verify").stdout)
        result = self.guest.call(f"memoryctl offline {self.added.blocks[0].index}")
        self.assertIn("is a part of dax0.0", result.stderr)


class Groups(OriginCase):
    """The kernel shows which blocks are one device, and the node of each block in its event."""

    kernels = PATCHED

    def groups(self):
        """Returns the kernel's group of each block that has one, by block."""
        text = self.guest.run("cd /sys/devices/system/memory; grep . memory*/group_id")
        rows = [line.removeprefix("memory").split("/group_id:") for line in text.splitlines()]
        return {int(index): int(group) for index, group in rows}

    def assertGroups(self):  # pylint: disable=invalid-name
        """The devices of memoryd are exactly the groups of the kernel, and have the expected names.
        Returns the groups."""
        groups = self.groups()
        rows = self.memoryd.listed()
        devices = {index: row["device"] for index, row in rows.items() if row["origin"] != "boot"}
        self.assertEqual(set(groups), set(devices))
        pairs = {(groups[index], devices[index]) for index in groups}
        self.assertEqual(len(pairs), len(set(groups.values())), pairs)
        self.assertEqual(len(pairs), len(set(devices.values())), pairs)
        self.assertDevices()
        return groups

    def test_devices_are_groups(self):
        self.memoryd.use(ALL_MOVABLE)
        before = self.assertGroups()
        low, _, first = self.add_dimm(256, 3)
        _, _, second = self.add_dimm(384, 3)
        # The two DIMMs lie next to each other.
        self.assertEqual(second.blocks[0].index, first.blocks[-1].index + 1)
        for size, count in (("512M", 4), ("768M", 2)):
            memory = read_memory(self.guest)
            self.guest.resize_virtio_mem(size)
            wait_online(self.guest, len(memory.blocks) + count)
        self.make_system_ram()
        wait_online(self.guest, len(read_memory(self.guest).blocks))
        self.wait_settled()
        groups = self.assertGroups()
        self.assertEqual(len(set(groups.values())), len(set(before.values())) + 4)

        # Another DIMM takes the place of the first, and its group number.
        number = groups[first.blocks[0].index]
        self.guest.del_dimm(low)
        self.wait_settled()
        self.assertGroups()
        _, _, other = self.add_dimm(128, 0)
        self.assertEqual(other.blocks[0].index, first.blocks[0].index)
        groups = self.assertGroups()
        self.assertEqual(groups[other.blocks[0].index], number)
        self.assertEqual(list(groups.values()).count(number), 1)
        self.assertModel()
        self.assertNoErrors()

    def test_events_tell_the_node(self):
        for source in ("kernel", "udev"):
            with self.subTest(source=source):
                self.memoryd.use(f'event_source = "{source}"; log_level = "debug";\n'
                                 + ALL_MOVABLE)
                self.guest.run("systemctl restart memoryd")
                self.memoryd.wait_ready()
                added = [block for node in (0, 3) for block in self.add_dimm(256, node)[2]]
                told = set(self.memoryd.messages())
                for block in added:
                    self.assertIn(f"Event 'add' for memory{block.index} on node {block.node}", told)
                self.assertModel()
                self.assertGroups()
        self.assertNoErrors()
