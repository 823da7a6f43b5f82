# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Tests the effect of each patch of kernel/patches on a kernel with the series. For some patches, a test
on a kernel without the series shows that the test can detect the difference."""

import statistics
import time

from case import PATCHED, PLAIN, UNPATCHED, WORDS_FILE, node_words_file
from guest import GuestError
from machine import Node, Nvdimm, VirtioMem
from memory import read_memory, wait_for_blocks
from zones import HARDWARE, INVALID, NODE, ManualCase, ZoneRules

# Reads valid_zones of the blocks in their order, over and over without a pause, each time up to the first
# file that does not exist. At the end it prints how often it read something, and how often nothing.
READER = r"""
$SIG{TERM} = sub { $stop = 1 };
@paths = map { "/sys/devices/system/memory/memory$_/valid_zones" } $ARGV[0] .. $ARGV[1];
until ($stop) {
        for (@paths) {
                open my $file, "<", $_ or last;
                my $line = <$file>;
                defined $line ? $read++ : $nothing++;
        }
}
printf "%d %d\n", $read, $nothing;
"""

PROPERTIES = ("MEMORY_STATE", "MEMORY_NODE", "MEMORY_ZONE", "MEMORY_GROUP")


class ReaderCase(ManualCase):
    """Runs a reader of blocks while they are being added."""

    ROUNDS = 20
    SIZE = "8G"
    COUNT = 64

    def start_reader(self):
        first = max(block.index for block in read_memory(self.guest)) + 1
        # The first DIMM goes to address 4 GiB or higher.
        first = max(first, (4 << 30) // read_memory(self.guest).block_bytes)
        self.guest.write_file("/root/reader.pl", READER)
        return self.guest.run("setsid nice -n -20 perl /root/reader.pl "
                              f"{first} {first + self.COUNT - 1} "
                              ">/root/reader.out 2>&1 </dev/null & echo $!").strip()

    def stop_reader(self, pid):
        self.guest.run(f"kill {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.1; done")
        return [int(word) for word in self.guest.run("cat /root/reader.out").split()]


class ReadsOfNewBlocks(ReaderCase):
    """Patch 1: a block can be read as soon as it exists."""

    kernels = PATCHED

    def test_no_oops(self):
        reader = self.start_reader()
        before = read_memory(self.guest)
        for _ in range(self.ROUNDS):
            dimm = self.guest.add_dimm(self.SIZE, NODE)
            wait_for_blocks(self.guest, len(before.blocks) + self.COUNT)
            self.guest.check_console()
            self.guest.del_dimm(dimm)
            wait_for_blocks(self.guest, len(before.blocks))
        read, _ = self.stop_reader(reader)
        self.assertGreater(read, self.ROUNDS * self.COUNT)
        self.note(f"{self.ROUNDS} DIMMs of {self.SIZE}, {read} reads")


class ReadsOfNewBlocksUnpatched(ReaderCase):
    """Without patch 1, reading a new block crashes the kernel."""

    kernels = UNPATCHED

    def test_oops(self):
        self.guest.run("echo 0 >/proc/sys/kernel/panic_on_oops")
        self.start_reader()
        before = read_memory(self.guest)
        for number in range(1, self.ROUNDS + 1):
            dimm = self.guest.add_dimm(self.SIZE, NODE)
            wait_for_blocks(self.guest, len(before.blocks) + self.COUNT)
            try:
                self.guest.check_console()
            except GuestError as error:
                self.guest.expect_trouble()
                self.assertIn("zone_for_pfn_range", str(error))
                self.note(f"with DIMM {number}")
                return
            self.guest.del_dimm(dimm)
            wait_for_blocks(self.guest, len(before.blocks))
        self.fail(f"no oops with {self.ROUNDS} DIMMs")


class EventCase(ManualCase):
    """Records the events that the kernel sends."""

    def start_monitor(self):
        self._monitor = self.guest.run("setsid udevadm monitor --kernel --property "
                                       "--subsystem-match=memory >/root/events 2>&1 </dev/null & "
                                       "echo $!").strip()
        self.guest.wait_until("grep -q ^KERNEL /root/events", "udevadm monitor")

    def stop_monitor(self, action, count):
        """Waits until there are `count` events with this action, and returns all events."""
        self.guest.wait_until(f"[ $(grep -c '^ACTION={action}' /root/events) -ge {count} ]",
                              f"{count} events '{action}'")
        # udevadm finishes the event that it has begun to print.
        self.guest.run(f"kill {self._monitor}; while kill -0 {self._monitor} 2>/dev/null; do "
                       "sleep 0.1; done")
        return list(_events(self.guest.run("cat /root/events")))


class Groups(EventCase):
    """Patches 2 and 3: groups in sysfs, and the properties of uevents."""

    kernels = PATCHED
    # Node 2 appears with the dax device, node 3 with the DIMM.
    hardware = {"nodes": (Node("2G", "0"), Node(cpus="1"), Node(), Node()),
                "virtio_mem": VirtioMem("4G", 1), "nvdimms": (Nvdimm("1G", 2),)}

    def groups(self, blocks):
        """Returns the groups of the blocks, as a set of id, type, and unit in MiB."""
        rows = [self.guest.run(f"cd {self.block_path(block)}; cat group_id group_type "
                               "group_unit_bytes").split() for block in blocks]
        return {(int(number), kind, int(unit) >> 20) for number, kind, unit in rows}

    def added(self, before, count):
        memory = wait_for_blocks(self.guest, len(before.blocks) + count)
        return [block.index for block in memory.added_to(before)]

    def test_boot_memory_has_no_group(self):
        self.assertEqual(self.guest.run("ls -d /sys/devices/system/memory/memory0/group_* || :"),
                         "")

    def test_groups_of_devices(self):
        dimm = self.groups(self.add_offline("512M", 3)[1])
        other = self.groups(self.add_offline("256M", 3)[1])

        before = read_memory(self.guest)
        self.guest.resize_virtio_mem("512M")
        virtio = self.groups(self.added(before, 4))
        before = read_memory(self.guest)
        self.guest.resize_virtio_mem("768M")
        self.assertEqual(self.groups(self.added(before, 2)), virtio)

        self.make_dax_device()
        before = read_memory(self.guest)
        self.guest.run("daxctl reconfigure-device --mode=system-ram --no-online dax0.0")
        dax = self.groups(self.added(before, 7))

        self.assertEqual([[row[1:] for row in rows] for rows in (dimm, other, virtio, dax)],
                         [[("static", 512)], [("static", 256)], [("dynamic", 128)],
                          [("static", 896)]])
        self.assertEqual(len({row[0] for rows in (dimm, other, virtio, dax) for row in rows}), 4)

    def test_uevents(self):
        self.start_monitor()
        dimm, blocks = self.add_offline("256M", 3)
        low, high = blocks
        group = self.guest.run(f"cat {self.block_path(low)}/group_id").strip()
        self.assertEqual(self.switch(high, "online_movable"), "")
        shown = self.guest.run(f"cat {self.block_path(high)}/uevent")
        self.assertEqual(self.switch(high, "offline"), "")
        self.guest.run("udevadm trigger -c change /sys/devices/system/memory/memory0")
        self.guest.del_dimm(dimm)
        events = self.stop_monitor("remove", len(blocks))

        offline = ("offline", "3", "none", group)
        movable = ("online", "3", "Movable", group)
        self.assertEqual([event for event in events if event[1] == f"memory{high}"],
                         [(action, f"memory{high}", values) for action, values in (
                             ("add", offline), ("online", movable), ("offline", offline),
                             ("remove", offline))])
        self.assertEqual([event[::2] for event in events if event[1] == f"memory{low}"],
                         [("add", offline), ("remove", offline)])
        # Boot memory has no group.
        self.assertEqual([event for event in events if event[1] == "memory0"],
                         [("change", "memory0", ("online", "0", "none", "none"))])
        for name, value in zip(PROPERTIES, movable):
            self.assertIn(f"{name}={value}\n", shown)


def _events(text):
    """Yields the action, the device and the four values of each event that udevadm printed."""
    for part in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
        if "ACTION" in fields:
            yield (fields["ACTION"], fields["DEVPATH"].rpartition("/")[2],
                   tuple(fields.get(name) for name in PROPERTIES))


class NodePolicyCase(ManualCase):
    """Tells what becomes of the memory that devices add."""

    def assertComes(self, before, node, picture):  # pylint: disable=invalid-name
        """Checks that the blocks of a node that were added since `before` come to look like the picture."""
        def classes():
            memory = read_memory(self.guest)
            return memory.added_to(before).classes(node) if all(
                block.node >= 0 for block in memory) else ""
        self.guest.wait_until(lambda: classes() == picture, f"{picture} on node {node}")
        # Nothing changes afterwards.
        time.sleep(1)
        self.assertClasses(classes(), picture)


class NodePolicyOfDrivers(NodePolicyCase):
    """Patch 4: the setting of a node holds for the memory of drivers. Node 2 appears with the dax device."""

    kernels = PATCHED
    hardware = {"nodes": (Node("2G", "0"), Node(cpus="1"), Node()), "virtio_mem": VirtioMem("4G", 1),
                "nvdimms": (Nvdimm("1G", 2),), "arguments": "memhp_node_state=2:online_movable"}

    def test_virtio_mem(self):
        before = read_memory(self.guest)
        self.write("online_movable", node_words_file(1))
        self.guest.resize_virtio_mem("512M")
        self.assertComes(before, 1, "MMMM")

    def test_dax_device(self):
        self.make_dax_device()
        before = read_memory(self.guest)
        self.guest.run("daxctl reconfigure-device --mode=system-ram --no-online dax0.0")
        self.assertComes(before, 2, "MMMMMMM")
        # Since Linux 7.3 the device tells how it was onlined.
        self.assertIn(self.guest.run("cat /sys/bus/dax/devices/dax0.0/state 2>/dev/null || :").strip(),
                      ("online_movable",) if self.guest.kernel.name.endswith("7.3") else ("",))


class NodePolicy(NodePolicyCase):
    """Patch 4: each node has its own setting. Node 2 does not exist at boot."""

    kernels = PATCHED
    hardware = PLAIN | {"arguments": "memhp_node_state=2:online_movable,1:nonsense,x:online,1,-1:online,"
                                     "4096:online"}

    def assertLands(self, node, picture):  # pylint: disable=invalid-name
        """Adds a DIMM, and checks that its blocks come to look like the picture. Returns the id of the
        DIMM."""
        before = read_memory(self.guest)
        dimm = self.guest.add_dimm(f"{len(picture) * 128}M", node)
        self.assertComes(before, node, picture)
        return dimm

    def test_every_node_its_own_answer(self):
        self.assertEqual([self.guest.run(f"cat {node_words_file(node)}").strip()
                          for node in (0, 1)], ["inherit", "inherit"])
        self.write("online_kernel", node_words_file(0))
        self.write("offline", node_words_file(1))
        self.write("online_kernel", WORDS_FILE)
        self.assertLands(0, "KK")
        self.assertLands(1, "--")
        # Node 2 has its setting from the boot parameter. The setting survives when the node goes away.
        for _ in range(2):
            dimm = self.assertLands(2, "MM")
            self.assertEqual(self.guest.run(f"cat {node_words_file(2)}").strip(),
                             "online_movable")
            self.guest.del_dimm(dimm)
            self.guest.wait_until(f"[ ! -e {node_words_file(2)} ]", "node 2 gone")
        self.write("inherit", node_words_file(1))
        self.assertLands(1, "KK")
        self.write("online_movable", node_words_file(1))
        self.assertLands(1, "MM")
        self.write("offline", WORDS_FILE)
        self.assertLands(1, "M")

    def test_wrong_words_are_refused(self):
        before = self.guest.run(f"cat {node_words_file(0)}")
        for word in ("''", "onlin", "onlinee", "Online", "movable", "0", "'online kernel'",
                     "going-offline"):
            with self.subTest(word=word):
                self.assertEqual(self.try_write(word, node_words_file(0)), INVALID)
        self.assertEqual(self.guest.run(f"cat {node_words_file(0)}"), before)

    def test_wrong_boot_parameters_are_told_and_ignored(self):
        told = [line.partition("ignoring ")[2] for line in self.guest.run("dmesg").splitlines()
                if "memhp_node_state" in line and "ignoring" in line]
        self.assertEqual(told, [f"'{entry}', expected nid:state" for entry in (
            "1:nonsense", "x:online", "1", "-1:online", "4096:online")])


class StrictZones(ZoneRules, ManualCase):
    """Patch 5: the kernel itself enforces the rules."""

    kernels = PATCHED
    hardware = HARDWARE

    PARAMETERS = "/sys/module/memory_hotplug/parameters"

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.defaults = cls.guest.run(f"cd {cls.PARAMETERS}; "
                                     "cat strict_zone_order require_kernel_zone").split()

    def set_rule(self, name, on):
        self.write("Y" if on else "N", f"{self.PARAMETERS}/{name}")

    def test_off_unless_asked_for(self):
        # The values after the boot, before any test: see prepare_class().
        self.assertEqual(self.defaults, ["N", "N"])

    def test_valid_zones_say_what_is_allowed(self):
        a, b, c, d = self.blocks
        # The zone that a block was last online in comes first.
        both = {"Normal", "Movable"}
        self.assertEqual(self.zones(b), ["Normal"])
        self.set_rules(False)
        self.assertEqual(set(self.zones(b)), both)
        self.prepare("-KM-")
        self.assertEqual([self.zones(block) for block in (a, b, c, d)],
                         [["Normal"], ["Normal"], ["Movable"], ["Movable"]])
        self.set_rules(False)
        self.assertEqual([set(self.zones(block)) for block in (a, d)], [both, both])
        # No zone is right between zones that are out of order.
        self.prepare("M-K-")
        self.assertEqual(self.zones(b), ["none"])
        for word in ("online", "online_kernel", "online_movable"):
            self.assertRefused(b, word)

    def test_the_kernels_own_choice_is_allowed(self):
        self.prepare("-KM-")
        a, _, _, d = self.blocks
        self.assertAllowed(d, "online")
        self.assertAllowed(a, "online")
        self.assertStates("KKMM")

    def test_the_kernels_own_choice_keeps_to_the_ratio(self):
        for name, value in (("online_policy", "auto-movable"), ("auto_movable_ratio", "0")):
            before = self.guest.run(f"cat {self.PARAMETERS}/{name}").strip()
            self.addCleanup(self.write, before, f"{self.PARAMETERS}/{name}")
            self.write(value, f"{self.PARAMETERS}/{name}")
        self.prepare("-KM-")
        a, _, _, d = self.blocks
        # The order allows only movable memory there, and the ratio allows none.
        self.assertEqual(self.zones(d), ["Movable"])
        self.assertRefused(d, "online")
        self.assertAllowed(a, "online")
        self.assertAllowed(d, "online_movable")
        self.assertStates("KKMM")


class RefusedType(ManualCase):
    """Patch 6: a refused online type is forgotten."""

    kernels = PATCHED
    zone = "Movable"

    def test_online_after_a_refused_type(self):
        # The kernel chooses movable between two movable blocks.
        blocks = self.add_offline("384M", NODE)[1]
        for block in blocks:
            self.assertEqual(self.switch(block, "online_movable"), "")
        middle = blocks[1]
        self.assertEqual(self.switch(middle, "online_kernel"), INVALID)
        self.assertEqual(self.switch(middle, "offline"), "")
        self.write("1", f"{self.block_path(middle)}/online")
        self.assertEqual(self.zones(middle), [self.zone])


class RefusedTypeUnpatched(RefusedType):
    """Without patch 6, the kernel uses the refused online type."""

    kernels = UNPATCHED
    zone = "Normal"


class OnliningTime(ManualCase):
    """Patch 8: a block goes online after many other blocks as fast as after one."""

    kernels = PATCHED
    # The description of 64 GiB takes 1 GiB.
    hardware = {"nodes": (Node("3G", "0-1"), Node()), "max_memory": "128G",
                "arguments": "cgroup_disable=memory"}
    ROUNDS = 40
    # The ratio was 1 to 2.5 with the patch, and 6 to 15 without it.
    RATIO = 4
    # The measurements alternate, so that other load on the machine affects both alike.
    SCRIPT = r"""
