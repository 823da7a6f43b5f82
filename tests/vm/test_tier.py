# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Nodes with slow memory: their memory tiers, and what the firmware tells of their speed."""

from case import FULL, GuestCase
from machine import Node, Speed
from memory import read_memory

# The kernel's tiers. A nodelist must not be read while memory can go offline: the tests read it only when
# nothing changes.
TIERS = "/sys/devices/virtual/memory_tiering"

# The first memory of the node has no tier yet when it is decided on, so it is the second rule's.
CONFIGURATION = ('rules = ( { name = "slow"; tier = "5-"; zone = "movable"; },\n'
                 '          { name = "first"; node = 1; zone = "movable"; movable_node = true; } );\n')

COLUMNS = "NODE,TIER,READ_BANDWIDTH,WRITE_BANDWIDTH,READ_LATENCY,WRITE_LATENCY"


class TierCase(GuestCase):
    """A machine whose memory is in two tiers at times."""

    def tiers(self):
        """Returns the tier of each node as the kernel has it."""
        lines = self.guest.run(f"cd {TIERS} && grep -H . memory_tier*/nodelist").splitlines()
        tiers = {}
        for line in lines:
            path, nodes = line.split(":")
            for node in nodes.split(","):
                first, _, last = node.partition("-")
                for number in range(int(first), int(last or first) + 1):
                    tiers[number] = int(path.split("/")[0].removeprefix("memory_tier"))
        return tiers

    def rows(self):
        return {row["node"]: row for row in self.memoryd.ctl(f"nodes --output={COLUMNS}")["nodes"]}

    def start_reader(self):
        """Starts a client that asks memoryd for the tiers all the time."""
        return self.guest.start("while memoryctl nodes -o TIER >/dev/null; do :; done")

    def stop_reader(self, reader):
        self.assertIsNone(reader.result(), "the reader has ended")
        reader.stop()


class Tiers(TierCase):
    """Node 1 has memory that is three times as slow as that of node 0, and half as broad."""

    hardware = {"nodes": (Node("1G", "0-1"), Node()),
                "speeds": (Speed(100, "10G"), Speed(300, "5G"))}

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.memoryd.use(CONFIGURATION)

    def test_the_tier_and_the_speed_of_a_node_and_a_rule_by_tier(self):
        rows = self.rows()
        self.assertEqual({number: row["tier"] for number, row in rows.items()},
                         {number: self.tiers().get(number) for number in rows})

        _, _, first = self.add_dimm(512, 1)
        self.assertRule(first, "first")
        tiers, rows = self.tiers(), self.rows()
        self.note(f"tiers by node: {tiers}")
        self.assertEqual({number: row["tier"] for number, row in rows.items()}, tiers)
        for number, megabytes, nanoseconds in ((0, 10240, 100), (1, 5120, 300)):
            self.assertEqual([rows[number][key] for key in ("read_bandwidth", "write_bandwidth")],
                             [megabytes] * 2)
            self.assertEqual([rows[number][key] for key in ("read_latency", "write_latency")],
                             [nanoseconds] * 2)
        self.assertEqual(self.memoryd.node(1, "ReadLatency"), 300)

        # Before 6.11, only the drivers of dax devices give their memory another tier.
        is_slow = tiers[1] > tiers[0]
        release = [int(word) for word in self.guest.run("uname -r").split("-")[0].split(".")[:2]]
        self.assertEqual(is_slow, release >= [6, 11])
        _, _, second = self.add_dimm(512, 1)
        self.assertRule(second, "slow" if is_slow else "first")
        self.assertClasses(second.classes(1), "MMMM")
        self._check_a_tier_that_goes_while_tiers_are_read()

    def _check_a_tier_that_goes_while_tiers_are_read(self):
        """With the last memory of the node its tier goes. Reading the nodelist of that tier meanwhile would
        hang the kernel for good."""
        reader = self.start_reader()
        for _ in range(4):
            report, code = self.memoryd.report("offline --node 1")
            self.assertEqual((code, report["failures"]), (0, []), report)
            self.assertNotIn(1, self.tiers())
            self.assertIsNone(self.rows()[1]["tier"])
            _, code = self.memoryd.report("online --node 1 --zone movable")
            self.assertEqual(code, 0)
            self.assertEqual(self.rows()[1]["tier"], self.tiers()[1])
        self.stop_reader(reader)
        self.assertEqual(read_memory(self.guest).classes(1), "M" * 8)
        self.assertModel()


class DaxTiers(TierCase):
    """Node 2 appears with a dax device. No table of the firmware tells of its speed."""

    hardware = FULL

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.make_dax_device()
        cls.memoryd.use('rules = ( { name = "slow"; tier = "5-"; zone = "movable"; } );\n')

    def test_a_tier_comes_and_goes_by_daxctl_while_tiers_are_read(self):
        reader = self.start_reader()
        for number in range(4):
            self.guest.run("daxctl reconfigure-device --mode=system-ram dax0.0")
            self.wait_settled()
            tiers = self.tiers()
            self.assertGreater(tiers[2], tiers[0], f"try {number}")
            self.assertEqual({node: row["tier"] for node, row in self.rows().items()
                              if node in tiers}, tiers, f"try {number}")
            self.guest.run("daxctl reconfigure-device --mode=devdax --force dax0.0")
            self.wait_settled()
            self.assertNotIn(2, self.tiers())
            self.assertIsNone(self.rows().get(2, {}).get("tier"))
        self.note(f"tiers by node: {tiers}")
        self.stop_reader(reader)
        self.assertModel()