cd /sys/devices/system/memory
for block in {others}; do echo online_movable >memory$block/state || exit; done
echo online_kernel >memory{base}/state || exit
udevadm settle
online() {{
        local start=$EPOCHREALTIME end
        echo $2 >memory$1/state || exit
        end=$EPOCHREALTIME
        echo $((${{end/./}} - ${{start/./}}))
}}
for round in {{1..{rounds}}}; do
        online {big} online_movable
        online {small} online_kernel
        for block in {big} {small}; do
                until echo offline >memory$block/state; do sleep 0.1; done 2>/dev/null
        done
done
"""

    def ratio(self):
        """Returns how many times as long a block takes after 511 blocks as after one."""
        *others, big = self.add_offline("64G", 1)[1]
        base, small = self.add_offline("256M", 1)[1]
        lines = self.guest.run(self.SCRIPT.format(others=" ".join(map(str, others)), big=big,
                                                  base=base, small=small, rounds=self.ROUNDS))
        times = [int(line) for line in lines.split()]
        self.assertEqual(len(times), 2 * self.ROUNDS)
        after_many, after_one = (statistics.median(part) for part in (times[::2], times[1::2]))
        self.note(f"{after_many / 1000:.1f} ms after {len(others)} blocks, "
                  f"{after_one / 1000:.1f} ms after one")
        return after_many / after_one

    def test_time_of_a_block(self):
        self.assertLess(self.ratio(), self.RATIO)


class OnliningTimeUnpatched(OnliningTime):
    """Without patch 8, a block takes longer after many other blocks."""

    kernels = UNPATCHED

    def test_time_of_a_block(self):
        self.assertGreater(self.ratio(), self.RATIO)


class InstructionCase(ManualCase):
    """Counts the instructions that the guest executes while a DIMM comes and goes. The count hardly depends on
    the host. The guest's clock counts instructions, and runs on while the guest is idle."""

    boots = True
    minutes = 10
    # One processor: the clock counts the instructions of all of them. 256 GiB take 4 GiB to describe.
    hardware = {"nodes": (Node("7G", "0-1"), Node()), "max_memory": "512G", "counts_instructions": True,
                "arguments": "maxcpus=1 tsc_early_khz=1000000 cgroup_disable=memory"}
    SIZES = (16, 64, 256)
    TIMEOUT = 3600

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        # udev would look at each block.
        cls.guest.run("systemctl stop systemd-udevd systemd-udevd-kernel.socket systemd-udevd-control.socket")
        cls.guest.run(f"echo online_movable >{WORDS_FILE}")

    def executed(self):
        """Returns how many instructions the guest has executed. The clock has a resolution of 10 ms."""
        up, idle = self.guest.run("cat /proc/uptime").split()
        return (float(up) - float(idle)) * 1e9

    def count(self, action):
        """Returns how many instructions an action takes, without those that it takes to ask for them."""
        start = self.executed()
        before = self.executed()
        action()
        return self.executed() - before - (before - start)

    def plug(self, gib):
        self.dimm = self.guest.add_dimm(f"{gib}G", 1)
        self.guest.wait_for_acceptance(self.dimm, self.TIMEOUT)

    def counts(self):
        """Returns the counts for a plug and an unplug, by the size of the DIMM in GiB."""
        result = {}
        for gib in self.SIZES:
            before = read_memory(self.guest)
            plug = self.count(lambda gib=gib: self.plug(gib))
            self.assertEqual(read_memory(self.guest).added_to(before).classes(1), "M" * (gib * 8))
            unplug = self.count(lambda: self.guest.del_dimm(self.dimm, self.TIMEOUT))
            self.note(f"{gib} GiB: {plug / 1e6:.0f} and {unplug / 1e6:.0f} million instructions")
            result[gib] = plug, unplug
        return result

    def growth(self):
        """Returns how many times as many instructions 256 GiB take as 64 GiB, for a plug and an unplug."""
        counts = self.counts()
        return [large / small for large, small in zip(counts[256], counts[64])]


class InstructionCounts(InstructionCase):
    """Patch 8: the cost of a DIMM is linear in its size."""

    kernels = ("patched-7.3",)

    def test_linear(self):
        for growth in self.growth():
            self.assertLess(growth, 4 * 1.2)


class InstructionCountsWithout8(InstructionCase):
    """Without patch 8, the cost grows faster than the size."""

    kernels = ("without-8-7.3",)

    def test_not_linear(self):
        for growth in self.growth():
            self.assertGreater(growth, 4 * 1.2)


class Announcement(EventCase):
    """Patch 9: the kernel announces blocks when they are in their final state."""

    kernels = PATCHED

    def events_of_dimm(self):
        """Adds a DIMM of three blocks that the kernel onlines. Returns their numbers and the events."""
        self.write("online_movable", WORDS_FILE)
        self.start_monitor()
        _, blocks = self.add_offline("384M", NODE)
        return blocks, self.stop_monitor("online", len(blocks))

    def test_events_come_at_the_end(self):
        blocks, events = self.events_of_dimm()
        group = self.guest.run(f"cat {self.block_path(blocks[0])}/group_id").strip()
        self.assertEqual(events, [(action, f"memory{block}",
                                   ("online", str(NODE), "Movable", group))
                                  for block in blocks for action in ("add", "online")])


class AnnouncementUnpatched(Announcement):
    """Without patch 9, the kernel announces all blocks before it onlines any."""

    kernels = UNPATCHED

    def test_events_come_at_the_end(self):
        blocks, events = self.events_of_dimm()
        self.assertEqual([event[:2] for event in events],
                         [(action, f"memory{block}")
                          for action in ("add", "online") for block in blocks])


class OnlineAgainCase(ManualCase):
    """Each test has a DIMM of three blocks, on a node without other memory. The lowest is movable, so that the
    kernel's data about the node is elsewhere, the others are offline."""

    hardware = HARDWARE

    def setUp(self):
        super().setUp()
        self.dimm, (self.low, self.block, self.high) = self.add_offline("384M", NODE)
        self.put(self.low, "online_movable")

    def tearDown(self):
        self.guest.del_dimm(self.dimm)
        super().tearDown()

    def set_parameter(self, name, value):
        path = f"/sys/module/memory_hotplug/parameters/{name}"
        self.addCleanup(self.write, self.guest.run(f"cat {path}").strip(), path)
        self.write(value, path)

    def put(self, block, *words):
        for word in words:
            self.assertEqual(self.switch(block, word), "", f"{word} of memory{block}")

    def assertComesBack(self, block, zone):  # pylint: disable=invalid-name
        """An offline block says that it would go online in this zone, and does so."""
        self.assertEqual(self.zones(block)[0], zone)
        for text, name in (("online", "state"), ("1", "online")):
            with self.subTest(name):
                self.write(text, f"{self.block_path(block)}/{name}")
                self.assertEqual(self.zones(block), [zone])
                self.put(block, "offline")


class KeepsZone(OnlineAgainCase):
    """Patch 10: memory that was online goes online in the same zone again, unless another one is asked for."""

    kernels = PATCHED
    keeps = True

    def test_movable_memory_where_the_kernel_would_choose_a_kernel_zone(self):
        self.put(self.block, "online_movable", "offline")
        self.assertComesBack(self.block, "Movable" if self.keeps else "Normal")

    def test_kernel_memory_where_the_kernel_would_choose_the_movable_zone(self):
        self.put(self.high, "online_movable")
        self.put(self.block, "online_kernel", "offline")
        self.assertComesBack(self.block, "Normal" if self.keeps else "Movable")

    def test_memory_that_is_added_again_is_new(self):
        self.put(self.block, "online_movable", "offline")
        self.guest.del_dimm(self.dimm)
        self.dimm, again = self.add_offline("384M", NODE)
        self.assertIn(self.block, again)
        self.assertEqual(self.zones(self.block)[0], "Normal")


class KeepsZoneUnpatched(KeepsZone):
    """Without patch 10, the kernel chooses the zone anew."""

    kernels = UNPATCHED
    keeps = False


class KeepsAllowedZone(OnlineAgainCase):
    """Patches 5 and 10: a zone that the rules do not allow any more is not kept."""

    kernels = PATCHED

    def test_strict_zone_order(self):
        self.put(self.block, "online_movable")
        self.put(self.high, "online_kernel")
        self.put(self.block, "offline")
        self.put(self.low, "offline")
        self.assertEqual(self.zones(self.block)[0], "Movable")
        # The zone is allowed only above kernel memory.
        self.set_parameter("strict_zone_order", "Y")
        self.assertComesBack(self.block, "Normal")

    def test_auto_movable_ratio(self):
        self.put(self.block, "online_movable", "offline")
        self.set_parameter("online_policy", "auto-movable")
        # All kernel memory is on other nodes.
        self.set_parameter("auto_movable_numa_aware", "N")
        self.assertEqual(self.zones(self.block)[0], "Movable")
        self.set_parameter("auto_movable_ratio", "0")
        self.assertComesBack(self.block, "Normal")


class ZonesAfterRefusal(ManualCase):
    """Patch 10: when a DIMM cannot be unplugged, its blocks keep their zones, without memoryd."""

    kernels = PATCHED
    # A node without memory keeps data of the kernel in the first memory that it gets, which then cannot go.
    hardware = {"nodes": (Node("2G", "0"), Node(cpus="1"))}
    after = "KKKKMMMMMMMMMMMM"

    def test_zones_after_a_refused_unplug(self):
        dimm, blocks = self.add_offline("2G", 1)
        for block, word in zip(blocks, ["online_kernel"] * 4 + ["online_movable"] * 12):
            self.assertEqual(self.switch(block, word), "")
        self.assertClasses(read_memory(self.guest).classes(1), "KKKKMMMMMMMMMMMM")
        self.guest.ask_for_dimm(dimm)
        self.guest.wait_for_refusal(dimm)
        self.assertClasses(read_memory(self.guest).classes(1), self.after)


class ZonesAfterRefusalUnpatched(ZonesAfterRefusal):
    """Without patch 10, all blocks that went offline come back in the zone that the kernel chooses."""

    kernels = UNPATCHED
    after = "KKKKKKKKKKKKKKKK"
